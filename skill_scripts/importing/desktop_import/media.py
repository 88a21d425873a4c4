"""The files that rows name: copied with all others of their folder, and each of them looked for."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from desktop_import.refusal import RefusedError
from desktop_import.tables import TARGET
from desktop_import.values import CHUNK_ROWS, table_of
from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import Storage
from django.db import models

BLOCK = 1 << 20


@dataclass
class Files:
    """What became of the files."""

    folder: Path | None  # they came from
    copied: int = 0
    referenced: int = 0
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find_folder(given: str, source: str, own: str, project: Path) -> tuple[Path | None, bool]:
    """The folder with the source's files, and whether all in it are taken.

    That is the one given, else one of MEDIA_ROOT's name beside the source, else MEDIA_ROOT. A
    MEDIA_ROOT around the project's code is no folder of uploads only.
    """
    if given:
        return Path(given), True
    if not own:
        return None, False
    root = Path(own).absolute()
    beside = Path(source).parent / root.name
    if source and root.name and beside.is_dir() and not project.is_relative_to(beside):
        return beside, True
    if root.is_dir():
        return root, not project.is_relative_to(root)
    return None, False


def bring(
    folder: Path | None, takes_all: bool, target: Path, carried: Iterable[type[models.Model]],
    progress: Callable[[str], None],
) -> Files:  # fmt: skip
    """Copy the files, then look for every one that a row names."""
    done = Files(folder)
    if folder and takes_all:
        for file in _files(folder, done):
            copy_file(file, target / file.relative_to(folder))
            done.copied += 1
            progress(f"copying files: {done.copied}")
    for model, column, name in _named(carried):
        done.referenced += 1
        if not _is_there(column, name, folder, target, done):
            done.missing.append(f"{name} ({model._meta.label}.{column.name})")
    return done


def _files(folder: Path, done: Files) -> Iterator[Path]:
    """Every file below; a link that leads out of the folder is noted and left."""
    root = folder.resolve()
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file = Path(place, name)
            if file.is_symlink() and not file.resolve().is_relative_to(root):
                done.notes.append(f"a link out of the folder is left: {file.relative_to(folder)}")
            elif file.is_file():
                yield file


def copy_file(file: Path, copy: Path) -> None:
    """Copy and read again; what is there must be what was read. Raises OSError."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    hashed = hashlib.sha256()
    with file.open("rb") as source, copy.open("wb") as target:
        while block := source.read(BLOCK):
            hashed.update(block)
            target.write(block)
        target.flush()
        os.fsync(target.fileno())
    shutil.copystat(file, copy)
    copy.chmod(0o600)
    with copy.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").digest() != hashed.digest():
            raise RefusedError("DDK-IMP-10", f"the copy of {file} is not what was read")


def _named(
    carried: Iterable[type[models.Model]],
) -> Iterator[tuple[type[models.Model], models.FileField, str]]:
    for model in carried:
        for column in model._meta.local_concrete_fields:
            if isinstance(column, models.FileField):
                query = table_of(model, TARGET).values_list(column.attname, flat=True)
                for name in query.iterator(chunk_size=CHUNK_ROWS):
                    if name:
                        yield model, column, str(name)


def _is_there(
    column: models.FileField, name: str, folder: Path | None, target: Path, done: Files
) -> bool:
    """Whether the field's own storage has the file, brought to it from the folder if need be."""
    storage: Storage = column.storage
    try:
        if storage.exists(name):
            return True
        place = Path(storage.path(name))
    except (SuspiciousOperation, NotImplementedError, ValueError, OSError):
        return False
    source = folder and Path(os.path.normpath(folder / name))
    # Only below the app's own data: a storage of the project's may lie elsewhere.
    if not source or not source.is_relative_to(folder) or not source.is_file():
        return False
    if not place.is_relative_to(target.parent):
        return False
    copy_file(source, place)
    done.copied += 1
    return True
