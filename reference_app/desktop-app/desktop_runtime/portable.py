"""All data of an app in one file, to keep or to carry to another computer: written and read.

A zip of the files as they lie in app data and of `manifest.json`, which says what they are and has
a checksum of each. Nothing is held in memory whole, and nothing of the project is loaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from . import (
    aside,
    backups,
    databases,
    first_run,
    passwords,
    queues,
    redisserver,
    replacing,
    shipped,
    versions,
)
from .contract import BackendError, Exit
from .data import not_writable, read_json
from .manifest import Manifest
from .recovery import REHEARSAL, Recovery

FORMAT = 1
MANIFEST = "manifest.json"
BLOCK_BYTES = 1 << 20
# Of this installation alone: no backup has them, and a restore leaves them.
STAYS = {
    "backend.lock", f"{replacing.SCRATCH}.lock", replacing.SCRATCH, "secret_key", "logs",
    aside.FOLDER, backups.FOLDER, "shell", "shell.json", "pycache", "staticfiles", "compressed",
    versions.RECORD, passwords.MARKER, REHEARSAL,
}  # fmt: skip
# About the data of this moment: no backup has them, and a restore puts them away.
PASSES = {
    "cache", "sessions", queues.FOLDER, redisserver.FOLDER, "clean.json", "migrating.json",
    "databases.json", first_run.MARKER,
}  # fmt: skip
NO_DATA = (".tmp", ".partial", ".restoring", ".log")
# Tables that say nothing to a person who asks how much there is.
DJANGO_TABLES = ("django_", "auth_permission")
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError,
    RuntimeError, KeyError, ValueError, TypeError, AttributeError,
)  # fmt: skip

Progress = Callable[[int, int], None]
"""Told how many bytes of how many are done."""


@dataclass(frozen=True)
class Content:
    """What the manifest says."""

    format: int
    identifier: str
    name: str
    made: str
    versions: Mapping[str, str]
    databases: Mapping[str, str]
    """File by alias."""
    code: Mapping[str, Any]
    """Where the migrations were, and what squashes had replaced; see versions.py."""
    migrations: Mapping[str, list[str]]
    rows: Mapping[str, Mapping[str, int]]
    """By database file and table."""
    files: Mapping[str, tuple[int, str]]
    """Bytes and SHA-256 of each file."""

    @property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(size for size, _ in self.files.values())

    def summary(self) -> dict[str, Any]:
        """What a person wants to know of it."""
        tables = [each for found in self.rows.values() for each in found.items()]
        return {
            "app": self.name,
            "version": self.versions.get("app", ""),
            "made": self.made,
            "rows": sum(rows for name, rows in tables if not name.startswith(DJANGO_TABLES)),
            "files": len(self.files.keys() - self.migrations.keys() - {shipped.RECORD}),
            "bytes": self.bytes,
        }


def is_carried(name: str) -> bool:
    """Whether what is called so in app data belongs to the person's data."""
    known = {each.lower() for each in STAYS | PASSES}
    return name.lower() not in known and not name.lower().endswith(NO_DATA)


def _carried(app_data: Path) -> Iterator[Path]:
    for entry in sorted(filter(lambda each: is_carried(each.name), app_data.iterdir())):
        walked = os.walk(entry) if entry.is_dir() else [(app_data, [], [entry.name])]
        for folder, folders, names in walked:
            folders.sort()
            yield from (Path(folder, name) for name in sorted(names))


def _is_log(file: Path) -> bool:
    """Whether it belongs to a database beside it, whose copy has what is in it."""
    return any(
        file.name.endswith(suffix)
        and databases.is_database(file.with_name(file.name.removesuffix(suffix)))
        for suffix in databases.LOG_SUFFIXES
    )


def listed(app_data: Path) -> Iterator[Path]:
    """The files that are the person's data, without the logs of databases."""
    return (file for file in _carried(app_data) if file.is_file() and not _is_log(file))


