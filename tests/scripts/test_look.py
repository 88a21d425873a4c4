"""look: pictures of pages as a new user sees them, and what these lack."""

import json
from pathlib import Path

import pytest
from playwright import sync_api as playwright

from skill_scripts import run
from skill_scripts.backend import Backend

from . import projects
from .neighbour import listening

# The runtime's own packages are installed.
pytestmark = [pytest.mark.network, pytest.mark.slow]

SETTINGS = """
INSTALLED_APPS += ["django.contrib.sessions", "notes"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
"""
FILES = {
    "notes/__init__.py": "",
    "notes/models.py": """
        from django.db import models

        class Note(models.Model):
            text = models.CharField(max_length=12)
            day = models.DateField()
    """,
    "notes/migrations/__init__.py": "",
    "notes/migrations/0001_initial.py": """
        from django.db import migrations, models

        class Migration(migrations.Migration):
            operations = [migrations.CreateModel("Note", [
                ("id", models.AutoField(primary_key=True)),
                ("text", models.CharField(max_length=12)), ("day", models.DateField()),
            ])]
    """,
    "site1/urls.py": """
        from django.contrib.auth.decorators import login_required
        from django.forms import modelform_factory
        from django.http import HttpResponse, HttpResponseRedirect
        from django.urls import path

        from notes.models import Note

        Form = modelform_factory(Note, fields="__all__")
        LACKING = '''
            <script src="https://cdn.example.org/kit.js"></script>
            <img src="/media/absent.png"><script>nowhere()</script>
            <a href="/notes/">notes</a> <a href="/accounts/logout/">out</a>'''

        @login_required
        def home(request):
            return HttpResponse(f"<h1>Hello {request.user}</h1>{LACKING}")

        @login_required
        def notes(request):
            form = Form(request.POST or None)
            if form.is_valid():
                form.save()
                return HttpResponseRedirect("/notes/")
            kept = [note.text for note in Note.objects.all()]
            return HttpResponse(f"{kept}<form action='/search/'><input name=q></form>"
                                f"<form method=post>{form}<button>Save</button></form>")

        def away(request):
            return HttpResponseRedirect(request.GET["to"])

        urlpatterns = [path("", home), path("notes/", notes), path("away/", away)]
    """,
}


@pytest.fixture
def target(make_project, kit):
    root = make_project(FILES, settings=SETTINGS)
    assert kit("adapt", root).exit_code == 0
    return root


@pytest.fixture
def tokens(monkeypatch):
    """The tokens of the backends that are started."""
    found = []

    class Noted(Backend):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            found.append(self.token)

    monkeypatch.setattr(run, "Backend", Noted)
    return found


def test_pages_are_pictured_behind_the_wall_with_what_they_lack(target, kit_json, tokens):
    before = projects.contents(target)

    document = kit_json("look", target)

    home, notes = document["pictures"]
    assert (home["place"], home["status"]) == ("/", 200), "the first account was made"
    assert {*home["lacks"]} == {
        "refused: https://cdn.example.org/kit.js",
        "failed: /media/absent.png 404",
        "script: nowhere is not defined",
    }
    assert (notes["page"], notes["lacks"]) == ("/notes/", [])
    for each in document["pictures"]:
        content = Path(document["folder"], each["file"]).read_bytes()
        assert content.startswith(b"\x89PNG") and tokens[0].encode() not in content
    assert tokens[0] not in json.dumps(document)
    assert projects.contents(target) == before


@pytest.mark.long
def test_a_form_is_sent_as_a_person_would(target, kit_json):
    document = kit_json("look", target, "--do", "/notes/", "--page", "/notes/")

    sent, after = document["pictures"]
    assert sent["did"].startswith("text=Star, as an , day=20")
    assert (sent["place"], sent["status"], sent["lacks"]) == ("/notes/", 200, [])
    assert after["status"] == 200


@pytest.mark.long
def test_a_page_that_fails_or_has_no_form_is_told(target, kit):
    done = kit("look", target, "--do", "/", "--page", "/absent/")

    assert done.exit_code == 1
    assert "form: the page shows no form that could be sent" in done.stderr
    assert "/absent/  404" in done.stderr


@pytest.mark.long
def test_no_other_address_is_reached_and_none_gets_the_token(target, kit_json, tokens):
    with listening() as (address, asked):
        document = kit_json("look", target, "--page", f"/away/?to={address}")

    assert asked == []
    (picture,) = document["pictures"]
    assert picture["status"] == 0 and f"refused: {address}" in picture["lacks"]
    assert tokens


@pytest.mark.long
def test_a_page_that_cannot_be_drawn_is_told(target, kit, monkeypatch):
    def screenshot(*_, **__):
        raise playwright.Error("Unable to capture screenshot")

    monkeypatch.setattr(playwright.Page, "screenshot", screenshot)

    done = kit("look", target, "--page", "/notes/")

    assert done.exit_code == 1
    assert "picture: Unable to capture screenshot" in done.stderr
    assert ".png" not in done.stderr


@pytest.mark.long
def test_without_a_browser_it_says_what_to_install(target, kit, monkeypatch):
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", "/nowhere")
    monkeypatch.setattr("shutil.which", lambda name: None)

    done = kit("look", target)

    assert done.exit_code == 3 and "error DDK-LOK-01" in done.stderr
    assert "playwright install chromium" in done.stderr
