"""The project as its authors start it, beside which broken pages are looked at."""

import socket
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from skill_scripts import desktop_toml
from skill_scripts.dependencies.environment import Interpreter
from skill_scripts.probe.facts import Database, Facts
from skill_scripts.project.files import find_project
from skill_scripts.rehearsal.own_server import NotStartedError, OwnServer, reaches_out
from skill_scripts.rehearsal.rehearse import is_no_better
from skill_scripts.rehearsal.result import Seen
from skill_scripts.rehearsal.visitor import Answer
from tests.scripts import projects

from .test_door import SIGNING_IN


@pytest.fixture
def own_server():
    def make(root: Path, path: Sequence[str] = ()) -> OwnServer:
        settings = desktop_toml.defaults()
        settings["django"]["path"] = [*path]
        project = find_project(root)
        return OwnServer(project, settings, Interpreter(root / ".venv/bin/python", "3", False), [])

    return make


# An ImageField without Pillow is such an error; pages are served all the same.
FAILS_A_CHECK = """
INSTALLED_APPS += ["django.contrib.staticfiles"]
STATIC_ROOT = BASE_DIR / "static"
STATICFILES_DIRS = [STATIC_ROOT]
"""


@pytest.mark.slow
def test_an_error_of_a_system_check_is_no_reason_not_to_compare(make_project, own_server):
    with own_server(make_project(settings=FAILS_A_CHECK)) as own:
        assert httpx.get(own.origin, trust_env=False).text == "hello"


@pytest.mark.slow
def test_it_says_why_it_does_not_start(make_project, own_server):
    root = make_project(settings='DATABASES["default"]["ENGINE"] = "nowhere"')
    with pytest.raises(NotStartedError, match="'nowhere' isn't an available database backend"):
        own_server(root).__enter__()


@pytest.mark.slow
def test_a_folder_that_was_put_on_the_import_path_is_there_too(make_project, own_server):
    root = make_project({"src/mylib/__init__.py": "NAME = 'x'\n"}, settings="import mylib")
    with own_server(root, ["src"]) as own:
        assert httpx.get(own.origin, trust_env=False).text == "hello"


ELSEWHERE = Database("django.db.backends.postgresql", "shop", sqlite=False)


@pytest.mark.parametrize(
    ("database", "settings", "why"),
    [
        ("{root}/db.sqlite3", {}, ""),
        ("{{app_data}}/db.sqlite3", {}, ""),
        (":memory:", {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend"}, ""),
        ("/home/me/db.sqlite3", {}, "its database default is no file of the project"),
        (ELSEWHERE, {}, "its database default is no file of the project"),
        (
            "x",
            {"EMAIL_BACKEND": "anymail.backends.x.Backend"},
            "it sends mail by anymail.backends.x.Backend",
        ),
        ("x", {"EMAIL_BACKEND": "a.console.EmailBackend"}, ""),
        (None, {}, "its settings were not read"),
    ],
)
def test_a_form_goes_only_where_what_it_does_stays(tmp_path, database, settings, why):
    project = find_project(projects.project(tmp_path / "target"))
    if isinstance(database, str):
        database = Database("x.sqlite3", database.format(root=project.root), sqlite=True)
    facts = Facts(databases={"default": database} if database else {}, settings=settings)
    assert reaches_out(project, facts).partition(",")[0] == why


@pytest.mark.parametrize(
    ("kind", "place", "is_theirs"),
    [
        ("text/html", "/in/?next=/lost.js", True),  # whoever is not signed in is led there
        ("text/javascript", "/there/lost.js", False),
        ("text/javascript", "/lost.js", False),
    ],
)
def test_a_page_in_place_of_a_part_is_no_better(kind, place, is_theirs):
    lost = Seen("/lost.js", 404, "/lost.js", is_part=True)
    assert is_no_better(Answer("/lost.js", 200, place, kind), lost) is is_theirs


BEHIND_A_WALL = """
from django.contrib.auth.decorators import login_required
from django.urls import path
urlpatterns = [path("", login_required(lambda request: 1 / 0))]
"""


def test_what_lies_behind_a_wall_is_compared_too(make_project, own_server):
    root = make_project({"site1/urls.py": BEHIND_A_WALL}, settings=SIGNING_IN)
    with own_server(root) as own:
        answers = [httpx.get(own.origin, cookies=each) for each in ({}, own.sign_in())]
    assert [each.status_code for each in answers] == [302, 500]


def test_nobody_is_signed_in_where_there_are_no_accounts(make_project, own_server):
    with own_server(make_project(settings="INSTALLED_APPS = []")) as own:
        assert own.sign_in() == {}


SENDS_MAIL = """
from django.core.mail import send_mail
from django.http import HttpResponse
from django.urls import path


def page(request):
    return HttpResponse(send_mail("subject", "text", "a@example.org", ["b@example.org"]))


urlpatterns = [path("", page)]
"""


@pytest.mark.slow
def test_mail_is_taken_and_goes_nowhere(make_project, own_server):
    with socket.create_server(("127.0.0.1", 0)) as postman:
        port = postman.getsockname()[1]
        mail = f'EMAIL_HOST = "127.0.0.1"\nEMAIL_PORT = {port}'
        with own_server(make_project({"site1/urls.py": SENDS_MAIL}, settings=mail)) as own:
            assert httpx.get(own.origin, timeout=60).text == "1"
        postman.settimeout(0)
        with pytest.raises(BlockingIOError):
            postman.accept()
