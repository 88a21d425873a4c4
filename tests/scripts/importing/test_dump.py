"""import: from the files of dumpdata."""

import gzip
import json
import sqlite3
from contextlib import closing

import pytest

from . import library
from .test_sqlite import rows

pytestmark = [pytest.mark.slow, pytest.mark.network]  # the runtime's own packages are installed

ALL = ["dumpdata", "--all", "-e", "library.elsewhere"]
NATURAL = ["--natural-foreign", "--natural-primary", "-e", "contenttypes", "-e", "auth.permission"]
WORDS = """
    SELECT t.name, c.model, p.title FROM library_tag t
    JOIN django_content_type c ON c.id = t.content_type_id
    JOIN library_publication p ON p.id = t.object_id ORDER BY t.name
"""
MAY = """
    SELECT g.name, p.codename FROM auth_group g
    JOIN auth_group_permissions m ON m.group_id = g.id
    JOIN auth_permission p ON p.id = m.permission_id
"""
FRIENDS = """
    SELECT a.username, b.username FROM library_person_friends f
    JOIN library_person a ON a.id = f.from_person_id
    JOIN library_person b ON b.id = f.to_person_id ORDER BY 1
"""


@pytest.fixture(scope="session")
def dumped(server, tmp_path_factory):
    """Makes a dump of the server's data."""
    folder = tmp_path_factory.mktemp("dumps")

    def dump(name, *options):
        library.manage(server, *ALL, *options, "-o", str(folder / name))
        return folder / name

    return dump


@pytest.fixture
def edited(dumped, tmp_path):
    """A dump as JSON in which one object is changed."""

    def edit(model, number, **fields):
        objects = json.loads(dumped("full.json").read_text(encoding="utf-8"))
        found = [each for each in objects if each["model"] == model]
        found[number]["fields"].update(fields)
        file = tmp_path / "edited.json"
        file.write_text(json.dumps(objects), encoding="utf-8")
        return file

    return edit


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("full.json", []),
        ("indented.json.gz", ["--indent", "2"]),
        ("natural.jsonl.gz", ["--format", "jsonl", *NATURAL]),
        ("natural.xml", ["--format", "xml", *NATURAL]),
        ("full.xml", ["--format", "xml"]),
        ("full.yaml", ["--format", "yaml"]),
    ],
)
def test_a_dump_says_the_same_afterwards(server, dumped, brought, app_data, name, options):
    done = brought(server, dumped(name, *options))

    source, target = rows(server / "db.sqlite3"), rows(app_data / "db.sqlite3")
    for table in source.keys() - {"django_session", "django_migrations", "sqlite_sequence"}:
        # dumpdata asks the default manager of what many-to-many fields lead to.
        hidden = 1 if table == "library_shelf_books" else 0
        assert len(target[table]) == len(source[table]) - hidden, table
    passwords = {row[1] for row in source["library_person"]}
    assert {row[1] for row in target["library_person"]} == passwords
    with closing(sqlite3.connect(app_data / "db.sqlite3")) as connection:
        assert connection.execute(WORDS).fetchall() == [
            (f"tag {n}", "book", f"Book {n} é") for n in range(3)
        ]
        assert connection.execute(MAY).fetchall() == [("readers", "change_book")]
        assert connection.execute(FRIENDS).fetchall() == [
            ("person0", "person1"), ("person1", "person0"),
        ]  # fmt: skip
        price = "SELECT price, facts, raw FROM library_book WHERE number = 0"
        assert connection.execute(price).fetchone()[0] == pytest.approx(19.9900000001, abs=1e-10)
    left = {each["name"]: each["rows"] for each in done["left"]}
    assert left["sessions.Session"] == 1
    assert (app_data / "media" / "covers" / "one.txt").is_file()


def test_what_a_dump_leaves_out_stays_as_migrations_make_it(server, dumped, brought, app_data):
    done = brought(server, dumped("some.json", "-e", "library.shelf", "-e", "library.label"))
    names = [name for _, name in rows(app_data / "db.sqlite3")["library_shelf"]]
    assert names == ["from the migration"]
    left = {each["name"]: (each["rows"], each["why"]) for each in done["left"]}
    assert left["library.Shelf"][0] == 1 and "not in the dump" in left["library.Shelf"][1]


@pytest.mark.parametrize(
    ("model", "fields", "code", "said"),
    [
        ("library.book", {"price": "1234567890.1234567891"}, "DDK-IMP-08",
         "library.Book.price, key 1 (Decimal): SQLite keeps 15 digits"),
        ("library.book", {"number": 2**70}, "DDK-IMP-08", "library.Book.number, key 1 (int)"),
        ("library.book", {"number": -1}, "DDK-IMP-08", "library.Book.number, key 1"),
        ("library.book", {"title": "x"}, "DDK-IMP-04", "no field named 'title'"),
        ("library.book", {"day": "soon"}, "DDK-IMP-08", "library.book:pk=1"),
        ("library.book", {"weight": float("nan")}, "DDK-IMP-08",
         "library.Book.weight, key 1 (float): SQLite has no such number"),
        ("library.publication", {"title": None}, "DDK-IMP-08", "library.Publication.title, key 1"),
        ("library.label", {"shelf": 77}, "DDK-IMP-09", "library.Label.shelf, key 1"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_named(server, edited, refused, model, fields, code, said):
    error = refused(server, edited(model, 0, **fields))
    assert error["code"] == code and said in error["message"], error["message"]


def test_models_of_another_project_are_refused(server, refused, tmp_path):
    file = tmp_path / "other.json"
    file.write_text('[{"model": "shop.order", "pk": 1, "fields": {}}]', encoding="utf-8")
    error = refused(server, file)
    assert error["code"] == "DDK-IMP-04" and "shop.order: 1 rows" in error["message"]


def test_numbers_that_mean_something_else_here_are_refused(server, dumped, refused):
    error = refused(server, dumped("bare.json", "-e", "contenttypes", "-e", "auth.permission"))
    assert error["code"] == "DDK-IMP-15" and "library.Tag.content_type" in error["message"]


@pytest.mark.parametrize("name", ["cut.json", "cut.json.gz", "cut.xml", "cut.jsonl", "cut.yaml"])
def test_a_dump_that_ends_in_the_middle_is_refused(server, dumped, refused, tmp_path, name):
    suffix = name.split(".")[1]
    whole = dumped(f"whole.{suffix}", "--format", suffix).read_bytes()
    file = tmp_path / name
    if name.endswith(".gz"):
        file.write_bytes(gzip.compress(whole)[:-200])
    else:
        file.write_bytes(whole[:-200])
    assert refused(server, file)["code"] == "DDK-IMP-03"
