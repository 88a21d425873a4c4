"""A survey leaves no trace: what the project does to its own folder is undone, nothing else."""

import subprocess
import sys
import threading

import pytest

from skill_scripts.project import git
from tests.scripts import projects

pytestmark = pytest.mark.slow

OLD = {
    "old.log": "one line\n",
    "kept/a.txt": "a",
    "kept/deep/b.txt": "b",
    "index.sqlite3": b"",
}


def one_finding(document, identifier):
    (found,) = [each for each in document["findings"] if each["id"] == identifier]
    return found


DEEDS = [
    ("(BASE_DIR / 'logs').mkdir()", "logs/"),
    ("os.makedirs(BASE_DIR / 'a' / 'b'); (BASE_DIR / 'a' / 'b' / 'c').write_text('x')", "a/"),
    ("os.chdir(BASE_DIR); open('new.txt', 'w').write('x')", "new.txt"),
    ("(BASE_DIR / 'empty').touch()", "empty"),
    ("open(BASE_DIR / 'old.log', 'a').write('more')", "old.log"),
    ("open(BASE_DIR / 'old.log', 'r+').truncate()", "old.log"),
    ("os.truncate(BASE_DIR / 'old.log', 0)", "old.log"),
    ("os.remove(BASE_DIR / 'old.log')", "old.log"),
    ("os.rename(BASE_DIR / 'old.log', BASE_DIR / 'other.log')", "old.log, other.log"),
    ("(BASE_DIR / 'partial').write_text('x'); "
     "os.replace(BASE_DIR / 'partial', BASE_DIR / 'old.log')", "old.log"),
    ("import shutil; shutil.rmtree(BASE_DIR / 'kept')", "kept"),
    ("import shutil; shutil.move(BASE_DIR / 'kept', BASE_DIR / 'gone')", "gone/, kept"),
    ("import shutil; shutil.copytree(BASE_DIR / 'kept', BASE_DIR / 'again')", "again/"),
    ("os.symlink('old.log', BASE_DIR / 'link')", "link"),
    ("os.link(BASE_DIR / 'old.log', BASE_DIR / 'second')", "second"),
    ("import sqlite3; c = sqlite3.connect(BASE_DIR / 'x.db'); "
     "c.execute('PRAGMA journal_mode=WAL'); c.execute('create table t (a)'); KEEP = c",
     "x.db, x.db-shm, x.db-wal"),
    ("import sqlite3; c = sqlite3.connect(BASE_DIR / 'index.sqlite3'); "
     "c.execute('create table t (a)'); c.close()", "index.sqlite3"),
    ("import tempfile; KEEP = tempfile.mkdtemp(dir=BASE_DIR, prefix='scratch')", "scratch"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("deed", "written"),
    [pytest.param(*each, marks=pytest.mark.long if i % 4 else ()) for i, each in enumerate(DEEDS)],
)
def test_what_settings_do_to_the_folder_is_undone(make_project, kit_json, deed, written):
    root = make_project(OLD, settings=deed)
    before = projects.contents(root)

    document = kit_json("survey", root)

    assert projects.contents(root) == before
    assert document["facts"]["error"] is None
    assert written in one_finding(document, "writes")["what"]


def test_a_file_that_is_only_read_is_not_reported(make_project, kit_json):
    root = make_project(
        OLD, settings="open(BASE_DIR / 'old.log').read(); open(BASE_DIR / 'old.log', 'a')"
    )

    assert not [x for x in kit_json("survey", root)["findings"] if x["id"] == "writes"]


def test_a_project_that_then_fails_or_hangs_is_cleaned_up_after_too(make_project, kit):
    for number, end in enumerate(("raise SystemExit(3)", "os._exit(3)", "1 / 0")):
        root = make_project(
            OLD, settings=f"(BASE_DIR / 'data').mkdir(); {end}", name=f"project {number}"
        )
        before = projects.contents(root)

        kit("survey", root)

        assert projects.contents(root) == before


@pytest.mark.skipif(sys.platform == "win32", reason="fork")
def test_what_a_forked_process_changed_is_undone(make_project, kit):
    deed = """
    if os.fork() == 0:
        (BASE_DIR / "old.log").write_text("child")
        os._exit(0)
    os.wait()
    (BASE_DIR / "old.log").write_text("parent")
    """
    root = make_project(OLD, settings=deed)
    before = projects.contents(root)

    kit("survey", root)

    assert projects.contents(root) == before


@pytest.mark.parametrize(
    "deed",
    [
        "import subprocess, sys\n"
        "code = 'import os, sys; os.remove(sys.argv[1])'\n"
        "subprocess.run([sys.executable, '-c', code, str(BASE_DIR / 'kept/deep/b.txt')])",
        pytest.param(
            "import shlex; os.system('rm -r ' + shlex.quote(str(BASE_DIR / 'kept')))",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="rm"),
        ),
    ],
)
def test_what_another_process_removes_is_put_back_and_named(make_project, kit_json, deed):
    root = make_project(OLD, settings=f"import os, sys\n{deed}")
    before = projects.contents(root)

    document = kit_json("survey", root)

    assert projects.contents(root) == before
    assert "kept/deep/b.txt" in one_finding(document, "writes")["what"]


