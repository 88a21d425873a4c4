"""How fast an app answers, beside servers alone: `runserver`, waitress and uvicorn.

All of them serve one copy of the reference app that has a page for uploads and one for a download,
on the same kind of database. They take turns in short batches of fixed time, by 1 client and by 8,
over connections that are kept and with a new one for each request.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.launching import (
    NotReadyError,
    Place,
    Running,
    backend,
    launched,
    system_environment,
    wait_for_port,
)
from bench.measuring import Row, take_turns
from bench.subjects import Subject, copy, place_of

PEERS = ("runserver", "waitress alone", "uvicorn alone")
PLAIN = "its own list page"
CLIENTS = (1, 8)
LIST, STATIC, OFFLINE = "/", "/static/theme/css/theme.css", "/bench/offline/"
PAGES = {"list page": LIST, "static file": STATIC, "page with kept files": OFFLINE}
BOUNDARY = "bench"
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
).encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()
ADDRESSES = [f"https://cdn.example/lib{number}@1.0.0/dist/lib.min.js" for number in range(10)]
URLS = """
from bench_pages import download, offline, upload
urlpatterns += [
    path(f"bench/{view.__name__}/", view) for view in (download, offline, upload)
]
"""
PAGES_MODULE = """
from pathlib import Path
from django.http import FileResponse, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from items.views import ItemListView

NAMED = "".join(f'<script defer src="{{each}}"></script>' for each in {addresses!r})

@csrf_exempt
def upload(request):
    return HttpResponse(str(request.FILES["file"].size))

def download(request):
    return FileResponse(Path({folder!r}, request.META["QUERY_STRING"] + ".bin").open("rb"))

def offline(request):
    answer = ItemListView.as_view()(request).render()
    answer.content = answer.content.replace(b"</head>", NAMED.encode() + b"</head>")
    return answer
"""
# The servers alone get the settings of a developer, whose static files Django itself serves.
ALONE = """
import os, sys
port, home, server = sys.argv[1:]
os.chdir(home)
sys.path.insert(0, home)
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("seed_items", verbosity=0)
if server == "waitress":
    import waitress
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.wsgi import get_wsgi_application
    waitress.serve(StaticFilesHandler(get_wsgi_application()), listen=f"127.0.0.1:{port}")
elif server == "uvicorn":
    import uvicorn
    from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
    from django.core.asgi import get_asgi_application
    application = ASGIStaticFilesHandler(get_asgi_application())
    uvicorn.run(application, port=int(port), log_level="warning", access_log=False)
else:
    call_command("runserver", port, use_reloader=False, verbosity=0)
