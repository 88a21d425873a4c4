"""What it takes to bring whole projects in from PostgreSQL and MariaDB, and from their dumpdata.

    python -m bench.databases [PROJECT...] [--mariadb PROJECT] [--first COMMAND] [--rows N]

Each PROJECT is an adapted one whose environment has the driver. Per server: an empty one is
started, the project's own migrations and a command of its own that makes examples (--first) are
run, `bench/rows.py` fills it up to N rows (default 100,000) with files, but for models that --leave
names, and then it is imported, and its dumpdata too. Beside it, in the same run, what one does
without: `dumpdata` with natural keys and without content types, permissions and sessions, into a
migrated and empty app by `loaddata`, which proves nothing. The figures that count are the ratios to
that. Several runs can add to one FILE of --json.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from skill_scripts import desktop_toml
from skill_scripts.run import interpreter_of
from tests.scripts.importing import mariadb, postgres

ROOT = Path(__file__).resolve().parent.parent
ROWS = 100_000
SHIM = """
try:
    import pymysql
    pymysql.version_info = (2, 2, 1, "final", 0)  # that of mysqlclient, which Django asks for
    pymysql.install_as_MySQLdb()
except ImportError:
    pass
from {settings} import *
DATABASES = {{"default": {database!r}}}
MEDIA_ROOT = {media!r}
"""
PLAIN = ["dumpdata", "--all", "-e", "sessions"]
NATURAL = [*PLAIN, "--natural-foreign", "-e", "contenttypes", "-e", "auth.permission"]
SAID = 2000


class FailedError(Exception):
    """Raised when a program of the project ends with an error."""


@dataclass(frozen=True)
class Spent:
    """What a process took."""

    seconds: float = 0.0
    bytes: int = 0


@dataclass(frozen=True)
class Project:
    """An adapted project, its settings pointed to a server, with scratch files in `folder`."""

    root: Path
    folder: Path
    database: dict[str, str]
    address: str  # of the same, which many projects want in a variable

    def __post_init__(self) -> None:
        found = self.manifest["django"]["settings"]
        if not found:
            text = (self.root / self.manifest["django"]["manage"]).read_text(encoding="utf-8")
            found = re.search(r"DJANGO_SETTINGS_MODULE\W+([\w.]+)", text)[1]
        shim = SHIM.format(settings=found, database=self.database, media=str(self.media))
        (self.folder / "bench_settings.py").write_text(shim, encoding="utf-8")
        self.media.mkdir()

    @property
    def manifest(self) -> desktop_toml.Manifest:
        """Its desktop.toml."""
        return desktop_toml.read(self.root / desktop_toml.PLACE)

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(interpreter_of(self.root, self.manifest))

    @property
    def media(self) -> Path:
        """The uploads of the server."""
        return self.folder / "media"

    def on_server(self, *words: str) -> Spent:
        """Run Python on the server's data."""
        given = {
            name: value.replace("{app_data}", str(self.folder / "own"))
            for name, value in self.manifest["django"]["env"].items()
        }
        manage = Path(self.manifest["django"]["manage"]).parent
        path = os.pathsep.join(map(str, (self.folder, self.root / manage)))
        named = {
            "PYTHONPATH": path,
            "DJANGO_SETTINGS_MODULE": "bench_settings",
            "DATABASE_URL": self.address.replace("postgresql://", "postgres://"),
        }
        env = {**os.environ, **given, **named}
        return _spent([self.python, *words], self.root / manage, env)

    def manage(self, *words: str) -> Spent:
        """Run a command of its own manage.py on the server's data."""
        return self.on_server(Path(self.manifest["django"]["manage"]).name, *words)

    def in_app(self, app_data: Path, *words: str) -> Spent:
        """Run a management command on the app's data."""
        env = {
            **os.environ,
            "DESKTOP_DJANGO_APP_DATA_DIR": str(app_data),
            "DESKTOP_DJANGO_BUNDLE_DIR": str(self.root),
            "DESKTOP_DJANGO_RUNTIME_MODE": "development",
        }
        launch = str(self.root / "desktop-app" / "launch.py")
        command = [self.python, "-I", "-X", "utf8", launch, "manage", *words]
        return _spent(command, self.root, env)

    def bring(self, app_data: Path, source: str) -> dict:
        """Import; the document of it, or the error."""
        env = {**os.environ, "DESKTOP_DJANGO_APP_DATA_DIR": str(app_data), "SOURCE": source}
        command = [sys.executable, "-m", "skill_scripts", "import", str(self.root), "--json"]
        command += ["--from", "env:SOURCE", "--media", str(self.media), "--allow-missing-files"]
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
        return json.loads(done.stdout)


def _spent(command: list[str], folder: Path, env: dict[str, str]) -> Spent:
    begin = time.monotonic()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, cwd=folder, env=env, stdout=said, stderr=said)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = status
        if status:
            said.seek(0)
            raise FailedError(said.read().decode(errors="replace")[-SAID:])
    return Spent(time.monotonic() - begin, used.ru_maxrss * 1024)


