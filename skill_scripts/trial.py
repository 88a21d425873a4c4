"""Tries a release on a volunteer's data: a backup is restored into scratch, migrated and visited.

What the runtime does with an update on the person's computer, done where the developer sees it.
"""

import json
import sqlite3
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skill_scripts.backend import contract, interpreter_flags
from skill_scripts.dependencies.environment import Interpreter, find_adapted
from skill_scripts.desktop_toml import Decision
from skill_scripts.findings.surveyed import Progress
from skill_scripts.portable import Kept, unpack
from skill_scripts.processes import clean_environment, run_bounded
from skill_scripts.project.files import PAYLOAD_FOLDER
from skill_scripts.rehearsal.rehearse import Stage, visit
from skill_scripts.rehearsal.result import Rehearsal, Seen, place
from skill_scripts.rehearsal.start import Failure
from skill_scripts.run import interpreter_of, read_adapted

PERSON = Path(__file__).parent / "rehearsal" / "kept_person.py"
SIGN_IN_SECONDS = 60
REPORT = Path("logs", "migration-report.txt")
# The trial is the copy; running there once more what is about to run says nothing new.
ONCE = Decision(("data", "rehearse"), "never")


@dataclass(frozen=True)
class Fewer:
    """A table that has lost rows, or is gone."""

    table: str
    before: int
    after: int


@dataclass(frozen=True)
class Trial:
    """What a release makes of the data in a backup."""

    backup: Kept
    migrations: int  # that were applied
    seconds: float  # until the app was ready
    failure: Failure | None  # why it is not
    report: str  # that the app's error page would offer
    fewer: tuple[Fewer, ...]
    signed_in: bool  # by the cookie of somebody the data have
    pages: tuple[Seen, ...]

    @property
    def broken(self) -> list[Seen]:
        """The pages and their parts that fail."""
        return [each for each in self.pages if each.is_broken]

    @property
    def is_good(self) -> bool:
        """Whether the app starts on these data, and its pages answer."""
        return self.failure is None and not self.broken

    def as_dict(self) -> dict[str, Any]:
        """The one JSON document of --json."""
        return {
            "good": self.is_good,
            "backup": self.backup.as_dict(),
            "migrations": self.migrations,
            "seconds": self.seconds,
            "failure": self.failure and asdict(self.failure),
            "report": self.report,
            "fewer_rows": [asdict(each) for each in self.fewer],
            "signed_in": self.signed_in,
            "pages": [asdict(each) | {"broken": each.is_broken} for each in self.pages],
        }


def trial(path: Path, backup: Path, progress: Progress = lambda _: None) -> Trial:
    """Start the adapted project in `path` on a copy of the data in `backup`, and visit its pages.

    Neither the backup nor the development data are written to. Raises KitError DDK-ADP-09,
    DDK-ENV-04, and DDK-DAT-01 for a backup that is newer, foreign or damaged.
    """
    root, settings = read_adapted(path)
    project, _ = find_adapted(root, settings)
    python = Path(interpreter_of(root, settings))
    interpreter = Interpreter(python, settings["python"]["version"], private=False)
    layer = root / PAYLOAD_FOLDER
    stage = Stage(project, settings, interpreter, layer, place(root)).deciding(ONCE)
    with tempfile.TemporaryDirectory(prefix="desktop-trial-", ignore_cleanup_errors=True) as at:
        scratch = Path(at).resolve()
        app_data = scratch / "app_data"
        progress("reading the backup")
        kept = unpack(root, settings, app_data, backup, progress)
        before = _rows(app_data)
        cookies: dict[str, str] = {}
        seen = Rehearsal()
        begin = time.monotonic()
        with stage.start(scratch, progress) as start:
            seconds = time.monotonic() - begin
            if not start.failure:
                cookies = _sign_in(stage, app_data)
                seen = visit(stage, start, progress, cookies)[0]
        after = {} if start.failure else _rows(app_data)
        return Trial(
            backup=kept,
            migrations=0 if start.failure else start.state.migrations,
            seconds=round(seconds, 2),
            failure=start.failure,
            report=_read(app_data / REPORT),
            fewer=() if start.failure else _fewer(before, after),
            signed_in=bool(cookies),
            pages=seen.pages,
        )


def _sign_in(stage: Stage, app_data: Path) -> dict[str, str]:
    """The cookie of somebody the data have; none where nobody can be signed in."""
    root, python = stage.project.root, stage.interpreter.python
    command = [
        python, *interpreter_flags(), root / PAYLOAD_FOLDER / "launch.py", "manage", "shell",
        "-c", PERSON.read_text(encoding="utf-8"),
    ]  # fmt: skip
    env = clean_environment(contract(app_data, root, "development"))
    done = run_bounded(command, seconds=SIGN_IN_SECONDS, cwd=root, env=env)
    with suppress(IndexError, ValueError, TypeError):
        name, value = json.loads(done.output.strip().splitlines()[-1])
        return {name: value}
    return {}


def _rows(app_data: Path) -> dict[str, int]:
    """How many rows each table has, but for Django's own."""
    found = {}
    for file in sorted(app_data.glob("*.sqlite3")):
        with closing(sqlite3.connect(file)) as connection:
            tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRT%'"
            for (name,) in [*connection.execute(tables)]:
                if not name.startswith(("django_", "sqlite_", "auth_permission")):
                    quoted = name.replace('"', '""')
                    count = connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0]
                    found[f"{file.stem}.{name}"] = count
    return found


def _fewer(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[Fewer, ...]:
    return tuple(
        Fewer(name, rows, after.get(name, 0))
        for name, rows in before.items()
        if after.get(name, 0) < rows
    )


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""
