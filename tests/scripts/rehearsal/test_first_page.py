"""Which page the app opens."""

import httpx
import pytest

from skill_scripts.project.files import Project
from skill_scripts.rehearsal.first_page import choose, is_first_page
from skill_scripts.rehearsal.visitor import Answer, Visitor

URLS = """\
from django.conf.urls.i18n import i18n_patterns
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import path


def answer(text):
    return lambda request: HttpResponse(text)


def gone(request):
    raise Http404


def broken(request):
    1 / 0


urlpatterns = [{}]
"""


@pytest.mark.parametrize(
    ("status", "place", "kind", "text", "expected"),
    [
        (200, "/", "text/html", "<p>hello", True),
        (200, "/en/", "text/html", "<p>hello", True),
        (200, "/accounts/login/?next=/", "text/html", "<form>in", True),
        (200, "/", "text/html", "<div></div><script src='/app.js'></script>", True),
        (200, "/", "text/html", "<html><head><title>x</title></head><body></body>", False),
        (200, "/", "application/json", "{}", False),
        (404, "/", "text/html", "<p>not found", False),
        (0, "/", "", "", False),
        (200, "/api/", "text/html", "<p>browsable", False),
        (200, "/api/v1/things/", "text/html", "<p>browsable", False),
        (200, "/__debug__/", "text/html", "<p>toolbar", False),
        (200, "/o/applications/", "text/html", "<p>oauth", False),
        (200, "/hooks/stripe-webhook/", "text/html", "<p>ok", False),
        (200, "/apiary/", "text/html", "<p>bees", True),
    ],
)
def test_what_counts_as_a_page(status, place, kind, text, expected):
    assert is_first_page(Answer(place, status, place, kind, text)) is expected


LEADS_THERE = "<a href=/login/>in</a>"
SIGN_IN = "<form method=post>who are you? <input name=user><input type=password name=p></form>"


@pytest.mark.parametrize(
    ("pages", "pointers", "expected"),
    [
        # Every page leads to the one where one signs in; nobody opens an app for it.
        ({"/login/": SIGN_IN, "/list/": LEADS_THERE, "/about/": LEADS_THERE}, {}, "/list/"),
        ({"/login/": SIGN_IN, "/join/": SIGN_IN + LEADS_THERE}, {}, "/login/"),
        # The project says so.
        ({"/login/": SIGN_IN, "/list/": LEADS_THERE},
         {"LOGIN_REDIRECT_URL": "/login/"}, "/login/"),
    ],
    ids=["others", "no other", "named"],
)  # fmt: skip
def test_a_page_to_sign_in_comes_last(tmp_path, pages, pointers, expected):
    def answer(request):
        text = pages.get(request.url.path)
        return httpx.Response(200 if text else 404, html=text or "nothing here")

    visitor = Visitor("http://127.0.0.1:1", "token", 5)
    visitor.client = httpx.Client(transport=httpx.MockTransport(answer), base_url=visitor.origin)

    page = choose(visitor, Project(tmp_path, "", "", ()), pointers, pages)

    assert page.path == expected


def adapted(make_project, kit_json, routes, settings="", *options, **files):
    files = {"site1/urls.py": URLS.format(routes), **files}
    return kit_json("adapt", make_project(files, settings=settings), *options)


def home(document):
    (finding,) = [each for each in document["decisions_open"] if each["id"] == "first-page"] or [{}]
    return document["rehearsal"]["home"], finding.get("what", "")


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize(
    ("routes", "settings", "expected"),
    [
        # A redirect is followed: to a language, to where one signs in.
        ('path("", lambda r: redirect("/login/?next=/")), path("login/", answer("sign in"))',
         "", ("/", "")),
        # What the project names, before what merely answers.
        pytest.param(
            'path("a/", answer("a")), path("b/", answer("b"))', 'LOGIN_REDIRECT_URL = "/b/"',
            ("/b/", "/ answers 404; the app opens /b/: LOGIN_REDIRECT_URL"),
            marks=pytest.mark.long),
        # The page that others lead to; what is for programs does not count, nor what fails.
        pytest.param(
            'path("", gone), path("api/", answer("api")), path("webhook/", answer("hook")), '
            'path("fails/", broken), path("about/", answer("<a href=/list/>l</a>")), '
            'path("help/", answer("<a href=/list/>l</a>")), path("list/", answer("list"))',
            "", ("/list/", "/ answers 404; the app opens /list/: 2 pages lead to it"),
            marks=pytest.mark.long),
        # Nothing but an interface: it stays at / and is told.
        ('path("api/", answer("api"))', "", ("/", "")),
    ],
    ids=["sign in", "named", "linked", "nothing"],
)  # fmt: skip
def test_the_first_page(make_project, kit_json, routes, settings, expected):
    document = adapted(make_project, kit_json, routes, settings)

    assert home(document) == expected
    assert f'home = "{expected[0]}"' in document["manifest"]


@pytest.mark.slow
@pytest.mark.network
def test_the_readme_names_it(make_project, kit_json):
    routes = 'path("a/", answer("a")), path("start/", answer("start"))'
    readme = "Then open http://127.0.0.1:8000/start/ in your browser."
    document = adapted(make_project, kit_json, routes, **{"README.md": readme})

    assert home(document)[0] == "/start/"


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("decided", ["/", pytest.param("/a/", marks=pytest.mark.long)])
def test_a_decision_stays(make_project, kit_json, decided):
    routes = 'path("a/", answer("a")), path("b/", answer("b"))'
    settings = 'LOGIN_REDIRECT_URL = "/b/"'
    document = adapted(make_project, kit_json, routes, settings, "--set", f"app.home={decided}")

    assert home(document) == (decided, "")


@pytest.mark.slow
@pytest.mark.network
def test_somebody_who_makes_the_first_account_sees_the_page_behind_it(make_project, kit_json):
    files = {
        "site1/urls.py": """\
            from django.contrib.auth.decorators import login_required
            from django.http import HttpResponse
            from django.urls import path

            urlpatterns = [
                path("", login_required(lambda request: HttpResponse(f"hello {request.user}"))),
                path("accounts/login/", lambda request: HttpResponse("sign in")),
            ]
            """
    }
    settings = """
    INSTALLED_APPS += ["django.contrib.sessions"]
    MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    """
    document = kit_json("adapt", make_project(files, settings=settings))

    assert "first_account = true" in document["manifest"]
    (page,) = document["rehearsal"]["pages"]
    assert (page["status"], page["place"]) == (200, "/")
