"""The app data folder: everything the app writes, and nothing of it in the bundle."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
import sqlite3
from pathlib import Path
from typing import IO, Any

from . import system
from .contract import BackendError, Exit

FULL_BYTES = 1 << 16
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
FOLDERS = ("media", "logs", "backups", "cache", "outbox", "sessions")


def make_folders(app_data: Path) -> None:
    """Make what the layers promise the project, for this user only. Raises `BackendError` (16)."""
    try:
        system.keep_private(app_data)
        for name in FOLDERS:
            (app_data / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(app_data, error) from error


def open_folder(app_data: Path) -> IO[bytes]:
    """Make the folder and keep every other backend off it while the result is open.

    Raises `BackendError` with `Exit.NOT_WRITABLE` or `Exit.ALREADY_RUNNING`.
    """
    make_folders(app_data)
    try:
        held = system.lock(app_data / "backend.lock")
    except OSError as error:
        raise not_writable(app_data, error) from error
    if held is None:
        raise BackendError(
            Exit.ALREADY_RUNNING,
            f"The app is already running on {app_data}.",
            "Use the window that is open, or close it first.",
        )
    return held


def not_writable(path: Path, error: Exception) -> BackendError:
    """The failure for a place the app must write to and cannot."""
    what, hint = f"{path} cannot be written", "Give this user write access to it and start again."
    if _is_full(error, path):
        what, hint = f"The disk is full: {what}", "Free some space and start again."
    elif getattr(error, "errno", None) in system.LOCKS_REFUSED:
        hint = "Its file system refuses locks, as some network folders do; use a local disk."
    return BackendError(Exit.NOT_WRITABLE, f"{what}: {error}", hint)


def _is_full(error: BaseException | None, path: Path) -> bool:
    """Whether the disk is full; SQLite says no more than "disk I/O error" in some places."""
    folder = next((each for each in (path, *path.parents) if each.is_dir()), path)
    with contextlib.suppress(OSError):
        if is_storage_fault(error) and shutil.disk_usage(folder).free < FULL_BYTES:
            return True
    while error is not None:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return True
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False


def is_storage_fault(error: BaseException | None) -> bool:
    """Whether the disk is behind an error: full, read-only or failing."""
    while error is not None:
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY,
        ):  # fmt: skip
            return True
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            return True
        error = error.__cause__ or error.__context__
    return False


def secret_key(app_data: Path) -> str:
    """The key of this installation, made at the first start, readable by its user only.

    An empty file, as a full disk leaves it, is no key. Raises `BackendError` (16).
    """
    file = app_data / "secret_key"
    try:
        if not file.exists() or not file.stat().st_size:
            app_data.mkdir(parents=True, exist_ok=True)
            write_private(file, secrets.token_urlsafe(50))
        return file.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise not_writable(file, error) from error


def write_private(file: Path, text: str) -> None:
    """Write a small file so that it is there whole or not at all, for this user only."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
    system.sync_folder(file.parent)


def remove(file: Path) -> None:
    """Remove a marker so that it does not come back. Raises `BackendError` (16)."""
    try:
        file.unlink(missing_ok=True)
        system.sync_folder(file.parent)
    except OSError as error:
        raise not_writable(file, error) from error


def read_marker(file: Path) -> dict[str, Any] | None:
    """What a marker says, None without one; one that cannot be read says nothing: `{}`."""
    return (read_json(file) or {}) if os.path.lexists(file) else None


def read_json(file: Path) -> dict[str, Any] | None:
    """The file's content; None when it is absent or cannot be read."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def copy_file(source: Path, target: Path) -> None:
    """Copy so that a crash leaves either no file or the whole one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    shutil.copyfile(source, temporary)
    with temporary.open("rb+") as stream:
        os.fsync(stream.fileno())
    temporary.chmod(0o600)
    temporary.replace(target)
    system.sync_folder(target.parent)


def copy_seed(source: Path, target: Path) -> None:
    """Copy a file or a folder file by file; what the person already has is kept."""
    if source.is_dir():
        # Databases last: once the default one is there, nothing is copied again.
        for file in sorted(source.rglob("*"), key=lambda file: file.suffix == ".sqlite3"):
            if file.is_file() and not (copy := target / file.relative_to(source)).exists():
                copy_file(file, copy)
    elif source.is_file() and not target.exists():
        copy_file(source, target)
