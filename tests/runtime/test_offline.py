"""Files of other hosts: what is answered with instead of their addresses, and what is left."""

import gzip
import http.client
import json
from urllib.parse import quote, urlencode

import pytest

from .backends import HEADERS, SERVERS, SETTINGS, Backend, make_project

HOST = "https://cdn.example"
STYLE = f"{HOST}/lib@1/a.css"
OWN = "/desktop-offline/cdn.example/lib@1/a.css"
SCRIPT = "https://code.example/s.js?a=1&b=2"
OLD, NEW = "sha384-original", "sha384-changed"
KEPT = {
    "a.css": (STYLE, "text/css", b"p { src: url(../f.woff2?x) }"),
    "f.woff2": (f"{HOST}/f.woff2?x", "font/woff2", b"0123456789"),
    "s.js": (SCRIPT, "text/javascript", b"s()"),
    "m": (f"{HOST}/m", "text/javascript", b"m()"),
}
PAGE = f'<link rel="stylesheet" href="{STYLE}"><p>é</p>'
LOCAL = f'<link rel="stylesheet" href="{OWN}"><p>é</p>'
VIEWS = f"""
import gzip
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.views.decorators.http import condition
PAGE = {PAGE!r}
def home(request):
    return HttpResponse(request.GET.get("page", PAGE), request.GET.get("type", "text/html"))
def json(request):
    return JsonResponse({{"page": PAGE}})
def attached(request):
    return HttpResponse(PAGE, headers={{"Content-Disposition": "attachment; filename=a.html"}})
def packed(request):
    return HttpResponse(gzip.compress(PAGE.encode()), headers={{"Content-Encoding": "gzip"}})
def pieces(request):
    size = int(request.GET["size"])
    page = request.GET.get("page", PAGE).encode()
    return StreamingHttpResponse(page[at:at + size] for at in range(0, len(page), size))
@condition(etag_func=lambda request: '"page"')
def tagged(request):
    return HttpResponse(PAGE)
def policy(request):
    return HttpResponse(PAGE, headers={{"Content-Security-Policy": request.GET["policy"]}})
closed = []
def closing(request):
    if "ask" in request.GET:
        return JsonResponse(closed, safe=False)
    def pieces():
        try:
            yield PAGE.encode()
        finally:
            closed.append(1)
    return StreamingHttpResponse(pieces())
"""
URLS = """
from django.urls import path
from app import views
urlpatterns = [path("", views.home)] + [
    path(f"{name}/", getattr(views, name))
    for name in ("json", "attached", "packed", "pieces", "tagged", "policy", "closing")
]
"""
SETTINGS = SETTINGS.replace('"app"]', '"app", "django.contrib.staticfiles"]')
SETTINGS += """
STATICFILES_DIRS = [BASE_DIR / "assets"]
MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", "django.middleware.common.CommonMiddleware"]
"""


def keep(project):
    folder = project / "desktop-app" / "offline"
    folder.mkdir()
    for name, (_, _, content) in KEPT.items():
        (folder / name).write_bytes(content)
    files = [{"address": address, "file": name, "type": kind} for name, (address, kind, _)
             in KEPT.items()]  # fmt: skip
    files[2] |= {"integrity": [OLD], "changed": NEW}
    manifest = {"files": files, "folders": [f"{HOST}/jsm/"]}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.fixture(scope="module", params=SERVERS)
