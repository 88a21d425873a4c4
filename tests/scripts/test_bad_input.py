"""What users and projects get wrong: one clear error, a stable code, nothing written."""

import os
import subprocess
import sys
import time

import pytest

from skill_scripts import probing, record

from . import projects


@pytest.fixture
def refused(kit):
    """Runs both commands on a project; both must refuse and leave it as it was."""

    def run(root, code, *words, arguments=(), commands=("survey", "adapt")):
        before = projects.contents(root) if root.is_dir() else {}
        for command in commands:
            result = kit(command, root, *arguments)
            assert result.exit_code == 3, result.stderr
            assert result.stderr.startswith(f"error {code}: "), result.stderr
            assert "\n  means: " in result.stderr and "\n  do: " in result.stderr
            for word in words:
                assert word in result.stderr
            assert "Traceback" not in result.stderr
        assert (projects.contents(root) if root.is_dir() else {}) == before

    return run


@pytest.fixture
def blocked(kit):
    """Surveys a project that does not load; adapt refuses it and shows the project's own error."""

    def run(root, *words):
        before = projects.contents(root)
        survey, adapt = kit("survey", root), kit("adapt", root)
        assert survey.exit_code == 1
        assert adapt.exit_code == 3 and adapt.stderr.startswith("error DDK-ADP-05: ")
        for word in words:
            assert word in adapt.stderr
            assert word in " ".join(survey.stderr.split()).replace("- ", "-")
        assert projects.contents(root) == before

    return run


def test_a_file(refused, tmp_path):
    projects.write(tmp_path, {"manage.py": projects.MANAGE})
    refused(tmp_path / "manage.py", "DDK-SUR-01", "is a file")


def test_a_folder_that_is_not_there(refused, tmp_path):
    refused(tmp_path / "nowhere", "DDK-SUR-01", "does not exist")


def test_an_empty_folder(refused, tmp_path):
    refused(tmp_path, "DDK-SUR-02", "no Django project found")


def test_a_project_of_another_kind(refused, tmp_path):
    refused(projects.write(tmp_path, {"app.py": "print()"}), "DDK-SUR-02")


def test_a_manage_py_that_belongs_to_the_tests_only(refused, tmp_path):
    root = projects.write(tmp_path, {"tests/manage.py": projects.MANAGE})
    refused(root, "DDK-SUR-02", "--manage tests/manage.py")


def test_several_candidates_are_listed_with_the_flag(refused, tmp_path):
    files = {"one/manage.py": projects.MANAGE, "two/manage.py": projects.MANAGE}
    refused(
        projects.write(tmp_path, files),
        "DDK-SUR-03", "one/manage.py, two/manage.py", "--manage one/manage.py",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["nowhere/manage.py", "../outside/manage.py"])
def test_a_manage_py_that_is_not_in_the_project(refused, tmp_path, name):
    projects.write(tmp_path / "outside", {"manage.py": projects.MANAGE})
    root = projects.project(tmp_path / "inside")
    refused(root, "DDK-SUR-04", arguments=["--manage", name])


@pytest.mark.parametrize(
    "name, content",
    [
        ("pyproject.toml", "[project\n"),
        ("pyproject.toml", b"\x00\xff\x00"),
        ("requirements.txt", "django\n" * 1_000_000),
        ("pyproject.toml", "a = " + "[" * 5000),
        ("requirements.txt", b"django\x00\x01"),
        ("setup.cfg", "no section\n"),
        ("setup.py", "setup(\n"),
        ("Pipfile", "= ="),
        ("Pipfile.lock", "[]"),
        ("uv.lock", "}"),
    ],
)
def test_a_malformed_declaration(refused, tmp_path, name, content):
    root = projects.project(tmp_path, {name: content})
    refused(root, "DDK-SUR-05", f"{name} cannot be read")


def test_a_decision_that_is_not_one(refused, make_project):
    refused(make_project(), "DDK-ADP-07", arguments=["--set", "app.nme=x"])


def test_a_broken_desktop_toml(refused, make_project):
    root = make_project({"desktop-app/desktop.toml": "spec = 1\n"})
    refused(root, "DDK-ADP-08", commands=["survey"])


def test_a_python_that_the_runtime_does_not_know(refused, tmp_path):
    declared = '[project]\nname = "x"\nrequires-python = ">=3.8,<3.11"\ndependencies = ["django"]\n'
    root = projects.project(tmp_path, {"pyproject.toml": declared})
    refused(root, "DDK-ENV-02", "asks for Python")


@pytest.mark.network
def test_dependencies_that_do_not_exist(refused, tmp_path):
    root = projects.project(tmp_path, {"requirements.txt": "django==99.1\n"})
    refused(root, "DDK-ENV-01", "django==99.1")


def test_an_interpreter_that_does_not_start(refused, make_project):
    refused(make_project(), "DDK-ENV-04", arguments=["--set", "python.interpreter=no/python"])


def test_uncommitted_changes(refused, make_project):
    root = projects.commit(make_project())
    (root / "manage.py").write_text(projects.MANAGE + "\n", encoding="utf-8")
    refused(root, "DDK-ADP-01", "manage.py", "--allow-dirty", commands=["adapt"])


