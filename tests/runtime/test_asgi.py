"""A project that is served by ASGI: the same guard and layers, websockets, streams, the end."""

import http.client
import re
import threading
import time

import pytest
from desktop_runtime.limits import STRANGERS

from checks.websocket import CUT, WebSocket

from .backends import BY_ASGI, HEADERS, MODELS, SETTINGS, TOKEN, VIEWS, Backend, make_project

pytestmark = pytest.mark.slow

ASGI = """
import asyncio, os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from django.core.asgi import get_asgi_application
http = get_asgi_application()
async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        print("lifespan ended", file=sys.stderr, flush=True)
        return await send({"type": "lifespan.shutdown.complete"})
    if scope["type"] == "http":
        return await http(scope, receive, send)
    print("handshake", [n.decode() for n, _ in scope["headers"]], file=sys.stderr, flush=True)
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "who":
            await send({"type": "websocket.send", "text": str(scope["headers"])})
        else:
            await send({"type": "websocket.send", "text": message.get("text") or "bytes"})
    await asyncio.sleep(0.5)
    print("socket ended", message["code"], file=sys.stderr, flush=True)
"""
URLS = """
from django.urls import path
from app import views
urlpatterns = [path("", views.home)] + [path(f"{n}/", getattr(views, n)) for n in views.NAMES]
"""
MORE_VIEWS = (
    VIEWS
    + """
import asyncio, sys, threading
from django.http import FileResponse, HttpResponseRedirect
from django.conf import settings
NAMES = ("slow", "big", "events", "blocking", "poll", "late", "handed", "name", "threads", "page",
         "stuck")
async def events(request):
    async def stream():
        yield b"data: open\\n\\n"
        await asyncio.sleep(600)
    return StreamingHttpResponse(stream(), content_type="text/event-stream")
def blocking(request):
    def stream():
        yield b"data: open\\n\\n"
        time.sleep(600)
    return StreamingHttpResponse(stream(), content_type="text/event-stream")
async def poll(request):
    await asyncio.sleep(1)
    return HttpResponse("polled")
async def stuck(request):
    time.sleep(600)
async def late(request):
    await asyncio.sleep(1.5)
    await Note.objects.acreate(text="saved late")
    return HttpResponse("late")
def handed(request):
    answer = HttpResponse(content_type="text/plain")
    answer["X-Accel-Redirect"] = "/media/handed.txt"
    return answer
def name(request):
    return HttpResponse(f"{request.user} {request.META.get('HTTP_X_DESKTOP_DJANGO_TOKEN')} "
                        f"{request.COOKIES}")
def threads(request):
    return HttpResponse(str(threading.active_count()))
def page(request):
    return HttpResponse('<script src="http://localhost:8000/a.js"></script>')
"""
)
FILES = {"asgi.py": ASGI, "urls.py": URLS, "app/views.py": MORE_VIEWS, "app/models.py": MODELS}
NAMED = SETTINGS + 'ASGI_APPLICATION = "asgi.application"\nMEDIA_URL = "/media/"\n'


def project(folder, manifest=BY_ASGI, **files):
    return make_project(folder, {"settings.py": NAMED, **FILES, **files}, manifest)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    media = folder / "data" / "media"
    media.mkdir(parents=True)
    (media / "handed.txt").write_bytes(b"x" * 1_000_000)
    (media / "page.html").write_text("<p>an upload</p>")
    static = {"app/static/app.css": "p { color: teal }"}
    settings = NAMED.replace('"app"]', '"app", "django.contrib.staticfiles"]')
    made = project(folder / "project", **{"settings.py": settings, **static})
    with Backend(made, folder / "data") as backend:
        yield backend.ready()


@pytest.fixture
def fresh(tmp_path):
    with Backend(project(tmp_path / "project"), tmp_path / "data") as backend:
        yield backend.ready()


def own(backend, **headers):
    return {**HEADERS, "Origin": f"http://127.0.0.1:{backend.port}", **headers}


def by_cookie(backend):
    _, headers, _ = backend.get(f"/desktop-auth/bootstrap/?token={TOKEN}&next=/", {})
    return {"Cookie": headers["set-cookie"].partition(";")[0]}


