"""Each broken target is caught by exactly its criteria.

By default each is judged by its own criteria and the cheap families; a tenth of them, another one
every day, by the whole suite. `python -m tests.broken` runs the full matrix.
"""

import datetime
import os

import pytest

from tests.broken.targets import BROKEN, caught, judge, make

TENTH = datetime.date.today().toordinal() % 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "target"), list(enumerate(BROKEN)), ids=[target.name for target in BROKEN]
)
def test_exactly_the_named_criteria_fail(number, target, tmp_path):
    if target.staged and os.name == "nt":
        pytest.skip("the makeshift bundle is made of links")
    path = make(target, tmp_path / "target")
    options = target.options(path, whole=number % 10 == TENTH)
    _, verdicts = judge(path, tmp_path / "report.json", *options)
    assert caught(verdicts) == target.caught_by
