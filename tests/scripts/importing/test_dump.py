"""import: from the files of dumpdata."""

import gzip
import json
import sqlite3
from contextlib import closing

import pytest

from . import library
from .test_sqlite import BEHIND, rows

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
    """A dump as JSON in which some objects are changed: model, place, fields."""

    def edit(changes):
        objects = json.loads(dumped("full.json").read_text(encoding="utf-8"))
        for model, at, fields in changes:
            [each for each in objects if each["model"] == model][at]["fields"].update(fields)
        file = tmp_path / "edited.json"
        file.write_text(json.dumps(objects), encoding="utf-8")
        return file

    return edit


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("full.json", [], marks=pytest.mark.long),
        pytest.param("natural.xml", ["--format", "xml", *NATURAL], marks=pytest.mark.long),
        pytest.param("indented.json.gz", ["--indent", "2"], marks=pytest.mark.long),
        pytest.param("natural.jsonl.gz", ["--format", "jsonl", *NATURAL], marks=pytest.mark.long),
        pytest.param("full.xml", ["--format", "xml"], marks=pytest.mark.long),
        pytest.param("full.yaml", ["--format", "yaml"], marks=pytest.mark.long),
    ],
)
def test_a_dump_says_the_same_afterwards(server, dumped, brought, app_data, name, options):
    done = brought(server, dumped(name, *options))

    source, target = rows(server / "db.sqlite3"), rows(app_data / "db.sqlite3")
    for table in source.keys() - BEHIND:
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


@pytest.mark.long
def test_what_a_dump_leaves_out_stays_as_migrations_make_it(server, dumped, brought, app_data):
    done = brought(server, dumped("some.json", "-e", "library.shelf", "-e", "library.label"))
    names = [name for _, name in rows(app_data / "db.sqlite3")["library_shelf"]]
    assert names == ["from the migration"]
    left = {each["name"]: (each["rows"], each["why"]) for each in done["left"]}
    assert left["library.Shelf"][0] == 1 and "not in the dump" in left["library.Shelf"][1]


@pytest.mark.long
@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ([("library.book", 0, {"price": "1234567890.1234567891"}),
          ("library.book", 1, {"number": 2**70}),
          ("library.book", 2, {"weight": float("nan")}),
          ("library.publication", 0, {"title": None})], "DDK-IMP-08",
         ["library.Book.price, key 1 (Decimal): SQLite keeps 15 digits",
          "library.Book.number, key 2 (int)",
          "library.Book.weight, key 3 (float): SQLite has no such number",
          "library.Publication.title, key 1"]),
        ([("library.book", 0, {"colour": "x"})], "DDK-IMP-04", ["no field named 'colour'"]),
        ([("library.book", 0, {"day": "soon"})], "DDK-IMP-08",
         ["library.Book.day, key 1 (str): the source's value cannot be read"]),
        ([("library.label", 0, {"shelf": 77})], "DDK-IMP-09", ["library.Label.shelf, key 1"]),
    ],
    ids=["not-held", "unknown-field", "unreadable", "dangling"],
)  # fmt: skip
def test_values_that_do_not_fit_are_named(server, edited, refused, changes, code, said):
    error = refused(server, edited(changes))
    assert error["code"] == code, error["message"]
    assert not [each for each in said if each not in error["message"]], error["message"]


@pytest.mark.long
def test_models_of_another_project_are_refused(server, refused, tmp_path):
    file = tmp_path / "other.json"
    file.write_text('[{"model": "shop.order", "pk": 1, "fields": {}}]', encoding="utf-8")
    error = refused(server, file)
    assert error["code"] == "DDK-IMP-04" and "shop.order: 1 rows" in error["message"]


@pytest.mark.long
def test_numbers_that_mean_something_else_here_are_refused(server, dumped, refused):
    error = refused(server, dumped("bare.json", "-e", "contenttypes", "-e", "auth.permission"))
    assert error["code"] == "DDK-IMP-15" and "library.Tag.content_type" in error["message"]


def test_a_dump_that_ends_in_the_middle_is_refused(server, dumped, refused, tmp_path):
    file = tmp_path / "cut.json.gz"
    file.write_bytes(gzip.compress(dumped("full.json").read_bytes())[:-200])
    assert refused(server, file)["code"] == "DDK-IMP-03"