def test_every_path_needs_the_token(served):
    for path in ("/", "/health/", "/static/app.css", "/media/page.html", "/none/"):
        assert served.get(path, {})[0] == 403, path
    assert served.get("/", {**HEADERS, "Host": "evil.example"})[0] == 400
    assert served.get("/health/")[2] == b'{"status":"ready"}'


def test_the_token_is_not_seen_by_the_project(served):
    assert served.get("/name/")[2] == b"AnonymousUser None {}"
    assert served.get("/name/", by_cookie(served))[2] == b"AnonymousUser None {}"


def test_policies_are_those_of_both_protocols(served):
    _, headers, _ = served.get("/")
    assert headers["x-content-type-options"] == "nosniff"
    assert "object-src 'self'" in headers["content-security-policy"]
    _, lines, _ = served.request("GET", "/", by_cookie(served))
    policies = [value for name, value in lines if name == "content-security-policy"]
    assert any("form-action 'self'" in policy for policy in policies)


def test_files_are_served(served):
    status, headers, body = served.get("/static/app.css")
    assert (status, headers["content-type"], body) == (
        200,
        'text/css; charset="utf-8"',
        b"p { color: teal }",
    )
    _, headers, _ = served.get("/media/page.html")
    assert "sandbox" in headers["content-security-policy"]
    status, _, body = served.get("/media/handed.txt", {**HEADERS, "Range": "bytes=5-9"})
    assert (status, body) == (206, b"xxxxx")
    assert len(served.get("/media/handed.txt")[2]) == 1_000_000
    assert served.request("HEAD", "/media/handed.txt")[2] == b""


def test_a_file_left_to_the_web_server_is_sent(served):
    status, headers, body = served.get("/handed/")
    assert (status, headers["content-type"], len(body)) == (200, "text/plain", 1_000_000)


def test_a_socket_echoes(served):
    for headers in (own(served), {**own(served), **by_cookie(served)}):
        with WebSocket(served.port, "/ws/", headers) as opened:
            opened.say("hello")
            assert opened.hear() == "hello"
            opened.say("who")
            assert TOKEN not in opened.hear()


@pytest.mark.parametrize("case", ["no token", "wrong token", "other host"])
def test_a_socket_of_a_stranger_is_refused_unseen(served, case):
    headers = own(served)
    if case == "no token":
        del headers["X-Desktop-Django-Token"]
    elif case == "wrong token":
        headers["X-Desktop-Django-Token"] = TOKEN[::-1]
    else:
        headers["Host"] = "evil.example"
    seen = served.stderr.read_text().count("handshake")
    with WebSocket(served.port, "/ws/", headers) as refused:
        assert refused.status == 403
        assert refused.hear() == CUT
    assert served.stderr.read_text().count("handshake") == seen


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{}", ""]
)
def test_a_socket_of_another_page_is_refused(served, origin):
    headers = {**own(served), "Origin": origin.format(served.port)}
    with WebSocket(served.port, "/ws/", headers) as refused:
        assert refused.status == 403


def test_open_streams_and_sockets_hold_no_thread(served):
    def threads():
        return int(served.get("/threads/")[2])

    before = threads()
    opened = [WebSocket(served.port, "/ws/", own(served)) for _ in range(10)]
    streams = [stream(served, "/events/") for _ in range(10)]
    assert threads() <= before + 2
    for each in opened:
        each.__exit__()
    for each in streams:
        each.close()


def asked(backend, path):
    token = f"X-Desktop-Django-Token: {TOKEN}"
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{backend.port}\r\n{token}\r\n\r\n".encode()


def stream(backend, path):
    """A stream that has begun."""
    connection = backend.connect()
    connection.sendall(asked(backend, path))
    received = b""
    while b"data: open" not in received:
        received += connection.recv(4096)
    return connection


def test_sockets_are_closed_and_drained(fresh):
    with WebSocket(fresh.port, "/ws/", own(fresh)) as opened:
        began = time.monotonic()
        assert fresh.stop() == 0
        assert time.monotonic() - began < 2.5
        assert opened.hear() in (1001, 1012)
    log = fresh.stderr.read_text()
    assert "socket ended 1012" in log
    assert "lifespan ended" in log


