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

    def start(*arguments, environment=None, prepare=lambda root: None, **options):
        root = make_project(**options)
        assert kit("adapt", root, "--set", "app.identifier=org.example.run").exit_code == 0
        prepare(root)
        own = {"XDG_DATA_HOME": str(tmp_path / "data"), "BROWSER": "true"}
        process = subprocess.Popen(
            [sys.executable, "-m", "skill_scripts", "run", *(arguments or ["--browser"]), root],
            stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, **own, **(environment or {})},
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    signal.signal(signal.SIGINT, before)
    for process in started:
        process.kill()
        process.wait()


def until_ready(process) -> list[str]:
    """What it says until it serves."""
    lines = []
    while not lines or "ready after" not in lines[-1]:
        lines.append(process.stderr.readline())
        assert process.poll() is None, lines
    return lines


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_it_serves_and_ctrl_c_ends_it(running, tmp_path):
    process = running()
    address = until_ready(process)[-1].split()[-1]
    backends = psutil.Process(process.pid).children(recursive=True)

    with urllib.request.urlopen(address) as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGINT)

    assert process.wait(60) == 0
    assert not [each for each in backends if each.is_running()]
    assert (tmp_path / "data" / "org.example.run-development" / "db.sqlite3").is_file()


@pytest.mark.long
def test_a_backend_that_cannot_start_says_why(running):
    process = running(
        settings="import sys\nif 'probe' not in str(sys.orig_argv): raise RuntimeError('later')"
    )

    _, said = process.communicate(timeout=60)

    assert process.returncode == 3
    assert "error DDK-STA-01: " in said and "later" in said


@pytest.mark.long
def test_fresh_data_leave_the_old_where_they_can_be_found(running, tmp_path):
    old = tmp_path / "data" / "org.example.run-development"
    projects.write(old, {"db.sqlite3": "what was saved"})
    projects.write(tmp_path / "data", {"org.example.run-development-set-aside-1/db.sqlite3": "1"})

    lines = until_ready(running("--browser", "--fresh"))

    aside = old.with_name("org.example.run-development-set-aside-2")
    assert f"the data of earlier runs is set aside: {aside}\n" in lines
    assert (aside / "db.sqlite3").read_text(encoding="utf-8") == "what was saved"
    assert (old / "db.sqlite3").read_bytes().startswith(b"SQLite")


@pytest.mark.long
def test_data_in_use_is_not_set_aside(running, tmp_path):
    process = running("--browser", "--fresh")
    until_ready(process)
    held = tmp_path / "data" / "org.example.run-development" / "db.sqlite3"

    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}
    second = subprocess.run(process.args, capture_output=True, text=True, env=environment)

    assert second.returncode == 3 and "DDK-STA-02" in second.stderr
    assert held.is_file() and process.poll() is None


@pytest.mark.skipif(sys.platform == "win32", reason="the interpreter it names is a shell script")
@pytest.mark.long
def test_what_the_folders_readme_promises_a_developer_acts_in_the_browser_too(running, tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ntouch "{tmp_path}/was-here"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)

    place = tmp_path / "elsewhere"
    environment = {"DESKTOP_DJANGO_APP_DATA_DIR": str(place), "PYTHON": str(python)}
    until_ready(running(environment=environment))

    assert (place / "db.sqlite3").is_file() and (tmp_path / "was-here").is_file()
    assert not (tmp_path / "data").exists()


def test_where_electron_cannot_be_had_the_app_opens_in_the_browser(running):
    def install_packages(root):
        projects.write(root / "desktop-app" / "electron" / "node_modules" / "electron", {
            "install.js": "throw new Error('the release host is closed')",
            "cli.js": "throw new Error('Electron failed to install correctly')",
        })  # fmt: skip

    process = running("--", prepare=install_packages, environment={"ELECTRON_MIRROR": ""})
    lines = until_ready(process)

    assert "fetching Electron\n" in lines and "Error" not in "".join(lines)
    assert "ELECTRON_OVERRIDE_DIST_PATH" in "".join(lines)


def test_without_an_environment_it_says_how_to_get_one(make_project, kit):
    root = make_project()
    kit("adapt", root)
    (root / ".venv").unlink()

    result = kit("run", root, "--browser")

    assert result.exit_code == 3
    assert "DDK-ENV-04" in result.stderr and "desktop-django adapt" in result.stderr


@pytest.mark.long
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
