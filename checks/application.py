"""Opening a packaged application as a person does, and watching it from outside.

It is opened from a copy, with a home folder lent to it. What its windows and its updater ask for
goes to a proxy that writes it down and, in the place of its feed, offers a newer version.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from checks import database, scratch_copy
from checks.backend import HOST, NO_TLS
from checks.bundle import MANIFEST
from checks.display import display
from checks.limits import KILLED_SHELL_SECONDS, START_SECONDS
from checks.processes import ProcessTree, backends_below
from checks.shell import ORIGINS, STEERING, flags, until
from checks.target import Target
from checks.verdicts import NotRun

WINDOWS, MACOS, LINUX = (sys.platform == name for name in ("win32", "darwin", "linux"))
SETTINGS_OF_UPDATER = "app-update.yml"
FEED = "feed.ddk-checks.invalid"
NEWER = "newer-999.0.0"
OF_CHROMIUM = "resources.pak"  # lies beside its program
FORMAT = "exe" if WINDOWS else "AppImage"
OFFER = f"""version: 999.0.0
files:
  - url: {NEWER}.{FORMAT}
    sha512: AAAA
    size: 4096
path: {NEWER}.{FORMAT}
sha512: AAAA
releaseDate: '2026-01-01T00:00:00.000Z'
"""

WATCHED_SECONDS = 6.0
QUIT_SECONDS = 40.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Packaged:
    """A copy of a packaged application, with the probe in its bundle."""

    program: Path
    is_chromium: bool

    def command(self, _project: Path, _target: Target) -> list[str]:
        """The command line that opens it."""
        return [str(self.program), *(flags() if self.is_chromium else ())]


def with_probe(target: Target, application: Path, folder: Path) -> tuple[Target, Packaged]:
    """Copy `application` below `folder`, where its backend answers under `/ddk-probe/`.

    Raises NotRun where it has nothing to open.
    """
    place = folder / application.name
    shutil.copytree(application, place, symlinks=True)
    bundle = place / target.bundle.relative_to(application)
    python = bundle / target.python.relative_to(target.bundle)
    copy = replace(target, root=place, bundle=bundle, project=bundle / "app", python=python)
    scratch_copy.add_probe(copy)
    program = find_program(place)
    if program is None:
        raise NotRun(f"{application.name} has no program to open")
    return copy, Packaged(program, (program.parent / OF_CHROMIUM).exists())


@dataclass
class Opened:
    """One launch of a copy, from its first process to the removal of the copy."""

    has_feed: bool = False
    problem: str = ""
    """Why it did not come to serve; empty when it did."""
    requests: list[str] = field(default_factory=list)
    """What was asked for elsewhere, as method and address."""
    home: Path = Path()
    app_data: Path = Path()
    exit: int | None = None
    left: list[str] = field(default_factory=list)
    """Processes that were there after it was asked to quit."""
    stored: str = ""
    """Digest of the database when the application had ended."""
    stored_after_removal: str = ""
    """The same when its folder had been removed; empty when the database went with it."""

    @property
    def elsewhere(self) -> list[str]:
        """Requests that are no look at the feed."""
        looks = f"GET http://{FEED}/"
        return [r for r in self.requests if not (r.startswith(looks) and ".yml" in r)]


def open_once(target: Target, application: Path, folder: Path) -> Opened:
    """Copy `application` below `folder`, open it, watch, ask it to quit, remove the copy.

    Raises NotRun where that is impossible.
    """
    opened = Opened(home=folder / "home")
    opened.home.mkdir(parents=True)
    place = folder / "installed here" / application.name
    shutil.copytree(application, place, symlinks=True)
    opened.has_feed = _redirect_feed(target, place)
    program = find_program(place)
    if program is None:
        opened.problem = f"{application.name} has no program to open"
        return opened
    with _Watcher() as watcher, display() as screen:
        opener = _open(program, opened.home, watcher.port, screen)
        launch = _Launch(opener, (program.parent / OF_CHROMIUM).exists())
        try:
            _watch(opened, launch)
        finally:
            opened.exit, opened.left = launch.end()
        opened.requests = sorted({*watcher.requests, *launch.connections})
    if opened.app_data.is_dir() and opened.app_data != Path():
        opened.stored = _contents(opened.app_data)
    shutil.rmtree(place, ignore_errors=True)
    opened.stored_after_removal = _contents(opened.app_data) if opened.stored else ""
    return opened


def find_program(place: Path) -> Path | None:
    """The program a person opens: the largest one at the top of the application's folder."""
    inside = sorted([*place.glob("*.app/Contents/MacOS"), *place.glob("Contents/MacOS")])
    found = [
        path
        for path in (inside[0] if MACOS and inside else place).iterdir()
        if path.is_file()
        and (path.suffix == ".exe" if WINDOWS else not path.suffix and os.access(path, os.X_OK))
    ]
    return max(found, key=lambda path: path.stat().st_size, default=None)


