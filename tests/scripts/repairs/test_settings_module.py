"""Which settings are meant."""

import subprocess

import pytest

from tests.scripts import projects
from tests.scripts.documents import findings

pytestmark = pytest.mark.slow


def test_the_settings_of_a_project_whose_default_is_not_in_the_repository(make_project, kit_json):
    root = make_project({"site1/settings/__init__.py": "", "site1/settings/base.py": ""})
    (root / "site1" / "settings.py").rename(root / "site1" / "settings" / "base.py")
    manage = projects.MANAGE.replace("site1.settings", "site1.settings.local")
    projects.write(root, {"manage.py": manage})

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["settings"] == "site1.settings.base"
    assert document["facts"]["error"] is None
    assert findings(document, "settings-module")[0]["severity"] == "decide"


def test_settings_that_git_ignores_are_to_be_decided(make_project, kit_json):
    root = make_project({"site1/base.py": projects.SETTINGS})
    projects.write(root, {".gitignore": ".venv\nsite1/settings.py\n"})
    projects.commit(root)

    (found,) = findings(kit_json("survey", root), "settings-module")
    chosen = kit_json("survey", root, "--set", "django.settings=site1.base")

    assert found["severity"] == "decide" and found["place"] == "site1/settings.py"
    assert "git ignores" in found["what"] and "site1.base" in found["do"]
    assert findings(chosen, "settings-module") == []
    add = ["git", "-C", str(root), "add", "--force", "site1/settings.py"]
    subprocess.run(add, check=True)
    assert findings(kit_json("survey", root), "settings-module") == []


def test_a_manage_py_that_leaves_the_settings_to_the_environment(make_project, kit_json):
    manage = "from django.core.management import execute_from_command_line as run; run()"
    root = make_project({"manage.py": manage})

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["settings"] == "site1.settings"
    assert findings(document, "settings-module")[0]["severity"] == "decide"