"""
SETTINGS = """
from config.settings.base import *
DEBUG = {debug}
SECRET_KEY = "s" * 50
DATABASES["default"]["NAME"] = {database!r}
"""


Ask = Callable[[Running, http.client.HTTPConnection], float]


@dataclass(frozen=True)
class Batch:
    """For how long each contestant is asked in one round, and how much is sent up and down."""

    seconds: float
    mebibytes: int


def measure(subject: Subject, rounds: int, batch: Batch) -> list[Row]:
    """Every page, by every kind of connection and number of clients."""
    own = subject.scratch / "throughput"
    root = prepared(own, batch, subject.root)
    place = place_of(root, own)
    with contextlib.ExitStack() as stack:
        servers = {"app": stack.enter_context(backend(place))}
        for name in PEERS:
            servers[name] = stack.enter_context(alone(place, name))
        return [ask(cell, servers, rounds, batch) for cell in cells(batch)]


@dataclass(frozen=True)
class Cell:
    """One row: what is asked for, how, and by how many."""

    name: str
    unit: str
    clients: int
    ask: Ask
    least: float | None = None
    plain: Ask | None = None  # a page of the app itself that is compared as well


def cells(batch: Batch) -> Iterator[Cell]:
    """All of them, as the page lists them."""
    for name, path in PAGES.items():
        for is_kept in (True, False):
            for clients in CLIENTS:
                way = "kept connection" if is_kept else "new connections"
                yield Cell(
                    f"{name}, {way}, {people(clients)}", "/s", clients,
                    partial(get, path=path, is_kept=is_kept),
                    None if is_kept else 1.0,
                    partial(get, path=LIST, is_kept=is_kept) if path == OFFLINE else None,
                )  # fmt: skip
    for name, send in (("upload", upload), ("download", download)):
        for clients in CLIENTS:
            share = batch.mebibytes // clients
            label = f"{name} of {share} MiB, {people(clients)}"
            yield Cell(label, "MiB/s", clients, partial(send, mebibytes=share), least=1.0)


def people(clients: int) -> str:
    """How many, in words."""
    return f"{clients} client{'s' if clients > 1 else ''}"


def ask(cell: Cell, servers: dict[str, Running], rounds: int, batch: Batch) -> Row:
    """The row of a cell."""
    contestants = {
        name: partial(rate, running, cell.clients, cell.ask, batch.seconds)
        for name, running in servers.items()
    }
    others = PEERS
    if cell.plain:
        contestants[PLAIN] = partial(rate, servers["app"], cell.clients, cell.plain, batch.seconds)
        others = (*PEERS, PLAIN)
    turns = take_turns(contestants, rounds)
    row = turns.row("app", "rate", cell.unit, *others, label=cell.name, least=cell.least)
    failures = [f"{name}: {why}" for name, why in turns.failures.items()]
    return replace(row, failure="; ".join(failures))


def rate(running: Running, clients: int, ask_for: Ask, seconds: float) -> dict[str, float]:
    """How much all clients together got a second, each asking for at least `seconds`."""
    got, failures = [0.0] * clients, []

    def client(number: int) -> None:
        connection = running.connect()
        try:
            while time.perf_counter() < begun + seconds:
                got[number] += ask_for(running, connection)
        except (OSError, http.client.HTTPException, NotReadyError) as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    if failures:
        raise failures[0]
    return {"rate": sum(got) / took}


def get(
    running: Running, connection: http.client.HTTPConnection, path: str, is_kept: bool
) -> float:
    """One page."""
    if running.get(connection, path) != 200:
        raise NotReadyError(f"{path} does not answer 200")
    if not is_kept:
        connection.close()
    return 1


def upload(running: Running, connection: http.client.HTTPConnection, mebibytes: int) -> float:
    """One file sent as a form sends it; MiB."""
    body = HEAD + b"x" * (mebibytes * 2**20) + TAIL
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    head = {"X-Desktop-Django-Token": running.token, "Content-Type": kind}
    connection.request("POST", "/bench/upload/", body, head)
    answer = connection.getresponse()
    if answer.read() != str(mebibytes * 2**20).encode():
        raise NotReadyError(f"the upload was answered with {answer.status}")
    return mebibytes


def download(running: Running, connection: http.client.HTTPConnection, mebibytes: int) -> float:
    """One file fetched, in pieces; MiB."""
    head = {"X-Desktop-Django-Token": running.token}
    connection.request("GET", f"/bench/download/?{mebibytes}", headers=head)
    answer = connection.getresponse()
    length = 0
    while piece := answer.read(2**18):
        length += len(piece)
    if length != mebibytes * 2**20:
        raise NotReadyError(f"the download was answered with {answer.status}")
    return mebibytes


def prepared(own: Path, batch: Batch, source: Path) -> Path:
    """The copy of the reference app that all of them serve."""
    root = copy(own / "project", source=source)
    for share in {batch.mebibytes // clients for clients in CLIENTS}:
        (root / f"{share}.bin").write_bytes(b"x" * (share * 2**20))
    urls = root / "config" / "urls.py"
    urls.write_text(urls.read_text(encoding="utf-8") + URLS, encoding="utf-8")
    module = PAGES_MODULE.format(addresses=ADDRESSES, folder=str(root))
    (root / "bench_pages.py").write_text(module, encoding="utf-8")
    for name, debug in (("bench_settings", False), ("bench_settings_debug", True)):
        text = SETTINGS.format(database=str(own / "alone.sqlite3"), debug=debug)
        (root / f"{name}.py").write_text(text, encoding="utf-8")
    keep_files(root / "desktop-app" / "offline")
    return root


def keep_files(folder: Path) -> None:
    """Kept files of another host, as `desktop-django offline` would keep them."""
    folder.mkdir()
    (folder / "lib.js").write_text("lib()", encoding="utf-8")
    files = [{"address": each, "file": "lib.js", "type": "text/javascript"} for each in ADDRESSES]
    text = json.dumps({"files": files, "folders": []})
    (folder / "manifest.json").write_text(text, encoding="utf-8")


@contextlib.contextmanager
def alone(place: Place, server: str) -> Iterator[Running]:
    """A server on the same code without the desktop layer, yielded once it accepts."""
    arguments = ["-c", ALONE, "{port}", str(place.project), server.split()[0]]
    is_debug = server == "runserver"

    def environment(_port: int, _token: str) -> dict[str, str]:
        settings = "bench_settings_debug" if is_debug else "bench_settings"
        return system_environment() | {"DJANGO_SETTINGS_MODULE": settings}

    with launched(place, arguments, wait_for_port, environment) as running:
        try:
            yield running
        finally:
            running.process.terminate()
