"""adapt --ci: the workflow in the target, and its way back out."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from skill_scripts.errors import KitError
from skill_scripts.layer import ci
from tests.scripts import projects

ROOT = Path(__file__).resolve().parents[3]
WORKFLOW = ci.FOLDER / ci.CHECK
KIT = f"somebody/desktop-django-kit@{'0a' * 20}"


def tool(name, *arguments):
    program = shutil.which(name, path=str(Path(sys.executable).parent)) or name
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)


def write(target):
    """Write all workflows; their names and SHA-256."""
    return {each.file.name: each.write() for each in ci.plan(target, KIT)}


@pytest.fixture
def target(make_project):
    return projects.commit(make_project())


def test_the_workflows_are_valid_and_pass_the_audit(target):
    write(target)
    workflows = [target / ci.FOLDER / name for name in ci.TEMPLATES]

    schema = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)
    audit = tool("zizmor", "--offline", "--no-progress", *workflows)

    assert schema.returncode == 0, schema.stdout
    assert audit.returncode == 0, audit.stdout


def test_a_project_below_the_top_of_its_repository(tmp_path):
    projects.project(tmp_path / "repository" / "web")
    projects.commit(tmp_path / "repository")

    check, packages = ci.plan(tmp_path / "repository" / "web", KIT)

    assert check.file == tmp_path / "repository" / WORKFLOW
    for workflow in (check, packages):
        assert "path: web\n" in workflow.text


def test_installers_are_made_by_hand_and_the_called_workflow_takes_what_is_given(target):
    write(target)
    caller = yaml.safe_load((target / ci.FOLDER / ci.PACKAGES).read_text())
    called = yaml.safe_load((ROOT / ".github" / "workflows" / "packages.yml").read_text())

    # YAML 1.1 reads `on` as true
    assert list(caller[True]) == ["workflow_dispatch"]
    (job,) = caller["jobs"].values()
    accepted = called[True]["workflow_call"]
    assert set(job["with"]) <= set(accepted["inputs"])
    assert set(job["secrets"]) == set(accepted["secrets"])
    for each in called["jobs"].values():
        for name, level in each["permissions"].items():
            assert job["permissions"][name] in (level, "write")


@pytest.mark.parametrize("kit", ["", "somebody", "a/b", "a/b@", "a/b@c d", "a/b/c@1\n- x"])
def test_a_kit_that_is_not_named_in_full_is_refused(kit, target):
    with pytest.raises(KitError, match="DDK-ADP-12"):
        ci.plan(target, kit)


def test_no_repository_is_refused(make_project):
    with pytest.raises(KitError, match="is not in a git repository"):
        ci.plan(make_project(), KIT)


def test_a_workflow_of_the_projects_own_is_left_alone(target):
    projects.write(target, {str(WORKFLOW): "name: mine\n"})

    with pytest.raises(KitError, match="DDK-ADP-13"):
        ci.plan(target, KIT)


def test_the_same_again_is_nothing_to_do_and_another_commit_takes_its_place(target):
    written = write(target)

    assert ci.plan(target, KIT) == []
    again = ci.plan(target, "somebody/desktop-django-kit@v2", written)
    assert [each.text.count("@v2") for each in again] == [1, 1]


@pytest.mark.slow
@pytest.mark.network
def test_adapt_adds_it_and_remove_takes_it_out(target, kit, kit_json):
    before = projects.contents(target)

    added = kit_json("adapt", target, "--ci", KIT)["added"]
    assert {(ci.FOLDER / name).as_posix() for name in ci.TEMPLATES} <= set(added)
    assert projects.status(target) == ["?? .github/", "?? desktop-app/"]

    removed = kit_json("remove", target)
    assert WORKFLOW.as_posix() in removed["removed"]
    assert projects.contents(target) == before


@pytest.mark.slow
@pytest.mark.network
def test_adapt_can_add_it_later_and_remove_keeps_a_changed_one(target, kit, kit_json):
    kit("adapt", target)
    kit("adapt", target, "--ci", KIT)
    with (target / WORKFLOW).open("a") as file:
        file.write("# mine\n")

    assert kit_json("remove", target)["kept"] == [WORKFLOW.as_posix()]
    assert (target / WORKFLOW).exists()


def test_nothing_is_added_where_it_has_nowhere_to_go(make_project, kit):
    target = make_project()

    result = kit("adapt", target, "--ci", KIT)

    assert result.exit_code == 3
    assert not (target / "desktop-app").exists()
