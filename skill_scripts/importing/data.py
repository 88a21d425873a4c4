"""Brings a project's existing data into the development data of its desktop app, whole or not.

Everything is made beside the development data and takes its place at the end; what was there is set
aside. Rows are read and written by the project's own Django, in `desktop_import`.
"""

import errno
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from skill_scripts.backend import contract, interpreter_flags
from skill_scripts.dependencies.environment import bytecode_cache
from skill_scripts.development import (
    app_data_folder,
    finish_replacing,
    replace,
    require_unused,
)
from skill_scripts.errors import KitError
from skill_scripts.findings.surveyed import Progress
from skill_scripts.importing.cluster import loaded
from skill_scripts.importing.source import PG_DUMP, SQLITE, Source, recognise
from skill_scripts.importing.visits import Visit, visit
from skill_scripts.portable import pack
from skill_scripts.processes import MARK, clean_environment, end_all, json_lines, own_group
from skill_scripts.project.files import PAYLOAD_FOLDER
from skill_scripts.run import interpreter_of, read_adapted

INSIDE = Path(__file__).with_name("desktop_import")
POLL_SECONDS = 0.2
KEPT_OUTPUT = 3000  # characters
SPARE_BYTES = 64 << 20  # for the schema, logs and what SQLite needs beside the rows


@dataclass(frozen=True)
class Table:
    """One model of the project, and what became of its rows."""

    model: str
    rows: int
    checksum: str  # the same over what was read and over what is now there


@dataclass(frozen=True)
class Left:
    """What stayed in the source, and why."""

    name: str  # of a model or a table
    rows: int | None
    why: str


@dataclass(frozen=True)
class Imported:
    """What was brought in, and the proof of it."""

    source: str
    app_data: Path
    file: str  # the backup that they are in, "" where they are development data
    aside: str  # where the data before it are, "" if there were none
    tables: tuple[Table, ...]
    left: tuple[Left, ...]
    media: str  # the folder that files came from, "" without one
    files: int  # that were copied
    referenced: int  # that rows name, each of them there
    missing: tuple[str, ...]  # that rows name, accepted with --allow-missing-files
    foreign_keys: int  # that were checked
    pages: tuple[Visit, ...]  # of the app, visited on a copy of the data
    notes: tuple[str, ...]
    seconds: float
    copying_seconds: float
    peak_bytes: int

    @property
    def rows(self) -> int:
        """All rows together."""
        return sum(each.rows for each in self.tables)

    def as_dict(self) -> dict[str, Any]:
        """The one JSON document of --json."""
        return {
            "source": self.source,
            "app_data": str(self.app_data),
            "file": self.file,
            "set_aside": self.aside,
            "rows": self.rows,
            "tables": [vars(each) for each in self.tables],
            "left": [vars(each) for each in self.left],
            "media": self.media,
            "files": {
                "copied": self.files,
                "referenced": self.referenced,
                "missing": list(self.missing),
            },
            "foreign_keys_checked": self.foreign_keys,
            "pages": [vars(each) for each in self.pages],
            "notes": list(self.notes),
            "seconds": self.seconds,
            "copying_seconds": self.copying_seconds,
            "peak_bytes": self.peak_bytes,
        }


