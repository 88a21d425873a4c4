"""The app data that a first launch copies instead of running every migration, if that is safe.

It is safe when two makings of it on different keys, paths and clocks differ in timestamps only:
then nothing in it belongs to one installation or to the day it was built.
"""

import contextlib
import filecmp
import json
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from skill_scripts.backend import contract, interpreter_flags
from skill_scripts.bundle.pruning import Languages
from skill_scripts.dependencies.uv import run_uv
from skill_scripts.errors import KitError
from skill_scripts.findings.finding import DECIDE, FINE, HANDLED, Finding
from skill_scripts.processes import clean_environment
from skill_scripts.project.files import PAYLOAD_FOLDER

FOLDER = "first-run"  # in the bundle
VERSIONS = "versions.json"  # which migrations its code has, from the first start
DATA = "first-data.zip"  # in desktop-app: what `import --into stage` leaves
SCRIPT = Path(__file__).with_name("first_run_inside.py")
CLOCK = "time-machine==3.6.0"
# Another year, month, day of the week and hour.
SHIFT_SECONDS = ((400 * 24) + 5) * 3600
LIMIT_SECONDS = 900
TIME_TYPES = ("datetime", "date", "time", "timestamp")
SHOWN_DIFFERENCES = 5


@dataclass(frozen=True)
class Making:
    """App data that was made once."""

    folder: Path
    accounts: list[str]
    languages: Languages


@dataclass(frozen=True)
class Prepared:
    """What two makings showed."""

    findings: list[Finding]
    languages: Languages


def place(root: Path) -> Path:
    """Where the project in `root` has the data that every installation begins with."""
    return root.resolve() / PAYLOAD_FOLDER / DATA


def make(bundle: Path, python: Path, payload: Path, *, data: Path | None, wanted: bool) -> Prepared:
    """Put the first-run tree into the bundle if it is safe, or `wanted` all the same.

    `data` is a backup that every installation begins with. Raises KitError DDK-STG-16 if the
    project cannot prepare its data.
    """
    with tempfile.TemporaryDirectory(prefix="desktop-first-run-") as scratch:
        base = Path(scratch).resolve()
        first = _prepare(bundle, python, payload, data, base / "one")
        clock = _clock(base / "clock", python)
        second = _prepare(bundle, python, payload, data, base / "another place" / "zwei", clock)
        different = list(differences(first.folder, second.folder))
        findings = [] if clock else [_unshifted()]
        if first.accounts:
            findings.append(_known_password(first.accounts))
        if data:
            findings.append(_given(data))
        shipped = wanted or data is not None
        if different:
            findings.append(_not_the_same(different, shipped=shipped))
        if not different or shipped:
            _ship(first.folder, bundle / FOLDER)
            shutil.copyfile(first.folder / VERSIONS, bundle / VERSIONS)
            if not different:
                findings.append(Finding("first-run", FINE, "the first launch copies ready data"))
    return Prepared(findings, first.languages)


def differences(one: Path, other: Path) -> Iterator[str]:
    """What differs between two makings but for timestamps, as table.column or as file names."""
    names = {each.relative_to(one).as_posix() for each in _kept(one)}
    others = {each.relative_to(other).as_posix() for each in _kept(other)}
    yield from sorted(names ^ others)
    for name in sorted(names & others):
        if name.endswith(".sqlite3"):
            yield from _row_differences(one / name, other / name)
        elif not filecmp.cmp(one / name, other / name, shallow=False):
            yield name


def _row_differences(one: Path, other: Path) -> Iterator[str]:
    with contextlib.closing(_open(one)) as left, contextlib.closing(_open(other)) as right:
        tables = _tables(left)
        if tables != _tables(right):
            yield f"{one.name}: the tables"
            return
        for table in tables:
            columns = left.execute(f'PRAGMA table_info("{table}")').fetchall()
            # Migrations may be applied in another order each time.
            order, numbered = ("app, name", "id") if table == "django_migrations" else ("rowid", "")
            compared = [
                name for _, name, kind, *_ in columns
                if kind.lower().split("(")[0] not in TIME_TYPES and name != numbered
            ]  # fmt: skip
            counts = [_count(each, table) for each in (left, right)]
            if counts[0] != counts[1]:
                yield f"{table}: {counts[0]} rows and {counts[1]}"
                continue
            rows = _rows(left, table, compared, order)
            others = _rows(right, table, compared, order)
            different: set[str] = set()
            for row, other in zip(rows, others, strict=True):
                if row != other:
                    pairs = zip(compared, row, other, strict=True)
                    different |= {column for column, a, b in pairs if a != b}
            yield from (f"{table}.{column}" for column in compared if column in different)


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)


