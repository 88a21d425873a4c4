"""Migrations that a project lacks, or that no clone has."""

import subprocess

import pytest

from tests.scripts import projects
from tests.scripts.documents import findings

pytestmark = pytest.mark.slow


def test_migrations_that_git_ignores_are_told_of(make_project, kit_json):
    files = {f"site1/migrations/{name}.py": "" for name in ("__init__", "0001_initial", "0002_x")}
    root = make_project(files)
    projects.commit(projects.write(root, {".gitignore": ".venv\n**/migrations/*\n"}))
    subprocess.run(["git", "add", "-f", "site1/migrations/0001_initial.py"], cwd=root, check=True)

    (finding,) = findings(kit_json("survey", root), "no-migrations")

    assert finding["severity"] == "decide" and finding["place"] == "site1/migrations/0002_x.py"
    assert """--set 'stage.include=["site1/migrations"]'""" in finding["do"]


@pytest.mark.parametrize("package", [{}, {"news/migrations/__init__.py": ""}])
def test_apps_without_migrations_and_event_streams_are_reported_with_their_place(
    make_project, kit_json, package
):
    root = make_project(
        {
            **package,
            "news/__init__.py": "",
            "news/models.py": """
                from django.db import models

                class Story(models.Model):
                    title = models.TextField()
                """,
            "news/views.py": "\n\nKIND = 'text/event-stream'\n",
        },
        settings="INSTALLED_APPS += ['news']; DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'",
    )

    document = kit_json("survey", root)

    assert "makemigrations news" in findings(document, "no-migrations")[0]["do"]
    assert findings(document, "event-stream")[0]["place"] == "news/views.py:3"
