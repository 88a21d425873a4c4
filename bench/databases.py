"""What it takes to bring whole projects in from PostgreSQL and MariaDB, and from their dumpdata.

    python -m bench.databases [PROJECT...] [--mariadb PROJECT] [--first COMMAND] [--rows N]
    python -m bench.databases --repeat [--folder FOLDER] [--markdown docs/how-to/import.md]

Each PROJECT is an adapted one whose environment has the driver. Per server: an empty one is
started, the project's own migrations and a command of its own that makes examples (--first) are
run, `bench/rows.py` fills it up to N rows with files, but for models that --leave names, and then
it is imported, and its dumpdata too. Beside it, in the same run, what one does without: `dumpdata`
with natural keys and without content types, permissions and sessions, into a migrated and empty app
by `loaddata`, which proves nothing, and is ended after two minutes. The figures that count are the
ratios to that. Several runs can add to one FILE of --json.

--repeat does this with public projects, which it obtains and adapts, and keeps in --folder; the
table goes between the marks of a page.
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
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from skill_scripts import desktop_toml
from skill_scripts.run import interpreter_of
from tests.faults import report
from tests.foreign import projects
from tests.scripts.importing import mariadb, postgres

ROOT = Path(__file__).resolve().parent.parent
ROWS = 100_000
REPEATED_ROWS = 3_000  # of each project: all of it takes a few minutes
# Of the paths in a message, those of this run say nothing to who reads the table.
FOLDERS = re.compile(r"(?<=')/\S*/(?=[^/']+')")
LOADDATA_SECONDS = 120
MARKS = ("<!-- imports: begin -->", "<!-- imports: end -->")
HEAD = (
    "project", "source", "models", "rows", "files", "seconds (copying)", "peak memory", "verified",
    "`loaddata` beside it", "copying against it: rows/s", "memory",
)  # fmt: skip
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
BY_NUMBER = [*PLAIN, "-e", "contenttypes", "-e", "auth.permission"]
NATURAL = [*BY_NUMBER, "--natural-foreign"]
SAID = 2000


@dataclass(frozen=True)
class Repeated:
    """A public project, on one kind of server."""

    project: projects.Project
    kind: str
    first: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()


EPHIOS = next(each for each in projects.PROJECTS if each.name == "ephios")
REPEATED = (
    Repeated(
        projects.Project(
            name="babybuddy",
            shape="",
            source=projects.Public(
                "babybuddy/babybuddy", "fa8bf4cd66ed149e23c215763a49a2f76dbcd2b7"
            ),
            environment=(
                "boto3", "dj-database-url==2.*", "django==5.2.*", "django-axes[ipware]==7.*",
                "django-cors-headers", "django-dbsettings==1.4.*", "django-filter",
                "django-imagekit==6.1.*", "django-import-export==4.4.*", "django-qr-code==4.*",
                "django-storages", "django-taggit==6.*", "django-widget-tweaks",
                "djangorestframework", "faker", "plotly==5.*", "psycopg2-binary", "python-dotenv",
                "python-dateutil", "uritemplate", "pyyaml", "whitenoise", "inflection",
            ),
        ),
        "PostgreSQL",
    ),
    Repeated(
        projects.Project(
            name="bakerydemo",
            shape="",
            python=">=3.12",
            source=projects.Public(
                "wagtail/bakerydemo", "8e2b625755d8942412d5b7627b146a795933b8b2"
            ),
            environment=(
                "django==6.0.*", "python-dotenv==1.*", "wagtail==7.4.*", "dj-database-url==3.*",
                "wagtail-font-awesome-svg==1.*", "django-debug-toolbar==4.*",
                "django-extensions==4.*", "django-csp==3.8", "PyMySQL",
            ),
        ),
        "MariaDB",
        first=("load_initial_data",),
        leave=("wagtailcore.workflowstate",),
    ),
    Repeated(replace(EPHIOS, environment=("ephios==0.27.1", "psycopg[binary]")), "PostgreSQL"),
)  # fmt: skip


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
    limit: float | None = None  # in seconds, for each program that runs on the server

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
        return _spent([self.python, *words], self.root / manage, env, self.limit)

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
        return _spent(command, self.root, env, LOADDATA_SECONDS)

    def bring(self, app_data: Path, source: str) -> dict:
        """Import; the document of it, or the error."""
        env = {**os.environ, "DESKTOP_DJANGO_APP_DATA_DIR": str(app_data), "SOURCE": source}
        command = [sys.executable, "-m", "skill_scripts", "import", str(self.root), "--json"]
        command += ["--from", "env:SOURCE", "--media", str(self.media), "--allow-missing-files"]
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
        return json.loads(done.stdout)


def _spent(
    command: list[str], folder: Path, env: dict[str, str], limit: float | None = None
) -> Spent:
    begin = time.monotonic()
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, cwd=folder, env=env, stdout=said, stderr=said)
        timer = threading.Timer(limit or 0, child.kill)
        if limit:
            timer.start()
        _, status, used = os.wait4(child.pid, 0)
        timer.cancel()
        child.returncode = status
        seconds = time.monotonic() - begin
        if status and limit and seconds >= limit:
            raise FailedError(f"ended after {limit} s")
        if status:
            said.seek(0)
            raise FailedError(said.read().decode(errors="replace")[-SAID:])
    return Spent(seconds, used.ru_maxrss * 1024)


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


def measure(
    root: Path, kind: str, first: list[str], rows: int, leave: list[str], limit: float | None = None
) -> list[dict]:
    """The rows of the table for one project on one server."""
    # The path of a socket may have 107 bytes.
    place, scratch = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
    try:
        with server(kind, place) as (address, entry):
            project = Project(root, scratch, entry, address, limit)
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
        dumped = _dumped(project, natural)
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
            "copying_seconds": done["copying_seconds"],
            "peak_mb": round(done["peak_bytes"] / 1e6),
            "foreign_keys": done["foreign_keys_checked"],
            "files_named": done["files"]["referenced"],
            "files_missing": len(done["files"]["missing"]),
            "pages": f"{sum(0 < p['status'] < 500 for p in done['pages'])}/{len(done['pages'])}",
            **whys, **beside,
        })  # fmt: skip
    return found


def _dumped(project: Project, file: Path) -> Spent:
    """The dump for `loaddata`: by natural keys, else by numbers that the app may have otherwise."""
    try:
        return project.manage(*NATURAL, "-o", str(file))
    except FailedError:
        return project.manage(*BY_NUMBER, "-o", str(file))


def _beside(done: dict, dumped: Spent, loaded: Spent, is_live: bool) -> dict:
    """What `loaddata` took, of a live server with the dump before it, and the ratios to it."""
    seconds = loaded.seconds + (dumped.seconds if is_live else 0)
    most = max(loaded.bytes, dumped.bytes if is_live else 0)
    return {
        "loaddata_seconds": round(seconds, 1),
        "loaddata_peak_mb": round(most / 1e6),
        "speed": round(seconds / done["copying_seconds"], 2),
        "memory": round(done["peak_bytes"] / most, 2),
    }


def obtained(one: Repeated, folder: Path) -> Path:
    """The project, adapted, in a folder that may have it from a run before."""
    place = folder / one.project.name
    target = place / one.project.target
    if not (target / desktop_toml.PLACE).exists():
        shutil.rmtree(place, ignore_errors=True)
        projects.materialise(one.project, place)
        words = [word for each in one.project.decisions for word in ("--set", each)]
        command = [sys.executable, "-m", "skill_scripts", "adapt", str(target), "--no-rehearsal"]
        done = subprocess.run([*command, *words], cwd=ROOT, capture_output=True, text=True)
        if not (target / desktop_toml.PLACE).exists():
            raise FailedError(done.stdout + done.stderr)
    return target


def repeat(folder: Path | None, rows: int) -> Iterator[dict]:
    """The lines of the table, one after another."""
    with tempfile.TemporaryDirectory() as scratch:
        for one in REPEATED:
            first, leave, limit = [*one.first], [*one.leave], LOADDATA_SECONDS
            try:
                root = obtained(one, (folder or Path(scratch)).resolve())
                yield from measure(root, one.kind, first, rows, leave, limit)
            except (FailedError, projects.UnobtainableError) as error:
                yield {
                    "project": one.project.name,
                    "source": one.kind,
                    "refused": _last_line(error),
                }


def table(found: list[dict]) -> str:
    """The lines as they stand in the docs."""
    lines = [HEAD, ("---",) * len(HEAD), *map(_cells, found)]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def _cells(one: dict) -> tuple[object, ...]:
    begin = (one["project"], one["source"])
    if refused := one.get("refused"):
        return (*begin, "", "", "", "", "", f"refused: {refused}", "", "", "")
    missing = f", {one['files_missing']} not there" if one["files_missing"] else ""
    named = f"{one['files_named']} files named{missing}"
    verified = f"checksums, {one['foreign_keys']} foreign keys, {named}, {one['pages']} pages"
    if "loaddata_seconds" in one:
        loaded = f"{one['loaddata_seconds']} s, {one['loaddata_peak_mb']} MB"
        beside = (loaded, f"{one['speed']} times", f"{one['memory']} times")
    else:
        said = one.get("loaddata") or one.get("dumpdata", "")
        beside = (FOLDERS.sub("", said), "", "")
    seconds = f"{one['seconds']:.0f} ({one['copying_seconds']:.1f})"
    counts = (one["models"], f"{one['rows']:,}", one["files"])
    return (*begin, *counts, seconds, f"{one['peak_mb']} MB", verified, *beside)


def _last_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[-1]


def main() -> int:
    """Measure and print a table; the result is the exit code."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("projects", type=Path, nargs="*", metavar="PROJECT")
    arguments.add_argument("--mariadb", type=Path, action="append", default=[], metavar="PROJECT")
    arguments.add_argument("--first", action="append", default=[], metavar="COMMAND")
    arguments.add_argument("--leave", action="append", default=[], metavar="APP.MODEL")
    arguments.add_argument("--rows", type=int)
    arguments.add_argument("--repeat", action="store_true")
    arguments.add_argument("--folder", type=Path, help="keeps the projects of --repeat")
    arguments.add_argument("--markdown", type=Path, help="the page that has the table")
    arguments.add_argument("--json", type=Path, help="adds to what the file has")
    asked = arguments.parse_args()
    jobs = [(each, "PostgreSQL") for each in asked.projects]
    jobs += [(each, "MariaDB") for each in asked.mariadb]
    found = []
    for root, kind in jobs:
        found += measure(root.resolve(), kind, asked.first, asked.rows or ROWS, asked.leave)
    if asked.repeat:
        found += repeat(asked.folder, asked.rows or REPEATED_ROWS)
    print(table(found))
    if asked.markdown:
        report.write(asked.markdown, table(found), MARKS)
    if asked.json:
        before = json.loads(asked.json.read_text("utf-8")) if asked.json.exists() else []
        text = json.dumps([*before, *found], indent=2, ensure_ascii=False)
        asked.json.write_text(text, encoding="utf-8")
    return 1 if any("refused" in each for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
