"""Addresses that were the app's own before: where pages name one, the present one stands."""

from urllib.parse import quote

import pytest

from .backends import HEADERS, SERVERS, SETTINGS, URLS, VIEWS, Backend, make_project
from .test_offline import ask, shown

pytestmark = pytest.mark.slow

OLD = "http://localhost:8000"
MANIFEST = f'addresses = ["{OLD}", "https://shop.example"]\n'
REDIRECT = f"""
from django.http import HttpResponse, HttpResponseRedirect, StreamingHttpResponse
def home(request):
    return HttpResponse(request.GET["page"], request.GET.get("type", "text/html"))
def moved(request):
    return HttpResponseRedirect("{OLD}/there/?a=1")
def pieces(request):
    page = request.GET["page"].encode()
    return StreamingHttpResponse(page[at:at + 7] for at in range(0, len(page), 7))
def strict(request):
    return HttpResponse("", headers={{"Content-Security-Policy": "connect-src localhost:8000"}})
"""


@pytest.fixture(scope="module", params=SERVERS)
def backend(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("addresses")
    routes = "".join(f', path("{name}/", views.{name})' for name in ("moved", "pieces", "strict"))
    files = {
        "settings.py": SETTINGS.replace('"app"]', '"app", "django.contrib.staticfiles"]')
        + 'STATICFILES_DIRS = [BASE_DIR / "assets"]\n',
        "app/views.py": VIEWS + REDIRECT,
        "urls.py": URLS.replace("]\n", f"{routes}]\n"),
        "assets/api.js": f"fetch(`{OLD}/api/`); new WebSocket('ws://localhost:8000/live')",
    }
    with Backend(
        make_project(folder / "p", files, MANIFEST + SERVERS[request.param]), folder / "data"
    ) as backend:
        yield backend.ready()


@pytest.mark.parametrize(
    "page",
    [
        '<a href="OLD/list/">list</a>',
        "<a href=OLD>home</a>",
        '<form action="OLD/save/" method="post">',
        '<img src="//localhost:8000/a.png" srcset="OLD/b.png 2x">',
        '<script>const API = "OLD"; fetch(API + "/api/")</script>',
        '<script src="OLD/static/a.js"></script>',
        "<style>p { background: url(OLD/a.png) }</style>",
        '<a href="https://shop.example/list/">list</a>',
        '<div data-socket="wss://shop.example/live">',
    ],
)
def test_the_present_address_stands_in_its_place(backend, page):
    here = f"127.0.0.1:{backend.port}"
    new = page.replace("OLD", OLD).replace("https://", "http://").replace("wss://", "ws://")
    new = new.replace("localhost:8000", here).replace("shop.example", here)
    assert shown(backend, page.replace("OLD", OLD)) == new
    streamed = ask(backend, "/pieces/?page=" + quote(page.replace("OLD", OLD)))[2].decode()
    assert streamed == new


@pytest.mark.parametrize(
    "page",
    [
        "<p>OLD</p>",
        '<input name="url" value="OLD">',
        "<textarea><a href='OLD'></textarea>",
        '<option value="OLD">here',
        '<script type="application/json">"OLD"</script>',
        "<!-- <a href='OLD'> -->",
        "<a href='http://localhost:80001'>",
        "<a href='http://localhost:8000.example'>",
        "<a href='http://my.localhost:8000'>",
        "<a href='http://other.shop.example/'>",
    ],
)
def test_what_is_a_persons_own_or_another_address_stays(backend, page):
    page = page.replace("OLD", OLD)
    assert shown(backend, page) == page


def test_scripts_redirects_and_policies(backend):
    here = f"127.0.0.1:{backend.port}"
    script = ask(backend, "/static/api.js")[2].decode()
    assert script == f"fetch(`http://{here}/api/`); new WebSocket('ws://{here}/live')"
    assert ask(backend, "/moved/")[1]["location"] == f"http://{here}/there/?a=1"
    assert ask(backend, "/strict/")[1]["content-security-policy"].endswith("8000 'self'")
    assert shown(backend, f'{{"next": "{OLD}/"}}', "application/json").endswith(f'{OLD}/"}}')


def test_a_project_that_names_none_is_served_without_the_layer(tmp_path):
    loaded = "\nimport sys\ndef home(request): return HttpResponse(str(sorted(sys.modules)))"
    project = make_project(tmp_path / "project", {"app/views.py": VIEWS + loaded})
    with Backend(project, tmp_path / "data") as backend:
        modules = backend.ready().get("/", HEADERS)[2]
    assert b"desktop_runtime.addresses" not in modules and b"desktop_runtime.files" in modules
