"""The WSGI guard on its own: what passes, what is refused, what the project gets to see."""

import pytest
from desktop_runtime.contract import Address
from desktop_runtime.guard import BOOTSTRAP_PATH, SAFE_PATH, Guard

TOKEN = "t" * 43
HOST = "127.0.0.1:23456"


def ask(path="/", headers=None, query="", host=HOST):
    seen, answer = {}, {}

    def project(environ, start_response):
        seen.update(environ)
        start_response("200 OK", [("Content-Type", "text/html")])
        return [b"project"]

    environ = {"PATH_INFO": path, "QUERY_STRING": query, "HTTP_HOST": host, **(headers or {})}

    def start_response(status, header_list, *_):
        answer.update(status=int(status[:3]), headers=dict(header_list), header_list=header_list)

    guard = Guard(project, Address("127.0.0.1", 23456, TOKEN), "/health/")
    answer["body"] = b"".join(guard(environ, start_response)).decode()
    return answer, seen


@pytest.mark.parametrize(
    "given",
    [
        "",
        TOKEN[:-1],
        TOKEN + "t",
        TOKEN.upper(),
        f" {TOKEN}",
        f"{TOKEN}, {TOKEN}",
        "é" * 43,
        "\x00",
    ],
)
def test_any_other_token_is_refused(given):
    answer, seen = ask(headers={"HTTP_X_DESKTOP_DJANGO_TOKEN": given})
    assert answer["status"] == 403
    assert not seen


@pytest.mark.parametrize(
    "path", ["/", "/static/app.css", "/media/x", "/health/", "/admin/", "/nope"]
)
def test_every_path_needs_the_token(path):
    assert ask(path)[0]["status"] == 403
    assert ask(path, query=f"token={TOKEN}")[0]["status"] == 403


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1", "127.0.0.1:23457", "0.0.0.0:23456"]
)
def test_another_host_is_refused(host):
    answer, seen = ask(headers={"HTTP_X_DESKTOP_DJANGO_TOKEN": TOKEN}, host=host)
    assert answer["status"] == 400
    assert not seen


def test_the_project_never_sees_the_token():
    answer, seen = ask(headers={"HTTP_X_DESKTOP_DJANGO_TOKEN": TOKEN, "HTTP_COOKIE": "a=1; b=2"})
    assert answer["body"] == "project"
    assert TOKEN not in repr(seen)
    assert seen["HTTP_COOKIE"] == "a=1; b=2"


def test_the_bootstrap_cookie_opens_the_project_and_is_hidden_from_it():
    answer, _ = ask(BOOTSTRAP_PATH, query=f"token={TOKEN}&next=/items/")
    cookie = answer["headers"]["Set-Cookie"]
    assert answer["status"] == 200
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie + answer["body"]
    assert "url=/items/" in answer["body"]
    pair = cookie.split(";")[0]
    answer, seen = ask(headers={"HTTP_COOKIE": f"sessionid=1; {pair}"})
    assert answer["status"] == 200
    assert seen["HTTP_COOKIE"] == "sessionid=1"


def policies(answer):
    return [v for name, v in answer["header_list"] if name == "Content-Security-Policy"]


def test_pages_of_a_browser_with_the_cookie_reach_no_other_origin():
    answer, _ = ask(BOOTSTRAP_PATH, query=f"token={TOKEN}")
    pair = answer["headers"]["Set-Cookie"].split(";")[0]
    by_cookie = policies(ask(headers={"HTTP_COOKIE": pair})[0])
    assert len(by_cookie) == 2
    assert "default-src 'self' " in by_cookie[1]
    assert "form-action 'self'" in by_cookie[1]
    assert "http:" not in by_cookie[1]
    by_header = {"HTTP_COOKIE": pair, "HTTP_X_DESKTOP_DJANGO_TOKEN": TOKEN}
    assert len(policies(ask(headers=by_header)[0])) == 1


@pytest.mark.parametrize("query", ["", "token=", "token=x", f"token={TOKEN}x", "token=%e9%ff"])
def test_bootstrap_needs_the_token(query):
    answer, _ = ask(BOOTSTRAP_PATH, query=query)
    assert answer["status"] == 403
    assert "Set-Cookie" not in answer["headers"]


@pytest.mark.parametrize(
    "path",
    ["//evil", "/\\evil", "\\\\evil", "https:evil", "https://evil", "evil", "", "/\t/evil",
     "/a\nb", "/a\\b", "javascript:alert(1)", " /x", "/ /evil", "/\x7f"],
)  # fmt: skip
def test_only_paths_on_this_origin_are_safe(path):
    assert not SAFE_PATH.fullmatch(path)


@pytest.mark.parametrize("path", ["/", "/items/", "/a/b?c=d&e=f#g", "/ünï/"])
def test_ordinary_paths_are_safe(path):
    assert SAFE_PATH.fullmatch(path)


def test_the_next_page_is_escaped():
    answer, _ = ask(BOOTSTRAP_PATH, query=f"token={TOKEN}&next=/%22%3E%3Cscript%3E")
    assert "<script>" not in answer["body"]


def test_policies_are_added_where_the_project_sets_none():
    answer, _ = ask(headers={"HTTP_X_DESKTOP_DJANGO_TOKEN": TOKEN})
    assert "frame-ancestors" in answer["headers"]["Content-Security-Policy"]
    assert answer["headers"]["X-Content-Type-Options"] == "nosniff"
