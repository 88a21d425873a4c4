"""What a visit meets, and whose matter it is."""

import pytest

from tests.broken.targets import judge
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
