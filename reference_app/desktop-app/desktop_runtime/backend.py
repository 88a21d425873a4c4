"""The life of the backend, from the first bind to the last checkpoint."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from . import (
    first_run,
    lateready,
    log,
    overlay,
    rehearsal,
    replacing,
    schedulers,
    system,
    trace,
    versions,
    workers,
)
from .channel import Channel
from .contract import (
    Address,
    BackendError,
    Exit,
    Installation,
    Stopped,
    read_address,
    read_installation,
)
from .data import (
    is_storage_fault,
    make_folders,
    not_writable,
    open_folder,
    read_json,
    remove,
    write_private,
)
from .entry import enter, project_failure
from .environment import bring_certificates
from .manifest import Manifest, read_manifest
from .recovery import DEFAULT_DATABASE, Recovery
from .redisserver import RedisServer

SQLITE_WITH_WAL_FIX = (3, 51, 3)
PREPARING_GRACE_SECONDS = 3.0
EXIT_SECONDS = 0.5


def main(payload: Path, arguments: list[str]) -> int:
    """Run the form of launch.py that `arguments` name; returns the exit code.

    What only one form needs is imported there: every start would wait for it.
    """
    match arguments:
        case []:
            gc.disable()
            code = Backend(payload).run()
            system.leave_within(EXIT_SECONDS, code)
            return code
        case ["worker", name]:
            return _run_worker(payload, name)
        case ["manage", *command]:
            return _run_command(payload, command)
        case ["rehearse"]:
            return _rehearse(payload)
        case ["restore", *chosen]:
            from . import restore

            return restore.run(payload, chosen)
        case ["backup", *words]:
            from . import backup

            return backup.run(payload, words)
        case ["export", *words]:
            from . import export

            code = export.run(payload, words, _load_beside)
            system.leave_within(EXIT_SECONDS, code)
            return code
        case ["password"]:
            from . import passwords

            return passwords.run()
    print(
        "usage: launch.py [worker NAME | manage ARGS... | backup FILE | restore NAME "
        "| export FOLDER | password]",
        file=sys.stderr,
    )
    return Exit.CONFIGURATION


def install_overlay(payload: Path) -> None:
    """The overlay alone, for children of the backend."""
    overlay.install(read_installation(), read_manifest(payload / "desktop.toml"))


class Backend:
    """One launch: bound, loaded, migrated, serving, drained."""

    def __init__(self, payload: Path) -> None:
        self.payload, self.project = payload, payload.parent
        self.started = time.monotonic()
        self.channel = Channel()
        # How the lifeline's end is obeyed depends on how far we are; see `_end`.
        self.stage = "loading"
        self.stopping = threading.Event()
        self.server = self.crew = None
        self.deadline = self.started

    def run(self) -> int:
        """Serve until the lifeline ends; returns the exit code, and leaves no process."""
        try:
            self._run()
        except Stopped:
            return Exit.CLEAN
        except Exception as error:
            if self.stopping.is_set() and self.stage == "loading":
                return Exit.CLEAN  # its children were ended under it
            failure = self._failure(error)
            self.channel.send("failed", **failure.as_event())
            with contextlib.suppress(OSError, BackendError):
                _keep_report(failure)
            with contextlib.suppress(OSError):  # the log may be on the disk that is full
                traceback.print_exc()
            return failure.code
        finally:
            system.end_descendants()
        return Exit.CLEAN

    def _failure(self, error: Exception) -> BackendError:
        if isinstance(error, BackendError):
            return error
        if isinstance(error, OSError) or is_storage_fault(error):
            return not_writable(read_installation().app_data, error)
        return project_failure(error, self.project)

    def _run(self) -> None:
        address = read_address()
        installation = read_installation()
        system.contain_descendants()
        try:
            sock = system.listen(address.host, address.port)
        except OSError as error:
            raise BackendError(
                Exit.PORT_TAKEN,
                f"Port {address.port} is taken: {error}",
                "The shell tries another port.",
            ) from error
        data = installation.app_data
        trace.came("socket bound")
        held = open_folder(data)
        self.channel.send("listening", host=address.host, port=address.port, pid=os.getpid())
        self._obey(signal.SIGTERM, signal.SIGINT)
        self.channel.on_end(lambda: self._end("lifeline"))
        manifest = read_manifest(self.payload / "desktop.toml")
        _require_complete_bundle(installation)
        trial = rehearsal.Rehearsal(installation, manifest)
        redis = None
        try:
            replacing.settle(data)
            if manifest.redis_workers:
                redis = RedisServer(data)
            recovery = Recovery(data)
            recovery.run()
            self._judge_version(recovery, manifest)
            first_run.begin(data, data / DEFAULT_DATABASE, data.glob("*.sqlite3"))
            if redis:
                manifest = redis.wait(manifest)
            trace.came("data judged")
            load_project(self.payload, installation, manifest, lateready.install)
            # Modules stay: no collection needs to look at them, neither while they load nor later.
            gc.freeze()
            gc.enable()
            log.write_to(data / "logs")
            self._serve(sock, address, installation, manifest, recovery, trial)
        finally:
            if redis:
                redis.stop()
            first_run.leave(data)
            held.close()

    def _judge_version(self, recovery: Recovery, manifest: Manifest) -> None:
        """Refuse a newer database, and back up an older one, as far as files tell."""
        files = recovery.files().values()
        retired = manifest.retired_migrations
        found = versions.judge(recovery.app_data, self.project, retired, files)
        for file in files:
            if versions.is_older(file, found):
                recovery.back_up(file)

    def _serve(
        self,
        sock: socket.socket,
        address: Address,
        installation: Installation,
        manifest: Manifest,
        recovery: Recovery,
        trial: rehearsal.Rehearsal,
    ) -> None:
        import django

        from .migrations import Databases
        from .serving import make_server

        self.stage = "preparing"
        databases = Databases(installation, manifest, self.project, recovery)
        state = databases.prepare(self._progress, trial)
        trace.came("migrations checked")
        schedulers.let_go()
        try:
            self.server = make_server(self.payload, sock, address, installation, manifest)
        except (Exception, SystemExit) as error:
            databases.close()
            raise project_failure(error, self.project) from error
        trace.came("URLs loaded")
        self.crew = workers.Workers(manifest.workers, installation.app_data)
        self.stage = "serving"
        self.channel.send(
            "ready",
            seconds=round(time.monotonic() - self.started, 3),
            python=sys.version.split()[0],
            django=django.get_version(),
            database=state,
            set_aside=recovery.set_aside,
            not_renewed=databases.kept,
        )
        trace.came("ready")
        databases.hold_open()
        self.crew.start()
        from .scheduled import Schedule

        schedule = Schedule(
            manifest.backups, databases.files.values(), recovery.folder, self._not_backed_up
        )
        schedule.start()
        if not self.stopping.is_set():
            self.server.run()
        schedule.stop()
        self.crew.stop()
        schedulers.wait(self.deadline)
        databases.close()

    def _not_backed_up(self, failure: BackendError) -> None:
        self.channel.send(
            "not-backed-up",
            code=f"DDK-RUN-{failure.code}",
            message=f"Your data could not be backed up. {failure.message}",
            hint=failure.hint,
        )

    def _progress(self, step: rehearsal.Step) -> None:
        if self.stopping.is_set():
            raise Stopped
        self.channel.send(step.event, **step.as_event())

    def _obey(self, *signals: signal.Signals) -> None:
        """A terminal's Ctrl-C and a service manager's TERM end the backend like the lifeline."""
        for number in signals:
            # In a thread: the interrupted code may hold a lock that the end needs.
            signal.signal(
                number, lambda *_: threading.Thread(target=self._end, args=("signal",)).start()
            )

    def _end(self, reason: str) -> None:
        if self.stopping.is_set():
            return
        self.stopping.set()
        self.channel.send("stopping", reason=reason)
        if self.stage == "loading":
            # Nothing of the user's is open yet, and an import cannot be interrupted.
            _leave()
        elif self.stage == "preparing":
            # `_progress` stops between two migrations. A longer one is cut off: its marker
            # makes the next start begin from the backup.
            time.sleep(PREPARING_GRACE_SECONDS)
            if self.stage == "preparing":
                _leave()
        else:
            self.deadline = time.monotonic() + workers.GRACE_SECONDS
            schedulers.end()
            self.crew.end_lifelines()
            self.server.stop()


def load_project(
    payload: Path,
    installation: Installation,
    manifest: Manifest,
    before_setup: Callable[[], None] = lambda: None,
) -> None:
    """Load the project under the overlay. Raises `BackendError` (17 or 18)."""
    try:
        import django
    except ImportError as error:
        raise project_failure(error, payload.parent) from error

    overlay.install(installation, manifest)
    schedulers.hold()
    bring_certificates()
    own_path = {*sys.path}
    enter(payload.parent, manifest)
    # Python children find the overlay (child/sitecustomize.py) and what manage.py made importable.
    added = [folder for folder in sys.path if folder not in own_path]
    child = payload / "desktop_runtime" / "child"
    os.environ["PYTHONPATH"] = os.pathsep.join([str(child), *added])
    # The flags of this process are not theirs: without these they write bytecode into the bundle.
    if installation.packaged:
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    else:
        os.environ["PYTHONPYCACHEPREFIX"] = str(installation.app_data / "pycache")
    try:
        overlay.verify()
        before_setup()
        trace.came("settings")
        django.setup()
        trace.came("applications")
        overlay.verify()
        from . import sites

        sites.install(manifest.name)
    except (Exception, SystemExit) as error:
        if isinstance(error, BackendError):
            raise
        raise project_failure(error, payload.parent) from error


def _require_complete_bundle(installation: Installation) -> None:
    """Before 3.51.3 SQLite can lose the write-ahead log (https://sqlite.org/wal.html)."""
    import sqlite3

    staged = read_json(installation.bundle / "runtime-manifest.json")
    if installation.packaged and staged is None:
        raise BackendError(
            Exit.BUNDLE_INCOMPLETE,
            f"{installation.bundle} holds no runtime-manifest.json: it is no finished bundle.",
            "Install the app again; for developers: `desktop-django stage`.",
        )
    if sqlite3.sqlite_version_info < SQLITE_WITH_WAL_FIX:
        message = f"SQLite {sqlite3.sqlite_version} has the WAL-reset fault fixed in 3.51.3."
        if installation.packaged and not staged.get("allow_old_sqlite"):
            raise BackendError(Exit.BUNDLE_INCOMPLETE, message, "Stage with a current Python.")
        print(f"warning: {message}", file=sys.stderr)


def _run_worker(payload: Path, name: str) -> int:
    channel = Channel()
    try:
        installation, manifest = read_installation(), read_manifest(payload / "desktop.toml")
        worker = manifest.workers[name]
        channel.on_end(lambda: workers.end_with_lifeline(worker))
        held = workers.await_predecessor(name, installation.app_data / "logs")
        _load_beside(payload, installation, manifest)
    except BackendError as failure:
        return _refused(failure)
    workers.run(worker, installation)
    if held:
        held.close()
    return Exit.CLEAN


def _run_command(payload: Path, command: list[str]) -> int:
    from django.core.management import execute_from_command_line

    try:
        installation, manifest = read_installation(), read_manifest(payload / "desktop.toml")
        _load_beside(payload, installation, manifest)
        if command[:1] != ["makemigrations"]:  # it may be asked to write those that are absent
            from .migrations import leave_out_absent

            leave_out_absent()
    except BackendError as failure:
        return _refused(failure)
    execute_from_command_line(["manage.py", *command])
    return Exit.CLEAN


def _rehearse(payload: Path) -> NoReturn:
    """The process of a rehearsal: migrate the copy in the app data folder of its environment."""
    from .migrations import Databases

    channel = Channel()
    channel.on_end(_leave)
    redis = None
    try:
        installation, manifest = read_installation(), read_manifest(payload / "desktop.toml")
        data = rehearsal.require_copy(installation.app_data)
        make_folders(data)
        if manifest.redis_workers:
            redis = RedisServer(data)
            manifest = redis.wait(manifest)
        load_project(payload, installation, manifest, lambda: rehearsal.prepare(data))
        databases = Databases(installation, manifest, payload.parent, Recovery(data))
        databases.rehearse(lambda step: channel.send(step.event, **step.as_event()))
        channel.send(rehearsal.DONE)
    except BackendError as failure:
        channel.send("failed", **failure.as_event())
        traceback.print_exc()
    finally:
        if redis:
            redis.stop()
    _leave()


def _leave() -> NoReturn:
    system.end_descendants()
    os._exit(Exit.CLEAN)


def _keep_report(failure: BackendError) -> None:
    if failure.report:
        from . import report

        write_private(read_installation().app_data / "logs" / report.FILE, failure.report)


def _load_beside(payload: Path, installation: Installation, manifest: Manifest) -> None:
    make_folders(installation.app_data)
    replacing.settle(installation.app_data)
    # Killed, this process leaves a log that the next start must take for its own.
    remove(installation.app_data / "clean.json")
    load_project(payload, installation, manifest)


def _refused(failure: BackendError) -> int:
    print(f"DDK-RUN-{failure.code}: {failure.message}\n{failure.hint}", file=sys.stderr)
    return failure.code
