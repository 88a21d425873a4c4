"""Criteria that the suite does not decide name the tests that show them: these exist."""

import re
from pathlib import Path

from checks import criteria

KIT = Path(__file__).resolve().parents[2]
# What of the kit's tests shows a criterion: a file and the names of tests in it.
SHOWN = re.compile(r"`(tests/[\w./]+)`((?:,? \"[^\"]+\")+)")


def test_each_criterion_of_updates_names_tests_that_exist():
    updates = [each for each in criteria.load().values() if each.id.startswith("UPD")]
    assert updates
    for each in updates:
        shown = SHOWN.findall(each.how)
        assert shown, each.id
        for file, names in shown:
            text = (KIT / file).read_text(encoding="utf-8")
            assert [name for name in re.findall(r'"([^"]+)"', names) if name not in text] == []
