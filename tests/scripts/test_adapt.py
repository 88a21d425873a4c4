"""adapt and remove: only additions, everything or nothing, and back again."""

import json
import shutil
import subprocess

import pytest

from skill_scripts import adapt
from skill_scripts.layer import payload, record

from . import projects

pytestmark = [pytest.mark.slow, pytest.mark.network]  # the runtime's own packages are installed


@pytest.fixture
def target(make_project):
    return projects.commit(make_project())


def test_only_desktop_app_is_added(target, kit):
    result = kit("adapt", target)

    assert result.exit_code == 0, result.stderr
    assert projects.status(target) == ["?? desktop-app/"]
    folder = target / "desktop-app"
    for name, source in payload.payload_files().items():
        assert (folder / name).read_bytes() == source.read_bytes()
    assert (folder / ".packages" / "waitress").is_dir()
    assert not (folder / ".venv").exists(), "the project has an environment of its own"


def test_no_file_of_the_payload_is_ignored_by_git(target, kit):
    kit("adapt", target)

    command = ["git", "ls-files", "--others", "--exclude-standard", "desktop-app"]
    listed = subprocess.run(command, cwd=target, capture_output=True, text=True).stdout.split()
    names = [*payload.payload_files(), "desktop.toml", ".kit.json"]
    assert {*listed} == {f"desktop-app/{name}" for name in names}


def test_remove_restores_the_tree(target, kit, kit_json):
    before = projects.contents(target)
    kit("adapt", target)

    document = kit_json("remove", target)

    assert projects.contents(target) == before
    assert document["kept"] == []


def test_remove_keeps_what_was_changed_or_added(target, kit, kit_json):
    kit("adapt", target)
    folder = target / "desktop-app"
    projects.write(folder, {"launch.py": "changed", "notes/mine.txt": "mine"})

    planned = kit_json("remove", target, "--dry-run")
    document = kit_json("remove", target)

    assert document["kept"] == ["desktop-app/launch.py", "desktop-app/notes/mine.txt"]
    assert planned["kept"] == document["kept"] and planned["removed"] == document["removed"]
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert {*left} == {folder / "launch.py", folder / "notes" / "mine.txt"}


def test_dry_run_shows_the_plan_and_writes_nothing(target, kit_json):
    before = projects.contents(target)

    document = kit_json("adapt", target, "--dry-run", "--set", "app.name=Pony Club")

    assert projects.contents(target) == before
    assert "desktop-app/launch.py" in document["added"]
    assert 'name = "Pony Club"' in document["manifest"]


def test_dry_run_names_what_is_decided(target, kit, kit_json):
    options = ("--set", "app.name=Pony Club", "--set", 'python.exclude=["gunicorn"]')

    document = kit_json("adapt", target, "--dry-run", *options)
    shown = kit("adapt", target, "--dry-run", *options).stderr

    assert document["decided"] == [
        "app.name=Pony Club",
        "app.identifier=org.desktop-django.my-project-e",
        'python.exclude=["gunicorn"]',
    ]
    assert all(line in shown for line in document["decided"])
    kit("adapt", target)
    assert kit_json("adapt", target, "--dry-run", "--set", "login.user=admin")["decided"] == [
        "login.user=admin"
    ]


def test_the_second_time_there_is_nothing_to_do(target, kit):
    kit("adapt", target)
    before = projects.contents(target)

    again = kit("adapt", target)

    assert again.exit_code == 0
    assert again.stderr == "nothing to do: the project is adapted\n"
    assert projects.contents(target) == before


def test_a_decision_is_entered_later_and_leaves_the_rest_alone(target, kit):
    kit("adapt", target)
    file = target / "desktop-app" / "desktop.toml"
    file.write_text("# my comment\n" + file.read_text(encoding="utf-8"), encoding="utf-8")

    result = kit("adapt", target, "--set", "login.user=admin")

    text = file.read_text(encoding="utf-8")
    assert result.exit_code == 0
    assert text.startswith("# my comment\n")
    assert 'user = "admin"' in text
    assert record.read(target).decisions == ("login.user=admin",)


def test_a_fresh_clone_of_an_adapted_project_is_completed(target, kit, tmp_path):
    kit("adapt", target)
    projects.commit(target)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(target), str(clone)], check=True)
    (clone / ".venv").symlink_to((target / ".venv").resolve(), target_is_directory=True)

    result = kit("adapt", clone)

    assert result.exit_code == 0
    assert (clone / "desktop-app" / ".packages" / "waitress").is_dir()
    assert projects.status(clone) == []


def test_a_file_that_was_deleted_comes_back(target, kit):
    kit("adapt", target)
    (target / "desktop-app" / "launch.py").unlink()

    assert "restore desktop-app/launch.py" in kit("adapt", target).stderr
    assert (target / "desktop-app" / "launch.py").is_file()


def test_without_git_the_record_is_the_undo(make_project, kit):
    root = make_project()
    before = projects.contents(root)

    assert kit("adapt", root).exit_code == 0
    assert kit("remove", root).exit_code == 0
    assert projects.contents(root) == before


