"""SPEC.md and the checks name the same criteria, and every MUST can be seen to fail."""

import ast
import re
from pathlib import Path

import pytest

from checks import criteria, report
from tests.broken import __main__ as matrix
from tests.broken.targets import BROKEN, REFERENCE

CHECKS = Path(criteria.__file__).parent
CRITERIA = criteria.load()
# Judged in installed applications, by packages.yml and tests/stage.
WITHOUT_CHECK = {i for i in CRITERIA if i.startswith("UPD")} | {"PKG-10", "WIN-5"}
# Broken bundles and shells are in tables of their own; nothing breaks on Windows here.
SHOWN_ELSEWHERE = {i for i in CRITERIA if i[:3] in ("PKG", "SHL", "WIN")}


def named_by_checks():
    named = {}
    for path in sorted(CHECKS.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for mark in getattr(node, "decorator_list", []):
                if isinstance(mark, ast.Call) and getattr(mark.func, "attr", "") == "criterion":
                    for argument in mark.args:
                        named.setdefault(argument.value, []).append(f"{path.name}::{node.name}")
    return named


def test_every_check_names_criteria_that_exist():
    assert not named_by_checks().keys() - CRITERIA.keys()


def test_every_criterion_has_a_check():
    assert not CRITERIA.keys() - WITHOUT_CHECK - named_by_checks().keys()


def test_every_check_stands_in_the_module_of_its_family():
    for i, places in named_by_checks().items():
        assert {place.split("::")[0] for place in places} == {f"test_{i[:3].lower()}.py"}


def test_every_check_has_a_title_that_fits_the_table():
    for path in CHECKS.glob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert len(ast.get_docstring(node)) <= report.TITLE_WIDTH + 1, node.name


def test_every_must_has_a_broken_target():
    shown = {i for target in BROKEN for i in target.caught_by}
    assert not CRITERIA.keys() - WITHOUT_CHECK - SHOWN_ELSEWHERE - shown


def test_broken_targets_name_criteria_that_exist():
    assert not {i for target in BROKEN for i in target.caught_by} - CRITERIA.keys()
    assert len({target.name for target in BROKEN}) == len(BROKEN)


def test_every_change_can_still_be_made():
    tables = [target for table in matrix.TABLES.values() for target in table]
    gone = [
        target.name
        for target in tables
        for edit in target.edits
        if not edit.file.startswith(".git/")
        and edit.old not in (REFERENCE / edit.file).read_text(encoding="utf-8")
    ]
    assert not gone


def test_the_page_of_broken_targets_is_of_this_table():
    found = matrix.results()
    tables = [target for table in matrix.TABLES.values() for target in table]
    others = [
        t.name
        for t in tables
        if found.get(t.name, {}).get("caught_by") != matrix.named(t.caught_by)
    ]
    assert not others, "run: python -m tests.broken --write with their names"
    assert found.keys() == {target.name for target in tables}
    assert matrix.PAGE.read_text(encoding="utf-8") == matrix.page(found)


def test_criteria_are_numbered_without_gaps():
    families = {}
    for i in CRITERIA:
        family, number = i.split("-")
        families.setdefault(family, []).append(int(number))
    assert all(n == list(range(1, len(n) + 1)) for n in families.values())


def test_the_documents_links_to_sources_look_like_sources():
    for criterion in CRITERIA.values():
        for part in filter(None, criterion.source.split(", ")):
            assert re.match(r"https://|[\w.-]+/[\w.-]+#\d+$|libuv |half of ", part), criterion.id


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("### TOK-1 · MUST · core\n\nText.\n\n- Why: x\n", "TOK-1 lacks Check, Platforms, Stage"),
        (
            "### TOK-1 · MUST · core\n\nText.\n\n- Why: x\n- Check: x\n- Stage: adapted\n"
            "- Platforms: all\n" * 2,
            "TOK-1 is given twice",
        ),
    ],
)
def test_a_criterion_that_is_not_complete_is_refused(text, complaint, tmp_path):
    path = tmp_path / "SPEC.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        criteria.load(path)
