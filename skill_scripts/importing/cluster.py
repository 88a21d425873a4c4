"""A file of pg_dump, loaded into a PostgreSQL that is there for one import alone.

The server listens on a socket in a folder of its own and is ended with the import. Whoever kills
the import leaves that folder: the next import removes it, and a server without its folder ends.
"""

import gzip
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from skill_scripts.errors import KitError
from skill_scripts.findings.surveyed import Progress
from skill_scripts.importing.source import ENGINES, PG_CUSTOM, SERVER, Source
from skill_scripts.processes import MARK, clean_environment, end_all, own_group

PROGRAMS = ("initdb", "postgres", "createdb", "psql", "pg_restore")
# Where packages put them that leave them out of the PATH.
FOLDERS = (
    "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin", "/Applications/Postgres.app/Contents/Versions/*/bin",
)  # fmt: skip
OWNER = "postgres"  # who every package makes; it refuses to run as root
NAME = "import"
FOLDER = "desktop-django-postgres-"
START_SECONDS = 60
STOP_SECONDS = 10
BLOCK = 1 << 20
SHOWN = 5  # of what it says
# About who owns what, extensions and indexes: rows do not need them. A table that could not be made
# is told by its own error.
NEEDLESS = re.compile(
    rb"role \"|extension|operator class|unrecognized configuration parameter"
    rb"|(relation|table|sequence|index|constraint|view) .*does not exist"
)
# Of another database than the one that is made for it, or for the psql that comes with newer ones.
OF_THE_SERVER = re.compile(
    rb"(CREATE|ALTER|DROP) DATABASE |COMMENT ON DATABASE |\\connect |\\(un)?restrict \w+$"
)
ROWS = re.compile(rb"COPY .* FROM stdin;$")
END_OF_ROWS = b"\\."
COMPLETE = b"-- PostgreSQL database dump complete"
STRICT, LENIENT = b"\\set ON_ERROR_STOP on\n", b"\\set ON_ERROR_STOP off\n"


def find_programs() -> Path | None:
    """The folder with the programs of the newest PostgreSQL here, None without one.

    Where Python knows no sockets with a path there is none that could be kept to oneself.
    """
    if not hasattr(socket, "AF_UNIX"):
        return None
    named = shutil.which(PROGRAMS[0])
    found = [Path(named).resolve().parent] if named else []
    found += sorted((each for all_ in FOLDERS for each in Path("/").glob(all_[1:])), key=_newest)
    whole = (f for f in found if all((f / each).is_file() for each in PROGRAMS))
    return next(whole, None)


def _newest(folder: Path) -> int:
    numbers = re.findall(r"\d+", str(folder))
    return -int(numbers[0]) if numbers else 0


@contextmanager
def loaded(source: Source, progress: Progress) -> Iterator[Source]:
    """The file as a server that has it. Raises KitError DDK-IMP-11, DDK-IMP-17 and DDK-IMP-18."""
    programs = find_programs()
    if programs is None:
        name = source.file.name if source.file else ""
        raise KitError("DDK-IMP-17", f"{name} is a file of pg_dump", source=source.name)
    remove_left()
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, OWNER)
        cluster = Cluster(programs, folder)
        progress("starting a PostgreSQL for the file")
        with cluster.running():
            cluster.load(source, progress)
            database = {
                "ENGINE": ENGINES["postgresql"], "NAME": NAME, "USER": NAME, "HOST": str(folder),
            }  # fmt: skip
            yield replace(source, kind=SERVER, database=database)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_left() -> None:
    """Remove the folders of imports that were killed; their servers see it within a minute."""
    for old in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        number = old.name.removeprefix(FOLDER).partition("-")[0]
        if not (number.isdigit() and psutil.pid_exists(int(number))):
            shutil.rmtree(old, ignore_errors=True)


