"""A host that answers badly."""

import threading

import pytest

from skill_scripts.offline import fetch
from tests.scripts.offline.host import announce, redirect


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (("text/html; charset=utf-8", b"<p>blocked"), "answers with a page instead of a script"),
        (("text/javascript", b"\n<!DOCTYPE html>"), "answers with a page instead of a script"),
        (("text/javascript", b""), "answers with nothing"),
        (redirect("/a.js"), "redirects in a circle"),
        (redirect("file:///etc/hosts"), "leads to something that is not a web address"),
        (announce(100_000_000, 1), "is 100 MB; at most 0 are kept"),
        (announce(0, 2000), "is larger than 0 MB"),
        (announce(100, 20), "breaks off"),
        (lambda request: request.send_error(503), "answers 503"),
    ],
)
def test_bad_host(host, answer, message):
    host.answers["/a.js"] = answer
    with pytest.raises(fetch.FetchError, match=message):
        fetch.fetch(f"{host.origin}/a.js", "script", largest=1000)


def test_many_redirects_are_a_circle(host):
    for number in range(9):
        host.answers[f"/{number}"] = redirect(f"/{number + 1}")
    with pytest.raises(fetch.FetchError, match="redirects in a circle"):
        fetch.fetch(f"{host.origin}/0", "script")


def test_slow_host(host, monkeypatch):
    leave = threading.Event()
    monkeypatch.setattr(fetch, "SILENCE_SECONDS", 0.2)
    host.answers["/a.js"] = lambda _: leave.wait(60)
    with pytest.raises(fetch.UnreachableError, match=r"is silent for 0\.2 s"):
        fetch.fetch(f"{host.origin}/a.js", "script")
    leave.set()


def test_closed_port_is_unreachable(host):
    host.close()
    with pytest.raises(fetch.UnreachableError, match="cannot be reached"):
        fetch.fetch(f"{host.origin}/a.js", "script")
