"""What the settings mean on a desktop."""

import sys

import pytest

from tests.scripts import projects
from tests.scripts.documents import findings

pytestmark = pytest.mark.slow


def test_a_server_database_is_replaced_and_its_fields_are_reported(make_project, kit_json):
    root = make_project(
        settings="""
        DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "x"}}
        CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}
        """
    )

    document = kit_json("survey", root)

    assert findings(document, "database")[0]["severity"] == "handled"
    assert findings(document, "cache")[0]["severity"] == "handled"
    assert document["facts"]["databases"]["default"]["engine"].endswith("postgresql")


def test_a_database_in_app_data_is_named_as_desktop_toml_names_it(make_project, kit_json):
    """So that whoever compares knows that it lies beside the copy."""
    root = make_project(settings='import os\nDATABASES["default"]["NAME"] = os.environ["DB"]')

    document = kit_json(
        "survey", root, "--no-rehearsal", "--set", "django.env.DB={app_data}/x.sqlite3"
    )

    assert document["facts"]["databases"]["default"]["name"] == "{app_data}/x.sqlite3"


@pytest.mark.network
def test_a_cache_in_the_database_gets_its_table(make_project, kit_json):
    backend = "django.core.cache.backends.db.DatabaseCache"
    settings = f'CACHES = {{"default": {{"BACKEND": "{backend}", "LOCATION": "cached"}}}}'

    document = kit_json("survey", make_project(settings=settings))

    assert findings(document, "cache-table")[0]["severity"] == "handled"


def test_a_page_at_our_health_path_is_reported_but_not_a_pattern_for_everything(
    make_project, kit_json
):
    urls = projects.URLS + 'urlpatterns.append(path("health/", lambda request: None))\n'
    document = kit_json("survey", make_project({"site1/urls.py": urls}))
    assert "--set django.health_path=" in findings(document, "health")[0]["do"]

    everything = projects.URLS.replace('path(""', 'path("<path:any>"').replace(
        "lambda request", "lambda request, any"
    )
    document = kit_json(
        "survey", make_project({"site1/urls.py": everything}, name="catches everything")
    )
    assert not findings(document, "health")


def test_other_origins_are_told_of(make_project, kit_json):
    document = kit_json("survey", make_project(settings="CORS_ORIGIN_ALLOW_ALL = True"))
    assert findings(document, "cors")[0]["severity"] == "handled"


def test_another_python_in_the_bundle_is_told(make_project, kit_json):
    root = make_project()
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    other = "3.14" if here != "3.14" else "3.13"

    (found,) = findings(kit_json("survey", root, "--set", f"python.version={other}"), "pythons")
    same = kit_json("survey", root, "--set", f"python.version={here}")

    assert found["severity"] == "handled" and here in found["what"] and other in found["what"]
    assert f"--set python.version={here}" in found["do"]
    assert findings(same, "pythons") == []
