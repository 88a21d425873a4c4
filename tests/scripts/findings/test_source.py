"""What only shows in the source, with file and line."""

import pytest

from tests.scripts import projects
from tests.scripts.documents import findings

pytestmark = pytest.mark.slow


@pytest.mark.network
def test_a_field_of_another_engine_is_told_with_its_place(tmp_path, kit_json):
    files = {
        "requirements.txt": "django==5.2.*\npsycopg[binary]\n",
        "site1/models.py": """\
            from django.contrib.postgres.fields import ArrayField
            from django.db import models


            class Pony(models.Model):
                names = ArrayField(models.TextField())
            """,
    }
    settings = 'INSTALLED_APPS += ["site1"]'
    root = projects.project(tmp_path / "bare", files, settings=settings)

    (finding,) = findings(kit_json("survey", root), "engine-bound-field")

    assert finding["severity"] == "decide" and finding["place"] == "site1/models.py:6"


def test_queries_of_another_engine_are_reported_with_their_place(make_project, kit_json):
    query = "\n\nnewest = objects.distinct('author')\n"
    root = make_project({"site1/views.py": query, "site1/tests.py": query})

    (finding,) = findings(kit_json("survey", root), "engine-bound-query")

    assert finding["what"] == "distinct('author') only works on PostgreSQL"
    assert finding["place"] == "site1/views.py:3"


def test_what_looks_for_djangos_own_server_is_named(make_project, kit_json):
    root = make_project(
        {
            "news/__init__.py": "",
            "news/jobs.py": "import os\nif os.environ.get('RUN_MAIN') == 'true':\n    pass\n",
            "news/quiet.py": "import sys\nRUNNING = 'run_server' in sys.argv\n",
            "news/static/news/app.js": "\nfetch('http://localhost:8000/api/')\n",
            "news/static/news/fine.js": "fetch('http://localhost:9000/api/')\n",
        },
        settings="INSTALLED_APPS += ['news']; CORS = ['http://localhost:8000']",
    )

    document = kit_json("survey", root)

    assert [f["place"] for f in findings(document, "runserver")] == ["news/jobs.py:2"]
    places = [f["place"] for f in findings(document, "old-address")]
    assert places == ["news/static/news/app.js:2"]
