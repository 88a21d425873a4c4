"""What comes with the app is renewed by a new version, unless the person has changed the copy."""

import contextlib
import os
import sqlite3

import pytest

from .backends import INITIAL, SETTINGS, URLS, VIEWS, Backend, make_project

pytestmark = pytest.mark.slow

MANIFEST = '[data]\nseed = [{from = "brought", to = "media"}]\n'
TWO = SETTINGS + (
    "\nDATABASES['words'] = {'ENGINE': 'django.db.backends.sqlite3',"
    " 'NAME': BASE_DIR / 'words.sqlite3'}\n"
)
READ = (
    VIEWS
    + """
from django.db import connections
def words(request):
    with connections["words"].cursor() as cursor:
        if request.GET.get("add"):
            cursor.execute("INSERT INTO word VALUES (%s)", [request.GET["add"]])
        cursor.execute("SELECT text FROM word")
        return HttpResponse(",".join(text for (text,) in cursor.fetchall()))
"""
)
FILES = {
    "settings.py": TWO,
    "app/views.py": READ,
    "urls.py": URLS + "urlpatterns.append(path('words/', views.words))\n",
    "brought/old.txt": "one",
    "brought/deep/new.txt": "one",
}
ROUTED = {
    "settings.py": TWO + "DATABASE_ROUTERS = ['app.routers.Router']\n",
    "app/routers.py": "class Router:\n    def allow_migrate(self, db, *a, **h): return True\n",
}
SECOND = INITIAL.replace("initial = True", "").replace(
    "dependencies = []", 'dependencies = [("app", "0001_initial")]'
).replace('CreateModel("Note"', 'CreateModel("Other"')  # fmt: skip


@pytest.fixture
def data(tmp_path):
    return tmp_path / "app data"


@pytest.fixture(
    params=[pytest.param({}, id="alone"), pytest.param(ROUTED, id="routed", marks=pytest.mark.long)]
)
def project(request, tmp_path):
    project = make_project(tmp_path / "project", FILES | request.param, MANIFEST)
    ship_words(project, "one")
    return project


def ship_words(project, *words):
    file = project / "words.sqlite3"
    file.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE word (text)")
        connection.executemany("INSERT INTO word VALUES (?)", [(word,) for word in words])
        connection.commit()


def write(file, text):
    file.write_text(text)
    stats = file.stat()  # never the time of the file before it
    os.utime(file, ns=(stats.st_atime_ns, stats.st_mtime_ns + 1_000_000_000))


def serve(project, data, path="/words/"):
    """What a start answers, and the copies that it did not renew."""
    with Backend(project, data) as backend:
        kept = backend.ready().events[-1]["not_renewed"]
        answer = backend.get(path)
        assert backend.stop() == 0
    return answer[2].decode(), kept


def test_a_changed_copy_stays_and_is_named_once(project, data):
    assert serve(project, data, "/words/?add=mine") == ("one,mine", [])
    write(data / "media/old.txt", "mine")
    write(project / "brought/old.txt", "two")
    ship_words(project, "one", "two")
    answer, kept = serve(project, data)
    assert answer == "one,mine"
    assert sorted(kept) == ["media/old.txt", "words.sqlite3"]
    assert (data / "media/old.txt").read_text() == "mine"
    assert "media/old.txt" in (data / "logs/backend.log").read_text()
    assert serve(project, data) == ("one,mine", [])


def test_a_removed_copy_stays_away(project, data):
    serve(project, data)
    (data / "media/old.txt").unlink()
    write(project / "brought/old.txt", "two")
    assert serve(project, data)[1] == []
    assert not (data / "media/old.txt").exists()


def test_untouched_copies_are_renewed_and_new_ones_come(project, data):
    assert serve(project, data) == ("one", [])
    for number in (2, 3):
        ship_words(project, *"abc"[:number])
        write(project / "brought/deep/new.txt", str(number))
        write(project / f"brought/added {number}.txt", "added")
        # What migrations change in a copy is no change of the person's.
        (project / f"app/migrations/000{number}_next.py").write_text(
            SECOND.replace("0001_initial", "0001_initial" if number == 2 else "0002_next").replace(
                "Other", f"Other{number}"
            )
        )
        assert serve(project, data) == (",".join("abc"[:number]), [])
        assert (data / "media/deep/new.txt").read_text() == str(number)
        assert (data / f"media/added {number}.txt").exists()


def test_a_copy_is_judged_after_a_kill_too(project, data):
    with Backend(project, data) as backend:
        backend.ready().get("/words/?add=mine")
        backend.process.kill()
    ship_words(project, "one", "two")
    assert serve(project, data) == ("one,mine", ["words.sqlite3"])


def test_without_notes_only_what_is_equal_is_renewed(project, data):
    """Installations of version 1.0 have none."""
    serve(project, data)
    (data / "shipped.json").unlink()
    write(data / "media/old.txt", "of version 1.0")
    (data / "media/deep/new.txt").unlink()
    assert serve(project, data)[1][:1] == ["media/old.txt"]
    assert not (data / "media/deep/new.txt").exists()


def test_a_prebuilt_first_run_is_renewed_as_well(project, tmp_path, data):
    """`stage` ships the databases with their migrations, and what is in media."""
    serve(project, tmp_path / "built")
    (project / "first-run/media").mkdir(parents=True)
    for name in ("db.sqlite3", "words.sqlite3"):
        (tmp_path / "built" / name).replace(project / "first-run" / name)
    write(project / "first-run/media/made.txt", "one")
    assert serve(project, data) == ("one", [])
    write(project / "first-run/media/made.txt", "two")
    ship_words(project, "one", "two")
    assert serve(project, data) == ("one,two", [])
    assert (data / "media/made.txt").read_text() == "two"
