"""[django.set]: a whole setting, or a place within one whose rest stays."""

import json

import pytest

from .backends import SETTINGS, URLS, VIEWS, Backend, make_project

OWN = """
SEARCH = {"default": {"ENGINE": "whoosh", "PATH": BASE_DIR / "index"}, "other": {"PATH": "there"}}
QUEUES = ({"name": "mail"}, {"name": "index", "folder": "queue"})
"""
SHOWN = """
def shown(request):
    from django.conf import settings
    found = [settings.SEARCH, settings.QUEUES, settings.NEW, settings.WHOLE]
    kinds = [type(settings.QUEUES).__name__, type(settings.SEARCH["default"]["PATH"]).__name__]
    return JsonResponse([*found, *kinds], safe=False, json_dumps_params={"default": str})
"""
SET = """
[django.set]
"QUEUES.1.folder" = "{app_data}/queue"
"SEARCH.default.PATH" = "{app_data}/index"
"NEW.a.b" = 1
WHOLE = { a = 1 }
"WHOLE.b" = 2
"""


@pytest.mark.slow
def test_a_place_within_a_setting_gets_its_value_and_the_rest_stays(tmp_path):
    files = {
        "settings.py": SETTINGS + OWN,
        "app/views.py": "from django.http import JsonResponse" + VIEWS + SHOWN,
        "urls.py": URLS.replace("]\n", ', path("shown/", views.shown)]\n'),
    }
    project, data = make_project(tmp_path / "project", files, SET), tmp_path / "data"
    with Backend(project, data) as backend:
        said = json.loads(backend.ready().request("GET", "/shown/")[2])
    search, queues, new, whole, of_queues, of_path = said
    own = {"ENGINE": "whoosh", "PATH": str(data / "index")}
    assert search == {"default": own, "other": {"PATH": "there"}}
    assert queues == [{"name": "mail"}, {"name": "index", "folder": str(data / "queue")}]
    assert (new, whole) == ({"a": {"b": 1}}, {"a": 1, "b": 2})
    assert of_queues == "tuple" and of_path.endswith("Path")
