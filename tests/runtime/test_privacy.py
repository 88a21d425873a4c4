"""The app data folder is its user's alone: what is made, and what an earlier version made."""

import os
import stat
import subprocess
import sys

import pytest
from desktop_runtime import system

from .backends import PAYLOAD, SETTINGS, URLS, VIEWS, Backend, make_project

UPLOAD = """
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
def upload(request):
    return HttpResponse(default_storage.save("deep/er/note.txt", ContentFile(b"private")))
"""
FILES = {
    "app/views.py": VIEWS + UPLOAD,
    "urls.py": URLS + "urlpatterns.append(path('upload/', views.upload))\n",
    "settings.py": SETTINGS
    + """
LOGGING = {"version": 1, "handlers": {"own": {"class": "logging.FileHandler",
           "filename": "own.log"}}, "root": {"handlers": ["own"], "level": "INFO"}}
""",
}
# Holds the lock as one can who may only read the file, then says so.
READER = """
import fcntl, sys
file = open(sys.argv[1], "rb")
fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
print("held", flush=True)
sys.stdin.read()
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform == "win32", reason="there the access list of the profile says it"
    ),
]


@pytest.fixture(autouse=True)
def careless_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(data):
    paths = [data, *(path for path in data.rglob("*") if path.name != "stderr.log")]
    paths = [path for path in paths if not path.is_symlink()]
    return {
        str(path.relative_to(data)): oct(path.stat().st_mode & 0o777)
        for path in paths
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    }


def test_a_reader_of_the_lock_file_keeps_nobody_out(tmp_path):
    data, project = tmp_path / "data", make_project(tmp_path / "project")
    data.mkdir()
    lock = data / "backend.lock"
    lock.touch(0o644)
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert reader.stdout.readline() == b"held\n"
        with Backend(project, data) as first:
            first.ready()
            with Backend(project, data) as second:
                assert second.failed()["exit"] == 12
    finally:
        reader.communicate()


def test_a_lock_is_held_once(tmp_path):
    held = system.lock(tmp_path / "backend.lock")
    code = "import pathlib, sys; from desktop_runtime import system\n"
    code += "print(system.lock(pathlib.Path(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "backend.lock")],
        cwd=PAYLOAD, capture_output=True, text=True, check=True,
    )  # fmt: skip
    held.close()
    assert done.stdout == "None\n"


def test_what_a_start_makes_is_closed_to_others(tmp_path):
    data, project = tmp_path / "new" / "data", make_project(tmp_path / "project", FILES)
    with Backend(project, data) as backend:
        backend.ready().get("/?add=one")
        assert backend.get("/upload/")[0] == 200
        assert not open_to_others(data)
        backend.stop()
    assert not open_to_others(data)
    (project / "app/migrations/0002_empty.py").write_text(
        "from django.db import migrations\nclass Migration(migrations.Migration):\n"
        "    dependencies = [('app', '0001_initial')]\n    operations = []\n"
    )
    with Backend(project, data) as backend:
        backend.ready().stop()
    assert list((data / "backups").iterdir())
    assert not open_to_others(data)


def test_what_an_earlier_version_left_open_is_closed_once(tmp_path):
    data, project = tmp_path / "data", make_project(tmp_path / "project")
    (data / "media" / "folder").mkdir(parents=True)
    old = [data / "media" / "folder" / "photo.jpg", data / "backups.txt"]
    for file in old:
        file.write_text("seen by all")
        file.chmod(0o666)
    outside = tmp_path / "outside.txt"
    outside.touch(0o644)
    (data / "media" / "link").symlink_to(outside)
    with Backend(project, data) as backend:
        backend.ready()
        assert not open_to_others(data)
        assert outside.stat().st_mode & 0o777 == 0o644
        backend.stop()
    # Behind a closed folder a project may give its files the modes it likes.
    old[0].chmod(0o640)
    with Backend(project, data) as backend:
        backend.ready()
        assert old[0].stat().st_mode & 0o777 == 0o640


def test_a_folder_of_somebody_else_is_told_of(tmp_path, capsys, monkeypatch):
    def refuse(*_):
        raise PermissionError("not yours")

    (tmp_path / "data").mkdir(0o755)
    before = os.umask(0)
    monkeypatch.setattr(type(tmp_path), "chmod", refuse)
    system.keep_private(tmp_path / "data")
    os.umask(before)
    assert "other users may read" in capsys.readouterr().err
