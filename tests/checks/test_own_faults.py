"""What the project's own server cannot answer either is named, and does not fail the target."""

import json
import subprocess
import sys

import pytest

from tests.broken.targets import ROOT, judge
from tests.checks.with_payload import with_payload
from tests.scripts import projects

URLS = """
from django.http import HttpResponse
from django.urls import path


def broken(request):
    1 / 0


links = "<!doctype html><title>x</title><a href=/broken/?a=1>b</a> <img src=/gone.png alt=x>"
form = "<form method=post action=/send/><input name=text></form>"
urlpatterns = [
    path("", lambda request: HttpResponse(links + "<a href=/list/>l</a>")),
    path("list/", lambda request: HttpResponse("<a href=/deeper/>d</a>" + form)),
    path("deeper/", broken),
    path("send/", broken),
    path("broken/", broken),
]
"""
MANIFEST = """
spec = "1.1"
[app]
name = "A"
identifier = "org.example.a"
"""


@pytest.fixture
def target(tmp_path):
    root = projects.project(tmp_path / "target", {"site1/urls.py": URLS})
    return with_payload(root, MANIFEST)


@pytest.mark.long
@pytest.mark.browser
@pytest.mark.parametrize(
    ("own", "failing"),
    [
        ((), {"WEB-3", "WEB-5", "WEB-14"}),
        (("/broken/?a=1",), {"WEB-3", "WEB-14"}),
        (("/broken/?a=1", "/gone.png", "/deeper/"), {"WEB-14"}),
        (("/broken/?a=1", "/gone.png", "/deeper/", "/send/"), set()),
    ],
)
def test_only_what_is_broken_here_alone_fails(target, tmp_path, own, failing):
    paths = ["/", "/broken/?a=1", "/gone.png", "/deeper/"]
    pages = [{"path": path, "is_own_fault": path in own} for path in paths]
    pages.append({"path": "/send/", "form_on": "/list/", "is_own_fault": "/send/" in own})
    (tmp_path / "seen.json").write_text(json.dumps({"pages": pages}), encoding="utf-8")
    options = ["--rehearsal", str(tmp_path / "seen.json"), "--only", "WEB-3,WEB-5,WEB-14"]

    code, verdicts = judge(target, tmp_path / "report.json", *options)

    asked = {name: verdicts[name] for name in ("WEB-3", "WEB-5", "WEB-14")}
    assert {name for name, verdict in asked.items() if verdict == "FAIL"} == failing, asked
    assert code == bool(failing)
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert ("the project's own faults: /broken/?a=1" in text) is bool(own)


EMPTY = """
from django.http import HttpResponse
from django.urls import path

links = "<!doctype html><title>x</title><a href=/gone/>g</a> <a href=/list/>l</a>"
urlpatterns = [
    path("", lambda request: HttpResponse(links)),
    path("gone/", lambda request: HttpResponse(status=404)),
    path("list/", lambda request: HttpResponse("a list")),
]
"""


@pytest.mark.long
@pytest.mark.browser
def test_a_page_that_is_gone_without_a_word_disturbs_no_other(tmp_path):
    root = projects.project(tmp_path / "target", {"site1/urls.py": EMPTY})
    target = with_payload(root, MANIFEST)

    code, verdicts = judge(target, tmp_path / "report.json", "--only", "WEB-3,WEB-5")

    assert (code, verdicts["WEB-3"], verdicts["WEB-5"]) == (0, "pass", "pass")


def test_a_file_that_is_no_result_is_refused_before_anything_starts(target, tmp_path):
    (tmp_path / "seen.json").write_text('{"pages": 1}', encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "checks", "-p", "no:cacheprovider"]
    command += ["--target", str(target), "--rehearsal", str(tmp_path / "seen.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert done.returncode == 2 and "DDK-CHK-12" in done.stderr