def test_a_private_environment_is_made_where_there_is_none(tmp_path, kit):
    root = projects.commit(
        projects.project(tmp_path / "bare", {"requirements.txt": "django<6\ngunicorn\n"})
    )
    before = projects.contents(root)

    result = kit("adapt", root)

    assert result.exit_code == 0, result.stderr
    assert projects.status(root) == ["?? desktop-app/"]
    python = root / "desktop-app" / ".venv" / "bin" / "python"
    done = subprocess.run([python, "-c", "import django, sys; print(sys.prefix)"],
                          capture_output=True, text=True)  # fmt: skip
    assert done.stdout.strip() == str(root / "desktop-app" / ".venv")
    kit("remove", root)
    assert projects.contents(root) == before


def imports(root, module) -> bool:
    python = root / "desktop-app" / ".venv" / "bin" / "python"
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0


@pytest.mark.long
def test_the_private_environment_follows_later_decisions_on_packages_only(tmp_path, kit):
    root = projects.commit(
        projects.project(
            tmp_path / "bare", {"requirements.txt": "django<6\npyyaml==6.0.1\n"}, "import six"
        )
    )
    kit("adapt", root)
    mark = root / "desktop-app" / ".venv" / "as it was made"
    mark.touch()
    manifest = root / "desktop-app" / "desktop.toml"

    other = kit("adapt", root, "--set", "login.user=admin")
    assert (other.exit_code, mark.exists()) == (0, True), other.stderr

    before = manifest.read_bytes()
    impossible = kit("adapt", root, "--set", 'python.extra=["django==0.0.1"]')
    assert impossible.exit_code == 3 and mark.exists() and manifest.read_bytes() == before

    extra = kit("adapt", root, "--set", 'python.extra=["toml", "pyyaml>=6.0.2"]')
    assert extra.exit_code == 0 and "make the environment" in extra.stderr, extra.stderr
    assert not mark.exists() and imports(root, "toml")
    assert 'extra = ["toml", "pyyaml>=6.0.2", "six"]' in manifest.read_text(encoding="utf-8")
    newer = "yaml; from importlib.metadata import version; assert version('pyyaml') > '6.0.1'"
    assert imports(root, newer)

    assert kit("adapt", root).stderr == "nothing to do: the project is adapted\n"
    without = kit("adapt", root, "--set", 'python.exclude=["pyyaml"]', "--set", "python.extra=[]")
    assert without.exit_code == 0, without.stderr
    assert imports(root, "six") and not imports(root, "yaml")
    assert projects.status(root) == ["?? desktop-app/"]


def test_a_failure_leaves_nothing(target, kit, monkeypatch):
    before = projects.contents(target)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(adapt, "install_runtime", fail)
    result = kit("adapt", target)

    assert result.exit_code == 3
    assert "DDK-ADP-04" in result.stderr and "No space left" in result.stderr
    assert projects.contents(target) == before


def test_rules_of_the_project_that_hide_kinds_of_files_do_no_harm(make_project, kit):
    root = make_project()
    rules = ".venv\n.*\n!.gitignore\n*.js\nicons/\nelectron\n"
    (root / ".gitignore").write_text(rules, encoding="utf-8")
    projects.commit(root)

    result = kit("adapt", root)

    assert result.exit_code == 0, result.stderr
    command = ["git", "ls-files", "--others", "--exclude-standard", "desktop-app"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True).stdout.split()
    names = [*payload.payload_files(), "desktop.toml", ".kit.json"]
    assert {*listed} == {f"desktop-app/{name}" for name in names}


def test_a_rule_of_the_project_that_hides_the_folder_is_named(make_project, kit):
    root = make_project()
    (root / ".gitignore").write_text(".venv\ndesktop*\n", encoding="utf-8")
    projects.commit(root)
    before = projects.contents(root)

    result = kit("adapt", root)

    assert "DDK-ADP-06" in result.stderr
    assert ".gitignore:2:desktop*" in result.stderr
    assert projects.contents(root) == before


def test_name_and_identifier_come_from_the_folder(make_project, kit, kit_json):
    document = kit_json("adapt", make_project(name="pony_club-Ä"), "--dry-run")

    assert (
        'name = "Émile\'S Pony Club"' in document["manifest"] or "Pony Club" in document["manifest"]
    )
    assert 'identifier = "org.desktop-django.pony-club-a"' in document["manifest"]


def test_the_record_names_what_was_added(target, kit):
    kit("adapt", target, "--set", "app.name=Club")

    content = json.loads((target / "desktop-app" / ".kit.json").read_text(encoding="utf-8"))
    assert content["decisions"] == ["app.name=Club"]
    assert content["files"]["launch.py"] == payload.sha256(payload.payload_files()["launch.py"])


def test_an_adapted_project_can_be_surveyed_again(target, kit, kit_json):
    kit("adapt", target, "--set", "app.name=Club")
    shutil.rmtree(target / "desktop-app" / ".packages")

    document = kit_json("survey", target)

    assert document["manifest"]["app"]["name"] == "Club"
    assert document["facts"]["error"] is None
