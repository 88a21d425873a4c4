"""The starts of the target: few, each observed once, with many checks looking at what was seen.

A fixture that cannot bring its start about raises, and every check that depends on it reports why.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright import sync_api as playwright

from checks import accounts, database, files, records
from checks.application import Opened, open_once
from checks.backend import (
    ANSWER_LIMIT,
    KILLED_SHELL_LIMIT,
    NO_TLS,
    POLITE_LIMIT,
    START_LIMIT,
    STOP_LIMIT,
    STOP_WHILE_STARTING_LIMIT,
    Answer,
    Backend,
    Ending,
    TargetFailedError,
    free_port,
    manage,
    marked,
    new_token,
    run_to_end,
)
from checks.launches import place  # noqa: F401
from checks.pages import Visitor, new_text
from checks.records import Way
from checks.target import PAYLOAD, Target
from checks.verdicts import NotApplicable, NotRun, NotTested, PrerequisiteError

EARLY_CONNECTIONS = 20
SYSTEM_CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
UNUSUAL = "Ünï cödé dir/with space"


@dataclass(frozen=True)
class FirstRun:
    """A start on a folder that did not exist, and a stop."""

    app_data: Path
    port: int
    events: list[dict[str, Any]]
    noise: list[bytes]
    early: list[int | None]
    """Statuses of requests sent at `listening`."""
    applied_at_health: set[tuple[str, str]]
    """Migrations in the database when the first early health request got its 200."""
    applied_later: set[tuple[str, str]]
    listening: list[tuple[str, int, int]]
    changed: list[str]
    """Files of the bundle that differ afterwards."""
    exit: int | None
    seconds_to_stop: float
    left: list[str]
    """Processes that were there STOP_LIMIT seconds after the stop."""
    way: Way | None

    @property
    def patience(self) -> float:
        """Seconds to wait for the end of a later start: who was deaf once is deaf again."""
        return POLITE_LIMIT if self.exit is None else STOP_LIMIT


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder for everything the suite writes; nothing in it and no process of it remains."""
    folder = Path(tempfile.mkdtemp(prefix="ddk-checks-")).resolve()
    try:
        yield folder
    finally:
        left = list(marked(folder))
        for process in left:
            with contextlib.suppress(Exception):
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def first_run(target: Target, scratch: Path, pytestconfig: pytest.Config) -> FirstRun:
    """The start of a new user: folder absent, migrations pending, requests from `listening` on."""
    app_data = scratch / "first"
    before = files.digests(target.bundle)
    with Backend(target, app_data) as backend:
        backend.wait_for("listening")
        early = _Early(backend)
        backend.ready()
        early.join()
        listening = backend.listening()
        later = database.applied(app_data)
        way = None
        with contextlib.suppress(TargetFailedError):
            accounts.let_in(backend)
            way = records.find(backend, pytestconfig.option.form)
        code, seconds = backend.stop()
        left, _ = backend.gone_within(0 if code is None else STOP_LIMIT)
    return FirstRun(
        app_data=app_data,
        port=backend.port,
        events=backend.events,
        noise=backend.noise,
        early=early.statuses,
        applied_at_health=early.applied,
        applied_later=later,
        listening=listening,
        changed=files.changes(before, files.digests(target.bundle)),
        exit=code,
        seconds_to_stop=seconds,
        left=left,
        way=way,
    )


