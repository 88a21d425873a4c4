"""What `--from` names: an SQLite file, a dump of Django's or PostgreSQL's, an export of the app, or
an address."""

import gzip
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from skill_scripts.errors import KitError

SQLITE_BEGINS = b"SQLite format 3\0"
GZIP_BEGINS = b"\x1f\x8b"
PG_CUSTOM_BEGINS = b"PGDMP"
PG_PLAIN_SAYS = b"-- PostgreSQL database dump\n"
OTHER_DUMPS = {
    b"-- PostgreSQL database cluster dump": "pg_dumpall made it: give a file that pg_dump made of "
    "one database",
    b"-- MariaDB dump": "only MariaDB reads a dump of MariaDB: give the address of the server",
    b"-- MySQL dump": "only MySQL reads a dump of MySQL: give the address of the server",
}
NO_DUMP = "it is neither a database nor a dump"
HEAD = 4096  # bytes, in which a dump says what made it
SQLITE, DUMP, PG_DUMP, EXPORT, SERVER = "sqlite", "dump", "pg_dump", "export", "server"
PG_CUSTOM, PG_PLAIN = "custom", "plain"
FORMATS = {
    ".json": "json", ".jsonl": "jsonl", ".xml": "xml", ".yaml": "yaml", ".yml": "yaml",
}  # fmt: skip
ENGINES = {
    "postgres": "django.db.backends.postgresql",
    "postgresql": "django.db.backends.postgresql",
    "mysql": "django.db.backends.mysql",
    "mariadb": "django.db.backends.mysql",
}
FROM_ENVIRONMENT = "env:"
OF_AN_EXPORT = ("SHA256SUMS", "manifest.json", "rows")


@dataclass(frozen=True)
class Source:
    """Where the rows come from, as the part in the project's interpreter is told."""

    kind: str  # SQLITE, DUMP, PG_DUMP, EXPORT or SERVER
    name: str  # for people; never with a password
    file: Path | None = None  # of an export the folder
    format: str = ""  # of a dump
    is_compressed: bool = False
    database: dict[str, Any] | None = None  # an entry of DATABASES

    @property
    def bytes(self) -> int:
        """What it has on this disk; 0 for a server."""
        if self.kind == EXPORT:
            return sum(each.stat().st_size for each in self.file.rglob("*") if each.is_file())
        return self.file.stat().st_size if self.file else 0

    def as_request(self) -> dict[str, Any]:
        """The source as JSON."""
        return {
            "kind": self.kind,
            "file": str(self.file) if self.file else "",
            "format": self.format,
            "compressed": self.is_compressed,
            "database": self.database,
        }


def recognise(given: str) -> Source:
    """The source that `given` names.

    `env:NAME` stands for the value of a variable, so that a password is on no command line. Raises
    KitError DDK-IMP-01 if nothing is there and DDK-IMP-02 if it is of another kind.
    """
    if given.startswith(FROM_ENVIRONMENT):
        name = given.removeprefix(FROM_ENVIRONMENT)
        given = os.environ.get(name, "")
        if not given:
            raise KitError("DDK-IMP-01", f"the variable {name} is not set", source=name)
    if "://" in given:
        return _server(given)
    file = Path(given).resolve()
    if file.is_dir():
        if lacks := [name for name in OF_AN_EXPORT if not (file / name).exists()]:
            text = f"{file.name} is no folder that an app has exported: it has no {lacks[0]}"
            raise KitError("DDK-IMP-02", text, source=str(file))
        return Source(EXPORT, str(file), file)
    try:
        with file.open("rb") as stream:
            begin = stream.read(HEAD)
    except OSError as error:
        text = f"{file} cannot be read: {error.strerror}"
        raise KitError("DDK-IMP-01", text, source=str(file)) from error
    if begin.startswith(SQLITE_BEGINS):
        return Source(SQLITE, str(file), file)
    is_compressed = begin.startswith(GZIP_BEGINS)
    if is_compressed:
        begin = _begin_of_gzip(file)
    if of_postgres := _of_pg_dump(begin):
        return Source(PG_DUMP, str(file), file, of_postgres, is_compressed)
    suffixes = [each.lower() for each in file.suffixes if each.lower() != ".gz"]
    known = FORMATS.get(suffixes[-1]) if suffixes else None
    if known is None:
        why = next((w for says, w in OTHER_DUMPS.items() if says in begin), NO_DUMP)
        raise KitError("DDK-IMP-02", f"{file.name}: {why}", source=str(file))
    return Source(DUMP, str(file), file, known, is_compressed)


def _of_pg_dump(begin: bytes) -> str:
    """The format of pg_dump's that a file has, "" if it is of something else."""
    if begin.startswith(PG_CUSTOM_BEGINS):
        return PG_CUSTOM
    return PG_PLAIN if PG_PLAIN_SAYS in begin.replace(b"\r", b"") else ""


def _begin_of_gzip(file: Path) -> bytes:
    try:
        with gzip.open(file) as stream:
            return stream.read(HEAD)
    except (OSError, EOFError, zlib.error) as error:
        raise KitError("DDK-IMP-03", f"{file.name}: {error}", source=str(file)) from error


def _server(address: str) -> Source:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise KitError("DDK-IMP-02", f"the address cannot be read: {error}") from error
    engine = ENGINES.get(parts.scheme)
    if engine is None:
        known = ", ".join(f"{each}://" for each in ENGINES)
        text = f"{parts.scheme}:// is no database that is known here (known: {known})"
        raise KitError("DDK-IMP-02", text, source=parts.scheme)
    options = _options(parts.query)
    host = options.pop("host", "") or unquote(parts.hostname or "")
    database = {
        "ENGINE": engine,
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(port or ""),
        "OPTIONS": options,
    }
    return Source(SERVER, _without_password(parts, host), database=database)


def _options(query: str) -> dict[str, Any]:
    """What the driver is told: numbers as such, MySQL's `ssl-ca` and its like as one entry."""
    options: dict[str, Any] = {}
    for name, value in parse_qsl(query):
        if name.startswith("ssl-"):
            options.setdefault("ssl", {})[name.removeprefix("ssl-")] = value
        else:
            options[name] = int(value) if value.isdecimal() else value
    return options


def _without_password(parts: SplitResult, host: str) -> str:
    who = f"{parts.username}@" if parts.username else ""
    where = f"{host}:{parts.port}" if parts.port else host
    return f"{parts.scheme}://{who}{where}{parts.path}"
