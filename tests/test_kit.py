"""kit.py and tools/: what each job needs, what it starts, and what it says."""

import ast
import os
import re
import sys
import time
from pathlib import Path

import pytest

import kit
from tools import debian, jobs, packages, programs, steps, testing

ROOT = Path(__file__).resolve().parents[1]
OWN = {"tools"}


@pytest.fixture(autouse=True)
def calls(monkeypatch):
    """What would be started; nothing is."""
    found = []
    for name in ("run", "check"):
        monkeypatch.setattr(
            programs, name, lambda command, **_: found.append(list(map(str, command))) or 0
        )
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.chdir(ROOT)
    return found


def imported(path, **options):
    tree = ast.parse(path.read_text(encoding="utf-8"), **options)
    return {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }


def test_the_standard_library_is_enough():
    for path in (ROOT / "kit.py", *sorted((ROOT / "tools").glob("*.py"))):
        assert imported(path) <= sys.stdlib_module_names | OWN, path.name


def test_old_pythons_can_read_it():
    imported(ROOT / "kit.py", feature_version=(3, 8))


def test_one_sentence_on_an_old_python(monkeypatch, capsys, calls):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    assert kit.main(["test"]) == 1
    assert "Python 3.11 or later is needed; this is 3.9.2" in capsys.readouterr().err
    assert calls == []


