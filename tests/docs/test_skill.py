"""SKILL.md is valid, complete, and its commands do what it says."""

import re
import shlex
import shutil
import subprocess

import pytest
import yaml
from uv import find_uv_bin

from checks import criteria
from skill_scripts.findings.finding import BLOCKED, DECIDE, FINDINGS

from .pages import KIT, run_line, said

pytestmark = pytest.mark.slow

SKILL = KIT / "SKILL.md"
KNOWN_KEYS = {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}
COMMANDS = re.compile(r"```console\n(.+?)```", re.DOTALL)


@pytest.fixture
def skill(tmp_path):
    """A copy in a folder of the skill's name, as the specification of skills asks for."""
    folder = tmp_path / "desktop-django-kit"
    folder.mkdir()
    shutil.copy(SKILL, folder)
    shutil.copytree(KIT / "references", folder / "references")
    return folder


def split(folder):
    _, front, body = (folder / "SKILL.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


def test_front_matter_follows_the_agent_skills_specification(skill):
    front, _ = split(skill)
    assert set(front) <= KNOWN_KEYS
    name = front["name"]
    assert len(name) <= 64
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert name == skill.name
    assert 0 < len(front["description"]) <= 1024
    assert not set("<>") & set(front["description"])
    assert 0 < len(front["compatibility"]) <= 500
    assert front["license"]
    assert all(isinstance(value, str) for value in front["metadata"].values())


@pytest.mark.network
def test_the_reference_validator_accepts_it(skill):
    uv = [find_uv_bin(), "tool", "run", "--quiet", "--from", "skills-ref==0.1.1"]
    done = subprocess.run(
        [*uv, "agentskills", "validate", str(skill)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_spec_version_is_the_current_one(skill):
    from skill_scripts import SPEC_VERSION, __version__

    front, body = split(skill)
    assert front["metadata"]["spec"] == SPEC_VERSION
    assert f"desktop-django-kit {__version__}, spec {SPEC_VERSION}" in body


def test_body_is_short_and_references_are_one_level_deep(skill):
    _, body = split(skill)
    assert len(body.splitlines()) < 500
    linked = set(re.findall(r"\]\((references/[\w./-]+)\)", body))
    assert linked == {f"references/{file.name}" for file in (skill / "references").iterdir()}
    for file in (skill / "references").iterdir():
        text = file.read_text(encoding="utf-8")
        assert "\nLoad this when" in text
        assert "](" not in text


def test_every_decision_is_in_the_table(skill):
    _, body = split(skill)
    table = body[body.index("### Decisions") : body.index("## 3.")]
    decisions = [name for name, each in FINDINGS.items() if DECIDE in each.severities]
    assert [each for each in decisions if f"`{each}`" not in table] == []


def criteria_in(text):
    """The identifiers that a cell names, one by one, in ranges, or as whole families."""
    for family, first, last in re.findall(r"([A-Z]{3})-(\d+) to [A-Z]{3}-(\d+)", text):
        yield from (f"{family}-{number}" for number in range(int(first), int(last) + 1))
    yield from re.findall(r"[A-Z]{3}-\d+", text)
    for family in re.findall(r"\b([A-Z]{3})\b(?!-)", text):
        yield from (each for each in criteria.load() if each.startswith(f"{family}-"))


def test_every_criterion_of_an_adapted_project_that_can_fail_has_its_row(skill):
    text = (skill / "references" / "failures.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")]
    named = {each for row in rows for each in criteria_in(row)}
    asked = {
        name
        for name, each in criteria.load().items()
        if "adapted" in each.stages and "all" in each.platforms
    }
    assert sorted(asked - named) == []


def test_what_was_not_tested_is_to_be_acted_on(skill):
    _, body = split(skill)
    verify = body[body.index("## 5. Verify") : body.index("## 6.")]
    assert all(each in verify for each in ("NOT TESTED", "`not_tested`", "--form PATH"))


def test_severities_are_explained(skill):
    _, body = split(skill)
    assert all(f"| `{each}` |" in body for each in (DECIDE, BLOCKED))


@pytest.mark.long
@pytest.mark.network
@pytest.mark.browser
def test_commands_in_order_on_a_foreign_project(tmp_path):
    project = tmp_path / "a clubhouse"
    shutil.copytree(KIT / "tests" / "foreign" / "own" / "clubhouse", project)
    for command in ("init --quiet", "add .", "-c user.name=n -c user.email=e commit -qm project"):
        subprocess.run(["git", "-C", str(project), *command.split()], check=True)
    places = {"KIT": KIT, "PROJECT": project, "REPORT": tmp_path / "report.json"}
    blocks = COMMANDS.findall(SKILL.read_text(encoding="utf-8"))
    assert len(blocks) >= 5
    for line in "".join(blocks).splitlines():
        typed = re.sub(
            r"\b(KIT|PROJECT|REPORT)\b", lambda m: shlex.quote(places[m[1]].as_posix()), line
        )
        done = run_line(typed, tmp_path, tmp_path / "home")
        accepted = (0, 1) if " survey " in line else (0,)
        assert done.returncode in accepted, said(line, done)
        if "status --short" in line:
            assert done.stdout == "?? desktop-app/\n"
