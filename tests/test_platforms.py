"""Every branch on the operating system is in docs/platforms.toml, with a verdict."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LISTED = tomllib.loads((ROOT / "docs" / "platforms.toml").read_text(encoding="utf-8"))
ASKS = re.compile(
    r"\bos\.name\b|\bsys\.platform\b|\bprocess\.platform\b|\bplatform (?:===|!==)"
    r"|\b(?:WINDOWS|MACOS|LINUX)\b|platform\.windows"
)
NO_CODE = re.compile(r"\s*(?:from |import |#|//|\* )")
JS_PLACE = re.compile(r"^(?:export )?(?:async )?(?:function |const )(\w+)")
VERDICTS = {"right", "fixed", "unknown"}


def sources() -> list[Path]:
    command = ["git", "ls-files", "reference_app/desktop-app", "skill_scripts", "checks", "tools"]
    listed = subprocess.run(
        [*command, ".ci"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    kinds = {".py", ".js", ".mjs", ".cjs"}
    return [ROOT / name for name in listed if Path(name).suffix in kinds and (ROOT / name).exists()]


def branches(file: Path) -> set[str]:
    """The functions of a file in which it asks which system this is; `module` outside of them."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    asking = [
        number
        for number, line in enumerate(lines, 1)
        if ASKS.search(line) and not NO_CODE.match(line)
    ]
    if file.suffix != ".py":
        return {place_in_script(lines[:number]) for number in asking}
    functions = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return {place_in_module(functions, number) for number in asking}


def place_in_script(before: list[str]) -> str:
    found = [match[1] for line in before if (match := JS_PLACE.match(line))]
    return found[-1] if found else "module"


def place_in_module(functions: list, number: int) -> str:
    inside = [each for each in functions if each.lineno <= number <= each.end_lineno]
    return max(inside, key=lambda each: each.lineno).name if inside else "module"


def found() -> set[tuple[str, str]]:
    return {
        (file.relative_to(ROOT).as_posix(), place) for file in sources() for place in branches(file)
    }


def test_every_branch_is_in_the_list():
    listed = {(each["file"], each["place"]) for each in LISTED["branch"]}
    assert sorted(found() - listed) == [], "say in docs/platforms.toml what it follows"
    assert sorted(listed - found()) == [], "docs/platforms.toml lists what is not there"


@pytest.mark.parametrize("each", [*LISTED["branch"], *LISTED["topic"]], ids=lambda e: e["does"])
def test_an_entry_has_a_verdict_and_what_it_follows(each):
    assert each["verdict"] in VERDICTS
    assert re.match(r"https://|[A-Z]", each["follows"])
    if each["verdict"] != "right":
        assert each["note"]
