"""The cases of docs/reference/layers.md: each is proven, by what is there."""

import re
from pathlib import Path

import pytest

from checks import criteria
from tests.broken.shells import SHELLS
from tests.broken.targets import BROKEN

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "layers.md").read_text(encoding="utf-8")
CASES = PAGE.partition("## Case, before, now, proof")[2]
ROWS = [
    line.strip("| ").split(" | ")
    for line in CASES.splitlines()
    if line.startswith("| ") and not line.startswith(("| case", "| ---"))
]
CAUGHT = {i for target in (*BROKEN, *SHELLS) for i in target.caught_by}


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_case_is_proven_by_a_criterion_or_a_test(row):
    case, before, now, proof = row
    assert case and before and now
    named = re.findall(r"\b[A-Z]{3}-\d+\b", proof)
    files = re.findall(r"`([\w./]+)`", proof)
    assert named or files
    assert set(named) <= criteria.load().keys()
    assert set(named) <= CAUGHT, "no broken target shows that the check can fail"
    assert all((ROOT / "tests" / file).is_file() for file in files), files


def test_the_table_is_there():
    assert len(ROWS) > 30
