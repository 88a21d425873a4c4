"""Copied into a scratch copy of the target as `ddk_probe`: addresses that show its inside.

Runs in the target's interpreter and on its Django, so it keeps to the standard library and to what
every supported Django has. It answers behind the token guard and in front of the target.
"""

import asyncio
import contextlib
import gzip
import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import ddk_agent
from django.apps.registry import Apps
from django.core.handlers.base import BaseHandler
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)

PREFIX = "/ddk-probe/"
SLOW_BEGINS = "ddk-probe: a slow request begins"
SLOW_ENDS = "ddk-probe: a slow request was completed"
ACCOUNT_BEGINS = "ddk-probe: an account is being made"
REACHED = "ddk-probe: reached by way of"
SHAKEN = "ddk-probe: the handshake of a websocket"
TOLD = "ddk-probe: a websocket has ended"
FLOOD = 2 * 1024 * 1024
HERE = Path(__file__).parent
HANDED = b"left to a web server"
MARKUP = b"<html xmlns='http://www.w3.org/1999/xhtml'><body>an upload</body></html>"
UPLOADS = {
    "report.csv": b"a report\n" * 1000,
    "report.csv.gz": gzip.compress(b"another report\n"),
    "page.html": MARKUP,
    "page.xhtml": MARKUP,
    "feed.xml": MARKUP,
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
}
NEIGHBOURS = """<!doctype html><html lang=en><title>Neighbours</title>
<link rel=stylesheet href="OTHER/style"><img src="OTHER/image" alt=""><script src="OTHER/script">
</script><iframe src="OTHER/frame" name=frame></iframe><video src="OTHER/video"></video>
<form action="OTHER/form" target=frame method=post><input name=a></form>
<script>
document.forms[0].submit();
navigator.sendBeacon("OTHER/beacon");
fetch("OTHER/fetch", {credentials: "include", mode: "no-cors"}).catch(() => {});
</script>"""
PAGE = "<!doctype html><html lang=en><title>Probe</title><p>A page.</p>"
REPORT = b"a,b\n1,2\n"
RED_PAGE = Path(__file__).with_name("ddk_red.pdf")  # one page, red all over
OFFICE = """<!doctype html><html lang=en><title>Office</title>
<a id=blob download=ddk-list.txt>list</a>
<a id=data download=ddk-note.txt href="data:text/plain,a%20note">note</a>
<script>
document.getElementById("blob").href = URL.createObjectURL(new Blob(["a list"]));
</script>"""
NETWORK = ("HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
HOSTS = ("127.0.0.1", "localhost", "other.ddk-checks.invalid")
# As children of such projects do, those with settings classes through their own `setup`.
CHILD = """
import json, os
try:
    from configurations import setup
except ImportError:
    from django import setup
setup()
from django.conf import settings
database = str(settings.DATABASES["default"]["NAME"])
print(json.dumps({"database": database, "environment": dict(os.environ)}))
"""


def info() -> dict:
    """What only the process itself knows: its pragmas, key, files."""
    from django.conf import settings
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage
    from django.db import connection

    with connection.cursor() as cursor:
        pragmas = {}
        for name in ("journal_mode", "synchronous", "foreign_keys"):
            cursor.execute(f"PRAGMA {name}")
            pragmas[name] = cursor.fetchone()[0]
    saved = default_storage.save("ddk-probe.txt", ContentFile(b"saved by the checks"))
    try:
        upload = default_storage.path(saved)
    except NotImplementedError:
        upload = ""
    return {
        "pragmas": pragmas,
        "secret": hashlib.sha256(str(settings.SECRET_KEY).encode()).hexdigest(),
        "database": str(settings.DATABASES["default"]["NAME"]),
        "upload": str(upload),
        "environment": dict(os.environ),
    }


def network() -> dict:
    """What the project knows of the computer's network, and for whom it would ask a proxy."""
    known = {name: os.environ.get(name, "") for name in NETWORK}
    return {**known, "proxied": [h for h in HOSTS if not urllib.request.proxy_bypass(h)]}


def child() -> dict:
    """What a Python child of the project sees."""
    result = subprocess.run(
        [sys.executable, "-c", CHILD],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = result.stdout.splitlines()
    return json.loads(lines[-1]) if lines else {"error": result.stderr[-2000:]}


def spawn() -> dict:
    """A child that would outlive the backend."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return {"pid": process.pid}


def slow() -> dict:
    """A request that takes two seconds; standard error says when it begins and ends."""
    print(SLOW_BEGINS, file=sys.stderr, flush=True)
    time.sleep(2)
    print(SLOW_ENDS, file=sys.stderr, flush=True)
    return {"slow": "done"}


def apart() -> dict:
    """A child that has left the backend's session."""
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    return {"pid": subprocess.Popen(command, start_new_session=True).pid}


def uploads() -> dict:
    """Addresses of files that were saved as uploads are."""
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    return {
        name: default_storage.url(default_storage.save(f"ddk-probe/{name}", ContentFile(body)))
        for name, body in UPLOADS.items()
    }


def events() -> StreamingHttpResponse:
    """An event stream that says one thing and then nothing for long."""

    def stream() -> Iterator[bytes]:
        yield b"data: open\n\n"
        time.sleep(600)

    return StreamingHttpResponse(stream(), content_type="text/event-stream")


def notices() -> StreamingHttpResponse:
    """The same, as asynchronous views do it."""

    async def stream() -> AsyncIterator[bytes]:
        yield b"data: open\n\n"
        await asyncio.sleep(600)

    return StreamingHttpResponse(stream(), content_type="text/event-stream")


def handed(name: str) -> HttpResponse:
    """An upload that is left to a web server: its path, or its address inside that server."""
    from django.conf import settings
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    saved = default_storage.save("ddk-probe/handed.txt", ContentFile(HANDED))
    answer = HttpResponse(content_type="text/plain")
    if name == "X-Sendfile":
        answer[name] = os.path.join(settings.MEDIA_ROOT, saved)  # noqa: PTH118 -- of either kind
    else:
        answer[name] = f"{settings.MEDIA_URL}{saved}"
    return answer


def around(request: HttpRequest) -> dict:
    """Whether the project has put an application around Django, and whether it has been asked."""
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.utils.module_loading import import_string

    if not hasattr(request, "environ"):
        return {"none": "it is not served by WSGI"}
    if not settings.WSGI_APPLICATION:
        return {"none": "it names no WSGI_APPLICATION"}
    try:
        named = import_string(settings.WSGI_APPLICATION)
    except (Exception, SystemExit) as error:
        return {"none": f"its WSGI_APPLICATION cannot be loaded here: {error!r}"[:200]}
    if isinstance(named, WSGIHandler):
        return {"none": "its WSGI_APPLICATION is Django alone"}
    frame, code = sys._getframe().f_back, getattr(named, "__code__", None)
    while frame:  # who has called
        if frame.f_code is code or any(value is named for value in frame.f_locals.values()):
            return {"asked": True}
        frame = frame.f_back
    return {"asked": False}


def site(request: HttpRequest) -> dict:
    """Where the Sites framework says that this app is."""
    from django.apps import apps
    from django.contrib.sites.shortcuts import get_current_site

    if not apps.is_installed("django.contrib.sites"):
        return {"none": "it does not use the Sites framework"}
    try:
        return {"domain": get_current_site(request).domain}
    except Exception as error:
        return {"none": f"it has no site: {error!r}"[:200]}


def shown(by: str) -> HttpResponse:
    """A page that shows the PDF file in an element."""
    source = "data" if by == "object" else "src"
    attributes = f'type="application/pdf" width=500 height=400 {source}="{PREFIX}report.pdf"'
    return HttpResponse(
        f"<!doctype html><html lang=en><title>PDF</title><{by} {attributes}></{by}>"
        f"{ddk_agent.element()}"
    )


def large() -> StreamingHttpResponse:
    """More than sockets and buffers hold."""
    return StreamingHttpResponse(b"x" * 65536 for _ in range(2048))


def neighbours(port: int) -> HttpResponse:
    """A page that asks another server of this computer for all kinds of things."""
    return HttpResponse(NEIGHBOURS.replace("OTHER", f"http://127.0.0.1:{port}"))


def flood() -> dict:
    """More output than any pipe holds, on every way out."""
    block = "x" * 1023
    for _ in range(FLOOD // 1024):
        print(block)
        print(block, file=sys.stderr)
        os.write(1, f"{block}\n".encode())
        os.write(2, f"{block}\n".encode())
    return {"flood": "done"}


def chatter() -> dict:
    """A line on standard output and a read from standard input."""
    print("a line printed by a view", flush=True)
    with contextlib.suppress(EOFError, OSError, RuntimeError):
        input()
    return {"chatter": "done"}


ANSWERS = {
    f.__name__: f for f in (info, network, child, spawn, apart, uploads, slow, flood, chatter)
}
QUESTIONS = {f.__name__: f for f in (around, site)}
ATTACHED = {"Content-Disposition": 'attachment; filename="ddk-report.csv"'}
FILES = {
    "office": lambda: {"content": f"{OFFICE}{ddk_agent.element()}"},
    "report.pdf": lambda: {"content": RED_PAGE.read_bytes(), "content_type": "application/pdf"},
    "report.csv": lambda: {"content": REPORT, "content_type": "text/csv", "headers": ATTACHED},
}
STREAMS = {f.__name__: f for f in (events, notices, large)}
served = BaseHandler.get_response


def lateness(request) -> float:  # noqa: ANN001 -- Django's own
    """Seconds for which a page has to wait: as long as the suite says, once."""
    late = HERE / "ddk_probe_late_page"
    if "text/html" not in request.headers.get("Accept", "") or not late.is_file():
        return 0.0
    seconds = float(late.read_text(encoding="utf-8"))
    late.unlink()
    return seconds


def get_response(self, request) -> HttpResponse:  # noqa: ANN001 -- Django's own signature
    """Answer the probe's addresses, pass on everything else."""
    if not request.path.startswith(PREFIX):
        time.sleep(lateness(request))
        return ddk_agent.first_page(request) or served(self, request)
    name = request.path.removeprefix(PREFIX).strip("/")
    if name == "page":
        return HttpResponse(f"{PAGE}{ddk_agent.element()}")
    if name.startswith("agent/"):
        return ddk_agent.answer(request, name.removeprefix("agent/"))
    if name == "away":
        return HttpResponseRedirect(request.GET["to"])
    if name == "reached":
        print(REACHED, request.GET["way"], file=sys.stderr, flush=True)
        return HttpResponse(status=204)
    if name == "handed":
        return handed(request.GET["by"])
    if name == "shown":
        return shown(request.GET["by"])
    if name in FILES:
        return HttpResponse(**FILES[name]())
    if name == "enqueue":
        from ddk_tasks import queue

        return HttpResponse(queue.send(request.GET["name"], float(request.GET["seconds"])))
    if name == "schedule":
        from ddk_tasks import queue

        return HttpResponse(queue.schedule())
    if name in QUESTIONS:
        return JsonResponse(QUESTIONS[name](request))
    if name == "neighbours":
        return neighbours(int(request.GET["port"]))
    if name in STREAMS:
        return STREAMS[name]()
    answer = ANSWERS[name]
    return JsonResponse(answer(), json_dumps_params={"default": str})


BaseHandler.get_response = get_response
served_async = getattr(BaseHandler, "get_response_async", None)  # since Django 3.1


async def get_response_async(self, request) -> HttpResponse:  # noqa: ANN001 -- Django's own
    """The same where the server is asynchronous."""
    if not request.path.startswith(PREFIX) and not ddk_agent.is_first_page(request):
        await asyncio.sleep(lateness(request))
        return await served_async(self, request)
    from asgiref.sync import sync_to_async

    return await sync_to_async(get_response)(self, request)


if served_async:
    BaseHandler.get_response_async = get_response_async
load_middleware = BaseHandler.load_middleware


def load(self, **given) -> None:  # noqa: ANN001 -- Django's own signature
    """Where the server is asynchronous, what passes websockets on is there by now."""
    load_middleware(self, **given)
    if given.get("is_async"):
        take_sockets(type(self))
        with contextlib.suppress(ImportError):
            from channels.routing import ProtocolTypeRouter

            take_sockets(ProtocolTypeRouter)


BaseHandler.load_middleware = load


def take_sockets(router: type) -> None:
    """Answer the probe's websockets in its place, once."""
    passed_on = router.__call__
    if passed_on.__name__ == "taken":
        return

    async def taken(self, scope, receive, send) -> None:  # noqa: ANN001 -- ASGI's own signature
        is_ours = scope["type"] == "websocket" and scope["path"].startswith(PREFIX)
        await (echo(receive, send) if is_ours else passed_on(self, scope, receive, send))

    router.__call__ = taken


async def echo(receive, send) -> None:  # noqa: ANN001 -- ASGI's own signature
    """Say what was said, and at the end that it has ended."""
    print(SHAKEN, file=sys.stderr, flush=True)
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
    print(TOLD, file=sys.stderr, flush=True)


populated = Apps.populate


def populate(self, installed_apps=None) -> None:  # noqa: ANN001 -- Django's own signature
    """Add an app with migrations to those of the project."""
    migrations = (HERE / "ddk_probe_migrations").exists()
    if installed_apps is not None and type(self) is Apps and migrations:
        installed_apps = [*installed_apps, "ddk_probe_app"]
    if (HERE / "ddk_probe_squashed").exists():
        from django.conf import settings

        modules = {"ddk_probe_app": "ddk_probe_app.squashed"}
        settings.MIGRATION_MODULES = {**settings.MIGRATION_MODULES, **modules}
    populated(self, installed_apps)
    if type(self) is Apps and (HERE / "ddk_probe_ready").exists():
        write_when_ready()
    if type(self) is Apps and (HERE / "ddk_probe_tasks").exists():
        import ddk_tasks  # noqa: F401 -- the tasks are known from here on


def write_when_ready() -> None:
    """What an app's `ready()` may do: write into the database."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS ddk_probe_ready (text)")
        cursor.execute("INSERT INTO ddk_probe_ready VALUES ('written when the apps were ready')")


def linger(sender, created, **_) -> None:  # noqa: ANN001 -- Django's own signature
    """Take long to make an account, once it is written."""
    from django.contrib.auth import get_user_model

    if created and sender is get_user_model():
        print(ACCOUNT_BEGINS, file=sys.stderr, flush=True)
        time.sleep(600)


if (HERE / "ddk_probe_slow_account").exists():
    from django.db.models.signals import post_save

    post_save.connect(linger)
if any((HERE / f"ddk_probe_{each}").exists() for each in ("migrations", "ready", "tasks")):
    Apps.populate = populate
if (HERE / "ddk_probe_chatter").exists():
    chatter()
    sys.stdin.read()
if (HERE / "ddk_probe_apart").exists():
    apart()
if (HERE / "ddk_probe_fail").exists():
    raise RuntimeError("provoked by the checks")
