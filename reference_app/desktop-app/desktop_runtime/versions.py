"""Which migrations the code ships, and whether a database has newer ones.

Both are read from files, without a line of the project's code: migrations are listed in their
folders and what a squash replaces is read from its source. Where these folders are is in
`versions.json`, which every start that came so far leaves in the app data folder. A bundle that
brings first data has one too, so that the first start need not import every migration.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import os
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from . import databases
from .contract import BackendError, Exit
from .data import read_json

RECORD = "versions.json"
Names = dict[str, set[str]]
Found = dict[str, dict[str, list[tuple[str, str]]]]


def newer(file: Path, known: Mapping[str, Collection[str]]) -> list[str]:
    """The migrations applied in a database that are unknown to the code, as app.name.

    `known` has the names by app. An app that it lacks, or that ships none, says nothing: it was
    removed, or the database was a developer's. Raises `sqlite3.Error`.
    """
    found = applied(file)
    return sorted(f"{a}.{name}" for a, name in found if known.get(a) and name not in known[a])


def applied(file: Path) -> set[tuple[str, str]]:
    """The migrations that a database has, as (app, name). Raises `sqlite3.Error`."""
    if databases.is_new(file):
        return set()
    with databases.connect(file, "ro") as connection:
        table = "SELECT 1 FROM sqlite_master WHERE name = 'django_migrations'"
        if not connection.execute(table).fetchone():
            return set()
        return {*connection.execute("SELECT app, name FROM django_migrations")}


def require_known(files: Iterable[Path], known: Mapping[str, Collection[str]]) -> None:
    """Raise `BackendError` with `Exit.DATABASE_NEWER` for the first database that is newer."""
    for file in files:
        unknown = newer(file, known)
        if unknown:
            raise BackendError(
                Exit.DATABASE_NEWER,
                f"The database {file.name} comes from a newer version of the app "
                f"(it has {', '.join(unknown[:3])}); it was not changed.",
                "Install the newer version again. If these migrations were removed on purpose, "
                "list them under [data] retired_migrations.",
            )


def is_older(file: Path, found: Mapping[str, Collection[str]]) -> bool:
    """Whether migrations of the code have yet to be applied to a database that has others."""
    have = applied(file)
    return bool(have) and not has_all(have, found)


def has_all(have: Collection[tuple[str, str]], found: Mapping[str, Collection[str]]) -> bool:
    """Whether every migration of the code is among those of a database."""
    return all((app, name) in have for app, names in found.items() for name in names)


def listed(record: Mapping[str, Any], project: Path) -> Found:
    """The migrations by app, with what they replace, as the code of the project and of `sys.path`
    has them now; `record` is what the last good start noted.

    Apps that are not found, or whose squashes cannot be read, are left out.
    """
    path = [*(str(project / each) for each in record.get("path", [])), *sys.path]
    modules = record.get("modules", {})
    return {app: found for app, module in modules.items() if (found := _listed(module, path))}


def names(
    found: Found,
    remembered: Mapping[str, Iterable[str]],
) -> Names:
    """The names by app with those that squashes stand for: by what they say they replace, and by
    what they said in an earlier version, while Django still needed it (`remembered`)."""
    known = {app: set(migrations) for app, migrations in found.items()}
    for app, migrations in found.items():
        for name, replaced in migrations.items():
            earlier = (each.split(".", 1) for each in remembered.get(f"{app}.{name}", ()))
            for other, old in [*replaced, *earlier]:
                if other in known:
                    known[other].add(old)
    return known


def judge(app_data: Path, project: Path, retired: Iterable[str], files: Iterable[Path]) -> Found:
    """Refuse databases that are newer than the code, as far as files tell; its migrations.

    Raises `BackendError` (13).
    """
    record = read_json(app_data / RECORD) or {}
    found = listed(record, project)
    known = accept(names(found, record.get("replaced", {})), retired)
    require_known(files, known)
    return found


def accept(known: Names, retired: Iterable[str]) -> Names:
    """`known` with what [data] retired_migrations lists: whole apps, or app.name."""
    known = {app: {*migrations} for app, migrations in known.items()}
    for each in retired:
        app, _, name = each.partition(".")
        if not name:
            known.pop(app, None)
        elif app in known:
            known[app].add(name)
    return known


def noted(
    found: Found,
    modules: Mapping[str, str],
    project: Path,
    before: Mapping[str, Any],
    release: bytes,
) -> dict[str, Any]:
    """The record of a start: where its migrations are, what squashes have replaced so far, and a
    digest that tells one version of the code from another."""
    replaced = {
        f"{app}.{name}": [f"{other}.{old}" for other, old in olds]
        for app, migrations in found.items()
        for name, olds in migrations.items()
        if olds
    }
    listed = json.dumps({app: sorted(migrations) for app, migrations in found.items()})
    return {
        "modules": dict(sorted(modules.items())),
        "path": [os.path.relpath(e, project) for e in sys.path if Path(e).is_relative_to(project)],
        "replaced": {**before.get("replaced", {}), **replaced},
        "code": hashlib.sha256(release + listed.encode()).hexdigest(),
    }


def _listed(module: str, path: list[str]) -> dict[str, list[tuple[str, str]]]:
    """The migrations in a package with what they replace; empty if not all can be read."""
    parts = module.split(".")
    folders = (os.path.join(root, *parts) for root in path)  # noqa: PTH118 - many are tried
    folder = next(filter(os.path.isdir, folders), None)
    return _read(folder, os.stat(folder).st_mtime_ns) if folder else {}  # noqa: PTH116


@functools.cache
def _read(folder: str, _changed: int) -> dict[str, list[tuple[str, str]]]:
    """Every start asks twice, before the project is loaded and afterwards."""
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name, suffix = os.path.splitext(entry.name)  # noqa: PTH122 - thousands at each start
                if suffix == ".py" and name[0] not in "_~":
                    with open(entry.path, "rb", buffering=0) as file:  # noqa: PTH123
                        found[name] = _replaced(file.read())
    except (OSError, SyntaxError, ValueError):
        return {}
    return found


def _replaced(source: bytes) -> list[tuple[str, str]]:
    """What `replaces` of a migration lists. Raises `ValueError` if it is not plain text."""
    if b"replaces" not in source:
        return []  # few are squashes, and every start looks at all of them
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(each, ast.Name) and each.id == "replaces" for each in targets):
            return [(app, name) for app, name in ast.literal_eval(node.value)]
    return []