def test_without_venv_module_and_without_apt_it_says_what_to_install(
    monkeypatch, capsys, calls, tmp_path
):
    monkeypatch.setattr(packages, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(packages, "importable", lambda module: False)
    monkeypatch.setattr(debian, "can_apt", lambda: False)
    assert kit.main(["docs"]) == 1
    assert "apt install python3-venv" in capsys.readouterr().err
    assert calls == []


def test_without_venv_module_root_on_debian_gets_it(monkeypatch, capsys, calls, tmp_path):
    monkeypatch.setattr(packages, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(packages, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(debian, "WINDOWS", False)
    monkeypatch.setattr(packages, "importable", lambda module: False)
    monkeypatch.setattr(debian, "can_apt", lambda: True)
    kit.main(["docs"])
    assert "kit: installing python3-venv with apt-get\n" in capsys.readouterr().out
    assert calls[1][-1] == "python3-venv"


def test_the_job_begins_at_once_when_all_is_installed(monkeypatch, capsys, calls, tmp_path):
    monkeypatch.setattr(packages, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(packages, "STAMP", tmp_path / "stamp.json")
    packages.record("dev", packages.pinned("dev"))
    assert kit.main(["docs"]) == 0
    assert calls == [["mkdocs", "build", "--strict"]]
    assert capsys.readouterr().out == ""


def test_other_words_go_to_the_console_command(monkeypatch, calls):
    monkeypatch.setattr(packages, "python_packages", lambda lock: None)
    kit.main(["survey", "../project", "--json"])
    assert calls == [["desktop-django", "survey", "../project", "--json"]]


@pytest.mark.parametrize(
    ("arguments", "lock"), [([], "dev"), (["--kit"], "kit")], ids=["tests", "commands"]
)
def test_no_more_is_installed_than_is_asked_for(arguments, lock, monkeypatch):
    installed = []
    for name in ("browser", "node_packages", "electron", "older_electron"):
        monkeypatch.setattr(packages, name, lambda *_: True)
    monkeypatch.setattr(debian, "install_databases", lambda: None)
    monkeypatch.setattr(packages, "python_packages", installed.append)
    assert kit.main(["install", *arguments]) == 0
    assert installed == [lock]


def test_the_action_installs_what_the_commands_need_alone():
    """The whole lock holds packages without a wheel for every runner."""
    action = (ROOT / ".github" / "actions" / "kit" / "action.yml").read_text()
    assert "kit.py install --kit\n" in action


@pytest.mark.parametrize("place", ["workflows/ci.yml", "actions/check/action.yml"])
def test_workflows_install_what_kit_asks_of_the_system(place, monkeypatch):
    """Their user is not root there, and kit.py would only say what is missing."""
    asked = []
    for name in ("node_packages", "python_packages", "electron", "older_electron"):
        monkeypatch.setattr(packages, name, lambda *_: True)
    monkeypatch.setattr(debian, "install_databases", lambda: None)
    monkeypatch.setattr(packages, "browser", lambda *names: asked.extend(names))
    assert kit.main(["install"]) == 0
    text = (ROOT / ".github" / place).read_text(encoding="utf-8")
    installed = re.findall(r"apt-get install --yes (.+)", text)
    brought = {package for line in installed for package in line.split()} | {"git"}
    assert {debian.PACKAGES[name] for name in asked} <= brought


@pytest.mark.parametrize("can_apt", [True, False])
def test_databases_are_installed_where_that_is_possible(can_apt, monkeypatch, calls, tmp_path):
    places = {
        "nowhere/mariadbd": ["mariadb"],
        str(tmp_path.relative_to(tmp_path.anchor)): ["is there"],
    }
    monkeypatch.setattr(debian, "DATABASES", places)
    monkeypatch.setattr(debian, "NO_CLUSTER", tmp_path / "common" / "d" / "kit.conf")
    monkeypatch.setattr(debian, "WINDOWS", False)
    monkeypatch.setattr(debian, "can_apt", lambda: can_apt)
    debian.install_databases()
    assert [each[-1] for each in calls] == (["-qq", "mariadb"] if can_apt else [])
    assert debian.NO_CLUSTER.exists() is can_apt


def test_every_job_is_in_the_help():
    assert set(jobs.JOBS) == set(re.findall(r"^  (\w+) ", kit.HELP, re.MULTILINE))


def test_ci_run_calls_the_test_job():
    script = ROOT / ".ci" / "run"
    assert "python3 kit.py test" in script.read_text()
    if os.name == "posix":
        assert os.access(script, os.X_OK)


# --- the test job ---------------------------------------------------------------------------------


def test_a_step_that_hangs_is_ended_with_all_it_started_and_the_others_run(
    monkeypatch, capsys, tmp_path
):
    child = "import sys, time; time.sleep(2); open(sys.argv[1], 'w')"
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
    mark = tmp_path / "child lived on"
    hangs = [sys.executable, "-c", parent, child, str(mark)]
    monkeypatch.setattr(steps, "LONGEST_STEP", 1)
    monkeypatch.setattr(steps, "LAST_WORDS", 1)
    assert steps.run_all({"hangs": hangs, "works": [sys.executable, "-c", ""]}) == 1
    out, err = capsys.readouterr()
    assert "did not end within" in err
    assert [line.split()[:2] for line in out.splitlines()[-2:]] == [
        ["hangs", "FAILED"],
        ["works", "passed"],
    ]
    time.sleep(2)
    assert not mark.exists()


def test_it_goes_on_after_a_failure_and_reports_it(monkeypatch, capsys):
    monkeypatch.setattr(steps, "run_bounded", lambda command, _: int(command[0] == "codespell"))
    assert testing.test([]) == 1
    summary = capsys.readouterr().out.partition("== summary")[2]
    assert re.search(r"codespell +FAILED", summary)
    assert re.search(r"pytest +passed", summary)


@pytest.mark.parametrize(
    ("heals", "code", "verdict"),
    [(False, 1, "FAILED twice"), (True, 0, "passed alone, not beside others")],
)
def test_what_failed_beside_others_is_judged_alone(heals, code, verdict, tmp_path, capsys):
    mark = tmp_path / "second time"
    script = "import pathlib, sys; p = pathlib.Path(sys.argv[1]); f = p.exists(); p.touch(); "
    program = [sys.executable, "-c", script + f"sys.exit(not (f and {heals}))", str(mark)]
    assert steps.run_all({}, {"windows": program}, {"windows": program}) == code
    assert f"windows          {verdict}" in capsys.readouterr().out


def test_only_the_tests_that_failed_run_again(monkeypatch):
    started = []

    def run(command, _):
        started.append(command)
        return int(command[0] == "pytest" and "reference_app" not in command)

    monkeypatch.setattr(steps, "run_bounded", run)
    assert testing.test(["-k", "word", "--junitxml=first.xml"]) == 1
    assert started[-1][:2] == ["pytest", "--last-failed"]
    assert started[-1][-2:] == ["-k", "word"]


@pytest.mark.parametrize(
    ("size", "windows", "left_out"),
    [
        (["--quick"], False, {"slow", "long"}),
        ([], True, {"long"}),
        (["--all"], True, set()),
    ],
)
def test_sizes(size, windows, left_out, monkeypatch):
    started = []
    monkeypatch.setattr(steps, "run_bounded", lambda command, _: started.append(command) or 0)
    assert testing.test([*size, "-k", "word"]) == 0
    (pytests,) = (each for each in started if "tests.journal" in each)
    assert pytests[-2:] == ["-k", "word"]
    assert set(re.findall(r"not (\w+)", " ".join(pytests))) == left_out
    assert any("windows" in " ".join(command) for command in started) is windows
