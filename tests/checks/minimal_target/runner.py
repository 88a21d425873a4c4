"""Starts the notes as a desktop backend, by hand: one file, the standard library and Django.

runner.py serve DATA          serve until standard input ends
runner.py manage DATA ARGS    run a management command
"""

import hmac
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs, quote
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

HERE = Path(__file__).resolve().parent
COMMAND, DATA = sys.argv[1], Path(sys.argv[2])
DATABASE = DATA / "notes.db"
STARTED = time.monotonic()
COOKIE = "notes_session"


class StopError(Exception):
    """Raised to end with a documented exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def say(event: str, **facts: object) -> None:
    """One event."""
    with EVENTS_LOCK:
        os.write(EVENTS, json.dumps({"event": event, **facts}).encode() + b"\n")


def detach() -> tuple[int, int]:
    """Keep lifeline and event stream to ourselves."""
    lifeline, events = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return lifeline, events


def bind(port: int) -> socket.socket:
    """The listening socket, exclusively ours."""
    listener = socket.socket()
    if os.name == "nt":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        raise StopError(11, f"port {port}: {error}") from None
    listener.listen(128)
    return listener


def prepare_data() -> None:
    """The folder and the key."""
    try:
        DATA.mkdir(parents=True, exist_ok=True)
        (DATA / "probe").write_text("")
        (DATA / "probe").unlink()
    except OSError as error:
        raise StopError(16, f"{DATA} cannot be written: {error}") from None
    key, new = DATA / "key", DATA / "key.new"
    if not key.exists():  # whole or not at all: a stop may come at any moment
        with os.fdopen(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
        new.replace(key)


def lock() -> object:
    """Held until the process ends."""
    file = (DATA / "lock").open("a+b")
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise StopError(12, f"{DATA} is in use") from None
    return file


def check_database() -> None:
    """Refuse what is damaged."""
    if not DATABASE.exists():
        return
    if not os.access(DATABASE, os.W_OK):
        raise StopError(16, f"{DATABASE} cannot be written")
    try:
        with closing(sqlite3.connect(f"{DATABASE.as_uri()}?mode=ro", uri=True)) as connection:
            (result,) = connection.execute("PRAGMA quick_check").fetchone()
    except sqlite3.DatabaseError as error:
        result = str(error)
    if result != "ok":
        raise StopError(15, f"{DATABASE} is damaged: {result}")


def load() -> None:
    """Django with the project."""
    os.environ["NOTES_DATA"] = str(DATA)
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    os.environ["PYTHONPATH"] = str(HERE)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.path.insert(0, str(HERE))
    try:
        import django

        django.setup()
    except Exception as error:
        raise StopError(17, f"{type(error).__name__}: {error}") from error


def migrate() -> str:
    """Apply what is pending, with a copy to go back to."""
    from django.core.management import call_command
    from django.db import connection, connections
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    unknown = set(executor.loader.applied_migrations) - set(executor.loader.disk_migrations)
    if unknown:
        raise StopError(13, f"the database knows more: {sorted(unknown)}")
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return "unchanged"
    backup = None
    if executor.loader.applied_migrations:
        backup = DATA / "backups" / f"notes-{time.time_ns()}.db"
        backup.parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(DATABASE)) as old, closing(sqlite3.connect(backup)) as new:
            old.backup(new)
    try:
        call_command("migrate", verbosity=0, interactive=False)
    except Exception as error:
        connections.close_all()
        if backup is None:
            raise
        copy = DATABASE.with_suffix(".restored")
        shutil.copyfile(backup, copy)
        for side in ("-wal", "-shm"):
            Path(f"{DATABASE}{side}").unlink(missing_ok=True)
        copy.replace(DATABASE)
        raise StopError(14, f"a migration failed: {error}") from error
    return "migrated" if backup else "created"


class Guard:
    """In front of Django: who may come in, and the two addresses of the runner."""

    def __init__(self, app: object, port: int, key: str) -> None:
        self.app, self.key = app, key.encode()
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.session = secrets.token_urlsafe(32).encode()

    def __call__(self, environ: dict, start_response: object) -> object:
        path = environ["PATH_INFO"]
        if environ.get("HTTP_HOST") not in self.hosts:
            return self.plain(start_response, "400 Bad Request", b"host")
        if path == "/-/enter":
            return self.enter(environ, start_response)
        if not self.admits(environ):
            return self.plain(start_response, "403 Forbidden", b"no key")
        if path == "/-/ready":
            return self.plain(start_response, "200 OK", b'{"status": "ready"}', "application/json")
        return self.app(environ, start_response)

    def admits(self, environ: dict) -> bool:
        key = environ.get("HTTP_X_NOTES_KEY", "").encode("latin-1")
        if hmac.compare_digest(key, self.key):
            return True
        pairs = (part.strip().partition("=") for part in environ.get("HTTP_COOKIE", "").split(";"))
        sessions = [value.encode("latin-1") for name, _, value in pairs if name == COOKIE]
        return any(hmac.compare_digest(value, self.session) for value in sessions)

    def enter(self, environ: dict, start_response: object) -> list[bytes]:
        query = parse_qs(environ["QUERY_STRING"])
        key = query.get("token", [""])[0].encode()
        if not hmac.compare_digest(key, self.key):
            return self.plain(start_response, "403 Forbidden", b"no key")
        wanted = query.get("next", ["/"])[0]
        safe = wanted.startswith("/") and wanted.isprintable() and "\\" not in wanted
        place = quote(wanted, safe="/?&=%") if safe and not wanted.startswith("//") else "/"
        cookie = f"{COOKIE}={self.session.decode()}; HttpOnly; SameSite=Strict; Path=/"
        page = f'<meta http-equiv="refresh" content="0; url={place.replace("&", "&amp;")}">'
        return self.plain(start_response, "200 OK", page.encode(), "text/html", cookie)

    @staticmethod
    def plain(
        start_response: object, status: str, body: bytes, kind: str = "text/plain", cookie: str = ""
    ) -> list[bytes]:
        headers = [("Content-Type", kind), ("Cache-Control", "no-store")]
        headers += [("Content-Length", str(len(body)))]
        headers += [("Set-Cookie", cookie)] if cookie else []
        start_response(status, headers)
        return [body]


class Handler(WSGIRequestHandler):
    """Quiet, and with a limit on how long a client may dawdle."""

    timeout = 30

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each request; ending waits for them."""

    daemon_threads = False
    block_on_close = True


