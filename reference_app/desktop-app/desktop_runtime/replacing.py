"""Data that take the place of others in app data as one, whatever ends the program on the way.

Everything is made ready in the folder `portable/`. Before its `swap.json` is there, nothing of it
counts; from then on the new data do, and whoever comes next finishes what is left.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from . import aside, system
from .contract import BackendError, Exit
from .data import make_folders, not_writable, read_json, remove, write_private

SCRATCH = "portable"
JOURNAL = "swap.json"
NEW = "new"
TARGET = "target"
SUFFIX = ".partial"
LOOK_SECONDS = 0.1


@contextlib.contextmanager
def alone(app_data: Path) -> Iterator[Path]:
    """Keep every other backup and restore off the data; yields a folder for what is made.

    What killed ones left is removed. Raises `BackendError` (12 or 16).
    """
    make_folders(app_data)
    scratch = app_data / SCRATCH
    with _locked(app_data) as held:
        if not held or (scratch / JOURNAL).exists():
            raise BackendError(
                Exit.ALREADY_RUNNING,
                "Another backup or restore of these data is under way, or was interrupted.",
                "Wait for its end; what was interrupted, the next start of the app finishes.",
            )
        try:
            _tidy(scratch)
            scratch.mkdir()
        except OSError as error:
            raise not_writable(scratch, error) from error
        try:
            yield scratch
        finally:
            with contextlib.suppress(OSError):
                if not (scratch / JOURNAL).exists():
                    _tidy(scratch)


def settle(app_data: Path) -> None:
    """At a start: finish a restore that was cut off, and remove what a killed backup left.

    Raises `BackendError` (16).
    """
    scratch = app_data / SCRATCH
    while scratch.is_dir():
        with _locked(app_data) as held:
            if held:
                finish(app_data)
                with contextlib.suppress(OSError):
                    _tidy(scratch)
                return
        if not (scratch / JOURNAL).exists():
            return  # a backup is being made, beside this start
        time.sleep(LOOK_SECONDS)


@contextlib.contextmanager
def _locked(app_data: Path) -> Iterator[bool]:
    file = app_data / f"{SCRATCH}.lock"
    try:
        held = system.lock(file)
    except OSError as error:
        raise not_writable(file, error) from error
    with held or contextlib.nullcontext():
        yield held is not None


def _tidy(scratch: Path) -> None:
    """Remove the folder, and the unfinished file or folder that it names. Raises `OSError`."""
    note = scratch / TARGET
    if note.is_file():
        partial = Path(note.read_text(encoding="utf-8"))
        if partial.suffix == SUFFIX and partial.is_dir():
            shutil.rmtree(partial)
        elif partial.suffix == SUFFIX:
            partial.unlink(missing_ok=True)
    if scratch.is_dir():
        shutil.rmtree(scratch)


@contextlib.contextmanager
def noted(target: Path, app_data: Path, what: str) -> Iterator[Path]:
    """Where `target` is made until it is whole; killed on the way, the next start removes it.

    Raises `BackendError` (16) for a place among the data, or one that cannot be written.
    """
    if target.resolve().is_relative_to(app_data.resolve()):
        raise BackendError(
            Exit.NOT_WRITABLE,
            f"{target} lies in the app's own data folder.",
            "Choose another place, best on another disk.",
        )
    partial = target.with_name(f"{target.name}.{os.getpid()}{SUFFIX}")
    try:
        (app_data / SCRATCH / TARGET).write_text(str(partial), encoding="utf-8")
        yield partial
    except OSError as error:
        failure = not_writable(target, error)
        failure.hint = f"Choose another place for the {what}, or make room there."
        raise failure from error


def swap(app_data: Path) -> str:
    """Put what is in `portable/new` in the place of the data; where those are now.

    Raises `BackendError` (16); the data are then as they were.
    """
    from . import portable

    scratch = app_data / SCRATCH
    try:
        folder = aside.new_folder(app_data, "restore")
        old = [
            entry.name
            for entry in app_data.iterdir()
            if portable.is_carried(entry.name) or entry.name in portable.PASSES
        ]
        system.sync_tree(scratch / NEW)
        name = folder.relative_to(app_data).as_posix()
        write_private(scratch / JOURNAL, json.dumps({"aside": name, "old": old}))
        try:
            _put_away(app_data, folder, old)
        except OSError:
            for each in folder.iterdir():
                each.rename(app_data / each.name)
            remove(scratch / JOURNAL)
            raise
    except OSError as error:
        raise not_writable(app_data, error) from error
    finish(app_data)
    return name


def finish(app_data: Path) -> None:
    """Do what is left of a swap that has begun. Raises `BackendError` (16): the next start tries
    again."""
    scratch = app_data / SCRATCH
    journal = read_json(scratch / JOURNAL)
    if journal is None:
        return
    try:
        folder = app_data / journal["aside"]
        _put_away(app_data, folder, journal["old"])
        for entry in [*(scratch / NEW).iterdir()]:
            place = app_data / entry.name
            with contextlib.suppress(OSError):
                place.rmdir()  # every start makes empty folders
            if os.path.lexists(place):
                place.rename(folder / f"{entry.name}.later")
            entry.rename(place)
        system.sync_folder(app_data)
        remove(scratch / JOURNAL)
    except OSError as error:
        raise not_writable(app_data, error) from error


def _put_away(app_data: Path, folder: Path, old: list[str]) -> None:
    """Move the old data aside, but for those that are there already."""
    for name in old:
        if os.path.lexists(app_data / name) and not os.path.lexists(folder / name):
            (app_data / name).rename(folder / name)
    system.sync_folder(folder)
    system.sync_folder(app_data)


def cancel_with_lifeline(lifeline: int = 0) -> None:
    """Interrupt the work when it is asked to end: by a signal, or because the shell closes
    `lifeline`, our standard input. A terminal, a file or the null device there says nothing."""
    # SIGINT too: whoever starts the shell in the background of a script has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    mode = os.fstat(lifeline).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(lifeline, 4096):
                pass
        system.interrupt_main()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def go_through() -> None:
    """From here on it is finished and not interrupted."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
