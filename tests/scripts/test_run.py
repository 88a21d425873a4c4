"""run: a backend as a shell starts it, and its clean end."""

import os
import signal
import subprocess
import sys
import urllib.request

import psutil
import pytest

from . import projects

pytestmark = [pytest.mark.slow, pytest.mark.network]  # the runtime's own packages are installed


@pytest.fixture
def running(make_project, kit, tmp_path):
    """Starts `desktop-django run --browser` on an adapted project; yields process and lines."""
    started = []
    # Where the tests run in the background it is ignored, and whoever they start ignores it too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def start(**options):
        root = make_project(**options)
        assert kit("adapt", root, "--set", "app.identifier=org.example.run").exit_code == 0
        process = subprocess.Popen(
            [sys.executable, "-m", "skill_scripts", "run", "--browser", str(root)],
            stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), "BROWSER": "true"},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    signal.signal(signal.SIGINT, before)
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_it_serves_and_ctrl_c_ends_it(running, tmp_path):
    process = running()
    lines = []
    while "ready after" not in (line := process.stderr.readline()):
        lines.append(line)
        assert process.poll() is None, lines
    address = line.split()[-1]
    backends = psutil.Process(process.pid).children(recursive=True)

    with urllib.request.urlopen(address) as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGINT)

    assert process.wait(60) == 0
    assert not [each for each in backends if each.is_running()]
    assert (tmp_path / "data" / "org.example.run-development" / "db.sqlite3").is_file()


def test_a_backend_that_cannot_start_says_why(running):
    process = running(
        settings="import sys\nif 'probe' not in str(sys.orig_argv): raise RuntimeError('later')"
    )

    _, said = process.communicate(timeout=60)

    assert process.returncode == 3
    assert "error DDK-STA-01: " in said and "later" in said


def test_without_an_environment_it_says_how_to_get_one(make_project, kit):
    root = make_project()
    kit("adapt", root)
    (root / ".venv").unlink()

    result = kit("run", root, "--browser")

    assert result.exit_code == 3
    assert "DDK-ENV-04" in result.stderr and "desktop-django adapt" in result.stderr


def test_check_runs_the_suite_and_not_the_targets_tests(make_project, kit):
    root = make_project({
        "conftest.py": "raise SystemExit('the target ran')",
        "pytest.ini": "[pytest]\naddopts = --collect-only -p no_such_plugin\n",
    })  # fmt: skip
    projects.commit(root)
    kit("adapt", root)

    command = [sys.executable, "-m", "skill_scripts", "check", str(root), "--only", "ADP"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "the target ran" not in done.stdout + done.stderr
    assert "ADP-4" in done.stdout
