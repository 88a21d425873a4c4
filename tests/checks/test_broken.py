"""Each broken target is caught by exactly its criteria.

By default each is judged by its own criteria and the cheap families; of those that have been judged
by the whole suite before, a tenth again, another one every day. `python -m tests.broken` runs the
full matrix.
"""

import datetime
import os

import pytest

from tests.broken.__main__ import results
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
    known = results().get(target.name, {"whole": False})
    options = target.options(path, whole=known["whole"] and number % 10 == TENTH)
    _, verdicts = judge(path, tmp_path / "report.json", *options)
    assert caught(verdicts) == target.caught_by
