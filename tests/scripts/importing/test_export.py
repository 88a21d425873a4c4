"""import: from the folder that *Export…* of the app has made."""

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from skill_scripts.importing.data import import_data
from skill_scripts.portable import export

from .test_dump import MAY, WORDS
from .test_sqlite import BEHIND, rows

# The runtime's own packages are installed; five imports.
pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.network]

# Of which each database has its own numbers.
NUMBERED = {
    "django_content_type", "auth_permission", "auth_group_permissions", "library_tag",
    "library_person_user_permissions",
}  # fmt: skip


@pytest.fixture(scope="module")
def exported(server, tmp_path_factory) -> Path:
    """An export of data that were brought in, and beside it the data themselves."""
    folder = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESKTOP_DJANGO_APP_DATA_DIR", str(folder / "data" / "app"))
        patch.setattr("skill_scripts.importing.data.visit", lambda *_: ())
        import_data(server, str(server / "db.sqlite3"))
        own = folder / "data" / "app" / "letters" / "a \\ line\nbreak.txt"
        own.parent.mkdir()
        own.write_text("the person's own", encoding="utf-8")
        export(server, folder / "out")
    return folder / "out"


@pytest.fixture
def copy(exported, tmp_path) -> Path:
    """One to change."""
    return Path(shutil.copytree(exported, tmp_path / "copy"))


def test_what_was_exported_comes_back_as_it_was(server, exported, brought, app_data):
    (exported / "files" / ".DS_Store").write_bytes(b"somebody looked at the folder")
    done = brought(server, exported)

    before = exported.parent / "data" / "app"
    source, target = rows(before / "db.sqlite3"), rows(app_data / "db.sqlite3")
    # Files of dumpdata, and so of an export, have one word for this and for no value.
    first = source["library_book"][0]
    assert "null" in first and "null" not in target["library_book"][0]
    source["library_book"][0] = tuple(None if each == "null" else each for each in first)
    for name in source.keys() - BEHIND - NUMBERED:
        assert target[name] == source[name], name
    for query in (WORDS, MAY):
        assert query_of(app_data, query) == query_of(before, query) != []
    assert len(target["library_book"]) == 3 and len(target["library_shelf_books"]) == 3
    for name in ("media/covers/one.txt", "media/thumb.txt", "letters/a \\ line\nbreak.txt"):
        assert (app_data / name).read_bytes() == (before / name).read_bytes(), name
    assert not (app_data / ".DS_Store").exists()
    assert done["files"] == {"copied": 3, "referenced": 1, "missing": []}
    by_model = {each["model"]: each for each in done["tables"]}
    assert by_model["library.Person_friends"]["rows"] == 2
    assert len(by_model["library.Book"]["checksum"]) == 16


def test_an_empty_table_stays_empty(server, copy, brought, app_data):
    """Although migrations put a row into it."""
    edit(copy, "library.Shelf", [])
    edit(copy, "library.Shelf_books", [])
    edit(copy, "library.Label", [])
    brought(server, copy)
    assert rows(app_data / "db.sqlite3")["library_shelf"] == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "files/media/thumb.txt").write_text("other"), "thumb.txt is not"),
        (lambda folder: (folder / "rows/library.Book.json").unlink(), "library.Book.json"),
        (lambda folder: edit(folder, "library.Tag", [], about=False), "library.Tag has other"),
        (lambda folder: add(folder, "files/../../out.txt"), "it names files/../../out.txt"),
        (lambda folder: add(folder, "files/secret_key"), "it names files/secret_key"),
        (lambda folder: add(folder, "files/db.sqlite3"), "would take the place of the rows"),
        (lambda folder: (folder / "manifest.json").write_text("[]"), "is of something else"),
    ],
    ids=["changed", "missing", "fewer", "outside", "secret", "database", "manifest"],
)
def test_one_that_is_not_as_it_was_written_is_refused(server, copy, refused, spoil, said):
    spoil(copy)
    error = refused(server, copy)
    assert error["code"] == "DDK-IMP-03" and said in error["message"], error["message"]


def test_one_of_another_project_is_refused(server, copy, refused):
    (copy / "rows" / "library.Tag.json").rename(copy / "rows" / "shop.Order.json")
    text = (
        (copy / "rows" / "shop.Order.json").read_text("utf-8").replace("library.tag", "shop.order")
    )
    (copy / "rows" / "shop.Order.json").write_text(text, encoding="utf-8")
    for name in ("manifest.json", "SHA256SUMS"):
        said = (copy / name).read_text("utf-8").replace("library.Tag", "shop.Order")
        (copy / name).write_text(said, encoding="utf-8")
    sign(copy, "rows/shop.Order.json")
    error = refused(server, copy)
    assert error["code"] == "DDK-IMP-04" and "shop.order: 3 rows" in error["message"]


def query_of(app_data: Path, query: str) -> list[tuple]:
    """What the database answers."""
    with closing(sqlite3.connect(app_data / "db.sqlite3")) as connection:
        return connection.execute(query).fetchall()


def edit(folder: Path, model: str, objects: list, *, about: bool = True) -> None:
    """Write other rows of a model, signed, as somebody would who knows how."""
    (folder / "rows" / f"{model}.json").write_text(json.dumps(objects), encoding="utf-8")
    sign(folder, f"rows/{model}.json")
    if about:
        said = json.loads((folder / "manifest.json").read_text("utf-8"))
        said["models"][model] = len(objects)
        (folder / "manifest.json").write_text(json.dumps(said), encoding="utf-8")


def add(folder: Path, name: str) -> None:
    """Put one more file into it."""
    (folder / name).resolve().write_text("more", encoding="utf-8")
    with (folder / "SHA256SUMS").open("a", encoding="utf-8") as sums:
        sums.write(f"{'0' * 64}  {name}\n")
    sign(folder, name)


def sign(folder: Path, name: str) -> None:
    """Bring its checksum up to date."""
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    lines = (folder / "SHA256SUMS").read_text("utf-8").splitlines(keepends=True)
    lines = [f"{digest}  {name}\n" if each.endswith(f"  {name}\n") else each for each in lines]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
