"""`launch.py export`: all data as files that people and other programs can read.

Rows become JSON, one file a model, and uploads are copied, while the app runs or not. Prints JSON
documents.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from . import portable, replacing, shipped, system, versions
from .backup import reporter, require_data
from .channel import Channel
from .contract import BackendError, Exit, Installation, answer, read_installation
from .data import write_private
from .manifest import Manifest, read_manifest
from .recovery import Recovery

FORMAT = 1
ROWS, FILES = "rows", "files"
CHECKSUMS = "SHA256SUMS"

Load = Callable[[Path, Installation, Manifest], None]
"""Loads the project, for a process beside the backend."""


def run(payload: Path, arguments: list[str], load: Load) -> int:
    """Write the folder; returns the exit code."""
    channel = Channel()  # the project may print while it loads
    return answer(lambda: _run(payload, arguments, load, channel), channel.say)


def _run(payload: Path, arguments: list[str], load: Load, channel: Channel) -> dict[str, Any]:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise BackendError(
            Exit.CONFIGURATION, "export takes the path of one folder.", "launch.py export FOLDER"
        )
    target = Path(arguments[0]).absolute()
    installation, manifest = read_installation(), read_manifest(payload / "desktop.toml")
    app_data = installation.app_data
    replacing.cancel_with_lifeline(channel.lifeline)
    with replacing.alone(app_data):
        recovery = Recovery(app_data)
        require_data(recovery)
        files = recovery.files().values()
        found = versions.judge(app_data, payload.parent, manifest.retired_migrations, files)
        if any(versions.is_older(file, found) for file in files):
            raise BackendError(
                Exit.RESTORE_FAILED,
                "The data have yet to be updated for this version of the app.",
                "Start the app, and try again.",
            )
        with replacing.noted(target, app_data, "export") as partial:
            _require_free(target)
            partial.mkdir()
            load(payload, installation, manifest)
            content = Export(app_data, partial, reporter(channel.say)).write(manifest)
            system.sync_tree(partial)
            replacing.go_through()
            if target.is_dir():
                target.rmdir()
            partial.rename(target)
    return {"folder": str(target), **content}


def _require_free(target: Path) -> None:
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise BackendError(
            Exit.NOT_WRITABLE,
            f"{target} is there already, and was left as it is.",
            "Name a folder that is not there yet.",
        )


class Export:
    """One export that is being written into a folder."""

    def __init__(self, app_data: Path, folder: Path, progress: portable.Progress) -> None:
        self.app_data, self.folder, self.progress = app_data, folder, progress
        self.done = self.total = self.files = self.bytes = 0
        self.checksums: IO[str] | None = None

    def write(self, manifest: Manifest) -> dict[str, Any]:
        """Rows as they are at one moment, then the files that were there by then; what is in it.

        Raises `BackendError` (16 or 17), and `OSError` of the folder.
        """
        from .rows import Snapshot

        named = (self.folder / CHECKSUMS).open(
            "x", encoding="utf-8", errors="surrogateescape", newline="\n"
        )
        with named as self.checksums:
            snapshot = Snapshot()
            in_rows = {*snapshot.files.values()}
            size = sum(file.stat().st_size for file in in_rows)
            others = sum(map(_size, self._others(in_rows)))
            self.total = size + others
            written = self._write_rows(snapshot, size)
            for file in self._others(in_rows):
                self._copy(file)
            content = {
                "app": manifest.name,
                "version": manifest.version,
                "made": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "rows": sum(table.rows for table in written if not table.is_djangos),
                "files": self.files,
                "bytes": self.bytes,
                "left": snapshot.left(),
            }
        about = {"format": FORMAT, "identifier": manifest.identifier, **content}
        about["versions"] = portable.known_versions()
        about["models"] = {table.name: table.rows for table in written}
        write_private(self.folder / portable.MANIFEST, json.dumps(about, indent=1))
        return content

    def _others(self, in_rows: set[Path]) -> Iterator[Path]:
        """The person's files, without the databases whose rows are written."""
        for file in portable.listed(self.app_data):
            if file not in in_rows and file.name != shipped.RECORD:
                yield file

    def _write_rows(self, snapshot: Any, size: int) -> list[Any]:
        """Write every table; a row counts as its share of the databases' size."""
        tables = [*snapshot.tables()]
        each = size / max(1, sum(table.expected for table in tables))
        done = 0
        for table in tables:
            with self._new(f"{ROWS}/{table.name}.json") as write:
                for text in table.texts():
                    write(text)
                    done += 1
                    self.progress(min(int(done * each), size), self.total)
        self.done = size
        return tables

    def _copy(self, file: Path) -> None:
        try:
            source = file.open("rb")
        except FileNotFoundError:
            return  # removed since the files were listed
        name = f"{FILES}/{file.relative_to(self.app_data).as_posix()}"
        with source, self._new(name) as write:
            stats = os.fstat(source.fileno())
            while block := source.read(portable.BLOCK_BYTES):
                write(block)
                self.done += len(block)
                self.progress(min(self.done, self.total), self.total)
        os.utime(self.folder / name, ns=(stats.st_atime_ns, stats.st_mtime_ns))
        self.files += 1

    @contextlib.contextmanager
    def _new(self, name: str) -> Iterator[Callable[[bytes], None]]:
        """A file to be written; its checksum is noted as `sha256sum` does."""
        path, digest = self.folder / name, hashlib.sha256()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:

            def write(block: bytes) -> None:
                stream.write(block)
                digest.update(block)
                self.bytes += len(block)

            yield write
        shown = name.replace("\\", "\\\\").replace("\n", "\\n")
        mark = "" if shown == name else "\\"
        self.checksums.write(f"{mark}{digest.hexdigest()}  {shown}\n")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