@pytest.mark.skipif(sys.platform == "win32", reason="programs that git starts are shell scripts")
def test_what_the_repository_has_git_run_is_not_run(make_project, kit):
    root = projects.commit(make_project(OLD))
    program = root.parent / "program"
    program.write_text(f"#!/bin/sh\necho \"$0 $@\" >> '{root.parent}/ran'\ncat\n")
    program.chmod(0o755)
    hooks = root / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "fsmonitor-watchman"):
        (hooks / hook).write_text(program.read_text())
        (hooks / hook).chmod(0o755)
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/attributes").write_text("* filter=own\n")
    for name in ("core.fsmonitor", "filter.own.clean", "filter.own.process"):
        subprocess.run(["git", "-C", root, "config", name, str(program)], check=True)
    (root / ".gitignore").write_text("kept/\n")
    (root / "old.log").touch()  # what would make git look at the content
    index = root / ".git" / "index"
    before = (index.read_bytes(), index.stat().st_mtime_ns)

    kit("survey", root)
    asked = [git.top(root), git.last_change(root), git.only_on_disk(root, ["kept/new.txt"])]

    assert all(asked)
    assert not (root.parent / "ran").exists()
    # `adapt` asks what has changed, which is to be told from the content as git would store it.
    for name in ("filter.own.clean", "filter.own.process"):
        subprocess.run(["git", "-C", root, "config", "--unset", name], check=True)
    assert git.changes(root) == [".gitignore"]
    assert not (root.parent / "ran").exists()
    assert (index.read_bytes(), index.stat().st_mtime_ns) == before


def test_what_somebody_else_saves_meanwhile_stays(make_project, kit_json):
    root = make_project(OLD, settings="import time; time.sleep(1); (BASE_DIR / 'data').mkdir()")
    timer = threading.Timer(0.3, (root / "mine.txt").write_text, ["mine"])
    timer.start()

    document = kit_json("survey", root)

    timer.join()
    assert (root / "mine.txt").read_text() == "mine"
    assert not (root / "data").exists()
    assert "mine.txt" in one_finding(document, "leftovers")["what"]


def test_a_clean_project_is_still_clean_for_adapt(make_project, kit):
    root = projects.commit(make_project(settings="os.makedirs(BASE_DIR / 'data' / 'logs')"))

    assert kit("survey", root).exit_code == 1
    assert projects.status(root) == []
    assert kit("adapt", root, "--dry-run").exit_code == 0


@pytest.mark.parametrize(
    "settings",
    [
        "DATA_DIR = Path(os.environ.get('SHOP_DATA_DIR', BASE_DIR / 'data'))\n",
        "DATA_DIR = Path(os.environ['SHOP_DATA_DIR'] if 'SHOP_DATA_DIR' in os.environ "
        "else BASE_DIR / 'data')\n",
        "DATA_DIR = Path(os.getenv('SHOP_DATA_DIR') or BASE_DIR / 'data')\n",
    ],
)
def test_a_variable_that_moves_the_data_is_found_and_tried(make_project, kit_json, settings):
    root = make_project(
        settings=settings + "os.getenv('SHOP_LOG_FORMAT'); DATA_DIR.mkdir(exist_ok=True)"
    )

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["env"] == {"SHOP_DATA_DIR": "{app_data}/shop-data"}
    finding = one_finding(document, "writes")
    assert finding["severity"] == "handled"
    assert "data/" in finding["what"] and "SHOP_DATA_DIR in [django.env]" in finding["do"]


def test_a_setting_that_moves_an_index_is_found_and_tried(make_project, kit_json):
    root = make_project(
        {
            "search/__init__.py": "",
            "search/apps.py": """
                import os
                from django.apps import AppConfig
                from django.conf import settings

                class Search(AppConfig):
                    name = "search"

                    def ready(self):
                        os.makedirs(settings.SEARCH_INDEX, exist_ok=True)
                """,
        },
        settings="INSTALLED_APPS += ['search']; SEARCH_INDEX = BASE_DIR / 'whoosh_index'",
    )

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["set"] == {"SEARCH_INDEX": "{app_data}/whoosh_index"}
    assert one_finding(document, "writes")["severity"] == "handled"


@pytest.mark.skipif(sys.platform == "win32", reason="touch")
def test_what_another_program_leaves_is_named(make_project, kit_json):
    assert subprocess.run(["touch", "--version"], capture_output=True).returncode == 0
    root = make_project(
        settings="import subprocess; subprocess.run(['touch', BASE_DIR / 'by-touch'])"
    )

    assert "by-touch" in one_finding(kit_json("survey", root), "leftovers")["what"]