def _redirect_feed(target: Target, place: Path) -> bool:
    """Let the copy take its updates from the watcher; whether it has a feed at all."""
    if not target.manifest.get("package", {}).get("feed"):
        return False
    resources = next(place.rglob(MANIFEST)).parents[1]
    settings = f"provider: generic\nurl: http://{FEED}/\nupdaterCacheDirName: ddk-checks\n"
    (resources / SETTINGS_OF_UPDATER).write_text(settings, encoding="utf-8")
    return True


def _open(program: Path, home: Path, proxy: int, screen: dict[str, str]) -> subprocess.Popen[bytes]:
    as_root = LINUX and os.geteuid() == 0
    flags = [f"--proxy-server=http://{HOST}:{proxy}", *(["--no-sandbox"] if as_root else [])]
    inherited = {n: v for n, v in os.environ.items() if not n.upper().startswith(STEERING)}
    own = {
        "HOME": home,
        # What macOS itself takes for the home folder, before it asks who the user is.
        "CFFIXED_USER_HOME": home,
        "USERPROFILE": home,
        "LOCALAPPDATA": home / "local",
        "APPDATA": home / "roaming",
        "XDG_CONFIG_HOME": home / "config",
        "XDG_CACHE_HOME": home / "cache",
        "XDG_DATA_HOME": home / "data",
        # Where Chromium leaves its sockets when it is killed.
        **({"TMPDIR": home} if LINUX else {}),
        # The updater of AppImages looks only where it runs as one.
        **({"APPIMAGE": program} if LINUX else {}),
    }
    for folder in ("local", "roaming"):
        (home / folder).mkdir()
    with (home / "output.log").open("wb") as output:
        return subprocess.Popen(
            [str(program), *flags],
            cwd=home,
            env=inherited | {name: str(value) for name, value in own.items()} | screen,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def _watch(opened: Opened, launch: _Launch) -> None:
    """Wait until it serves, then for what it does unasked."""
    until(launch.serves, START_SECONDS, lambda: launch.process.poll() is not None)
    environment = launch.environment
    if not environment:
        log = (opened.home / "output.log").read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        code = launch.process.poll()
        state = "still running" if code is None else f"exit {code}"
        opened.problem = f"it did not come to serve: {state}, {(lines or ['it said nothing'])[-1]}"
        return
    opened.app_data = Path(environment["DESKTOP_DJANGO_APP_DATA_DIR"])
    deadline = time.monotonic() + WATCHED_SECONDS
    while time.monotonic() < deadline:
        launch.note_connections()
        time.sleep(POLL_SECONDS)


class _Launch:
    """A launch: its backend, and the connections of its processes."""

    def __init__(self, process: subprocess.Popen[bytes], is_chromium: bool) -> None:
        self.process = process
        # The window of others may be that of a child.
        self.below = [] if is_chromium else ["/T"]
        self.environment: dict[str, str] = {}
        """What the backend that serves was given; empty until there is one."""
        self.connections: set[str] = set()
        self.tree = ProcessTree(process)

    def serves(self) -> bool:
        """Whether a backend answers that it is ready."""
        self.note_connections()
        for backend in backends_below(self.process.pid):
            with contextlib.suppress(psutil.Error, httpx.HTTPError, KeyError):
                given = backend.environ()
                address = f"{ORIGINS}{given['DESKTOP_DJANGO_PORT']}/health/"
                token = {"X-Desktop-Django-Token": given["DESKTOP_DJANGO_AUTH_TOKEN"]}
                answer = httpx.get(
                    address, headers=token, trust_env=False, timeout=2, verify=NO_TLS
                )
                if answer.status_code < 500:
                    self.environment = given
        return bool(self.environment)

    def note_connections(self) -> None:
        """Write down connections to other machines, which no proxy sees."""
        for each in self.tree.survivors():
            with contextlib.suppress(psutil.Error):
                for connection in each.net_connections("inet"):
                    if connection.raddr and not _is_loopback(connection.raddr.ip):
                        ip, port = connection.raddr
                        self.connections.add(f"CONNECT {ip}:{port}")

    def end(self) -> tuple[int | None, list[str]]:
        """Ask it to quit; its exit code (None: it went on) and what was left. Nothing remains."""
        self.tree.descendants()
        if WINDOWS:
            command = ["taskkill", *self.below, "/PID", str(self.process.pid)]
            subprocess.run(command, capture_output=True)
        else:
            self.process.terminate()
        code = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(QUIT_SECONDS)
        left, _ = self.tree.gone_within(KILLED_SHELL_SECONDS)
        self.tree.end()
        return code, left


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address in ("::1", "::ffff:127.0.0.1")


def _contents(app_data: Path) -> str:
    if not app_data.is_dir():
        return ""
    with contextlib.suppress(AssertionError):
        return database.contents(database.main_file(app_data))
    return ""


class _Watcher:
    """A proxy that writes down what is asked for and answers nothing but the feed."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        requests = self.requests

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                requests.append(f"{self.command} {self.path}")
                asked = urlsplit(self.path)
                offered = asked.hostname == FEED and asked.path.endswith(".yml")
                body = OFFER.encode() if offered else b""
                self.send_response(200 if offered else 403)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = do_CONNECT = handle_any  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> _Watcher:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
