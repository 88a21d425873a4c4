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

pytestmark = pytest.mark.slow

# Every second one; `kit.py test --all` runs the others too.
SHORT = [
    pytest.param(fault, id=fault.name, marks=pytest.mark.long if number % 2 else ())
    for number, fault in enumerate(each for each in FAULTS if each.short)
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


def test_table_goes_between_the_marks_of_a_page(tmp_path):
    page, plain = tmp_path / "page.md", tmp_path / "plain.md"
    page.write_text(f"above\n{report.MARKS[0]}\nold\n{report.MARKS[1]}\nbelow\n")
    for file in (page, plain):
        report.write(file, "| table |\n")
    assert plain.read_text() == "| table |\n"
    assert page.read_text() == (
        f"above\n{report.MARKS[0]}\n\n| table |\n\n{report.MARKS[1]}\nbelow\n"
    )


def test_table_puts_the_earlier_figures_first():
    fault = Fault("a fault", ("served",), lambda _: Outcome("served"))
    before, after = Row(fault.name, "served"), Row(fault.name, "served")
    before.add(fault, Outcome("served", lost=7))
    after.add(fault, Outcome("served", seconds=1.25))
    *_, line = report.markdown([after], [before]).splitlines()
    assert line == "| a fault | served | **0** of 1 | **7** | 1 of 1 | 0 | 0 | 1.2 |"
