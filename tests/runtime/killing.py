"""A restore that is killed a hundred times: the data are the old ones or the new ones.

    python -m tests.runtime.killing [--kills N] [--markdown PAGE]

Before each change of a file that a restore makes, then at random moments. --markdown puts the
counts between the marks of a page. Exit code 1 where anything was lost.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults import report

from . import backends
from .backends import Backend, ended, environment, launch, make_project, restore

KILLED_CODE = -9
# Ends itself before the change of a file whose number it is given, as a kill from outside would.
KILLED = """
import os, runpy, signal, sys
left, script = int(sys.argv[1]), sys.argv[2]
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}

def count(event, arguments):
    global left
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_WRONLY
    if (event in CHANGES or writes) and "pycache" not in str(arguments[0]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.argv = sys.argv[2:]
sys.addaudithook(count)
runpy.run_path(script, run_name="__main__")
"""

FEW = 12
MARKS = ("<!-- restores: begin -->", "<!-- restores: end -->")
OLD, NEW = (["one", "two"], ["two.txt"]), (["one"], ["one.txt"])  # rows and uploads


def make(folder):
    """A project with one row and one upload, stopped, and a backup of it."""
    project, data = make_project(folder / "project"), folder / "data"
    with Backend(project, data) as backend:
        backend.ready().get("/?add=one")
        assert backend.stop() == 0
    (data / "media" / "covers").mkdir()
    (data / "media" / "covers" / "one.txt").write_text("cover one", encoding="utf-8")
    (data / "stderr.log").unlink()
    said(ended(project, data, "backup", str(folder / "kept.zip")))
    return folder


def copy(made, folder):
    """The project, with a copy of its data, in another folder."""
    shutil.copytree(made / "data", folder / "data", ignore=shutil.ignore_patterns("pycache"))
    return shutil.copytree(made / "project", folder / "project")


def said(done):
    """The answer of a command that worked; what comes before is how far it was."""
    *progress, answer = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 0, done.stdout + done.stderr
    assert {each["event"] for each in progress} <= {"progress"}
    return answer


def rows(data):
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return backends.rows(data)


def add_row(data, text):
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as connection:
        connection.execute("INSERT INTO app_note (text) VALUES (?)", [text])
        connection.commit()


def start(project, data, *arguments, **options):
    """A command as a shell starts it, with a lifeline."""
    return subprocess.Popen(
        launch(project, data, *arguments), env=environment(project, data),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


class Killing:
    """Restores a backup, is killed on the way, and judges what comes next."""

    def __init__(self, folder, project, data, file):
        self.project, self.file, self.folder = project, file, folder
        self.old = folder / "old"
        add_row(data, "two")
        shutil.rmtree(data / "media" / "covers")
        (data / "media" / "two.txt").write_text("upload two")
        shutil.copytree(data, self.old, ignore=shutil.ignore_patterns("pycache"))
        self.is_new = False  # after the last kill

    def kill(self, number):
        """Before its change of a file with this number; False once it came to its end first."""
        data = self.fresh()
        python, *flags, script, _, name = launch(self.project, data, "restore", str(self.file))
        command = [python, *flags, "-c", KILLED, str(number), script, "restore", name]
        done = subprocess.run(
            command, env=environment(self.project, data), capture_output=True, text=True
        )
        assert done.returncode in (0, KILLED_CODE), done.stdout + done.stderr
        self.judge(data, number)
        return done.returncode != 0

    def kill_after(self, seconds):
        """From outside, wherever it is; False once it came to its end first."""
        data = self.fresh()
        with start(self.project, data, "restore", str(self.file)) as child:
            time.sleep(seconds)
            was_killed = child.poll() is None
            child.kill()
        self.judge(data, f"after {seconds} s")
        return was_killed

    def fresh(self):
        """The old data again."""
        data = self.folder / "killed"
        shutil.rmtree(data, ignore_errors=True)
        return shutil.copytree(self.old, data)

    def judge(self, data, number):
        """All of before or all of the file, and nothing lost."""
        restore(self.project, data, "--list")  # settles as the next start does
        uploads = sorted(file.name for file in (data / "media").rglob("*.txt"))
        state = (rows(data), uploads)
        assert state in (OLD, NEW), (number, state)
        self.is_new = state == NEW
        if self.is_new:
            (aside,) = (data / "set-aside").iterdir()
            assert rows(aside) == ["one", "two"] and (aside / "media" / "two.txt").exists(), number
        assert not (data / "portable").exists(), number
        assert (data / "secret_key").read_bytes() == (self.old / "secret_key").read_bytes()


@dataclass
class Count:
    """What was there after as many kills."""

    kills: int = 0
    before: int = 0  # the data of before
    after: int = 0  # those of the file
    lost: int = 0

    def add(self, kill, moment, killing):
        """One more; False where it came to its end first, which does not count."""
        try:
            was_killed = kill(moment)
        except AssertionError:
            self.lost += 1
            was_killed = True
        else:
            self.before += was_killed and not killing.is_new
            self.after += was_killed and killing.is_new
        self.kills += was_killed
        return was_killed


def campaign(killing, kills):
    """The counts: before each change of a file, then at random until there are as many kills, and
    a few in any case. One that comes after the end does not count."""
    found = {"before a change": Count(), "at random": Count()}
    each, begun = found["before a change"], time.monotonic()
    while each.add(killing.kill, each.kills, killing):
        pass
    seconds = (time.monotonic() - begun) / max(1, each.kills)
    for _ in range(max(FEW, kills - each.kills)):
        found["at random"].add(killing.kill_after, random.uniform(0, seconds), killing)
    assert not sum(count.lost for count in found.values()), found
    return found


def table(found):
    """The counts as they stand in the docs."""
    lines = ["| killed | kills | data of before | data of the file | lost |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    words = {"before a change": "before each change of a file", "at random": "at random moments"}
    for name, each in found.items():
        values = (words[name], each.kills, each.before, each.after, each.lost)
        lines.append(f"| {' | '.join(map(str, values))} |")
    return "\n".join(lines) + "\n"


def main():
    """Kill, and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--kills", type=int, default=100)
    arguments.add_argument("--markdown", type=Path)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made, place = make(Path(folder)), Path(folder) / "copy"
        place.mkdir()
        project = copy(made, place)
        found = campaign(Killing(place, project, place / "data", made / "kept.zip"), asked.kills)
    print(table(found))
    if asked.markdown:
        report.write(asked.markdown, table(found), MARKS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
