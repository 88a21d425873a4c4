"""import: from a live PostgreSQL, in one snapshot, which is only read."""

import json
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner
from uv import find_uv_bin

from skill_scripts.cli import app
from tests.scripts import projects

from . import library, postgres
from .test_dump import MAY, WORDS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.network,  # psycopg is installed
    pytest.mark.skipif(sys.platform != "linux", reason="starts the server of a Linux system"),
    pytest.mark.skipif(not postgres.programs(), reason=postgres.MISSING),
]
BOOKS = 300

# A book and its half in the parent's table, again and again, in one transaction each.
WRITE = """
import sys
import django
django.setup()
from django.db import transaction
from library.models import Book
print("writing", flush=True)
while True:
    Book.objects.create(title="meanwhile")
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """An adapted project whose data are on a server: its folder, the address, its variables."""
    environment = projects.environment(tmp_path_factory.mktemp("environment") / ".venv")
    install = [find_uv_bin(), "pip", "install", "--quiet", "--python", environment]
    subprocess.run([*install, "psycopg[binary]"], check=True)
    root = library.make(tmp_path_factory.mktemp("live") / "library", environment)
    projects.write(root, {"write.py": WRITE})
    projects.commit(root)
    done = CliRunner().invoke(app, ["adapt", str(root), "--no-rehearsal"])
    assert done.exit_code == 0, done.stderr
    # The path of a socket may have 107 bytes.
    with tempfile.TemporaryDirectory() as folder, postgres.running(Path(folder)) as socket:
        entry = {"ENGINE": "django.db.backends.postgresql", "NAME": "library", "USER": "app",
                 "HOST": socket}  # fmt: skip
        env = {"LIBRARY_DATABASE": json.dumps(entry)}
        library.fill(root, str(BOOKS), env=env)
        yield root, f"postgresql://app@/library?host={socket}", env


def test_rows_that_are_written_meanwhile_are_not_seen_in_part(live, brought, app_data):
    root, address, env = live
    with library.start(root, "write.py", env=env) as writer:
        try:
            assert writer.stdout.readline() == "writing\n"
            done = brought(root, address)
            assert writer.poll() is None
        finally:
            writer.kill()

    by_model = {each["model"]: each["rows"] for each in done["tables"]}
    assert by_model["library.Book"] == by_model["library.Publication"] >= BOOKS
    with closing(sqlite3.connect(app_data / "db.sqlite3")) as connection:
        assert connection.execute(WORDS).fetchall() == [
            (f"tag {n}", "book", f"Book {n} é") for n in range(3)
        ]
        assert connection.execute(MAY).fetchall() == [("readers", "change_book")]
        query = "SELECT changed, length, day, hex(raw), maybe FROM library_book b "
        query += "JOIN library_publication p ON p.id = b.publication_ptr_id WHERE number = 0"
        assert connection.execute(query).fetchone() == (
            "2020-07-01 12:00:00.123456", 86_400_000_007, "2020-02-29", "00FF", "null",
        )  # fmt: skip
        query = "SELECT seq FROM sqlite_sequence WHERE name = 'library_publication'"
        assert connection.execute(query).fetchone()[0] > BOOKS
    assert (app_data / "media" / "covers" / "one.txt").is_file()


def test_values_that_only_the_server_can_hold_are_named(live, refused):
    root, address, env = live
    library.sql(root, "UPDATE library_book SET price = 1234567890.1234567891 WHERE number = 1", env)
    error = refused(root, address)
    library.sql(root, "UPDATE library_book SET price = 1 WHERE number = 1", env)
    assert error["code"] == "DDK-IMP-08"
    assert "library.Book.price" in error["message"] and "15 digits" in error["message"]


def test_an_older_server_is_refused_and_left_as_it_is(live, refused):
    root, address, env = live
    taken = "app = 'library' AND name = '0002_first_shelf'"
    library.sql(root, f"UPDATE django_migrations SET app = 'aside' WHERE {taken}", env)
    error = refused(root, address)
    back = "UPDATE django_migrations SET app = 'library' WHERE app = 'aside'"
    assert library.sql(root, back, env) == 1
    assert error["code"] == "DDK-IMP-06" and "library.0002_first_shelf" in error["message"]


def test_a_server_that_is_not_there_is_named_without_its_password(live, refused):
    root, _, _ = live
    error = refused(root, "postgresql://app:secret@/library?host=/nowhere")
    assert error["code"] == "DDK-IMP-12" and "secret" not in json.dumps(error)


def test_without_a_driver_it_says_so(server, refused):
    error = refused(server, "postgresql://app@/library?host=/nowhere")
    assert error["code"] == "DDK-IMP-12" and "no driver" in error["message"]
