"""The folder that *Export…* of the app has made: rows as JSON, one file a model, and uploads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from desktop_import import objects
from desktop_import.dump import Dump
from desktop_import.media import copy_file
from desktop_import.objects import DamagedError
from desktop_import.refusal import RefusedError
from desktop_import.tables import BY_NATURAL_KEY, why_left
from desktop_runtime import portable
from desktop_runtime.export import CHECKSUMS, FILES, FORMAT, ROWS
from desktop_runtime.migrations import project_databases
from django.apps import apps
from django.db import models


class Export(Dump):
    """Its rows are a dump in many files, in which every table is whole and has its numbers."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        super().__init__(request)
        self.listed: dict[str, str] = {}  # SHA-256 of each file
        self.elsewhere: dict[str, int] = {}  # rows by name, of databases beside the main one
        self._expected: dict[type[models.Model], int] = {}

    @property
    def models(self) -> list[type[models.Model]]:
        """Those whose rows are carried over."""
        return [m for m in self.counts if not why_left(m) and not _is_by_name(m)]

    @property
    def unnumbered(self) -> frozenset[type[models.Model]]:
        """Tables whose rows have no key: none."""
        return frozenset()

    def open(self, progress: Callable[[str], None]) -> None:
        """Compare every file with its checksum, then read the rows as those of a dump."""
        with self._reading():
            self.listed = dict(_listed(self.file / CHECKSUMS))
            for number, (name, expected) in enumerate(self.listed.items(), 1):
                progress(f"verifying the export: {number} of {len(self.listed)} files")
                _require_own(name)
                with (self.file / name).open("rb") as stream:
                    if hashlib.file_digest(stream, "sha256").hexdigest() != expected:
                        raise DamagedError(f"{name} is not what was exported")
            self._look_at_tables()
        super().open(progress)
        with self._reading():
            for model, count in self.counts.items():
                if count != self._expected.get(model):
                    raise DamagedError(f"{model._meta.label} has other rows than it says")

    @property
    def uploads(self) -> Path:
        """The folder that has the person's files."""
        return self.file / FILES

    def bring_files(self, app_data: Path, progress: Callable[[str], None]) -> int:
        """Put the person's files where they were; how many. Raises RefusedError and OSError."""
        names = [name for name in self.listed if name.startswith(f"{FILES}/")]
        written = {*project_databases().values()}
        for number, name in enumerate(names, 1):
            target = app_data / name.removeprefix(f"{FILES}/")
            if target.exists() and any(map(target.samefile, written)):
                raise RefusedError("DDK-IMP-03", f"{name} would take the place of the rows")
            copy_file(self.file / name, target)
            progress(f"copying files: {number} of {len(names)}")
        return len(names)

    def left_rows(self) -> Iterator[tuple[str, int | None, str]]:
        """What stays behind."""
        for name, rows in self.elsewhere.items():
            yield name, rows, "it is kept in another database"
        yield from super().left_rows()

    def _look_at_tables(self) -> None:
        """What the export says it has: a table without rows is to be empty."""
        try:
            about = json.loads((self.file / portable.MANIFEST).read_text(encoding="utf-8"))
            form, tables = about["format"], {**about["models"]}
        except (KeyError, TypeError) as error:
            raise DamagedError(f"{portable.MANIFEST} is of something else") from error
        if form > FORMAT:
            raise RefusedError("DDK-IMP-05", "a newer version of the app made it")
        for name, rows in tables.items():
            if f"{ROWS}/{name}.json" not in self.listed:
                raise DamagedError(f"the rows of {name} are not there")
            if name.count(".") > 1:  # the last part names another database
                self.elsewhere[name] = rows
                continue
            with suppress(LookupError):  # it is named when its rows are read
                self._expected[apps.get_model(name)] = rows
        self.counts = {model: 0 for model in self._expected if not _is_by_name(model)}

    def _objects(self) -> Iterator[dict[str, Any]]:
        """The rows, those first that others refer to by name."""
        names = [
            name.removeprefix(f"{ROWS}/")
            for name in self.listed
            if name.startswith(f"{ROWS}/") and name.count(".") == 2
        ]
        first = {label: n for n, label in enumerate(BY_NATURAL_KEY)}
        names.sort(key=lambda name: (first.get(name.removesuffix(".json").lower(), 2), name))
        for name in names:
            with (self.file / ROWS / name).open(encoding="utf-8") as stream:
                yield from objects.read("json", stream)


def _listed(file: Path) -> Iterator[tuple[str, str]]:
    """Names and checksums, as `sha256sum` writes them."""
    text = file.read_text(encoding="utf-8", errors="surrogateescape")
    for line in filter(None, text.split("\n")):
        is_marked = line.startswith("\\")
        digest, _, name = line.removeprefix("\\").partition("  ")
        if is_marked:
            name = name.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")
        yield name, digest


def _require_own(name: str) -> None:
    """Raise DamagedError for a name that no export has, which may lead anywhere."""
    path = Path(name)
    inside = not path.is_absolute() and not path.drive and ".." not in path.parts
    if inside and path.parts[0] == ROWS and len(path.parts) == 2:
        return
    if inside and path.parts[0] == FILES and portable.is_carried(path.parts[1]):
        return
    raise DamagedError(f"it names {name}")


def _is_by_name(model: type[models.Model]) -> bool:
    return model._meta.label_lower in BY_NATURAL_KEY
