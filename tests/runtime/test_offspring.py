"""What the project started ends with the backend, whichever way the backend ends."""

import sys
import threading
import time

import psutil
import pytest

from .backends import SETTINGS, URLS, Backend, make_project

LONGEST = 240  # seconds; only a hang takes as long

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform == "win32", reason="there a job object does it: WIN-2, on a runner"
    ),
]
# In the group; in a session of its own; in one, and without its parent.
CHILDREN = """
import subprocess, sys
SLEEP = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(120)"
COMMAND = [sys.executable, "-c", SLEEP, "{name}"]
subprocess.Popen(COMMAND)
subprocess.Popen(COMMAND, start_new_session=True)
ORPHAN = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True)"
subprocess.run([sys.executable, "-c", ORPHAN, *COMMAND], check=True)
"""
FAILING = """
from django.db import migrations
class Migration(migrations.Migration):
    dependencies = [("app", "0001_initial")]
    operations = [migrations.RunSQL("SELECT * FROM nowhere")]
"""
HANGS = "import time\ntime.sleep(60)\n"


@pytest.fixture
def name(tmp_path):
    """What the children of this test have in their command line; none is left."""
    name = f"offspring-of-{tmp_path.name}-{time.time_ns()}"
    yield name
    for process in offspring(name):
        process.kill()


def offspring(name):
    return [p for p in psutil.process_iter(["cmdline"]) if name in (p.info["cmdline"] or [])]


def wait_for(name, count):
    deadline = time.monotonic() + LONGEST
    while len(offspring(name)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"app/migrations/0002_failing.py": FAILING}, 14),
        ({"urls.py": "import nothing_here"}, 17),
        ({"app/models.py": "import nothing_here"}, 17),
    ],
)
def test_none_is_left_by_a_start_that_fails(tmp_path, name, files, code):
    # Their output goes elsewhere: nothing waits for the end of the log.
    settings = SETTINGS + CHILDREN.format(name=name)
    project = make_project(tmp_path / "project", {"settings.py": settings, **files})
    if code == 14:
        (project / "app/migrations/0002_failing.py").rename(tmp_path / "failing.py")
        with Backend(project, tmp_path / "data") as backend:
            assert backend.ready().stop() == 0
        (tmp_path / "failing.py").rename(project / "app/migrations/0002_failing.py")
    with Backend(project, tmp_path / "data") as backend:
        assert backend.failed()["exit"] == code
        assert not offspring(name)


@pytest.mark.parametrize("place", ["settings.py", "app/migrations/0001_initial.py"])
def test_none_is_left_by_a_stop_during_the_start(tmp_path, name, place):
    project = make_project(tmp_path / "project")
    original = (project / place).read_text()
    if place == "settings.py":
        text = original + CHILDREN.format(name=name) + HANGS
    else:
        waits = "\nclass Waits(migrations.RunPython):\n    reversible = False\n"
        text = CHILDREN.format(name=name) + original + waits
        text += "Migration.operations.append(Waits(lambda *_: __import__('time').sleep(60)))\n"
    (project / place).write_text(text)
    with Backend(project, tmp_path / "data") as backend:
        wait_for(name, 3)
        assert backend.stop() == 0
        assert not offspring(name)


def test_none_is_left_by_a_stop(tmp_path, name):
    files = {"urls.py": URLS + CHILDREN.format(name=name)}
    with Backend(make_project(tmp_path / "project", files), tmp_path / "data") as backend:
        backend.ready()
        wait_for(name, 3)
        assert backend.stop() == 0
        assert not offspring(name)


STUBBORN = """
import signal, time
from django.core.management.base import BaseCommand
class Command(BaseCommand):
    def handle(self, **options):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        import app.children
        time.sleep(120)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="nobody tells a process' children elsewhere")
def test_a_worker_leaves_none_when_the_backend_is_killed(tmp_path, name):
    files = {
        "app/management/__init__.py": "",
        "app/management/commands/__init__.py": "",
        "app/management/commands/stubborn.py": STUBBORN,
        "app/children.py": CHILDREN.format(name=name),
    }
    worker = '[[workers]]\nname = "stubborn"\ncommand = ["stubborn"]\n'
    project = make_project(tmp_path / "project", files, worker)
    with Backend(project, tmp_path / "data") as backend:
        backend.ready()
        wait_for(name, 3)
        backend.process.kill()
        orphan = 1  # has a session of its own and no parent: nobody knows whose it is
        deadline = time.monotonic() + LONGEST
        while len(offspring(name)) > orphan:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_neighbour_is_left_alone(tmp_path, name):
    neighbour = psutil.Popen([sys.executable, "-c", "import time; time.sleep(60)", name])
    try:
        with Backend(make_project(tmp_path / "project"), tmp_path / "data") as backend:
            assert backend.ready().stop() == 0
        assert neighbour.is_running()
        assert neighbour.status() != psutil.STATUS_ZOMBIE
    finally:
        neighbour.kill()
        neighbour.wait()


def test_threads_and_handlers_of_the_project_do_not_hold_it(tmp_path):
    urls = URLS + (
        "import atexit, threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "atexit.register(time.sleep, 60)\n"
    )
    with Backend(make_project(tmp_path / "project", {"urls.py": urls}), tmp_path / "data") as b:
        b.ready()
        stopping = threading.Thread(target=b.stop)
        stopping.start()
        stopping.join(30)  # half of what the project would take
        assert b.process.poll() == 0