@contextmanager
def server(kind: str, folder: Path):
    """An empty server; its address, and its entry in DATABASES."""
    if kind == "PostgreSQL":
        with postgres.running(folder) as place:
            yield f"postgresql://app@/library?host={place}", {
                "ENGINE": "django.db.backends.postgresql", "NAME": "library", "USER": "app",
                "HOST": place,
            }  # fmt: skip
        return
    with mariadb.running(folder) as place:
        yield f"mysql://reader:pass%2Fword@localhost/library?unix_socket={place}", {
            "ENGINE": "django.db.backends.mysql", "NAME": "library", "USER": "app", "HOST": place,
        }  # fmt: skip


def measure(root: Path, kind: str, first: list[str], rows: int, leave: list[str]) -> list[dict]:
    """The rows of the table for one project on one server."""
    # The path of a socket may have 107 bytes.
    place, scratch = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
    try:
        with server(kind, place) as (address, entry):
            project = Project(root, scratch, entry, address)
            project.manage("migrate", "-v0")
            for command in first:
                project.manage(*command.split())
            project.on_server(str(ROOT / "bench" / "rows.py"), str(rows), *leave)
            return _measure(project, kind, address, scratch)
    finally:
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(scratch, ignore_errors=True)


def _measure(project: Project, kind: str, address: str, scratch: Path) -> list[dict]:
    plain, natural = scratch / "plain.json", scratch / "natural.json"
    sources = {kind: address}
    whys = {}
    try:
        project.manage(*PLAIN, "-o", str(plain))
        sources[f"dumpdata of {kind}"] = str(plain)
    except FailedError as error:
        whys["dumpdata"] = _last_line(error)
    dumped = loaded = Spent()
    try:
        project.in_app(scratch / "loaded", "migrate", "-v0")
        project.in_app(scratch / "loaded", "flush", "--no-input", "-v0")
        dumped = project.manage(*NATURAL, "-o", str(natural))
        loaded = project.in_app(scratch / "loaded", "loaddata", str(natural), "-v0")
    except FailedError as error:
        whys["loaddata"] = _last_line(error)
    found = []
    for source, given in sources.items():
        done = project.bring(scratch / "app", given)
        one = {"project": project.root.name, "source": source}
        if error := done.get("error"):
            found.append({**one, "refused": f"{error['code']}: {error['message']}"})
            continue
        beside = {} if "loaddata" in whys else _beside(done, dumped, loaded, source == kind)
        found.append({
            **one, "models": sum(each["rows"] > 0 for each in done["tables"]),
            "rows": sum(each["rows"] for each in done["tables"]),
            "files": done["files"]["copied"], "seconds": done["seconds"],
            "peak_mb": round(done["peak_bytes"] / 1e6),
            "foreign_keys": done["foreign_keys_checked"],
            "files_named": done["files"]["referenced"],
            "files_missing": len(done["files"]["missing"]),
            "pages": f"{sum(0 < p['status'] < 500 for p in done['pages'])}/{len(done['pages'])}",
            **whys, **beside,
        })  # fmt: skip
    return found


def _beside(done: dict, dumped: Spent, loaded: Spent, is_live: bool) -> dict:
    """What `loaddata` took, of a live server with the dump before it, and the ratios to it."""
    seconds = loaded.seconds + (dumped.seconds if is_live else 0)
    most = max(loaded.bytes, dumped.bytes if is_live else 0)
    return {
        "loaddata_seconds": round(seconds, 1),
        "loaddata_peak_mb": round(most / 1e6),
        "speed": round(seconds / done["seconds"], 2),
        "memory": round(done["peak_bytes"] / most, 2),
    }


def _last_line(error: FailedError) -> str:
    return str(error).strip().splitlines()[-1]


def main() -> int:
    """Measure and print a table; the result is the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("projects", type=Path, nargs="*", metavar="PROJECT")
    arguments.add_argument("--mariadb", type=Path, action="append", default=[], metavar="PROJECT")
    arguments.add_argument("--first", action="append", default=[], metavar="COMMAND")
    arguments.add_argument("--leave", action="append", default=[], metavar="APP.MODEL")
    arguments.add_argument("--rows", type=int, default=ROWS)
    arguments.add_argument("--json", type=Path, help="adds to what the file has")
    asked = arguments.parse_args()
    jobs = [(each, "PostgreSQL") for each in asked.projects]
    jobs += [(each, "MariaDB") for each in asked.mariadb]
    found = []
    for root, kind in jobs:
        found += measure(root.resolve(), kind, asked.first, asked.rows, asked.leave)
        for each in found[-2:]:
            print(" | ".join(f"{name} {value}" for name, value in each.items()), flush=True)
    if asked.json:
        before = json.loads(asked.json.read_text("utf-8")) if asked.json.exists() else []
        text = json.dumps([*before, *found], indent=2, ensure_ascii=False)
        asked.json.write_text(text, encoding="utf-8")
    return 1 if any("refused" in each for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
