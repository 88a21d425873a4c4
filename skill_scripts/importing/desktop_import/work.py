"""The import from the project's first line of code to the last check."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from desktop_import.refusal import Problems, RefusedError

PROGRESS_SECONDS = 0.2
STORAGE_FAULT = 16  # an exit code of the runtime


def main(request_file: Path) -> int:
    """Do what the request says; result.json has what was done, or why nothing was."""
    request = json.loads(request_file.read_text(encoding="utf-8"))
    request_file.unlink()  # it may hold a password
    scratch = Path(request["scratch"])
    try:
        result = Import(request, scratch).run()
    except RefusedError as refused:
        result = _refused(refused.code, refused.message, **refused.details)
    except Exception as error:
        traceback.print_exc()
        result = _unforeseen(error, scratch)
    (scratch / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return 1 if "refused" in result else 0


def _refused(code: str, message: str, **details: Any) -> dict[str, Any]:
    return {"refused": {"code": code, "message": message, "details": details}}


def _unforeseen(error: Exception, scratch: Path) -> dict[str, Any]:
    from desktop_runtime.contract import BackendError
    from desktop_runtime.data import is_storage_fault

    if is_storage_fault(error) or getattr(error, "code", 0) == STORAGE_FAULT:
        return _refused("DDK-IMP-11", str(error), folder=str(scratch.parent))
    text = error.message if isinstance(error, BackendError) else f"{type(error).__name__}: {error}"
    return _refused("DDK-IMP-13", text)


class Import:
    """One import: the app's new data, the source, and what is between them."""

    def __init__(self, request: dict[str, Any], scratch: Path) -> None:
        self.request, self.scratch = request, scratch
        self.payload = Path(request["payload"])
        self.project = self.payload.parent
        self.own_media = ""
        self._said = 0.0

    def run(self) -> dict[str, Any]:
        """Everything; the report. Raises RefusedError, and what the project raises."""
        sys.path[:0] = [str(self.payload / ".packages"), str(self.payload)]
        from desktop_runtime import contract, data, manifest, recovery

        installation = contract.read_installation()
        read = manifest.read_manifest(self.payload / "desktop.toml")
        # Rows to begin with are for those who have none.
        manifest_ = read._replace(first_run=(), login_create=False)
        self.app_data = installation.app_data
        held = data.open_folder(self.app_data)
        self._load(installation, manifest_)
        source = self._source(read.retired_migrations)
        try:
            source.open(self.say)
            from desktop_runtime.migrations import Databases
            from django.db import Error

            databases = Databases(
                installation, manifest_, self.project, recovery.Recovery(installation.app_data)
            )
            databases.prepare(
                lambda step: self.say(f"migrating {step.done}/{step.total} {step.name}")
            )
            try:
                report = self._bring(source)
            except Error as error:
                source.require_alive(str(error).strip())
                raise
            _make_user(read)
        finally:
            source.close()
        with _foreign_keys_off(synchronous="FULL"):
            databases.close()
        held.close()
        _keep(installation.app_data)
        return report

    def say(self, text: str) -> None:
        """Note how far it is, a few times a second, in the place of the last note."""
        now = time.monotonic()
        if now - self._said > PROGRESS_SECONDS:
            self._said = now
            (self.scratch / "progress").write_text(json.dumps({"text": text}), encoding="utf-8")

    def _load(self, installation: Any, manifest: Any) -> None:
        """Load the project as its app does; before the layers, its uploads lie elsewhere."""
        import desktop_runtime.layers as layers
        from desktop_runtime.backend import load_project

        original = layers.layers

        def noting(settings: Any, *given: Any) -> dict[str, Any]:
            self.own_media = str(settings.MEDIA_ROOT or "")
            if self.own_media:
                self.own_media = str(Path(self.own_media).absolute())
            return original(settings, *given)

        layers.layers = noting
        load_project(self.payload, installation, manifest)

    def _source(self, retired: frozenset[str]) -> Any:
        from desktop_import.dump import Dump
        from desktop_import.exported import Export
        from desktop_import.snapshot import Database

        if self.request["source"]["kind"] == "dump":
            return Dump(self.request["source"])
        if self.request["source"]["kind"] == "export":
            return Export(self.request["source"])
        return Database(self.request["source"], self.scratch, self.project, retired)

    def _bring(self, source: Any) -> dict[str, Any]:
        from desktop_import import proof, tables

        problems = Problems()
        begin = time.monotonic()
        with _foreign_keys_off(synchronous="OFF"):
            total = source.count()
            tables.clear(source.cleared())
            numbered = source.number()

            def progress(label: str, rows: int) -> None:
                done = sum(each.rows for each in writer.tallies.values())
                self.say(f"copying {label}: {rows} rows ({done}/{total})")

            writer = tables.Writer(problems, progress)
            for model in source.models:
                writer.tallies[model] = tables.Tally()
            source.copy(writer)
            problems.refuse("DDK-IMP-08", "rows cannot be carried over:")
            source.after()
        seconds = time.monotonic() - begin
        self.say("comparing")
        proof.tallies_agree(writer.tallies, source.unnumbered)
        foreign_keys = proof.foreign_keys_hold()
        files = self._bring_files(source)
        if files.missing and not self.request["allow_missing"]:
            _refuse_missing(files)
        return {
            "tables": proof.as_tables(writer.tallies, numbered),
            "left": [
                {"name": name, "rows": rows, "why": why} for name, rows, why in source.left_rows()
            ],
            "media": str(files.folder or ""),
            "files": files.copied,
            "referenced": files.referenced,
            "missing": files.missing,
            "foreign_keys": foreign_keys,
            "notes": [*source.notes, *files.notes],
            "copying_seconds": round(seconds, 2),
            "person": _person(),
        }

    def _bring_files(self, source: Any) -> Any:
        """Copy the uploads, and see whether those that rows name are there."""
        from desktop_import import media
        from django.conf import settings

        given, file = self.request["media"], self.request["source"]["file"]
        if self.request["source"]["kind"] == "export":
            brought = source.bring_files(self.app_data, self.say)
            folder, takes_all = Path(given) if given else source.uploads, bool(given)
        else:
            brought = 0
            folder, takes_all = media.find_folder(given, file, self.own_media, self.project)
        target = Path(settings.MEDIA_ROOT)
        files = media.bring(folder, takes_all, target, source.models, self.say)
        files.copied += brought
        return files


