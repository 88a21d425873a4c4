"""Static files and uploads: what is found, as what it is given out, and what it may do."""

import gzip

import pytest

from .backends import HEADERS, SETTINGS, URLS, VIEWS, Backend, make_project

CSV = b"name,age\nRosa,7\n"
OTHER = b"another file altogether\n" * 9
UPLOADS = {
    "report.csv": CSV,
    "report.csv.gz": gzip.compress(OTHER),
    "long.csv": CSV * 99,
    "long.csv.gz": gzip.compress(OTHER),
    "only.tar.gz": gzip.compress(OTHER),
    "page.html": b"<script>1</script>",
    "page.htm": b"<script>1</script>",
    "page.xhtml": b"<html xmlns='http://www.w3.org/1999/xhtml'/>",
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "feed.xml": b"<feed/>",
    "picture.png": b"\x89PNG not really",
    "empty.txt": b"",
}
ACTIVE = ["page.html", "page.htm", "page.xhtml", "drawing.svg", "feed.xml"]
POLICY = """
def csp(get_response):
    def middleware(request):
        response = get_response(request)
        response["Content-Security-Policy"] = "default-src 'self'; report-uri " + request.path
        return response
    return middleware
def not_used_csp(get_response):
    from django.core.exceptions import MiddlewareNotUsed
    raise MiddlewareNotUsed
"""
STATIC = SETTINGS.replace('"app"]', '"app", "django.contrib.staticfiles"]')
# As many projects have it: Django's own view behind ours, in development.
SERVED = """
from django.conf import settings
from django.conf.urls.static import static
urlpatterns += static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT)
urlpatterns += static(settings.STATIC_URL, document_root=settings.STATIC_ROOT)
"""


def started(folder, settings, **files):
    content = {"settings.py": settings, "app/views.py": VIEWS, "urls.py": URLS + SERVED}
    project = make_project(folder / "project", {**content, **files})
    data = folder / "data"
    for name, body in UPLOADS.items():
        (data / "media" / name).parent.mkdir(parents=True, exist_ok=True)
        (data / "media" / name).write_bytes(body)
    return Backend(project, data)


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    with started(tmp_path_factory.mktemp("files"), STATIC) as backend:
        yield backend.ready()


def ask(backend, path, **headers):
    status, found, body = backend.get(path, {**HEADERS, **headers})
    return status, {name.lower(): value for name, value in found.items()}, body


@pytest.mark.parametrize("prefix", ["media", "static"])
@pytest.mark.parametrize("name", ["x" * 256, "x" * 5000, "a/" * 2500 + "x", "%C3%BC" * 200])
def test_a_name_longer_than_the_system_allows_is_not_found(backend, prefix, name):
    assert ask(backend, f"/{prefix}/{name}")[0] == 404


@pytest.mark.parametrize("name", ["missing.txt", "%00.txt", "..%2Fdb.sqlite3", "../db.sqlite3"])
def test_only_uploads_are_found(backend, name):
    assert ask(backend, f"/media/{name}")[0] in (404, 400)


@pytest.mark.parametrize("name", ["report.csv", "report.csv.gz", "long.csv", "only.tar.gz"])
@pytest.mark.parametrize("accepted", ["gzip, br", "*", ""])
def test_an_upload_is_answered_with_its_own_content(backend, name, accepted):
    status, headers, body = ask(backend, f"/media/{name}", **{"Accept-Encoding": accepted})
    assert (status, body) == (200, UPLOADS[name])
    assert "content-encoding" not in headers


@pytest.mark.parametrize("name", ACTIVE)
def test_an_uploaded_document_is_sandboxed(backend, name):
    status, headers, _ = ask(backend, f"/media/{name}")
    assert status == 200
    assert "sandbox" in headers["content-security-policy"].split("; ")
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["report.csv", "picture.png"])
def test_another_upload_is_not(backend, name):
    headers = ask(backend, f"/media/{name}")[1]
    assert "sandbox" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("0-0", b"n"), ("-1", b"\n"), ("3-3", b"e"), ("0-3", b"name"), ("9-", b"Rosa,7\n")],
)
def test_a_range_is_answered(backend, asked, expected):
    status, headers, body = ask(backend, "/media/report.csv", Range=f"bytes={asked}")
    assert (status, body) == (206, expected)
    assert headers["content-range"].endswith(f"/{len(CSV)}")


@pytest.mark.parametrize(
    ("name", "asked"), [("report.csv", "99-99"), ("report.csv", "5-4"), ("empty.txt", "0-0")]
)
def test_a_range_beyond_the_file_is_not(backend, name, asked):
    assert ask(backend, f"/media/{name}", Range=f"bytes={asked}")[0] == 416


def test_uploads_below_the_static_files_are_served(tmp_path):
    settings = STATIC + "\nSTATIC_URL = '/static/'\nMEDIA_URL = '/static/media/'\n"
    files = {"app/static/media/icon.txt": "static", "app/static/site.css": "static"}
    with started(tmp_path, settings, **files).ready() as backend:
        assert ask(backend, "/static/media/report.csv")[2] == CSV
        assert ask(backend, "/static/media/icon.txt")[2] == b"static"
        assert ask(backend, "/static/site.css")[2] == b"static"


def test_a_document_gets_the_policy_of_the_project(tmp_path):
    settings = STATIC + "MIDDLEWARE += ['app.policy.csp', 'app.policy.not_used_csp']\n"
    files = {"app/policy.py": POLICY, "app/static/help.html": "help"}
    with started(tmp_path, settings, **files).ready() as backend:
        policies = ask(backend, "/media/page.html")[1]["content-security-policy"]
        assert "report-uri /media/page.html" in policies
        policies = ask(backend, "/static/help.html")[1]["content-security-policy"]
        assert policies == "default-src 'self'; report-uri /static/help.html"


COMPRESSING = """
from pathlib import Path
from django.conf import settings
from django.http import HttpResponse
def home(request):
    Path(settings.COMPRESS_ROOT).mkdir(exist_ok=True)
    Path(settings.COMPRESS_ROOT, "made.css").write_text("p { color: teal }")
    return HttpResponse(settings.COMPRESS_ROOT)
"""


def test_what_is_written_while_a_page_is_rendered_is_served(tmp_path):
    """As django-compressor does, whose name and settings a small app has here."""
    settings = STATIC.replace('"app"', '"app", "compressor"')
    files = {"compressor/__init__.py": "", "app/views.py": VIEWS + COMPRESSING}
    with started(tmp_path, settings, **files) as backend:
        assert backend.ready().request("GET", "/")[2].decode() == str(
            tmp_path / "data" / "compressed"
        )
        assert backend.request("GET", "/static/made.css")[2] == b"p { color: teal }"
