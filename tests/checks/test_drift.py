"""SPEC.md and the checks name the same criteria, and every MUST can be seen to fail."""

import ast
import re
from pathlib import Path

import pytest

from checks import criteria, report
from tests.broken import __main__ as matrix
from tests.broken.targets import REFERENCE

CHECKS = Path(criteria.__file__).parent
CRITERIA = criteria.load()
KIT = Path(__file__).resolve().parents[2]
TARGETS = [target for table in matrix.TABLES.values() for target in table]
BUNDLES = KIT / "tests" / "scripts" / "bundle" / "test_broken_bundles.py"
WINDOWS = Path(__file__).with_name("test_windows.py")
# What of the kit's tests shows a criterion: a file and the names of tests in it.
SHOWN = re.compile(r"`(tests/[\w./]+)`((?:,? \"[^\"]+\")+)")


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
    assert not CRITERIA.keys() - named_by_checks().keys()


def test_every_check_stands_in_the_module_of_its_family():
    for i, places in named_by_checks().items():
        assert {place.split("::")[0] for place in places} == {f"test_{i[:3].lower()}.py"}


def test_every_check_has_a_title_that_fits_the_table():
    for path in CHECKS.glob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert len(ast.get_docstring(node)) <= report.TITLE_WIDTH + 1, node.name


def test_every_criterion_can_be_seen_to_fail():
    """By a broken target, or by tests that its own lines in SPEC.md name."""
    broken = {i for target in TARGETS for i in target.caught_by} | broken_bundles()
    shown = {i for i, criterion in CRITERIA.items() if SHOWN.search(criterion.how)}
    # tests/checks/test_windows.py says what takes the place of Windows.
    windows = set(re.findall(r"WIN-\d+", WINDOWS.read_text(encoding="utf-8")))
    assert not CRITERIA.keys() - broken - shown - windows


def broken_bundles():
    return set(re.findall(r'^@breaks\("(PKG-\d+)"\)$', BUNDLES.read_text(encoding="utf-8"), re.M))


def test_tests_that_show_a_criterion_exist():
    for criterion in CRITERIA.values():
        for file, names in SHOWN.findall(criterion.how):
            text = (KIT / file).read_text(encoding="utf-8")
            assert [name for name in re.findall(r'"([^"]+)"', names) if name not in text] == []


def test_broken_targets_name_criteria_that_exist():
    assert not {i for target in TARGETS for i in target.caught_by} - CRITERIA.keys()
    assert len({target.name for target in TARGETS}) == len(TARGETS)


def test_every_change_can_still_be_made():
    gone = [
        target.name
        for target in TARGETS
        for edit in target.edits
        if not edit.file.startswith((".git/", "desktop-app/dist/"))
        and edit.old not in (REFERENCE / edit.file).read_text(encoding="utf-8")
    ]
    assert not gone


def test_the_page_of_broken_targets_is_of_this_table():
    found = matrix.results()
    others = [
        target.name
        for target in TARGETS
        if found.get(target.name, {}).get("caught_by") != matrix.named(target.caught_by)
    ]
    assert not others, "run: python -m tests.broken --write with their names"
    assert found.keys() == {target.name for target in TARGETS}
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
