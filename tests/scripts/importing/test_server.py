"""import: from a live PostgreSQL, MariaDB and MySQL, in one snapshot, which is only read."""

import json
import sqlite3
import sys
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from skill_scripts.errors import KitError
from skill_scripts.importing.data import import_data

from . import library, mariadb, mysql, postgres
from .test_dump import MAY, WORDS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.network,  # the drivers are installed
    pytest.mark.skipif(sys.platform != "linux", reason="starts the server of a Linux system"),
]
needs_postgres = pytest.mark.skipif(not postgres.programs(), reason=postgres.MISSING)
needs_mariadb = pytest.mark.skipif(not mariadb.is_there(), reason=mariadb.MISSING)
ALL = [
    pytest.param("postgres", marks=needs_postgres),
    pytest.param("mariadb", marks=needs_mariadb),
    pytest.param("mysql"),
]
BOOKS = 300
WIDE_BYTES, DOUBLINGS = 8_000, 14  # 128 MB in all
STREAMED_BYTES = 50 << 20
# MySQL ends a connection by its number alone.
END_READERS = """
    CREATE PROCEDURE end_readers() BEGIN
        DECLARE one BIGINT;
        SELECT id INTO one FROM information_schema.processlist WHERE user = 'reader' LIMIT 1;
        KILL one;
    END
"""


@dataclass(frozen=True)
class Live:
    """An adapted project whose data are on a server."""

    root: Path
    address: str  # of somebody who may only read
    env: dict[str, str]  # with which the project itself uses the server
    end_readers: str  # a statement
    no_patience: str  # options of an address: the server ends a session that is idle for a second

    def sql(self, *statements: str) -> int:
        """Change something as the project's owner; the rows that the last one changed."""
        return [library.sql(self.root, each, self.env) for each in statements][-1]


@pytest.fixture(scope="module")
def start_live(project):
    """Starts a server and fills it."""
    with ExitStack() as stack:

        def start(kind: str) -> Live:
            # The path of a socket may have 107 bytes.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            entry = {"NAME": "library", "USER": "app"}
            if kind == "postgres":
                entry["HOST"] = stack.enter_context(postgres.running(folder))
                entry["ENGINE"] = "django.db.backends.postgresql"
                address = f"postgresql://reader@/library?host={entry['HOST']}"
                end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                end += "WHERE usename = 'reader'"
                idle = "&options=-c%20idle_in_transaction_session_timeout%3D1000"
            else:
                if kind == "mysql" and not mysql.command():
                    pytest.skip(mysql.MISSING)
                # As a server on Windows keeps them.
                names = "--lower-case-table-names=1"
                running = {"mariadb": mariadb.running, "mysql": mysql.running}[kind]
                entry["HOST"] = stack.enter_context(running(folder, names))
                entry["ENGINE"] = "django.db.backends.mysql"
                address = (
                    f"mysql://reader:pass%2Fword@localhost/library?unix_socket={entry['HOST']}"
                )
                end, limit = {
                    "mariadb": ("KILL USER reader@localhost", "idle_transaction_timeout"),
                    "mysql": ("CALL end_readers()", "wait_timeout"),
                }[kind]
                idle = f"&init_command=SET%20SESSION%20{limit}%3D1"
            live = Live(project, address, {"LIBRARY_DATABASE": json.dumps(entry)}, end, idle)
            library.fill(project, str(BOOKS), env=live.env)
            if kind == "postgres":
                live.sql("CREATE ROLE reader LOGIN", "GRANT pg_read_all_data TO reader",
                         "CREATE ROLE stranger LOGIN")  # fmt: skip
            if kind == "mysql":
                live.sql(END_READERS)
            return live

        yield start


@pytest.fixture(scope="module", params=ALL)
def live(start_live, request) -> Live:
    """Each server in turn."""
    return start_live(request.param)


@pytest.fixture(scope="module", params=ALL[1:])
def of_mysql(start_live, request) -> Live:
    """MariaDB and MySQL."""
    return start_live(request.param)


def test_rows_that_are_written_meanwhile_are_not_seen_in_part(live, brought, app_data):
    with library.start(live.root, "write.py", env=live.env) as writer:
        try:
            assert writer.stdout.readline() == "writing\n"
            done = brought(live.root, live.address)
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
        query = "SELECT changed, length, day, hex(raw), maybe, isbn FROM library_book b "
        query += "JOIN library_publication p ON p.id = b.publication_ptr_id WHERE number = 0"
        assert connection.execute(query).fetchone() == (
            "2020-07-01 12:00:00.123456", 86_400_000_007, "2020-02-29", "00FF", "null", f"{1:032x}",
        )  # fmt: skip
        query = "SELECT seq FROM sqlite_sequence WHERE name = 'library_publication'"
        assert connection.execute(query).fetchone()[0] > BOOKS
    assert (app_data / "media" / "covers" / "one.txt").is_file()


