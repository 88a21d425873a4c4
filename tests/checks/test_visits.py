"""What a visit meets, and whose matter it is."""

import subprocess
import sys
from dataclasses import replace

import pytest

from tests.broken.targets import BROKEN, ONE_PERSON, ROOT, RUNTIME, broken, judge, make
from tests.checks.test_persistence import SETTINGS as ADMIN
from tests.checks.with_payload import with_payload
from tests.scripts import projects

pytestmark = pytest.mark.slow

CSRF = "django.middleware.csrf.CsrfViewMiddleware"
WITH, WITHOUT = f"MIDDLEWARE = ['{CSRF}']", f"MIDDLEWARE = []  # '{CSRF}'"
TAKEN = "[django.set]\nMIDDLEWARE = []\n"
URLS = """
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.urls import path


def home(request):
    return HttpResponse(
        '<!doctype html><title>Home</title><h1>Home</h1><form action="ACTION" method=post>'
        f'<input type=hidden name=csrfmiddlewaretoken value="{get_token(request)}"></form>'
    )


urlpatterns = [path("", home)]
"""
MANIFEST = 'spec = "1.1"\n[app]\nname = "A"\nidentifier = "org.example.a"\nversion = "1.0.0"\n'


@pytest.mark.parametrize(
    ("settings", "decided", "action", "verdict"),
    [
        (WITH, "", "/", "pass"),
        pytest.param(WITHOUT, "", "/", "warn", marks=pytest.mark.long),
        (WITH, TAKEN, "/", "FAIL"),
        pytest.param(WITH, "", "/nowhere/", "not applicable", marks=pytest.mark.long),
    ],
    ids=["on", "never there", "taken away", "no such address"],
)
def test_who_takes_forms_without_their_token(settings, decided, action, verdict, tmp_path):
    urls = URLS.replace("ACTION", action)
    root = projects.project(tmp_path / "target", {"site1/urls.py": urls}, settings=settings)
    with_payload(root, MANIFEST + decided)

    code, verdicts = judge(root, tmp_path / "report.json", "--only", "TOK-9")

    assert verdicts == {"TOK-9": verdict}
    assert code == (verdict == "FAIL")


@pytest.mark.long
def test_what_stands_around_django_and_what_names_the_site_passes(tmp_path):
    """The broken targets show that these fail without what the runtime does."""
    around = next(each for each in BROKEN if each.caught_by == {"WEB-15"})
    sites = next(each for each in BROKEN if each.caught_by == {"WEB-16"})
    edits = [e for e in (*around.edits, *sites.edits) if not e.file.startswith(RUNTIME)]
    root = make(replace(around, edits=tuple(edits)), tmp_path / "target")

    _, verdicts = judge(root, tmp_path / "report.json", "--only", "WEB-15,WEB-16")

    assert verdicts == {"WEB-15": "pass", "WEB-16": "pass"}


@pytest.mark.long
def test_who_is_signed_in_reads_while_something_is_written(tmp_path):
    """Without the session each visit would sign the person in, which writes."""
    root = make(broken("signed in", "", *ONE_PERSON), tmp_path / "target")

    _, verdicts = judge(root, tmp_path / "report.json", "--only", "DAT-24")

    assert verdicts == {"DAT-24": "pass"}


@pytest.mark.long
def test_what_a_script_says_of_a_refused_request_is_told_once(tmp_path):
    script = """
    fetch("https://news.example/latest.txt").catch(
        (error) => console.error(`Error fetching https://news.example/latest.txt: ${error}`));
    """
    edit = ("theme/static/theme/js/app.js", "", script)
    allowed = ("config/settings/base.py", "default-src 'self';", "default-src *;")
    root = make(broken("asks for news", "", edit, allowed), tmp_path / "target")

    _, verdicts = judge(root, tmp_path / "report.json", "--only", "WEB-2,WEB-4")

    assert verdicts == {"WEB-2": "pass", "WEB-4": "warn"}


WITH_ADMIN = """
from django.contrib import admin
from django.http import HttpResponse
from django.urls import path
from django.utils.safestring import mark_safe

admin.site.site_header = mark_safe("<link rel=stylesheet href=https://cdn.example/a.css>")
home = "<!doctype html><title>Home</title><h1>Home</h1>"
urlpatterns = [path("", lambda request: HttpResponse(home)), path("admin/", admin.site.urls)]
"""


@pytest.mark.long
@pytest.mark.browser
def test_what_the_admin_loads_from_another_host_is_noted_for_offline(tmp_path):
    root = projects.project(tmp_path / "target", {"site1/urls.py": WITH_ADMIN}, settings=ADMIN)
    with_payload(root, MANIFEST)
    folder = root / "desktop-app" / ".rehearsal"
    folder.mkdir()

    command = [sys.executable, "-m", "skill_scripts", "check", root, "--only", "WEB-11"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 come from other hosts: https://cdn.example/a.css" in done.stdout
    noted = (folder / "other-hosts.json").read_text(encoding="utf-8")
    assert noted == '["https://cdn.example/a.css"]'