class _Early:
    """Requests that a shell sends at once, without waiting for readiness."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.statuses: list[int | None] = []
        self.applied: set[tuple[str, str]] = set()
        self._threads = [
            threading.Thread(target=self._ask, args=(n,), daemon=True)
            for n in range(EARLY_CONNECTIONS)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, number: int) -> None:
        status = None
        with contextlib.suppress(TargetFailedError):
            status = self.backend.get(self.backend.target.health_path, limit=START_LIMIT).status
        if number == 0 and status == 200:
            self.applied = database.applied(self.backend.app_data)
        self.statuses.append(status)

    def join(self) -> None:
        deadline = time.monotonic() + ANSWER_LIMIT
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))


@pytest.fixture(scope="session")
def has_database(target: Target, first_run: FirstRun) -> bool:
    """Whether there should be one: a few projects keep nothing, and have no migration."""
    with contextlib.suppress(AssertionError):
        return bool(database.main_file(first_run.app_data))
    plan = manage(target, first_run.app_data, "showmigrations", "--plan", environment={})
    return plan is None or "(no migrations)" not in plan


@pytest.fixture(scope="session")
def needs_database(has_database: bool) -> None:
    """Let a criterion on databases be none for a target without migrations."""
    if not has_database:
        raise NotApplicable("the target has no migrations, so it has no database")


@pytest.fixture(scope="session")
def copies(first_run: FirstRun, scratch: Path) -> Any:
    """Make app data folders that have had their first run: `copies("name")`."""
    return _copier(first_run.app_data, scratch)


@pytest.fixture(scope="session")
def settled_copies(target: Target, copies: Any, scratch: Path) -> Any:
    """The same after another start: what a project writes whenever it starts is in them."""
    app_data = copies("settled")
    with contextlib.suppress(TargetFailedError), Backend(target, app_data) as backend:
        backend.ready()
        backend.stop()
    return _copier(app_data, scratch)


def _copier(app_data: Path, scratch: Path) -> Any:
    def copy(name: str) -> Path:
        if app_data.is_dir():
            shutil.copytree(app_data, scratch / name)
        else:
            (scratch / name).mkdir(parents=True)
        return scratch / name

    return copy


@pytest.fixture(scope="session")
def live(target: Target, copies: Any) -> Iterator[Backend]:
    """A backend that serves while checks talk to it."""
    with Backend(target, copies("live")) as backend:
        yield backend.ready()


@pytest.fixture(scope="session")
def probe_target(target: Target, scratch: Path) -> Target:
    """A scratch copy of the target that answers under `/ddk-probe/`."""
    return target.copied_to(scratch / "project")


@dataclass(frozen=True)
class Probed:
    """What a copy of the target shows of its inside, and how it ends in the middle of a request."""

    app_data: Path
    info: dict[str, Any]
    child: dict[str, Any]
    token: str
    changed: list[str]
    slow: Answer | None
    exit: int | None
    left: list[str]


@pytest.fixture(scope="session")
def probed(probe_target: Target, copies: Any, first_run: FirstRun) -> Probed:
    """A start of the copy that is asked about itself and then stopped while it is busy."""
    app_data = copies("probed")
    before = files.digests(probe_target.bundle)
    answers: list[Answer] = []

    def ask() -> None:
        with contextlib.suppress(TargetFailedError):
            answers.append(backend.get("/ddk-probe/slow/"))

    with Backend(probe_target, app_data) as backend:
        backend.ready()
        Visitor(backend).go_on()
        info = backend.probe("info")
        child = backend.probe("child")
        backend.probe("spawn")
        busy = threading.Thread(target=ask, daemon=True)
        busy.start()
        backend.said("ddk-probe: a slow request begins")
        code, _ = backend.stop(first_run.patience)
        busy.join(STOP_LIMIT)
        hopeless = code is None or first_run.left
        left, _ = backend.gone_within(0 if hopeless else STOP_LIMIT)
    return Probed(
        app_data=app_data,
        info=info,
        child=child,
        token=backend.token,
        changed=files.changes(before, files.digests(probe_target.bundle)),
        slow=answers[0] if answers else None,
        exit=code,
        left=left,
    )


@dataclass(frozen=True)
class Killed:
    """How a backend fares whose shell is killed."""

    secret: str
    left: list[str]
    seconds: float


@pytest.fixture(scope="session")
def shell_killed(probe_target: Target, copies: Any) -> Killed:
    """A start held by another process, which is killed while a child of the target runs."""
    with Backend(probe_target, copies("held"), held=True) as backend:
        backend.ready()
        secret = backend.probe("info")["secret"]
        backend.probe("spawn")
        backend.kill()
        left, seconds = backend.gone_within(KILLED_SHELL_LIMIT)
        return Killed(secret, left, seconds)


@dataclass(frozen=True)
class SecondInstall:
    """A second new user, who first changes their mind."""

    stopped_with: int | None
    seconds_to_stop: float
    reason: str
    """Why the start after it failed; empty when it did not."""
    secret: str


@pytest.fixture(scope="session")
def second_install(probe_target: Target, scratch: Path) -> SecondInstall:
    """Stop at `listening` of a first start, then start again on the same folder."""
    app_data = scratch / "second"
    with Backend(probe_target, app_data) as backend:
        backend.wait_for("listening")
        code, seconds = backend.stop(STOP_WHILE_STARTING_LIMIT)
    reason, secret = "", ""
    with Backend(probe_target, app_data) as backend:
        try:
            accounts.let_in(backend.ready())
            secret = backend.probe("info")["secret"]
        except TargetFailedError as error:
            reason = str(error)
    return SecondInstall(code, seconds, reason, secret)


@dataclass
class Restarts:
    """Records before and after a kill, a restart on the same port, and a clean stop."""

    way: Way | None = None
    reason: str = ""
    """Why there is no way to save a record."""
    saved: list[str] = field(default_factory=list)
    after_kill: list[str] = field(default_factory=list)
    integrity: str = ""
    """Complaints of integrity_check after the kill."""
    rebound: str = ""
    """Why the start on the same port failed; empty when it did not."""
    old_header: int | None = None
    old_cookie: int | None = None
    new_header: int | None = None
    same_port: int = 0
    new_backups: list[str] = field(default_factory=list)
    kept: str = ""
    """The record saved before a clean stop."""
    kept_on_disk: bool = False
    kept_after_start: bool = False
    unmerged: list[str] = field(default_factory=list)
    killed_data: Path = Path()

    def needs_a_way(self) -> None:
        """Raise NotTested where no record could be saved for want of a form."""
        if self.way is None:
            raise NotTested(self.reason)


@pytest.fixture(scope="session")
def restarts(target: Target, copies: Any, first_run: FirstRun, scratch: Path) -> Restarts:
    """Save, kill, start on the same port, save, stop, start."""
    app_data = copies("restarts")
    result = Restarts(way=first_run.way)
    admin = ""
    if result.way is None:
        try:
            admin = records.open_admin(target, app_data)
        except NotTested as error:
            result.reason = str(error)
    port, old_token = free_port(), new_token()
    result.same_port = port
    with Backend(target, app_data, port=port, token=old_token) as backend:
        backend.ready()
        cookies = bootstrap_cookies(backend)
        if admin:
            try:
                result.way = records.find_in_admin(backend, admin)
            except NotTested as error:
                result.reason = str(error)
        if result.way:
            # Not looked for before the kill: what counts is that it was acknowledged.
            for text in (new_text(), new_text(), new_text()):
                if records.send(backend, result.way, text):
                    result.saved = [*(result.saved if result.way.creates else ()), text]
        # A connection that is open when the process dies leaves its port in TIME_WAIT, but only
        # one that it has accepted: hence an answer first.
        with httpx.Client(trust_env=False, verify=NO_TLS) as client:
            with contextlib.suppress(httpx.HTTPError):
                address = f"{backend.origin}{target.health_path}"
                client.get(address, headers={target.header: old_token}, timeout=ANSWER_LIMIT)
            backend.kill()
            backend.gone_within(KILLED_SHELL_LIMIT)
    stored = database.files(app_data)
    result.integrity = "; ".join(i for i in map(database.integrity, stored) if i != "ok")
    result.after_kill = [t for t in result.saved if records.is_kept(app_data, t)]
    result.killed_data = Path(shutil.copytree(app_data, scratch / "killed"))
    old_backups = database.backups(app_data)
    with Backend(target, app_data, port=port) as backend:
        try:
            backend.ready()
        except TargetFailedError as error:
            result.rebound = str(error)
    with Backend(target, app_data, port=None if result.rebound else port) as backend:
        backend.ready()
        home = target.home
        result.new_header = backend.get(target.health_path).status
        result.old_header = backend.get(home, token=old_token).status
        if cookies:
            result.old_cookie = backend.get(home, token=None, cookies=cookies).status
        if result.way:
            text = new_text()
            result.kept = text if records.save(backend, result.way, text) else ""
        backend.stop(first_run.patience)
    result.new_backups = sorted(p.name for p in database.backups(app_data) - old_backups)
    result.unmerged = [
        p.name for p in app_data.rglob("*-wal") if p.stat().st_size and "backups" not in p.parts
    ]
    result.kept_on_disk = records.is_kept(app_data, result.kept)
    with Backend(target, app_data) as backend, contextlib.suppress(TargetFailedError):
        backend.ready()
        result.kept_after_start = records.is_kept(app_data, result.kept)
    return result


@pytest.fixture(scope="session")
def browser() -> Iterator[playwright.Browser]:
    """Chromium: Playwright's own where it is installed, else the system's."""
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = [*FLAGS, "--no-sandbox"] if as_root else FLAGS
    with playwright.sync_playwright() as api:
        own = Path(api.chromium.executable_path)
        if not own.exists() and not SYSTEM_CHROMIUM.exists():
            raise PrerequisiteError("no Chromium: run `playwright install chromium`")
        executable = own if own.exists() else SYSTEM_CHROMIUM
        chromium = api.chromium.launch(executable_path=executable, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def opened(probe_target: Target, copies: Any) -> Iterator[Backend]:
    """A copy of the target that serves from a folder which everybody could read before."""
    app_data = copies("opened")
    for path in [app_data, *app_data.rglob("*")]:
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    with Backend(probe_target, app_data) as backend:
        yield backend.ready()


def bootstrap_cookies(backend: Backend) -> dict[str, str]:
    """The cookies of the bootstrap address; empty where it sets none."""
    visitor = Visitor(backend)
    with contextlib.suppress(TargetFailedError):
        visitor.get(f"{backend.target.bootstrap_path}?token={backend.token}&next=/")
    return visitor.cookies


def kill_first_start(target: Target, app_data: Path, last: dict[str, Any] | None) -> None:
    """Kill a first start once its database is there, or at the step `last`, or when it serves."""

    def reached(backend: Backend) -> bool:
        if last is None:
            return any(path.stat().st_size for path in app_data.glob("*.sqlite3"))
        return any(event.get("name") == last["name"] for event in backend.events)

    with Backend(target, app_data) as backend:
        while backend.process.poll() is None and not backend.event("ready"):
            if reached(backend) or backend.quiet():
                break
            time.sleep(0.001)
        backend.kill()


@dataclass(frozen=True)
class Migrated:
    """A start of a newer version: the copy of the target has migrations that are pending."""

    before: str
    after: str
    backups: list[Path]
    ending: Ending
    applied: set[str]
    """Those of the new migrations that the database has afterwards."""
    rows: int
    """How many there were before."""
    lost: list[str]
    """Those of them that are gone, by table."""


def kill_update(probe_target: Target, app_data: Path) -> None:
    """Kill a start of a newer version in the middle of its migrations."""
    path = database.main_file(app_data)
    database.add_unmerged(path)
    with contextlib.ExitStack() as stack:
        for name in ("ddk_probe_migrations", "ddk_probe_slow_migration"):
            stack.enter_context(switched(probe_target, name))
        backend = stack.enter_context(Backend(probe_target, app_data))
        # The first of the two is applied then, and the second lasts.
        while (
            not backend.event("ready") and not backend.quiet() and backend.exit_code(0.05) is None
        ):
            if any(app == "ddk_probe_app" for app, _ in database.migrations(path)):
                break
        backend.kill()


def start_newer(probe_target: Target, app_data: Path, *switches: str) -> Migrated:
    """Start a newer version, and stop it once it serves."""
    path = database.main_file(app_data)
    database.add_unmerged(path)
    before, old = database.contents(path), database.backups(app_data)
    rows = database.rows(path)
    with contextlib.ExitStack() as stack:
        for name in ("ddk_probe_migrations", *switches):
            stack.enter_context(switched(probe_target, name))
        ending = run_to_end(probe_target, app_data)
    return Migrated(
        before=before,
        after=database.contents(path),
        backups=sorted(database.backups(app_data) - old),
        ending=ending,
        applied={name for app, name in database.migrations(path) if app == "ddk_probe_app"},
        rows=len(rows),
        lost=sorted({table for table, _ in rows - rows_after(path)}),
    )


def rows_after(path: Path) -> set[tuple[str, int]]:
    """Table and row id of every row; a database that was spoilt has none."""
    with contextlib.suppress(sqlite3.DatabaseError, OSError):
        return database.rows(path)
    return set()


@pytest.fixture(scope="session")
def migrated(probe_target: Target, settled_copies: Any) -> Migrated:
    """Two pending migrations that work."""
    return start_newer(probe_target, settled_copies("migrated"))


@pytest.fixture(scope="session")
def migration_failed(probe_target: Target, settled_copies: Any) -> Migrated:
    """Two pending migrations; the second fails."""
    return start_newer(probe_target, settled_copies("failing"), "ddk_probe_fail_migration")


@pytest.fixture(scope="session")
def application(pytestconfig: pytest.Config) -> Path:
    """The folder of the packaged application."""
    app = pytestconfig.option.app
    return (app if app.is_dir() else app.parent).resolve()


@pytest.fixture(scope="session")
def opened_application(
    target: Target, application: Path, scratch: Path, pytestconfig: pytest.Config
) -> Opened:
    """The packaged application, opened once from a copy; an error where --shell asks for it."""
    try:
        return open_once(target, application, scratch / "application")
    except NotRun as error:
        if pytestconfig.option.shell:
            raise PrerequisiteError(f"--shell: {error}") from None
        raise


@pytest.fixture(scope="session")
def load_failure(probe_target: Target, copies: Any) -> Ending:
    """A start of a copy that raises an error when it is loaded."""
    app_data = copies("unloadable")
    with switched(probe_target, "ddk_probe_fail"):
        return run_to_end(probe_target, app_data)


@dataclass(frozen=True)
class Chatty:
    """A start of a copy that prints and reads at import."""

    noise: list[bytes]
    events: list[str]
    reason: str
    flooded: str
    """Why it did not survive a flood of output; empty when it did."""


@pytest.fixture(scope="session")
def chatty(probe_target: Target, copies: Any, first_run: FirstRun) -> Chatty:
    """Print, read, then write more than a pipe holds while nobody reads."""
    app_data = copies("chatty")
    reason = flooded = ""
    with switched(probe_target, "ddk_probe_chatter"), Backend(probe_target, app_data) as backend:
        try:
            backend.ready().get("/ddk-probe/chatter/")
        except TargetFailedError as error:
            reason = str(error)
        noise = list(backend.noise)
        backend.reading.clear()
        try:
            backend.get("/ddk-probe/flood/", limit=STOP_LIMIT)
            backend.get(probe_target.health_path)
        except TargetFailedError as error:
            flooded = str(error)
        backend.reading.set()
        if flooded:
            backend.end_tree()
        elif backend.stop(first_run.patience)[0] is None and not reason:
            reason = "end of file on its lifeline no longer ends it"
    return Chatty(noise, [e["event"] for e in backend.events], reason, flooded)


@contextlib.contextmanager
def switched(probe_target: Target, name: str) -> Iterator[None]:
    """Let the probe do something at import while the block runs."""
    switch = probe_target.probe_switches / name
    switch.touch()
    try:
        yield
    finally:
        switch.unlink()


@contextlib.contextmanager
def bringing(probe_target: Target, folder: str) -> Iterator[Path]:
    """Let the copy bring a folder of the project along, as `media/FOLDER` in app data."""
    path = probe_target.project / PAYLOAD / "desktop.toml"
    if not path.is_file():
        raise NotApplicable("it has no desktop.toml to name files that come with it")
    text = path.read_text(encoding="utf-8")
    entry = f'{{ from = "{folder}", to = "media/{folder}" }}'
    data = tomllib.loads(text).get("data")
    if data is None:
        changed = f"{text}\n[data]\nseed = [{entry}]\n"
    elif "seed" in data:
        changed = re.sub(r"(?m)^seed\s*=\s*\[", f"seed = [{entry}, ", text, count=1)
    else:
        changed = re.sub(r"(?m)^\[data\].*$", f"[data]\nseed = [{entry}]", text, count=1)
    if not any(e["from"] == folder for e in tomllib.loads(changed)["data"].get("seed", [])):
        raise NotRun("[data] of its desktop.toml is written in a form that is not changed here")
    path.write_text(changed, encoding="utf-8")
    (probe_target.project / folder).mkdir()
    try:
        yield probe_target.project / folder
    finally:
        path.write_text(text, encoding="utf-8")
        shutil.rmtree(probe_target.project / folder)


@pytest.fixture(scope="session")
def hostile_environment(scratch: Path) -> dict[str, str]:
    """What another Python program may have left in the user's environment."""
    folder = scratch / "pythonpath"
    folder.mkdir()
    for name in ("django", "sqlite3", "sitecustomize", "json"):
        (folder / f"{name}.py").write_text("raise SystemExit('read from PYTHONPATH')\n")
    return {
        "PYTHONPATH": str(folder),
        "PYTHONHOME": str(scratch / "nowhere"),
        "PYTHONSTARTUP": str(folder / "json.py"),
        "PYTHONOPTIMIZE": "2",
    }


def not_root() -> bool:
    """Whether permissions mean anything to this process."""
    return not hasattr(os, "geteuid") or os.geteuid() != 0
