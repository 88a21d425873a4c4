"""What a layer changes, with what makes sense only with it: docs/reference/layers.md."""

import http.cookies
import json
import threading
import time

import pytest

from .backends import HEADERS, SETTINGS, URLS, VIEWS, Backend, make_project

pytestmark = pytest.mark.slow

PREFIXED = """
FORCE_SCRIPT_NAME = "/shop"
LOGIN_URL = "/shop/login/"
CSRF_COOKIE_NAME = "__Secure-csrftoken"
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
CSRF_COOKIE_SAMESITE = SESSION_COOKIE_SAMESITE = "None"
CSRF_COOKIE_PATH = SESSION_COOKIE_PATH = LANGUAGE_COOKIE_PATH = "/shop"
LANGUAGE_COOKIE_NAME = "__Host-language"
CART_COOKIE_NAME, CART_COOKIE_PATH = "__Secure-cart", "/shop"
CART_COOKIE_SECURE, CART_COOKIE_DOMAIN = True, ".shop.example"
"""
COOKIES = """
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.middleware.csrf import get_token
def form(request):
    request.session["visits"] = 1
    answer = HttpResponse(get_token(request))
    for kind in ("LANGUAGE", "CART"):
        named = {key: getattr(settings, f"{kind}_COOKIE_{key.upper()}", None)
                 for key in ("secure", "path", "domain", "samesite")}
        answer.set_cookie(getattr(settings, f"{kind}_COOKIE_NAME"), "de", **named)
    return answer
@login_required
def inside(request):
    return HttpResponse("in")
"""


def routes(*names):
    """URLs that call the views of these names."""
    paths = "".join(f', path("{name}/", views.{name})' for name in names)
    return URLS.replace("]\n", f"{paths}]\n")


def test_cookies_are_such_as_a_browser_keeps(tmp_path):
    files = {
        "settings.py": SETTINGS + PREFIXED,
        "app/views.py": VIEWS + COOKIES,
        "urls.py": routes("form", "inside"),
    }
    with Backend(make_project(tmp_path / "project", files), tmp_path / "data") as backend:
        kept = http.cookies.SimpleCookie()
        for name, value in backend.ready().request("GET", "/form/")[1]:
            if name.lower() == "set-cookie":
                kept.load(value)
        assert {*kept} == {"csrftoken", "org_example_tiny_sessionid", "language", "cart"}
        for cookie in kept.values():
            assert not cookie["secure"] and not cookie["domain"], cookie
            assert cookie["path"] == "/", cookie
            assert cookie["samesite"].lower() != "none", cookie
        assert backend.get("/inside/")[1]["Location"].startswith("/login/")


ATOMIC = """
DATABASES["default"]["ATOMIC_REQUESTS"] = True
"""
VISITS = """
from threading import Event
from django.db.transaction import non_atomic_requests
started, go_on = Event(), Event()
def lingering(request):
    Note.objects.count()
    started.set()
    go_on.wait(60)
    return HttpResponse("lingered")
@non_atomic_requests
def waiting(request):
    started.wait(30)
    return HttpResponse()
@non_atomic_requests
def release(request):
    go_on.set()
    return HttpResponse()
def counted(request):
    before = Note.objects.count()
    if not started.is_set():
        started.set()
        go_on.wait(30)
    Note.objects.create(text=f"visit {before}")
    return HttpResponse(str(before))
"""


@pytest.fixture
def atomic(tmp_path):
    files = {
        "settings.py": SETTINGS + ATOMIC,
        "app/views.py": VIEWS + VISITS,
        "urls.py": routes("lingering", "waiting", "release", "counted"),
    }
    with Backend(make_project(tmp_path / "project", files), tmp_path / "data") as backend:
        yield backend.ready()


def in_background(backend, path):
    """Ask for `path` in a thread; the list that gets its status and text."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(backend.get(path)[::2]))
    thread.start()
    return thread, answers


def test_who_only_reads_does_not_keep_others_from_writing(atomic):
    thread, answers = in_background(atomic, "/lingering/")
    atomic.get("/waiting/")
    begun = time.monotonic()
    assert atomic.get("/?add=meanwhile")[0] == 200
    # Without it the other waits for the lock until it gives up, after 20 seconds.
    assert time.monotonic() - begun < 15
    atomic.get("/release/")
    thread.join(30)
    assert answers == [(200, b"lingered")]


def test_a_page_that_reads_and_then_writes_begins_anew_when_it_was_overtaken(atomic):
    thread, answers = in_background(atomic, "/counted/")
    atomic.get("/waiting/")
    assert atomic.get("/?add=meanwhile")[0] == 200
    atomic.get("/release/")
    thread.join(30)
    assert answers == [(200, b"1")]
    assert atomic.get("/")[2] == b"meanwhile,visit 1"


REDIS = """
CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://r:6379/1",
                      "KEY_PREFIX": "shop", "TIMEOUT": None, "VERSION": 3}}
