"""import: from a file of pg_dump, by way of a PostgreSQL that is there for this alone."""

import gzip
import json
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from skill_scripts.importing import cluster

from . import library, postgres
from .test_dump import MAY, WORDS

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="starts the server of Linux")]
with_postgres = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.network,  # the driver is installed
    pytest.mark.skipif(not postgres.programs(), reason=postgres.MISSING),
]
BOOKS = 30
# What another machine has and this one has not, and a line that only the newest psql knows.
FOREIGN = """\\restrict abc123
SET transaction_timeout = 0;
CREATE EXTENSION IF NOT EXISTS nowhere WITH SCHEMA public;
COMMENT ON EXTENSION nowhere IS 'of another machine';
"""


@pytest.fixture(scope="module")
def dumps(project, tmp_path_factory) -> Path:
    """A folder with the files of a server that has ended; parts of it belonged to somebody else."""
    folder = tmp_path_factory.mktemp("pg_dump")
    with tempfile.TemporaryDirectory() as place, postgres.running(Path(place)) as socket:
        entry = {"ENGINE": "django.db.backends.postgresql", "NAME": "library", "USER": "app",
                 "HOST": socket}  # fmt: skip
        env = {"LIBRARY_DATABASE": json.dumps(entry)}
        library.fill(project, str(BOOKS), env=env)
        for statement in (
            "CREATE ROLE shop", "ALTER TABLE library_tag OWNER TO shop",
            "GRANT SELECT ON library_shelf TO shop", "CREATE EXTENSION IF NOT EXISTS pg_trgm",
            "CREATE INDEX words ON library_shelf USING gin (name gin_trgm_ops)",
        ):  # fmt: skip
            library.sql(project, statement, env)
        make = [postgres.programs() / "pg_dump", "-h", socket, "-U", "app", "library"]
        for name, options in {
            "full.dump": ["-Fc"], "full.sql": [], "schema.sql": ["--schema-only"],
            "rows.sql": ["--data-only"], "clean.sql": ["--clean", "--create", "--inserts"],
        }.items():  # fmt: skip
            subprocess.run([*make, *options, "-f", folder / name], check=True)
    plain = (folder / "full.sql").read_text(encoding="utf-8")
    foreign = plain.replace("SET lock_timeout = 0;\n", f"SET lock_timeout = 0;\n{FOREIGN}")
    assert foreign != plain
    (folder / "foreign.sql.gz").write_bytes(gzip.compress(foreign.encode()))
    typed = plain.replace("isbn uuid NOT NULL", "isbn public.nothing NOT NULL")
    assert typed != plain
    (folder / "typed.sql").write_text(typed, encoding="utf-8")
    return folder


def left() -> list[object]:
    """Folders and processes of servers that were started for an import."""
    of_ours = [
        each.info["pid"]
        for each in psutil.process_iter(["pid", "cmdline"])
        if cluster.FOLDER in " ".join(each.info["cmdline"] or ())
    ]
    return [*of_ours, *Path(tempfile.gettempdir()).glob(f"{cluster.FOLDER}*")]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=with_postgres)
        for name in ("full.dump", "full.sql", "foreign.sql.gz", "clean.sql")
    ],
)
def test_its_rows_are_there_and_the_server_is_gone(project, dumps, brought, app_data, name):
    done = brought(project, dumps / name)
    assert left() == []
    by_model = {each["model"]: each["rows"] for each in done["tables"]}
    assert by_model["library.Book"] == by_model["library.Publication"] == BOOKS
    with closing(sqlite3.connect(app_data / "db.sqlite3")) as connection:
        assert connection.execute(WORDS).fetchall() == [
            (f"tag {n}", "book", f"Book {n} é") for n in range(3)
        ]
        assert connection.execute(MAY).fetchall() == [("readers", "change_book")]
        query = "SELECT seq FROM sqlite_sequence WHERE name = 'library_publication'"
        assert connection.execute(query).fetchone() == (BOOKS + 1,)  # the last was deleted
    assert (app_data / "media" / "covers" / "one.txt").is_file()


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        pytest.param(*each, marks=with_postgres)
        for each in (
            ("schema.sql", "DDK-IMP-04", "no migration is applied"),
            ("rows.sql", "DDK-IMP-18", "does not exist"),
            ("typed.sql", "DDK-IMP-18", 'type "public.nothing" does not exist'),
        )
    ],
)
def test_a_file_that_is_not_whole_is_refused(project, dumps, refused, name, code, said):
    error = refused(project, dumps / name)
    assert error["code"] == code and said in error["message"], error["message"]
    assert left() == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param(*each, marks=with_postgres)
        for each in (("full.sql", "DDK-IMP-03"), ("full.dump", "DDK-IMP-18"))
    ],
)
def test_a_file_that_ends_in_the_middle_is_refused(project, dumps, refused, tmp_path, name, code):
    cut = tmp_path / name
    cut.write_bytes((dumps / name).read_bytes()[:-4000])
    assert refused(project, cut)["code"] == code
    assert left() == []


@pytest.mark.slow
@pytest.mark.network
def test_without_a_postgres_it_says_what_to_run_on_the_server(
    server, refused, tmp_path, monkeypatch
):
    monkeypatch.setattr(cluster, "find_programs", lambda: None)
    (tmp_path / "shop.dump").write_bytes(b"PGDMP\1")
    error = refused(server, tmp_path / "shop.dump")
    assert error["code"] == "DDK-IMP-17" and "dumpdata --all" in error["remedy"]


def test_what_a_killed_import_has_left_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = tmp_path / f"{cluster.FOLDER}{2**22 + 1}-x"
    own = tmp_path / f"{cluster.FOLDER}{psutil.Process().ppid()}-x"
    gone.mkdir()
    own.mkdir()
    cluster.remove_left()
    assert [each.name for each in tmp_path.iterdir()] == [own.name]
