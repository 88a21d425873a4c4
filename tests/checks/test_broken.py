"""Each broken target is caught by exactly its criteria.

By default one row for each quick family is judged, by its own criteria and the cheap families.
`kit.py test --all` judges every row so, `python -m tests.broken` by the whole suite.
"""

import os

import pytest

from tests.broken.targets import BROKEN, caught, judge, make, short

# Rows of the others take 20 to 40 seconds each.
QUICK = ("ADP-", "NET-", "SOC-", "TOK-", "WEB-")
SHORT = short([each for each in BROKEN if min(each.caught_by).startswith(QUICK)])


@pytest.mark.slow
@pytest.mark.parametrize(
    "target",
    [
        pytest.param(each, id=each.name, marks=() if each.name in SHORT else pytest.mark.long)
        for each in BROKEN
    ],
)
def test_exactly_the_named_criteria_fail(target, tmp_path):
    if target.staged and os.name == "nt":
        pytest.skip("the makeshift bundle is made of links")
    path = make(target, tmp_path / "target")
    _, verdicts = judge(path, tmp_path / "report.json", *target.options(path, whole=False))
    assert caught(verdicts) == target.caught_by