def _refuse_missing(files: Any) -> None:
    from desktop_import.refusal import listed

    where = f"in {files.folder}" if files.folder else "because no folder of uploads was found"
    text = listed(
        f"files that rows name are not there, {where}:", files.missing, len(files.missing)
    )
    raise RefusedError("DDK-IMP-16", text, missing=files.missing[:20], count=len(files.missing))


@contextmanager
def _foreign_keys_off(synchronous: str) -> Iterator[None]:
    """Rows come in any order and are checked at the end. What fails is thrown away, so that only
    the last writes have to wait for the disk."""
    from desktop_import.tables import TARGET
    from django.db import connections

    connection = connections[TARGET]
    connection.ensure_connection()
    connection.disable_constraint_checking()
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA synchronous={synchronous}")
    yield
    if connection.connection is not None:
        connection.enable_constraint_checking()


def _person() -> str:
    """Somebody who may see as much as anybody, "" where nobody signs in."""
    from django.apps import apps
    from django.contrib.auth import get_user_model

    if not apps.is_installed("django.contrib.auth"):
        return ""
    model = get_user_model()
    fields = {each.name for each in model._meta.get_fields()}
    found = model._base_manager.order_by(
        *(f"-{name}" for name in ("is_active", "is_superuser", "is_staff") if name in fields), "pk"
    ).first()
    return str(found.get_username()) if found else ""


def _make_user(manifest: Any) -> None:
    """The one person of a single-user app, unless the source has somebody of that name."""
    if not (manifest.login_user and manifest.login_create):
        return
    from desktop_runtime.migrations import _create_user
    from django.contrib.auth import get_user_model

    model = get_user_model()
    if not model._default_manager.filter(**{model.USERNAME_FIELD: manifest.login_user}).exists():
        _create_user(manifest)


def _keep(folder: Path) -> None:
    """Have the disk keep what was written."""
    for file in folder.glob("*.sqlite3"):
        descriptor = os.open(file, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
