"""What the second policy refuses is written to the log, told by the browser itself."""

import io
import json
import logging
import time

import pytest
from desktop_runtime import refusals
from desktop_runtime.guard import BOOTSTRAP_PATH, REFUSALS_PATH
from desktop_runtime.refusals import KIND, PLACES, Refusals

from checks.starts import browser
from tests.runtime.backends import HEADERS, SERVERS, TOKEN, Backend, make_project

PAGE = "http://127.0.0.1:23456/items/?search=a+name"
PICTURE = "http://127.0.0.1:9/picture.png?secret=word"
VIEWS = f"""
from django.http import HttpResponse
def home(request):
    return HttpResponse('<!doctype html><img src="{PICTURE}">')
slow = big = home
"""


def report(place=PICTURE, page=PAGE):
    return json.dumps({"csp-report": {"blocked-uri": place, "document-uri": page}}).encode()


def send(application, body, method="POST", kind=KIND, path=REFUSALS_PATH):
    answers = []
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "CONTENT_TYPE": kind}
    application(environ | {"wsgi.input": io.BytesIO(body)}, lambda *start: answers.extend(start))
    return int(answers[0][:3]) if answers else 0


@pytest.fixture
def address():
    return Refusals(lambda *_: [b"the project"])


def said(caplog):
    assert {each.levelno for each in caplog.records} <= {logging.WARNING}
    return [each.getMessage() for each in caplog.records]


def test_a_refused_request_is_one_sentence_without_queries(address, caplog):
    assert send(address, report()) == 204
    page, picture = "http://127.0.0.1:23456/items/", "http://127.0.0.1:9/picture.png"
    assert said(caplog) == [f"refused request of the page {page} to {picture}"]


def test_a_place_is_named_once(address, caplog):
    for number in range(5):
        assert send(address, report(f"http://a.example/x?{number}")) == 204
    assert len(said(caplog)) == 1


def test_a_page_cannot_fill_the_log_or_write_lines_of_its_own(address, caplog, monkeypatch):
    for number in range(5 * PLACES):
        send(address, report(f"http://a.example/{number}\n2026 ERROR: forged \x1b[31m" + "x" * 900))
    lines = said(caplog)
    assert len(lines) == PLACES + 1
    assert "more requests" in lines[-1]
    assert all(len(line) < 500 and line.isprintable() for line in lines)
    later = time.monotonic() + refusals.SECONDS + 1
    monkeypatch.setattr(refusals.time, "monotonic", lambda: later)
    send(address, report("http://a.example/0"))
    assert len(said(caplog)) == PLACES + 2


@pytest.mark.parametrize(
    "body",
    [
        b"", b"no report", b"[]", b"{}", b"null", b'{"csp-report": 1}', b"\xff\xfe",
        b'{"csp-report": {"blocked-uri": 1, "document-uri": "/"}}', b"[" * 9999,
        report("http://a.example/" + "x" * 20_000),
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(body, address, caplog):
    assert send(address, body) == 400
    assert not said(caplog)


@pytest.mark.parametrize("given", [{"method": "GET"}, {"kind": "text/plain"}, {"kind": ""}])
def test_a_form_or_a_link_is_no_report(given, address, caplog):
    assert send(address, report(), **given) == 400
    assert not said(caplog)


def test_other_addresses_are_the_projects(address):
    assert send(address, b"", path="/items/") == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "server", [pytest.param("asgi", marks=pytest.mark.long), "wsgi"], ids=lambda name: name
)
def test_chromium_tells_the_log_what_it_refused(server, tmp_path):
    project = make_project(tmp_path / "project", {"app/views.py": VIEWS}, SERVERS[server])
    app_data = tmp_path / "data"
    with Backend(project, app_data) as backend, browser.started() as chromium:
        backend.ready()
        sent = {"Content-Type": KIND}
        assert backend.request("POST", REFUSALS_PATH, sent, report())[0] == 403
        assert backend.request("POST", REFUSALS_PATH, sent | HEADERS, b"")[0] == 400
        context = chromium.new_context()
        page = context.new_page()
        with page.expect_response(f"**{REFUSALS_PATH}") as answer:
            page.goto(f"http://127.0.0.1:{backend.port}{BOOTSTRAP_PATH}?token={TOKEN}&next=/")
        assert answer.value.status == 204
        context.close()
    lines = (app_data / "logs" / "backend.log").read_text(encoding="utf-8").splitlines()
    place = f"http://127.0.0.1:{backend.port}/"
    assert [line.partition(": ")[2] for line in lines if "favicon" not in line] == [
        f"refused request of the page {place} to http://127.0.0.1:9/picture.png"
    ]