def _tables(connection: sqlite3.Connection) -> dict[str, str]:
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return dict(sorted(connection.execute(query)))


def _count(connection: sqlite3.Connection, table: str) -> int:
    try:
        return connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
    except sqlite3.OperationalError:  # a virtual table of a module that is not here
        return 0


def _rows(
    connection: sqlite3.Connection, table: str, columns: list[str], order: str
) -> Iterable[tuple]:
    listed = ", ".join(f'"{name}"' for name in columns) or "NULL"
    try:
        return connection.execute(f'SELECT {listed} FROM "{table}" ORDER BY {order}')
    except sqlite3.OperationalError:  # WITHOUT ROWID, and virtual tables of absent modules
        return []


def _prepare(
    bundle: Path, python: Path, payload: Path, data: Path | None, app_data: Path,
    clock: Path | None = None,
) -> Making:  # fmt: skip
    app_data.mkdir(parents=True)
    result = app_data.parent / f"{app_data.name}.json"
    command = [str(python), *interpreter_flags(), str(SCRIPT), str(payload), str(result)]
    command.append(str(data or ""))
    command += [str(clock), str(SHIFT_SECONDS)] if clock else []
    environment = clean_environment() | contract(app_data, bundle, "packaged")
    try:
        done = subprocess.run(
            command, cwd=payload.parent, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
            errors="replace", timeout=LIMIT_SECONDS,
        )  # fmt: skip
        content = json.loads(result.read_text(encoding="utf-8"))
    except subprocess.TimeoutExpired as error:
        raise KitError("DDK-STG-16", "preparing the data took more than 15 minutes") from error
    except (OSError, ValueError) as error:
        raise KitError(
            "DDK-STG-16", f"the preparation ended without a result:\n{done.stdout[-3000:]}"
        ) from error
    if content["exit"]:
        raise KitError("DDK-STG-16", f"{content['message']}\n{done.stdout[-3000:]}")
    return Making(app_data, content["accounts"], Languages(**content["languages"]))


def _clock(folder: Path, python: Path) -> Path | None:
    """A folder with what runs a process ahead of time; None if it is not available."""
    done = run_uv(["pip", "install", "--quiet", "--only-binary", ":all:",
                   "--python", str(python), "--target", str(folder), CLOCK])  # fmt: skip
    return folder if done.ok else None


def _kept(app_data: Path) -> Iterator[Path]:
    """Of app data, what a new installation starts with: no keys, logs, markers or caches."""
    yield from sorted(app_data.glob("*.sqlite3"))
    yield from (each for each in sorted((app_data / "media").rglob("*")) if each.is_file())


def _ship(app_data: Path, target: Path) -> None:
    for file in _kept(app_data):
        copy = target / file.relative_to(app_data)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def _known_password(names: list[str]) -> Finding:
    listed = ", ".join(map(repr, names[:SHOWN_DIFFERENCES]))
    more = f" and {len(names) - SHOWN_DIFFERENCES} more" if len(names) > SHOWN_DIFFERENCES else ""
    which = f"account {listed} with its password"
    if len(names) > 1:
        which = f"accounts {listed}{more} with their passwords"
    return Finding(
        "known-password", DECIDE, f"every installation gets the {which}",
        "make it in the app instead, or give it an unusable password (set_unusable_password)",
    )  # fmt: skip


def _given(data: Path) -> Finding:
    return Finding(
        "first-data", HANDLED,
        f"every installation begins with the data in {data.name}, which `import --into stage` made",
        "nothing; to begin empty again, remove that file",
    )  # fmt: skip


def _not_the_same(different: list[str], *, shipped: bool) -> Finding:
    listed = ", ".join(different[:SHOWN_DIFFERENCES])
    more = f" and {len(different) - SHOWN_DIFFERENCES} more" if len(different) > 5 else ""
    what = f"the first data differs from making to making: {listed}{more}"
    if shipped:
        return Finding("first-run", DECIDE, what, "shipped all the same, as data.prebuilt decides")
    return Finding(
        "first-run", DECIDE, what,
        "each installation makes its own at the first launch; if all may share one: "
        "--set data.prebuilt=true",
    )  # fmt: skip


def _unshifted() -> Finding:
    return Finding(
        "first-run-clock", DECIDE, f"{CLOCK} could not be installed, so both ran on the same day",
        "check that no migration writes today's date into a text; else set nothing",
    )  # fmt: skip