"""
CACHE = """
import json
from django.core.cache import cache
def cached(request):
    cache.set("view:1", "a"); cache.set("view:2", "b", 60); cache.set("other", "c", version=4)
    got = {"keys": sorted(cache.keys("view:*")), "iter": sorted(cache.iter_keys("*"))}
    got["raw"] = cache.make_key("view:1")
    got["ttl"] = [cache.ttl("view:1"), cache.ttl("view:2"), cache.ttl("nothing")]
    got["expire"] = [cache.expire("view:1", 30), cache.ttl("view:1"), cache.persist("view:1"),
                     cache.ttl("view:1"), cache.expire("nothing", 3)]
    got["nx"] = [cache.set("once", 1, nx=True), cache.set("once", 2, nx=True), cache.get("once")]
    got["xx"] = [cache.set("never", 1, xx=True), cache.get("never")]
    with cache.lock("work", timeout=5):
        got["locked"] = cache.lock("work").acquire(blocking=False)
    got["freed"] = cache.lock("work", blocking_timeout=1).acquire()
    got["deleted"] = cache.delete_pattern("view:*")
    got["left"] = [cache.get("view:1"), cache.get("other", version=4)]
    got["version"] = cache.get_or_set("made", lambda: "x", version=7), cache.get("made", version=7)
    return HttpResponse(json.dumps(got))
"""


def test_a_cache_in_memory_answers_like_the_one_whose_place_it_takes(tmp_path):
    files = {
        "settings.py": SETTINGS + REDIS,
        "app/views.py": VIEWS + CACHE,
        "urls.py": routes("cached"),
    }
    with Backend(make_project(tmp_path / "project", files), tmp_path / "data") as backend:
        status, _, body = backend.ready().get("/cached/")
    assert status == 200, backend.stderr.read_text()
    assert json.loads(body) == {
        "keys": ["view:1", "view:2"],
        "iter": ["view:1", "view:2"],
        "raw": "shop:3:view:1",
        "ttl": [None, 60, 0],
        "expire": [True, 30, True, None, False],
        "nx": [True, False, 1],
        "xx": [False, None],
        "locked": False,
        "freed": True,
        "deleted": 2,
        "left": [None, "c"],
        "version": ["x", "x"],
    }


SHARED = """
CACHES["near"] = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
CONSTANCE_DATABASE_CACHE_BACKEND = "%s"
"""
NAMES_ITS_CACHE = """
from django.conf import settings
def named(request): return HttpResponse(str(settings.CONSTANCE_DATABASE_CACHE_BACKEND))
"""


@pytest.mark.parametrize(("alias", "answer"), [("default", b"None"), ("near", b"near")])
def test_a_cache_for_several_processes_is_left_out_where_memory_takes_its_place(
    tmp_path, alias, answer
):
    """django-constance raises for one in memory; without one it reads its table."""
    files = {
        "settings.py": SETTINGS + REDIS + SHARED % alias,
        "app/views.py": VIEWS + NAMES_ITS_CACHE,
        "urls.py": routes("named"),
    }
    with Backend(make_project(tmp_path / "project", files), tmp_path / "data") as backend:
        assert backend.ready().get("/named/")[2] == answer


BACKENDS = """
AUTHENTICATION_BACKENDS = ["app.auth.Attempts", "app.auth.Rights",
                           "django.contrib.auth.backends.ModelBackend"]
"""
AUTH = """
from django.contrib.auth.backends import BaseBackend
class Rights(BaseBackend):
    def has_perm(self, user, perm, obj=None): return True
class Attempts:
    def authenticate(self, request, **credentials): return None
"""
WHO = """
def who(request):
    request.session["seen"] = request.session.get("seen", 0) + 1
    return HttpResponse(f"{request.user} {request.session['seen']}")
"""


def test_the_one_person_is_signed_in_by_a_backend_that_knows_them(tmp_path):
    files = {
        "settings.py": SETTINGS + BACKENDS,
        "app/auth.py": AUTH,
        "app/views.py": VIEWS + WHO,
        "urls.py": routes("who"),
    }
    login = '[login]\nuser = "me"\ncreate = true\n'
    project = make_project(tmp_path / "project", files, login)
    with Backend(project, tmp_path / "data") as backend:
        _, headers, body = backend.ready().get("/who/")
        assert body == b"me 1"
        cookie = headers["Set-Cookie"].partition(";")[0]
        status, _, body = backend.get("/who/", {**HEADERS, "Cookie": cookie})
        assert (status, body) == (200, b"me 2"), backend.stderr.read_text()


def test_a_document_may_hold_a_file_of_the_project(tmp_path):
    """Own files, and those that a page makes itself; a browser finds the rest in test_benign."""
    with Backend(make_project(tmp_path / "project"), tmp_path / "data") as backend:
        policy = backend.ready().get("/")[1]["Content-Security-Policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["object-src"] == "'self' blob: data:"
    assert {"frame-ancestors", "base-uri"} <= {*parts}
