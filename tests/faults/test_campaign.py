"""The short form of the fault campaign; `python -m tests.faults` is the long one."""

import random
import tempfile
from pathlib import Path

import pytest

from . import report
from .campaign import FAULTS, Row, judge
from .faults import Fault
from .project import PAYLOAD
from .scene import Outcome, Places

OPEN = {
    "later-dated backups, failing update": "issue 11, 1",
    "marker names a missing backup": "issue 11, 2",
    "marker names a damaged backup": "issue 11, 2",
    "killed around the first database file": "issue 11, 3",
    "killed in the first start": "issue 11, 3",
    "hot rollback journal": "issue 11, 4",
    "older log beside a clean stop": "issue 11, 5",
    "log of another database": "issue 11, 5",
    "database missing": "issue 11, 7",
    "database of no bytes": "issue 11, 7",
    "another user looks": "issue 11, 9",
    "marker says nothing": "issue 11, low",
    "clean record is a folder": "issue 11, low",
    "database is a dangling link": "issue 11, low",
    "database is a looping link": "issue 11, low",
    "database is a named pipe": "issue 11, low",
    "port of five thousand digits": "issue 11, low",
    "app data removed while running": "issue 11, low",
    "disk full at the first start": "issue 11, low",
    "disk full at a clean stop": "issue 11, low",
    "disk full for bytecode": "issue 11, low",
}
SHORT = [
    pytest.param(
        fault,
        id=fault.name,
        marks=[pytest.mark.xfail(reason=OPEN[fault.name])] if fault.name in OPEN else [],
    )
    for fault in FAULTS
    if fault.short
]


@pytest.fixture(scope="module")
def places():
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        # Another user must fail at the app data folder, not above it.
        Path(folder).chmod(0o755)
        yield Places(Path(folder), PAYLOAD)


@pytest.mark.parametrize("fault", SHORT)
def test_app_answers_as_it_must_to(fault, places):
    folder = places.folder / fault.name.replace(" ", "-")
    row = judge(fault, fault.short, places, folder, random.Random())
    if row.not_run:
        pytest.skip(row.not_run)
    assert row.good, (row.wrong, row.lost, row.left, row.notes)


def test_names_are_unique_and_the_long_form_kills_three_hundred_times():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert sum(fault.times for fault in FAULTS if fault.kills) >= 300


@pytest.mark.parametrize(
    "outcome",
    [Outcome("refused 14"), Outcome("served", lost=1), Outcome("served", left=1)],
    ids=["wrong outcome", "row lost", "left over"],
)
def test_wrong_outcome_is_red(outcome):
    fault = Fault("a fault", ("served",), lambda _: outcome)
    row = Row(fault.name, "served")
    row.add(fault, outcome)
    assert not row.good
    assert "**0**" in report.markdown([row])
    assert "WRONG a fault" in report.text([row])


def test_table_puts_the_earlier_figures_first():
    fault = Fault("a fault", ("served",), lambda _: Outcome("served"))
    before, after = Row(fault.name, "served"), Row(fault.name, "served")
    before.add(fault, Outcome("served", lost=7))
    after.add(fault, Outcome("served", seconds=1.25))
    *_, line = report.markdown([after], [before]).splitlines()
    assert line == "| a fault | served | **0** of 1 | **7** | 1 of 1 | 0 | 0 | 1.2 |"