def test_values_that_only_the_server_can_hold_are_named(live, refused):
    live.sql("UPDATE library_book SET price = 1234567890.1234567891 WHERE number = 1")
    error = refused(live.root, live.address)
    live.sql("UPDATE library_book SET price = 1 WHERE number = 1")
    assert error["code"] == "DDK-IMP-08"
    assert "library.Book.price" in error["message"] and "15 digits" in error["message"]


def test_an_older_server_is_refused_and_left_as_it_is(live, refused):
    taken = "app = 'library' AND name = '0002_first_shelf'"
    live.sql(f"UPDATE django_migrations SET app = 'aside' WHERE {taken}")
    error = refused(live.root, live.address)
    assert live.sql("UPDATE django_migrations SET app = 'library' WHERE app = 'aside'") == 1
    assert error["code"] == "DDK-IMP-06" and "library.0002_first_shelf" in error["message"]


def test_rows_are_not_held_all_at_once(live, brought, app_data):
    """Nor does it take the server for the project's fault when it goes away in the middle."""
    bare = brought(live.root, live.address)["peak_bytes"]
    label = '"Library_Label"' if live.address.startswith("postgres") else "Library_Label"
    double = (
        f"INSERT INTO {label} (shelf_id, words, box, text) "
        f"SELECT shelf_id, words, box, {{}} FROM {label}"
    )
    live.sql(double.format(f"repeat('x', {WIDE_BYTES})"), *[double.format("text")] * DOUBLINGS)
    done = brought(live.root, live.address)
    ended = []

    def end(text):
        if "copying library.Label" in text and not ended:
            ended.append(live.sql(live.end_readers))

    with pytest.raises(KitError) as caught:
        import_data(live.root, live.address, progress=end)
    live.sql(f"DELETE FROM {label} WHERE text <> ''")
    rows = next(each["rows"] for each in done["tables"] if each["model"] == "library.Label")
    assert caught.value.code == "DDK-IMP-12", caught.value.message
    assert rows == 2 ** (DOUBLINGS + 1)
    assert done["peak_bytes"] - bare < STREAMED_BYTES


def test_a_server_without_patience_for_idle_sessions_is_read(live, brought):
    brought(live.root, live.address + live.no_patience)


def test_somebody_who_may_not_read_is_told_so(live, refused):
    error = refused(live.root, live.address.replace("reader", "stranger"))
    assert error["code"] == "DDK-IMP-12", error["message"]


@needs_postgres
def test_an_array_is_read_where_the_app_has_json(start_live, brought, app_data):
    """As in projects that choose the field by the database."""
    live = start_live("postgres")
    live.sql('ALTER TABLE "Library_Label" DROP COLUMN words',
             """ALTER TABLE "Library_Label" ADD COLUMN words text[] DEFAULT '{a,"b,c",NULL}'"""
             )  # fmt: skip
    brought(live.root, live.address)
    with closing(sqlite3.connect(app_data / "db.sqlite3")) as connection:
        (words,) = connection.execute('SELECT words FROM "Library_Label"').fetchone()
    assert json.loads(words) == ["a", "b,c", None]


def test_a_day_that_is_none_is_named(of_mysql, refused):
    # IGNORE: what a server of today refuses and one of long ago has.
    change = "UPDATE IGNORE library_book SET day = {} WHERE number = 1"
    of_mysql.sql(change.format("'0000-00-00'"))
    error = refused(of_mysql.root, of_mysql.address)
    of_mysql.sql(change.format("NULL"))
    assert error["code"] == "DDK-IMP-08" and "library.Book.day" in error["message"]


def test_tables_of_which_the_server_has_no_snapshot_are_named(of_mysql, brought):
    of_mysql.sql(
        "CREATE TABLE other LIKE library_authorship",
        "ALTER TABLE other ENGINE = MyISAM",
        "INSERT INTO other SELECT * FROM library_authorship",
        "DROP TABLE library_authorship",
        "RENAME TABLE other TO library_authorship",
    )
    notes = brought(of_mysql.root, of_mysql.address)["notes"]
    assert [each for each in notes if "no snapshot of library_authorship" in each]


def test_a_server_that_is_not_there_is_named_without_its_password(project, refused):
    for scheme in ("postgresql", "mysql"):
        error = refused(project, f"{scheme}://app:secret@/library?host=/nowhere")
        assert error["code"] == "DDK-IMP-12" and "secret" not in json.dumps(error)


def test_without_a_driver_it_says_so(server, refused):
    for scheme in ("postgresql", "mysql"):
        error = refused(server, f"{scheme}://app@/library?host=/nowhere")
        assert error["code"] == "DDK-IMP-12" and "no driver" in error["message"]
