"""What users and projects get wrong: one clear error, a stable code, nothing written."""

import os
import subprocess
import sys

import pytest

from skill_scripts.layer import record

from . import projects

pytestmark = pytest.mark.slow


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


def test_a_file_is_refused(refused, tmp_path):
    projects.write(tmp_path, {"manage.py": projects.MANAGE})
    refused(tmp_path / "manage.py", "DDK-SUR-01", "is a file")


def test_a_missing_folder_is_refused(refused, tmp_path):
    refused(tmp_path / "nowhere", "DDK-SUR-01", "does not exist")


def test_an_empty_folder_is_refused(refused, tmp_path):
    refused(tmp_path, "DDK-SUR-02", "no Django project found")


def test_a_project_of_another_kind_is_refused(refused, tmp_path):
    refused(projects.write(tmp_path, {"app.py": "print()"}), "DDK-SUR-02")


def test_a_manage_py_of_the_tests_is_refused(refused, tmp_path):
    root = projects.write(tmp_path, {"tests/manage.py": projects.MANAGE})
    refused(root, "DDK-SUR-02", "--manage tests/manage.py")


def test_several_candidates_are_listed_with_the_flag(refused, tmp_path):
    files = {"one/manage.py": projects.MANAGE, "two/manage.py": projects.MANAGE}
    refused(
        projects.write(tmp_path, files),
        "DDK-SUR-03", "one/manage.py, two/manage.py", "--manage one/manage.py",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["nowhere/manage.py", "../outside/manage.py"])
def test_a_manage_py_outside_of_the_project_is_refused(refused, tmp_path, name):
    projects.write(tmp_path / "outside", {"manage.py": projects.MANAGE})
    root = projects.project(tmp_path / "inside")
    refused(root, "DDK-SUR-04", arguments=["--manage", name])


def test_a_decision_without_a_known_key_is_refused(refused, make_project):
    refused(make_project(), "DDK-ADP-07", arguments=["--set", "app.nme=x"])


def test_a_broken_desktop_toml_is_refused(refused, make_project):
    root = make_project({"desktop-app/desktop.toml": "spec = 1\n"})
    refused(root, "DDK-ADP-08", commands=["survey"])


def test_a_python_that_the_runtime_does_not_know_is_refused(refused, tmp_path):
    declared = '[project]\nname = "x"\nrequires-python = ">=3.8,<3.11"\ndependencies = ["django"]\n'
    root = projects.project(tmp_path, {"pyproject.toml": declared})
    refused(root, "DDK-ENV-02", "asks for Python")


@pytest.mark.network
def test_dependencies_that_do_not_exist_are_refused(refused, tmp_path):
    root = projects.project(tmp_path, {"requirements.txt": "django==99.1\n"})
    refused(root, "DDK-ENV-01", "django==99.1")


def test_an_interpreter_that_does_not_start_is_refused(refused, make_project):
    refused(make_project(), "DDK-ENV-04", arguments=["--set", "python.interpreter=no/python"])


def test_uncommitted_changes_are_refused(refused, make_project):
    root = projects.commit(make_project())
    (root / "manage.py").write_text(projects.MANAGE + "\n", encoding="utf-8")
    refused(root, "DDK-ADP-01", "manage.py", "--allow-dirty", commands=["adapt"])


def test_uncommitted_changes_can_be_accepted(make_project, kit):
    root = projects.commit(make_project())
    (root / "new.txt").write_text("x", encoding="utf-8")
    assert kit("adapt", root, "--dry-run", "--allow-dirty").exit_code == 0


def test_a_foreign_desktop_app_folder_is_refused(refused, make_project):
    root = make_project({"desktop-app/mine.txt": "x"})
    refused(root, "DDK-ADP-03", commands=["adapt"])


def test_a_layer_of_an_older_kit_is_refused(refused, make_project):
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
def test_a_damaged_record_is_refused(refused, make_project, content):
    root = make_project({"desktop-app/.kit.json": content})
    refused(root, "DDK-ADP-10", commands=["adapt", "remove"])


def test_removing_what_was_never_added_is_refused(refused, make_project):
    refused(make_project(), "DDK-ADP-09", commands=["remove", "run"])


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_read_only_project_is_refused(refused, make_project, monkeypatch):
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
