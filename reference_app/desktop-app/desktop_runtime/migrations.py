"""From the databases as the last run left them to databases this version can serve.

A backup precedes every change, a marker file names it while the change runs, and whatever
interrupts the change, the next start finds the marker and begins from the backup again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from . import databases, first_run, rehearsal, shipped, versions
from .contract import BackendError, Exit, Installation
from .data import copy_seed, is_storage_fault, not_writable, read_json, write_private
from .entry import project_failure
from .manifest import Manifest
from .recovery import Change, Recovery
from .rehearsal import Pace, Progress, Rehearsal, Step
from .shipped import Shipped

if TYPE_CHECKING:
    # Each start waits for what it imports, and few have anything to migrate.
    from django.db.migrations.loader import MigrationLoader


def project_databases() -> dict[str, Path]:
    """The files by alias, each once. Without a router nothing says which tables belong elsewhere,
    so only default is migrated."""
    files: dict[str, Path] = {}
    for alias in connections if settings.DATABASE_ROUTERS else ["default"]:
        file = Path(connections[alias].settings_dict["NAME"])
        if file not in files.values():
            files[alias] = file
    return files


class Databases:
    """The project's SQLite databases in one installation."""

    def __init__(
        self, installation: Installation, manifest: Manifest, project: Path, recovery: Recovery
    ) -> None:
        self.installation, self.manifest, self.project = installation, manifest, project
        self.recovery = recovery
        self.unrecorded = False
        self.listed: versions.Found = {}  # where files alone tell all migrations of the code
        self.begun = ""  # the migration, last of all
        self.files = project_databases()

    def prepare(self, progress: Progress, trial: Rehearsal | None = None) -> str:
        """Bring all databases to the code's state, after a trial on a copy; returns what was done.

        That is created, restored, migrated or unchanged. `progress` may raise `Stopped`. Raises
        `BackendError` with the exit codes 13 to 17, 19 and 21.
        """
        try:
            return self._prepare(progress, trial)
        except BackendError:
            raise
        except Exception as error:
            if is_storage_fault(error):
                raise not_writable(self.installation.app_data, error) from error
            raise project_failure(error, self.project) from error

    def _prepare(self, progress: Progress, trial: Rehearsal | None) -> str:
        data = self.installation.app_data
        before = read_json(data / versions.RECORD) or {}
        known, code = self._read_code(before)
        connections.close_all()  # what the project has opened while it loaded
        first = new = first_run.begin(data, self.files["default"], self.files.values())
        if first:
            copy_seed(self.installation.bundle / "first-run", data)
        self.shipped = Shipped(data, self._shipped())
        self.kept = self.shipped.renew(first)
        if first:
            new = databases.is_new(self.files["default"])
        for file in self.files.values():
            self.recovery.judge(file)
        versions.require_known(self.files.values(), known)
        # Before Django connects, which makes the file.
        existing = [alias for alias, file in self.files.items() if not databases.is_new(file)]
        plans = {alias: self._plan(alias) for alias in self.files}
        # With nothing to apply, other code still has Django's bookkeeping and its signals to run.
        if new or any(plans.values()) or self.unrecorded or (code != before and not first):
            connections.close_all()
            pace = None
            if trial and any(plans.values()) and not new:
                copies = {self.files[a]: self.recovery.back_up(self.files[a]) for a in existing}
                pace = trial.run(copies, progress)
            self._migrate(plans, existing, new, pace, progress)
        if first:
            first_run.end(data)
        # Not before: an unfinished database would be missed when the next start puts it away.
        self.recovery.remember(self.files)
        if code != before:
            write_private(data / versions.RECORD, json.dumps(code))
        if new:
            return "created"
        if self.recovery.restored:
            return "restored"
        return "migrated" if any(plans.values()) else "unchanged"

    def rehearse(self, progress: Progress) -> None:
        """Migrate copies, which nobody puts back. Raises `BackendError` (14 or 16)."""
        leave_out_absent()
        total = sum(len(self._plan(alias)) for alias in self.files)
        step = iter(range(total + 1))

        def tell(name: str) -> None:
            self.begun = name
            progress(Step(next(step), total, name, on_copy=True))

        try:
            for alias in self.files:
                _migrate_alias(alias, tell)
        except (Exception, SystemExit) as error:
            if is_storage_fault(error):
                raise not_writable(self.installation.app_data, error) from error
            from . import report

            raise BackendError(
                Exit.MIGRATION_FAILED,
                f"{type(error).__name__}: {error}",
                report=report.describe(error, self.begun, self.manifest, self.project),
            ) from error

    def hold_open(self) -> None:
        """Keep a connection to each: SQLite removes its log with the last one, and every request
        would make it anew (0.2 ms). To be called by the thread that closes them."""
        for alias, file in self.files.items():
            if file.exists():
                connections[alias].ensure_connection()

    def close(self) -> None:
        """Fold the write-ahead logs into the databases and note that the stop was clean.

        A request that was given up may hold a transaction. It is not waited for, and what it
        keeps from being folded is left for the next start to look at, as on a disk that is full.
        """
        try:
            for alias, file in self.files.items():
                if file.exists():
                    with connections[alias].cursor() as cursor:
                        cursor.execute("PRAGMA busy_timeout=200")
                        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connections.close_all()
            self.recovery.note_clean_stop(self.files.values())
        except Exception as error:
            if not isinstance(error, OSError) and not is_storage_fault(error):
                raise
            logging.getLogger(__name__).warning("the stop was not clean: %s", error)

    def _shipped(self) -> Iterator[tuple[Path, Path]]:
        """What the app brings along with its copies: the staged tree, seeds, extra databases."""
        data = self.installation.app_data
        for file, copy in shipped.files(self.installation.bundle / "first-run", data):
            if not databases.is_database(file):
                yield file, copy
        for seed in self.manifest.seed:
            yield from shipped.files(self.project / seed["from"], data / seed["to"])
        for alias, original in settings.DESKTOP_SHIPPED_DATABASES.items():
            yield Path(original), Path(connections[alias].settings_dict["NAME"])

    def _read_code(self, before: dict[str, Any]) -> tuple[versions.Names, dict[str, Any]]:
        """The migrations that are known to the code, and the record of this code.

        Django's loader imports every migration. Where the files are those of the last good start,
        or of the making of the bundle, which asked it, they tell the same.
        """
        chosen = settings.MIGRATION_MODULES
        modules = {
            app.label: module
            for app in apps.get_app_configs()
            if (module := chosen.get(app.label, f"{app.name}.migrations"))
        }
        found = versions.listed({**before, "modules": modules}, self.project)
        code = self._noted(found, modules, before)
        if code == before or self._is_as_bundled(found, modules):
            self.listed = found
        else:
            loader, found = leave_out_absent(), {}
            for (app, name), migration in loader.disk_migrations.items():
                found.setdefault(app, {})[name] = [*migration.replaces]
            modules = {app: loader.migrations_module(app)[0] for app in found}
            code = self._noted(found, modules, before)
        known = versions.names(found, before.get("replaced", {}))
        return versions.accept(known, self.manifest.retired_migrations), code

    def _is_as_bundled(self, found: versions.Found, modules: dict[str, str]) -> bool:
        """Whether the files are those that the making of the bundle noted, before its manifest."""
        bundled = read_json(self.installation.bundle / versions.RECORD) or {}
        now = self._noted(found, modules, {}, release=b"")
        return all(bundled.get(each) == now[each] for each in ("modules", "replaced", "code"))

    def _noted(
        self,
        found: versions.Found,
        modules: dict[str, str],
        before: dict[str, Any],
        release: bytes | None = None,
    ) -> dict[str, Any]:
        modules = {app: modules[app] for app in found}
        if release is None:
            bundle = self.installation.bundle / "runtime-manifest.json"
            release = bundle.read_bytes() if bundle.is_file() else b""
        release += repr(sorted(model._meta.label for model in apps.get_models())).encode()
        code = versions.noted(found, modules, self.project, before, release)
        files = {alias: Path(connections[alias].settings_dict["NAME"]) for alias in connections}
        code["databases"] = {
            alias: file.name
            for alias, file in files.items()
            if file.parent == self.installation.app_data
        }
        return code

    def _plan(self, alias: str) -> list[str]:
        """Names of the migrations to apply; notes if a squash is to be recorded as applied."""
        if self.listed and versions.has_all(versions.applied(self.files[alias]), self.listed):
            return []
        from django.db.migrations.executor import MigrationExecutor

        executor = MigrationExecutor(connections[alias])
        loader = executor.loader
        applied = executor.recorder.applied_migrations() if loader.replacements else {}
        self.unrecorded |= any(
            key not in applied and all(old in applied for old in squash.replaces)
            for key, squash in loader.replacements.items()
        )
        plan = executor.migration_plan(loader.graph.leaf_nodes())
        return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]

    def _migrate(
        self,
        plans: dict[str, list[str]],
        existing: list[str],
        new: bool,
        pace: Pace | None,
        progress: Progress,
    ) -> None:
        self.shipped.before_migrating()
        change = self.recovery.begin(self.files, existing)
        total = sum(map(len, plans.values())) + (len(self.manifest.first_run) if new else 0)
        step = iter(range(total + 1))

        def tell(name: str) -> None:
            self.begun = name
            progress(Step(next(step, total), total, name, pace and pace.left(name)))

        try:
            for alias in self.files:
                _migrate_alias(alias, tell)
        except (Exception, SystemExit) as error:
            raise self._undo(error, change) from error
        if new:
            self._first_run(change, tell)
        self.shipped.after_migrating()
        self.recovery.end()

    def _first_run(self, change: Change, tell: Callable[[str], None]) -> None:
        commands: Iterable[tuple[str, ...]] = self.manifest.first_run
        if any(cache["BACKEND"].endswith("DatabaseCache") for cache in settings.CACHES.values()):
            commands = [("createcachetable",), *commands]
        if self.manifest.login_create:
            commands = [*commands, ("desktop-user",)]
        for command in commands:
            tell(f"first run: {' '.join(command)}")
            try:
                if command == ("desktop-user",):
                    _create_user(self.manifest)
                else:
                    call_command(*command)
            except (Exception, SystemExit) as error:
                self._put_back(change)
                if is_storage_fault(error):
                    raise not_writable(self.installation.app_data, error) from error
                raise BackendError(
                    Exit.FIRST_RUN_FAILED,
                    f"Preparing the first start failed in `{' '.join(command)}`: {error}",
                    "Nothing was kept; the next start begins anew. Correct [data] and [login].",
                ) from error

    def _undo(self, error: BaseException, change: Change) -> BackendError:
        """Restore every database; returns the failure to raise."""
        cause = f"{type(error).__name__}: {error}"
        try:
            self._put_back(change)
        except BackendError as second:
            return BackendError(
                Exit.RESTORE_FAILED,
                f"Updating the database failed ({cause}), and so did restoring it ({second}).",
                f"The next start tries to restore it again. {databases.RESTORE_HINT}",
            )
        if is_storage_fault(error):
            return not_writable(self.installation.app_data, error)
        from . import report

        return rehearsal.failed(
            "Updating your data failed, and it is as it was before.",
            cause,
            report.describe(error, self.begun, self.manifest, self.project),
        )

    def _put_back(self, change: Change) -> None:
        connections.close_all()
        self.recovery.undo(change)


