"""Each broken target is caught by exactly its criteria.

By default each is judged by its own criteria and the cheap families; a tenth of them, another one
every day, by the whole suite. `python -m tests.broken` runs the full matrix.
"""

import datetime

import pytest

from tests.broken.targets import BROKEN, CHEAP, caught, judge, make

TENTH = datetime.date.today().toordinal() % 10


def criteria_for(number, target):
    if number % 10 == TENTH:
        return []
    return ["--only", ",".join(sorted({*target.caught_by, *CHEAP}))]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "target"), list(enumerate(BROKEN)), ids=[target.name for target in BROKEN]
)
def test_exactly_the_named_criteria_fail(number, target, tmp_path):
    path = make(target, tmp_path / "target")
    _, verdicts = judge(path, tmp_path / "report.json", *criteria_for(number, target))
    assert caught(verdicts) == target.caught_by