def backend(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("offline")
    project = make_project(
        folder / "project",
        {
            "settings.py": SETTINGS,
            "app/views.py": VIEWS,
            "urls.py": URLS,
            "assets/own.css": f"@import url({STYLE});\n" + "p{}\n" * 500,
            "assets/own.js": f'import "{HOST}/m"',
        },
        SERVERS[request.param],
    )
    keep(project)
    media = folder / "data" / "media"
    media.mkdir(parents=True)
    (media / "page.html").write_text(PAGE, encoding="utf-8")
    with Backend(project, folder / "data") as backend:
        yield backend.ready()


def ask(backend, path, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    status, found, body = backend.get(path, {**HEADERS, **names})
    return status, {name.lower(): value for name, value in found.items()}, body


def shown(backend, page, kind="text/html"):
    return ask(backend, f"/?{urlencode({'page': page, 'type': kind})}")[2].decode()


def test_page_names_the_app(backend):
    status, headers, body = ask(backend, "/", Accept_Encoding="gzip")
    assert (status, body.decode()) == (200, LOCAL)
    assert headers["content-length"] == str(len(LOCAL.encode()))
    assert "content-encoding" not in headers


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (f'<script src="{HOST}/m"></script>',
         '<script src="/desktop-offline/cdn.example/m"></script>'),
        ('<script src="//cdn.example/m"></script>',
         '<script src="/desktop-offline/cdn.example/m"></script>'),
        ("<link href=http://cdn.example/lib@1/a.css rel=stylesheet>",
         f"<link href={OWN} rel=stylesheet>"),
        ('<script integrity="sha384-original" src="https://code.example/s.js?a=1&amp;b=2"></script>'
         "",
         '<script integrity="sha384-changed" src="/desktop-offline/code.example/s.js?a=1&amp;b=2">'
         "</script>"),
        (f"<style>@import '{STYLE}';</style>", f"<style>@import '{OWN}';</style>"),
        (f'<script type="importmap">{{"m": "{HOST}/m", "jsm/": "{HOST}/jsm/"}}</script>',
         '<script type="importmap">{"m": "/desktop-offline/cdn.example/m", '
         '"jsm/": "/desktop-offline/cdn.example/jsm/"}</script>'),
        (f'<SCRIPT>import "{HOST}/m"</SCRIPT>',
         '<SCRIPT>import "/desktop-offline/cdn.example/m"</SCRIPT>'),
        ('<meta http-equiv="Content-Security-Policy" content="style-src cdn.example">',
         '<meta http-equiv="Content-Security-Policy" content="style-src cdn.example \'self\'">'),
    ],
)  # fmt: skip
def test_replaced(backend, page, expected):
    assert shown(backend, page) == expected


@pytest.mark.parametrize(
    "page",
    [
        f'<script src="{HOST}/m.js"></script>',
        f'<script src="{HOST}/m?v=2"></script>',
        f'<script src="{HOST}/m/n"></script>',
        '<script src="https://xcdn.example/m"></script>',
        f'<a href="{STYLE}">its source</a>',
        f"<code>{STYLE}</code>",
        f'<input name="address" value="{STYLE}">',
        f'<textarea><link rel="stylesheet" href="{STYLE}"></textarea>',
        f'<!-- <link href="{STYLE}"> -->',
        f'<script type="application/json">{{"address": "{STYLE}"}}</script>',
        f'<link href="{STYLE}',
        f"<script>'{STYLE}'",
    ],
)
def test_left_as_it_is(backend, page):
    assert shown(backend, page) == page


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "image/svg+xml", "text/csv"])
def test_other_types_are_left(backend, kind):
    assert shown(backend, PAGE, kind) == PAGE


@pytest.mark.parametrize("path", ["/attached/", "/media/page.html"])
def test_downloads_and_uploads_are_left(backend, path):
    assert ask(backend, path)[2].decode() == PAGE


def test_json_is_left(backend):
    assert json.loads(ask(backend, "/json/")[2]) == {"page": PAGE}


def test_what_the_project_packs_itself_is_left(backend):
    _, headers, body = ask(backend, "/packed/")
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(body).decode() == PAGE


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_page_that_comes_in_pieces(backend, size):
    _, headers, body = ask(backend, f"/pieces/?size={size}")
    assert body.decode() == LOCAL
    assert "content-length" not in headers
    open_end = ask(backend, f"/pieces/?size={size}&page=%3Cscript%3Ex()%20//cdn.example/m")[2]
    assert open_end == b"<script>x() //cdn.example/m"