def import_data(
    path: Path,
    source: str,
    *,
    media: Path | None = None,
    into: Path | None = None,
    allow_missing: bool = False,
    progress: Progress = lambda _: None,
) -> Imported:
    """Import `source` into the adapted project in folder `path`, with the files in `media`.

    They become its development data, or a backup in the file `into` that the app restores. Raises
    KitError with a code of DDK-IMP, DDK-ADP-09, DDK-ENV-04, DDK-STA-02 or DDK-DAT-01; the
    development data are then as they were.
    """
    begin = time.monotonic()
    root, settings = read_adapted(path)
    found = recognise(source)
    if media and not media.is_dir():
        raise KitError("DDK-IMP-01", f"{media} is no folder", source=str(media))
    app_data = app_data_folder(settings["app"]["identifier"])
    if not into:
        require_unused(app_data)
    finished = finish_replacing(app_data)
    python = Path(interpreter_of(root, settings))
    with _scratch(app_data) as scratch, ExitStack() as open_:
        _require_room(found, media, scratch)
        readable = open_.enter_context(loaded(found, progress)) if found.kind == PG_DUMP else found
        request = {
            "payload": str(root / PAYLOAD_FOLDER),
            "source": readable.as_request(),
            "media": str(media.resolve()) if media else "",
            "allow_missing": allow_missing,
            "scratch": str(scratch),
        }
        result = _run_inside(root, python, scratch, request, progress)
        pages = visit(root, scratch / "data", scratch / "visit", result["person"], progress)
        progress("putting it in place")
        aside = None
        if into:
            pack(root, settings, scratch / "data", into, progress)
        else:
            require_unused(app_data)
            aside = replace(app_data, scratch / "data")
    return Imported(
        source=found.name,
        app_data=app_data,
        file=str(into.absolute()) if into else "",
        aside=str(aside or ""),
        tables=tuple(Table(**each) for each in result["tables"]),
        left=tuple(Left(**each) for each in result["left"]),
        missing=tuple(result["missing"]),
        pages=pages,
        notes=(*filter(None, [finished]), *result["notes"]),
        seconds=round(time.monotonic() - begin, 2),
        **{
            name: result[name]
            for name in (
                "media", "files", "referenced", "foreign_keys", "copying_seconds", "peak_bytes",
            )
        },
    )  # fmt: skip


@contextmanager
def _scratch(app_data: Path) -> Iterator[Path]:
    """A folder beside the development data, on the same disk; those of killed imports go."""
    beside = app_data.parent
    try:
        beside.mkdir(parents=True, exist_ok=True)
        for old in beside.glob(f"{app_data.name}-importing-*"):
            number = old.name.rpartition("-")[2]
            if not (number.isdigit() and psutil.pid_exists(int(number))):
                shutil.rmtree(old, ignore_errors=True)
        folder = beside / f"{app_data.name}-importing-{os.getpid()}"
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise _not_written(error, beside) from error
    try:
        yield folder
    except OSError as error:
        raise _not_written(error, beside) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _not_written(error: OSError, folder: Path) -> KitError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return KitError("DDK-IMP-11", f"the disk of {folder} is full", folder=str(folder))
    text = f"{folder} cannot be written: {error.strerror}"
    return KitError("DDK-IMP-14", text, folder=str(folder))


def _require_room(source: Source, media: Path | None, folder: Path) -> None:
    """Say before the work that the disk is too small for it, as far as sizes tell."""
    files = sum(each.stat().st_size for each in media.rglob("*") if each.is_file()) if media else 0
    copies = 4 if source.kind == SQLITE else 3  # a snapshot of it, its rows, their log, a visit
    needed = source.bytes * copies + files + SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < needed:
        text = f"{needed >> 20} MB are needed on the disk of {folder.parent}, {free >> 20} are free"
        raise KitError("DDK-IMP-11", text, folder=str(folder.parent))


def _run_inside(
    root: Path, python: Path, scratch: Path, request: Mapping[str, Any], progress: Progress
) -> dict[str, Any]:
    """What the part in the project's interpreter found. Raises KitError with what it says."""
    file = scratch / "request.json"
    file.touch(mode=0o600)  # an address of a server has a password in it
    file.write_text(json.dumps(request), encoding="utf-8")
    command: Sequence[str] = [
        str(python), *interpreter_flags(bytecode=bytecode_cache(python)), str(INSIDE), str(file),
    ]  # fmt: skip
    mark = secrets.token_hex(16)
    env = clean_environment({**contract(scratch / "data", root, "development"), MARK: mark})
    log = scratch / "log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, cwd=root, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            **own_group(),
        )  # fmt: skip
    peak = 0
    try:
        while child.poll() is None:
            peak = max(peak, _resident(child.pid))
            for last in json_lines(scratch / "progress"):
                progress(last["text"])
            try:
                child.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                continue
    finally:
        end_all(child, mark)
    said = log.read_text(encoding="utf-8", errors="replace")[-KEPT_OUTPUT:].rstrip()
    try:
        result = json.loads((scratch / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        text = f"it ended with code {child.returncode} and no result:\n{said}"
        raise KitError("DDK-IMP-13", text) from error
    if refused := result.get("refused"):
        raise KitError(refused["code"], refused["message"], **refused["details"])
    return {**result, "peak_bytes": peak}


def _resident(pid: int) -> int:
    """The memory that a process has now, in bytes; 0 once it is gone."""
    try:
        return psutil.Process(pid).memory_info().rss
    except psutil.Error:
        return 0