def test_uncommitted_changes_can_be_accepted(make_project, kit):
    root = projects.commit(make_project())
    (root / "new.txt").write_text("x", encoding="utf-8")
    assert kit("adapt", root, "--dry-run", "--allow-dirty").exit_code == 0


def test_a_foreign_desktop_app_folder(refused, make_project):
    root = make_project({"desktop-app/mine.txt": "x"})
    refused(root, "DDK-ADP-03", commands=["adapt"])


def test_adapted_by_an_older_kit(refused, make_project):
    root = make_project({"desktop-app/desktop.toml": 'spec = "1.0"\n'})
    record.write(root / "desktop-app", {"desktop.toml": ""}, [])
    file = root / "desktop-app" / ".kit.json"
    file.write_text(file.read_text().replace('"kit": "', '"kit": "0.0.'), encoding="utf-8")
    refused(root, "DDK-ADP-02", "0.0.", "desktop-django update", commands=["adapt"])


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"kit": 1}',
        '{"kit": "1", "spec": "1", "decisions": [], "files": {"../manage.py": "x"}}',
    ],
)
def test_a_damaged_record(refused, make_project, content):
    root = make_project({"desktop-app/.kit.json": content})
    refused(root, "DDK-ADP-10", commands=["adapt", "remove"])


def test_removing_what_was_never_added(refused, make_project):
    refused(make_project(), "DDK-ADP-09", commands=["remove", "run"])


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_read_only_project(refused, make_project, monkeypatch):
    root = make_project()
    if os.getuid() == 0:  # root writes everywhere; the system says no where the test says so
        from skill_scripts import adapt

        def refuse(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(adapt.tempfile, "mkdtemp", refuse)
    else:
        root.chmod(0o555)
    try:
        refused(root, "DDK-ADP-04", "Permission denied", commands=["adapt"])
    finally:
        root.chmod(0o755)


def test_settings_that_raise(make_project, blocked):
    blocked(
        make_project(settings="raise RuntimeError('the moon is wrong')"),
        "the moon is wrong", "site1/settings.py:13",
    )  # fmt: skip


def test_settings_that_import_an_unknown_package(make_project, blocked):
    blocked(
        make_project(settings="import no_such_package_at_all"),
        "No module named 'no_such_package_at_all'",
        "--set 'python.extra=[\"no_such_package_at_all\"]'",
    )


def test_settings_with_a_syntax_error(make_project, blocked):
    blocked(make_project(settings="x = ("), "SyntaxError", "site1/settings.py")


def test_urls_that_do_not_import(make_project, blocked):
    blocked(make_project({"site1/urls.py": "import nothing_of_this_name"}), "nothing_of_this_name")


@pytest.mark.parametrize(
    "manage, words",
    [
        (b"\x00\x01\x02\xff" * 100, "manage.py"),
        ("import sys; sys.exit('I am not in the mood')", "I am not in the mood"),
        ("import os; os._exit(5)", "exit code 5"),
        ("print(input('your name? '))", "EOF"),
        ("def f(): f()\nf()", "recursion"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "exit code -11"),
    ],
)
def test_a_manage_py_that_misbehaves(make_project, blocked, manage, words):
    blocked(make_project({"manage.py": manage}), words)


@pytest.mark.parametrize(
    "manage", ["import time; time.sleep(1000)", "while True: print('x' * 1000)"]
)
def test_a_manage_py_that_never_ends(make_project, kit, monkeypatch, manage):
    monkeypatch.setattr(probing, "PROBE_LIMIT_SECONDS", 2)
    root = make_project({"manage.py": manage})

    begin = time.monotonic()
    result = kit("adapt", root)

    assert time.monotonic() - begin < 20
    assert "does not come back within 2 seconds" in result.stderr
    assert not (root / "desktop-app").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="fork")
@pytest.mark.parametrize("leave", ["", "os.setsid(); "])
def test_what_a_manage_py_forks_off_is_gone_afterwards(make_project, kit, tmp_path, leave):
    manage = (
        f"""\
import os, time
if os.fork() == 0:
    {leave}open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))
    time.sleep(1000)
time.sleep(0.5)
"""
        + projects.MANAGE
    )
    root = make_project({"manage.py": manage})

    assert kit("survey", root).exit_code == 0

    child = (tmp_path / "pid").read_text()
    state = subprocess.run(["ps", "-o", "stat=", "-p", child], capture_output=True, text=True)
    assert state.stdout.strip() in ("", "Z", "Zs")


def test_files_that_are_strange_do_no_harm(make_project, kit):
    root = make_project(
        {"empty.py": b"", "latin.py": "# é\n".encode("latin-1"), "nul.py": b"\x00" * 1000,
         "requirements.txt": "django\n" * 2_000}
    )  # fmt: skip
    (root / "loop").symlink_to("loop")
    (root / "up").symlink_to("..", target_is_directory=True)

    assert kit("survey", root).exit_code == 0