@pytest.mark.parametrize("path", ["/events/", "/blocking/"])
def test_an_open_stream_does_not_hold_up_the_end(fresh, path):
    with stream(fresh, path):
        began = time.monotonic()
        assert fresh.stop() == 0
        assert time.monotonic() - began < 2


def test_a_view_that_blocks_everything_does_not_outlive_the_shell(fresh):
    with fresh.connect() as connection:
        connection.sendall(asked(fresh, "/stuck/"))
        time.sleep(0.5)
        began = time.monotonic()
        assert fresh.stop() == 0
        assert time.monotonic() - began < 5


def test_a_request_in_flight_is_finished(fresh):
    answers = []
    asking = threading.Thread(target=lambda: answers.append(fresh.get("/slow/")))
    asking.start()
    time.sleep(0.5)
    assert fresh.stop() == 0
    asking.join(10)
    assert answers[0][2] == b"slow answer"


def test_a_request_whose_client_has_left_still_saves(fresh, tmp_path):
    with fresh.connect() as connection:
        connection.sendall(asked(fresh, "/late/"))
        time.sleep(0.3)
    assert fresh.stop() == 0
    with Backend(fresh.project, fresh.app_data) as again:
        assert again.ready().get("/")[2] == b"saved late"


def test_no_answer_waits_for_the_confirmation_of_its_head(served):
    """Which takes 40 ms on a connection that is kept."""
    connection, seconds = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30), []
    for _ in range(20):
        began = time.perf_counter()
        connection.request("GET", "/name/", headers=HEADERS)
        assert connection.getresponse().read()
        seconds.append(time.perf_counter() - began)
    connection.close()
    assert min(seconds[5:]) < 0.03


def test_a_large_answer_is_whole(served):
    assert len(served.get("/big/")[2]) == 64 << 20


def test_addresses_are_changed(tmp_path):
    manifest = 'addresses = ["http://localhost:8000"]\n' + BY_ASGI
    with Backend(project(tmp_path / "project", manifest), tmp_path / "data") as backend:
        body = backend.ready().get("/page/")[2]
        assert body == f'<script src="http://127.0.0.1:{backend.port}/a.js"></script>'.encode()


def test_the_first_account_is_asked_for(tmp_path):
    manifest = BY_ASGI + "[login]\nfirst_account = true\n"
    with Backend(project(tmp_path / "project", manifest), tmp_path / "data") as backend:
        status, headers, _ = backend.ready().get("/")
        assert (status, headers["location"]) == (303, "/desktop-auth/first-account/")
        page = backend.get(headers["location"])[2].decode()
        secret = re.search('name="secret" value="([^"]+)"', page)[1]
        form = {**HEADERS, "Content-Type": "application/x-www-form-urlencoded"}
        status, headers, body = backend.request(
            "POST", "/desktop-auth/first-account/", form, f"secret={secret}&kind=alone".encode()
        )
        assert status == 302, body
        session = {**HEADERS, "Cookie": dict(headers)["set-cookie"].partition(";")[0]}
        assert not backend.get("/name/", session)[2].startswith(b"Anonymous")


def test_strangers_go(fresh):
    idle = [fresh.connect() for _ in range(STRANGERS + 16)]
    assert fresh.get("/")[0] == 200
    assert _is_closed(idle[0])
    assert not _is_closed(idle[-1])
    for each in idle:
        each.close()


def _is_closed(connection):
    connection.settimeout(0.5)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


def test_a_wsgi_project_loads_nothing_of_it(tmp_path):
    says = "import atexit, sys\natexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
    made = project(tmp_path / "project", "", **{"settings.py": NAMED + says})
    with Backend(made, tmp_path / "data") as backend:
        assert backend.ready().get("/")[0] == 200
        assert backend.stop() == 0
    loaded = backend.stderr.read_text().split()
    assert "waitress" in loaded
    assert not {"uvicorn", "wsproto", "h11", "click", "desktop_runtime.asgi"} & {*loaded}