def test_page_in_pieces_is_closed(backend):
    ask(backend, "/closing/")
    assert json.loads(ask(backend, "/closing/?ask=1")[2]) == [1]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/static/own.css", f"@import url({OWN});"),
     ("/static/own.js", 'import "/desktop-offline/cdn.example/m"')],
)  # fmt: skip
def test_static_file(backend, path, expected):
    status, headers, body = ask(backend, path, Range="bytes=0-3")
    assert status == 200
    assert body.decode().startswith(expected)
    assert headers["content-length"] == str(len(body))
    assert headers["cache-control"] == "no-cache"
    assert ask(backend, path, If_None_Match=headers["etag"])[0] == 304


def test_answer_of_before_is_not_confirmed(backend):
    tag = ask(backend, "/tagged/")[1]["etag"]
    assert tag.startswith('"page-')
    assert ask(backend, "/tagged/", If_None_Match=tag)[0] == 304
    status, _, body = ask(backend, "/tagged/", If_None_Match='"page"', Sec_Fetch_Dest="document")
    assert (status, body.decode()) == (200, LOCAL)


@pytest.mark.parametrize("path", ["/", "/static/own.css", OWN])
def test_head(backend, path):
    connection = http.client.HTTPConnection("127.0.0.1", backend.port, timeout=30)
    connection.request("HEAD", path, headers=HEADERS)
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"")
    assert response.getheader("content-length") in (None, str(len(ask(backend, path)[2])))
    connection.close()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("script-src https://cdn.example", "script-src https://cdn.example 'self'"),
        ("style-src *.example; img-src 'none'", "style-src *.example 'self'; img-src 'none'"),
        ("default-src https:", "default-src https: 'self'"),
        ("style-src cdn.example/lib@1/", "style-src cdn.example/lib@1/ 'self'"),
        ("style-src 'self' cdn.example", "style-src 'self' cdn.example"),
        ("style-src other.example", "style-src other.example"),
    ],
)
def test_policy(backend, policy, expected):
    assert (
        ask(backend, f"/policy/?policy={quote(policy)}")[1]["content-security-policy"] == expected
    )


@pytest.mark.parametrize("name", KEPT)
def test_file_is_served(backend, name):
    address, kind, content = KEPT[name]
    status, headers, body = ask(backend, f"/desktop-offline/{address.partition('//')[2]}")
    assert (status, body) == (200, content)
    assert headers["content-type"].partition(";")[0] == kind
    assert ask(backend, f"/desktop-offline/{address[8:]}", If_None_Match=headers["etag"])[0] == 304


def test_part_of_a_file(backend):
    status, headers, body = ask(
        backend, "/desktop-offline/cdn.example/f.woff2?x", Range="bytes=2-4"
    )
    assert (status, body, headers["content-range"]) == (206, b"234", "bytes 2-4/10")


@pytest.mark.parametrize(
    "path", ["cdn.example/none", "../desktop.toml", "..%2Fdesktop.toml", "manifest.json", ""]
)
def test_nothing_else_is_served(backend, path):
    assert ask(backend, f"/desktop-offline/{path}")[0] == 404


def test_without_a_token_nothing_is_served(backend):
    assert backend.get(OWN, {})[0] == 403


def test_module_is_not_loaded_where_nothing_is_kept(tmp_path):
    views = (
        "import sys\nfrom django.http import HttpResponse\n"
        "def home(request):\n"
        "    return HttpResponse(str('desktop_runtime.offline' in sys.modules))\n"
    )
    urls = 'from django.urls import path\nfrom app import views\nurlpatterns=[path("", views.home)]'
    project = make_project(tmp_path / "project", {"app/views.py": views, "urls.py": urls})
    with Backend(project, tmp_path / "data") as backend:
        assert ask(backend.ready(), "/")[2] == b"False"