def leave_out_absent() -> MigrationLoader:
    """Have Django make the tables of apps whose migrations are not in the code as the models are
    now: others may depend on them, which Django refuses. Returns what is in the code."""
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    absent = loader.migrated_apps - {app for app, _ in loader.disk_migrations}
    settings.MIGRATION_MODULES = {**settings.MIGRATION_MODULES, **dict.fromkeys(absent)}
    return loader


def _migrate_alias(alias: str, tell: Callable[[str], None]) -> None:
    from django.core.management.commands.migrate import Command as MigrateCommand

    class Migrate(MigrateCommand):
        def migration_progress_callback(
            self, action: str, migration: object = None, fake: bool = False
        ) -> None:
            if action == "apply_start":
                tell(f"{migration.app_label}.{migration.name}")

    call_command(
        Migrate(), database=alias, interactive=False, verbosity=0, run_syncdb=True, skip_checks=True
    )


def _create_user(manifest: Manifest) -> None:
    """The one person of a single-user app; nobody can sign in with a password."""
    from django.contrib.auth import get_user_model

    from .accounts import settle

    model = get_user_model()
    name = {model.USERNAME_FIELD: manifest.login_user}
    user, _ = model._default_manager.get_or_create(**name)
    for flag in ("is_active", "is_staff", "is_superuser"):
        if hasattr(user, flag):
            setattr(user, flag, True)
    user.set_unusable_password()
    user.save()
    settle(user, manifest)