class Writer:
    """One backup that is being written."""

    def __init__(self, app_data: Path, scratch: Path, progress: Progress) -> None:
        self.app_data, self.scratch, self.progress = app_data, scratch, progress
        self.files: dict[str, tuple[int, str]] = {}
        self.migrations: dict[str, list[str]] = {}
        self.rows: dict[str, dict[str, int]] = {}
        self.done = self.total = 0

    def write(self, stream: IO[bytes], manifest: Manifest) -> Content:
        """Write the whole file; the app may go on meanwhile.

        Databases come first, and only then the others are listed: of a row that is in the copy,
        the upload is there by then. Raises `BackendError` (15 or 16), and `OSError` of `stream`.
        """
        known = Recovery(self.app_data).files()
        inside = {a: f for a, f in known.items() if f.is_relative_to(self.app_data)}
        media = self.app_data / "media"
        own = {*inside.values()}
        copied = []
        for file in listed(self.app_data):
            self.total += file.stat().st_size
            if file in own or (not file.is_relative_to(media) and databases.is_database(file)):
                copied.append(file)
        with zipfile.ZipFile(stream, "w") as archive:
            for file in copied:
                self._add_database(archive, file)
            for file in listed(self.app_data):
                if file not in copied:
                    self._add(archive, file, self._name(file), zipfile.ZIP_STORED)
            content = Content(
                format=FORMAT,
                identifier=manifest.identifier,
                name=manifest.name,
                made=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                versions={"app": manifest.version, **known_versions()},
                databases={a: self._name(f) for a, f in inside.items() if f in copied},
                code={
                    key: value
                    for key, value in (read_json(self.app_data / versions.RECORD) or {}).items()
                    if key in ("modules", "path", "replaced")
                },
                migrations=self.migrations,
                rows=self.rows,
                files=self.files,
            )
            text = json.dumps(vars(content), indent=1)
            archive.writestr(MANIFEST, text, zipfile.ZIP_DEFLATED)
        return content

    def _name(self, file: Path) -> str:
        return file.relative_to(self.app_data).as_posix()

    def _add_database(self, archive: zipfile.ZipFile, file: Path) -> None:
        name, copy = self._name(file), self.scratch / "copy.sqlite3"
        databases.require_whole(file, thorough=True)
        try:
            # Told while it is copied, so that it can be cancelled then.
            backups.copy(file, copy, lambda *_: self.progress(self.done, self.total))
            self.migrations[name] = sorted(map(".".join, versions.applied(copy)))
            self.rows[name] = _rows(copy)
        except (OSError, sqlite3.Error) as error:
            raise not_writable(self.scratch, error) from error
        self._add(archive, copy, name, zipfile.ZIP_DEFLATED)
        copy.unlink()

    def _add(self, archive: zipfile.ZipFile, file: Path, name: str, method: int) -> None:
        try:
            name.encode()
            source = file.open("rb")
        except FileNotFoundError:
            return  # removed since the files were listed
        except (OSError, UnicodeError) as error:
            raise BackendError(
                Exit.NOT_WRITABLE,
                f"The file {file!a} cannot be read: {error}",
                "Correct its permissions, or its name, and try again.",
            ) from error
        info = zipfile.ZipInfo.from_file(file, name, strict_timestamps=False)
        info.compress_type, info.external_attr = method, 0o600 << 16
        digest, size = hashlib.sha256(), 0
        with source, archive.open(info, "w", force_zip64=True) as target:
            while block := source.read(BLOCK_BYTES):
                target.write(block)
                digest.update(block)
                size += len(block)
                self.progress(min(self.done + size, self.total), self.total)
        self.done += size
        self.files[name] = size, digest.hexdigest()


def _rows(file: Path) -> dict[str, int]:
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRT%'"
    with databases.connect(file, "ro") as connection:
        found = [name for (name,) in connection.execute(f"{tables} AND name NOT LIKE 'sqlite_%'")]
        return {
            name: connection.execute(
                'SELECT count(*) FROM "{}"'.format(name.replace('"', '""'))
            ).fetchone()[0]
            for name in found
        }


def known_versions() -> dict[str, str]:
    """Of what has written the data."""
    found = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found["django"] = importlib.metadata.version("django")
    return found


class Reader:
    """A file that somebody wants to restore. Trusted in nothing: it may be any file at all."""

    def __init__(self, file: Path, identifier: str) -> None:
        """Raises `BackendError` (13, 22 or 23)."""
        self.file = file
        if not file.is_file():
            raise self.damaged("there is no such file")
        with self._readable():
            self.archive = zipfile.ZipFile(file)
        try:
            with self._readable():
                said = json.loads(self.archive.read(MANIFEST))
                form, owner, app = said["format"], said["identifier"], said["name"]
            if owner != identifier:
                raise BackendError(
                    Exit.FILE_FOREIGN,
                    f"{file.name} is a backup of another app, {app}.",
                    "Choose a backup of this app.",
                )
            if form > FORMAT:
                raise BackendError(
                    Exit.DATABASE_NEWER,
                    f"{file.name} was made by a newer version of the app.",
                    "Install the newer version, and restore it there.",
                )
            with self._readable():
                self.content = self._read(said)
        except BaseException:
            self.archive.close()
            raise

    def _read(self, said: dict[str, Any]) -> Content:
        files = {name: (int(size), str(digest)) for name, (size, digest) in said["files"].items()}
        known = {field.name: said[field.name] for field in fields(Content)}
        content = Content(**{**known, "files": files})
        for name, (size, _) in files.items():
            path = Path(name)
            if path.is_absolute() or path.drive or ".." in path.parts or "\0" in name:
                raise ValueError(f"a file is called {name}")
            if not is_carried(path.parts[0]) or self.archive.getinfo(name).file_size != size:
                raise ValueError(f"{name} is not what the manifest says")
        for name in [*content.databases.values(), *content.migrations]:
            if name not in files or any(name + log in files for log in databases.LOG_SUFFIXES):
                raise ValueError(f"{name} is missing, or has a log beside it")
        content.summary()
        return content

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.archive.close()

    def extract(self, folder: Path, progress: Progress, only: set[str] | None = None) -> None:
        """Write the files into `folder`, all or the `only` ones; every one is compared with its
        checksum. Raises `BackendError` (16 or 22) and `OSError`."""
        done, total = 0, self.content.bytes
        for name, (_, expected) in self.content.files.items():
            digest, target = hashlib.sha256(), None
            with contextlib.ExitStack() as stack:
                if only is None or name in only:
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    target = stack.enter_context((folder / name).open("xb"))
                with self._readable():
                    source = stack.enter_context(self.archive.open(name))
                while True:
                    with self._readable():
                        block = source.read(BLOCK_BYTES)
                    if not block:
                        break
                    digest.update(block)
                    done += len(block)
                    if target:
                        target.write(block)
                    progress(done, total)
            if digest.hexdigest() != expected:
                raise self.damaged(f"{name} is not what was saved")

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except UNREADABLE as error:
            raise self.damaged(error) from error

    def damaged(self, why: object) -> BackendError:
        """The failure for a file that is not as it was written."""
        return BackendError(
            Exit.FILE_DAMAGED,
            f"{self.file.name} is damaged, or is no backup: {why}",
            "Nothing was changed. Choose another file, or copy it here again.",
        )