ServerHandler.http_version = "1.1"


def serve() -> None:
    """All of a launch, from bind to exit."""
    port, key = int(os.environ["NOTES_PORT"]), os.environ.pop("NOTES_KEY")
    if os.name != "nt":
        os.setpgid(0, 0)
    listener = bind(port)
    say("listening", host="127.0.0.1", port=port, pid=os.getpid())
    stopping = threading.Event()
    servers: list[Server] = []

    def follow_the_lifeline() -> None:
        while os.read(LIFELINE, 4096):
            pass
        stopping.set()
        say("stopping", reason="lifeline")
        if servers:
            servers[0].shutdown()
        else:
            os._exit(0)

    threading.Thread(target=follow_the_lifeline, daemon=True).start()
    prepare_data()
    held = lock()
    check_database()
    load()
    state = migrate()
    import django
    from django.core.wsgi import get_wsgi_application

    try:
        application = get_wsgi_application()
    except Exception as error:
        raise StopError(17, str(error)) from error
    server = Server(("127.0.0.1", port), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.server_name, server.server_port = "127.0.0.1", port
    server.setup_environ()
    server.set_app(Guard(application, port, key))
    servers.append(server)
    say(
        "ready",
        seconds=round(time.monotonic() - STARTED, 2),
        python=sys.version.split()[0],
        django=django.__version__,
        database=state,
    )
    if not stopping.is_set():
        server.serve_forever(poll_interval=0.05)
    server.server_close()
    from django.db import connections

    connections.close_all()
    with closing(sqlite3.connect(DATABASE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    held.close()


def end_children() -> None:
    """Take along whatever the project has spawned: it is in our process group."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(os.getpid())], check=False)
    else:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(os.getpid(), signal.SIGTERM)


if COMMAND == "serve":
    LIFELINE, EVENTS = detach()
    EVENTS_LOCK = threading.Lock()
    try:
        serve()
        code = 0
    except StopError as stop:
        code = stop.code
        say("failed", code=f"DDK-RUN-{code}", exit=code, message=str(stop), hint="")
    end_children()
    os._exit(code)
else:
    prepare_data()
    load()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["runner.py", *sys.argv[3:]])
