"""adapt --ci: the workflow in the target, and its way back out."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from skill_scripts import ci
from skill_scripts.errors import KitError

from . import projects

KIT = f"somebody/desktop-django-kit@{'0a' * 20}"


def tool(name, *arguments):
    program = shutil.which(name, path=str(Path(sys.executable).parent)) or name
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)


@pytest.fixture
def target(make_project):
    return projects.commit(make_project())


def test_the_workflow_is_valid_and_passes_the_audit(target):
    ci.plan(target, KIT).write()
    workflow = target / ci.WORKFLOW

    schema = tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow)
    audit = tool("zizmor", "--offline", "--no-progress", workflow)

    assert schema.returncode == 0, schema.stdout
    assert audit.returncode == 0, audit.stdout


def test_a_project_below_the_top_of_its_repository(tmp_path):
    projects.project(tmp_path / "repository" / "web")
    projects.commit(tmp_path / "repository")

    workflow = ci.plan(tmp_path / "repository" / "web", KIT)

    assert workflow.file == tmp_path / "repository" / ci.WORKFLOW
    assert "path: web\n" in workflow.text


@pytest.mark.parametrize("kit", ["", "somebody", "a/b", "a/b@", "a/b@c d", "a/b/c@1\n- x"])
def test_a_kit_that_is_not_named_in_full_is_refused(kit, target):
    with pytest.raises(KitError, match="DDK-ADP-12"):
        ci.plan(target, kit)


def test_no_repository_is_refused(make_project):
    with pytest.raises(KitError, match="in no git repository"):
        ci.plan(make_project(), KIT)


def test_a_workflow_of_the_projects_own_is_left_alone(target):
    projects.write(target, {str(ci.WORKFLOW): "name: mine\n"})

    with pytest.raises(KitError, match="DDK-ADP-13"):
        ci.plan(target, KIT)


def test_the_same_again_is_nothing_to_do_and_another_commit_takes_its_place(target):
    digest = ci.plan(target, KIT).write()

    assert ci.plan(target, KIT) is None
    assert ci.plan(target, "somebody/desktop-django-kit@v2", digest).text.count("@v2") == 1


@pytest.mark.network
def test_adapt_adds_it_and_remove_takes_it_out(target, kit, kit_json):
    before = projects.contents(target)

    added = kit_json("adapt", target, "--ci", KIT)["added"]
    assert ci.WORKFLOW.as_posix() in added
    assert projects.status(target) == ["?? .github/", "?? desktop-app/"]

    removed = kit_json("remove", target)
    assert ci.WORKFLOW.as_posix() in removed["removed"]
    assert projects.contents(target) == before


@pytest.mark.network
def test_adapt_can_add_it_later_and_remove_keeps_a_changed_one(target, kit, kit_json):
    kit("adapt", target)
    kit("adapt", target, "--ci", KIT)
    with (target / ci.WORKFLOW).open("a") as file:
        file.write("# mine\n")

    assert kit_json("remove", target)["kept"] == [ci.WORKFLOW.as_posix()]
    assert (target / ci.WORKFLOW).exists()


def test_nothing_is_added_where_it_has_nowhere_to_go(make_project, kit):
    target = make_project()

    result = kit("adapt", target, "--ci", KIT)

    assert result.exit_code == 3
    assert not (target / "desktop-app").exists()
