"""The pages quote messages as they are printed, know the line budget, and speak plainly."""

import ast
import re
from pathlib import Path

import django
import pytest

from tests.test_walls import (
    PAYLOAD,
    RIDDLES,
    RUNTIME_LINES,
    SCRIPTS,
    python_files,
    runtime_files,
)

from .pages import DOCS, KIT

PLACEHOLDER = re.compile(
    r"\b(?:N|X|Y|ERROR|NAMES|FILE|FILES|FOLDER|PATH|RULE|REASON|COMMAND|MIGRATIONS|PACKAGE|MODULE"
    r"|PLATFORM|CHECK|desktop\.toml|KEY=VALUE(?= is not))\b|…|`"
)
CODE = re.compile(r"^(?:error )?(DDK-[A-Z]{3}-\d\d)(?:: )?")
# What a person or an agent reads.
READ = (
    "README.md", "SKILL.md", "SPEC.md", "AGENTS.md", "CONTRIBUTING.md", "SECURITY.md", "llms.txt",
    "references/*.md", "docs/**/*.md",
)  # fmt: skip


def texts(file):
    """Every text of a Python file; what is filled in is a NUL."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.JoinedStr(parts):
                yield "".join(p.value if isinstance(p, ast.Constant) else "\0" for p in parts)
            case ast.Constant(str(value)):
                yield value


@pytest.fixture(scope="module")
def printed():
    """What the kit, the runtime, the suite and the shell can print."""
    folders = (SCRIPTS, KIT / "checks", PAYLOAD / "desktop_runtime")
    said = [text for folder in folders for file in python_files(folder) for text in texts(file)]
    said += [file.read_text("utf-8") for file in (PAYLOAD / "electron").glob("*.js")]
    said.append(Path(django.__file__).parent.joinpath("views/csrf.py").read_text("utf-8"))
    return [" ".join(text.split()) for text in said]


def messages():
    """The messages that head a section of the troubleshooting page, with the code they carry."""
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    for heading in re.findall(r"^### (.+)$", text, re.M):
        found = re.findall(r'"([^"]+)"', heading)
        if not found and heading.startswith("`"):
            found = re.findall(r"`([^`]+)`", heading)
        code = next((match[1] for match in map(CODE.match, found) if match), "")
        for message in found:
            if words := CODE.sub("", message):
                yield code, words


def is_printed(message, printed):
    """Whether some text of the code has these words in this order, whatever is filled in."""
    parts = [part for part in (each.strip() for each in PLACEHOLDER.split(message)) if part]
    pattern = re.compile(".*?".join(map(re.escape, parts)), re.S)
    return any(pattern.search(text) for text in printed)


def test_troubleshooting_quotes_messages_as_they_are_printed(printed):
    found = list(messages())
    assert len(found) > 25
    assert [message for _, message in found if not is_printed(message, printed)] == []


def test_troubleshooting_names_codes_that_exist(printed):
    raised = {text for text in printed if re.fullmatch(r"DDK-[A-Z]{3}-\d\d", text)}
    page = (DOCS / "reference" / "errors.md").read_text(encoding="utf-8")
    codes = {code for code, _ in messages() if code}
    assert codes
    assert {code for code in codes if code not in raised and f"`{code}`" not in page} == set()


@pytest.mark.parametrize("pattern", READ)
def test_no_riddles(pattern):
    files = sorted(KIT.glob(pattern))
    assert files
    assert [
        f"{file.relative_to(KIT).as_posix()}: {match[0]}"
        for file in files
        for match in RIDDLES.finditer(" ".join(file.read_text(encoding="utf-8").split()))
    ] == []


def test_decisions_know_the_line_budget():
    text = (DOCS / "decisions.md").read_text(encoding="utf-8")
    section = text[text.index("## A line budget") :].partition("\n## ")[0]
    assert f"at most {RUNTIME_LINES:,} lines" in section
    rows = re.findall(r"^\| .+ \| ([\d,]+) \| (`.+`) \|$", section, re.M)
    named = {name for _, modules in rows for name in re.findall(r"`(\w+)`", modules)}
    lines = {p.stem: len(p.read_text("utf-8").splitlines()) for p in runtime_files()}
    assert named == lines.keys() - {"__init__"}
    stated = sum(int(count.replace(",", "")) for count, _ in rows)
    assert abs(stated - sum(lines.values())) <= 100