@dataclass
class Cluster:
    """A PostgreSQL with one database, on a socket in `folder`."""

    programs: Path
    folder: Path

    @contextmanager
    def running(self) -> Iterator[None]:
        """The server, with the database."""
        data = str(self.folder / "data")
        make = ["-U", NAME, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        self._must("initdb", "-D", data, *make)
        options = ["-D", data, "-k", str(self.folder), "-h", "", "-F", "-c", "autovacuum=off"]
        mark = secrets.token_hex(16)
        with (self.folder / "log").open("wb") as log:
            server = subprocess.Popen(
                self._command("postgres", *options), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, **self._given({MARK: mark}),
            )  # fmt: skip
        try:
            self._wait_for(server)
            yield
        finally:
            with suppress(subprocess.TimeoutExpired):
                server.send_signal(signal.SIGINT)  # it ends its connections, then itself
                server.wait(STOP_SECONDS)
            end_all(server, mark)

    def _wait_for(self, server: subprocess.Popen) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._run("createdb", *self._who(), NAME).code:
            if server.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "log").read_text(errors="replace").splitlines()
                raise KitError("DDK-IMP-18", "\n".join(["it does not start:", *said[-SHOWN:]]))
            time.sleep(0.1)

    def load(self, source: Source, progress: Progress) -> None:
        """Give it the file. Raises KitError."""
        if source.format != PG_CUSTOM:
            words = ["-X", "-q", "-d", NAME, *self._who()]
            said = self._run("psql", *words, feed=_for_psql(source, progress))
            needed = [each for each in said.errors if not NEEDLESS.search(each)]
            _judge(source, said.code, needed or (said.errors if said.code else ()))
            return
        # Rows need neither indexes nor constraints; these are the app's own afterwards.
        words = ["--no-owner", "--no-privileges", "-d", NAME, *self._who()]
        before, said = (
            self._run("pg_restore", *part, *words, feed=_pieces(source, progress, by_line=False))
            for part in (["--section=pre-data"], ["--section=data", "--exit-on-error"])
        )
        _judge(source, said.code, [*before.errors, *said.errors] if said.code else [])

    def _who(self) -> list[str]:
        return ["-h", str(self.folder), "-U", NAME]

    def _command(self, name: str, *words: str) -> list[str]:
        return [str(self.programs / name), *words]

    def _given(self, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
        as_owner = {"user": OWNER, "group": OWNER, "extra_groups": []} if os.geteuid() == 0 else {}
        env = clean_environment({"LC_ALL": "C", **(variables or {})})
        return {"cwd": self.folder, "env": env, **own_group(), **as_owner}

    def _must(self, name: str, *words: str) -> None:
        done = self._run(name, *words)
        if done.code:
            raise KitError("DDK-IMP-18", f"{name} failed:\n{_shown(done.errors)}")

    def _run(self, name: str, *words: str, feed: Iterable[bytes] = ()) -> "Said":
        """Run a program, with what it is fed on its standard input."""
        with tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                self._command(name, *words), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                stderr=errors, **self._given(),
            )  # fmt: skip
            try:
                with suppress(BrokenPipeError), child.stdin:  # it ends at its first mistake
                    for block in feed:
                        child.stdin.write(block)
                code = child.wait()
            finally:
                if child.poll() is None:
                    child.kill()
                    child.wait()
            errors.seek(0)
            lines = errors.read().splitlines()
        return Said(code, [each for each in lines if re.search(rb"error:|ERROR:|FATAL:", each)])


@dataclass(frozen=True)
class Said:
    """How a program ended, and its lines that tell errors."""

    code: int
    errors: Sequence[bytes]


def _judge(source: Source, code: int, errors: Sequence[bytes]) -> None:
    if not code and not errors:
        return
    text = _shown(errors) or f"it ended with code {code}"
    if "No space left" in text:
        folder = tempfile.gettempdir()
        raise KitError("DDK-IMP-11", f"the disk of {folder} is full", folder=folder)
    raise KitError("DDK-IMP-18", text, source=source.name)


def _shown(errors: Sequence[bytes]) -> str:
    return "\n".join(each.decode(errors="replace") for each in errors[-SHOWN:])


def _pieces(source: Source, progress: Progress, *, by_line: bool) -> Iterator[bytes]:
    """What the file holds. Raises KitError DDK-IMP-03."""
    unsaid = BLOCK
    try:
        with (
            source.file.open("rb") as file,
            gzip.open(file) if source.is_compressed else nullcontext(file) as stream,
        ):
            while piece := stream.readline() if by_line else stream.read(BLOCK):
                unsaid += len(piece)
                if unsaid > BLOCK:
                    progress(f"loading the file: {100 * file.tell() // source.bytes} %")
                    unsaid = 0
                yield piece
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise KitError("DDK-IMP-03", f"{source.file.name}: {error}", source=source.name) from error


def _for_psql(source: Source, progress: Progress) -> Iterator[bytes]:
    """The statements, and after each mistake the next one; but psql stops where rows have no table,
    because it would take them for statements. Raises KitError DDK-IMP-03."""
    is_rows = is_complete = False
    for line in _pieces(source, progress, by_line=True):
        bare = line.rstrip()
        if is_rows:
            is_rows = bare != END_OF_ROWS
            yield line if is_rows else line + LENIENT
        elif ROWS.match(bare):
            is_rows = True
            yield STRICT + line
        else:
            is_complete = is_complete or bare == COMPLETE
            if not OF_THE_SERVER.match(bare):
                yield line
    if not is_complete:
        text = f"{source.file.name} ends in the middle"
        raise KitError("DDK-IMP-03", text, source=source.name)
