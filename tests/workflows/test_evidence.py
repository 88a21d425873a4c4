"""The record of what was executed, and the page made of it, say no more than a run showed."""

import pytest

from tests.workflows import evidence, runner
from tools.docs import maturity

ROW = {"what": "x", "tests": ["tests.a.*"], "steps": ["w.yml/*"]}


def test_the_record_is_of_the_steps_as_they_are():
    """Otherwise a changed step would pass for one that was executed."""
    recorded = {key: each["text"] for key, each in evidence.read()["steps"].items()}
    assert recorded == {step.key: step.text for step in evidence.planned()}, (
        "run: python -m tests.workflows (or --short)"
    )


def test_no_step_of_the_record_has_failed():
    failed = [
        key
        for key, each in evidence.read()["steps"].items()
        if each["reason"] and not each["reason"].startswith("if:")
    ]
    assert failed == []


def step(level, system="Linux", reason="", stand_ins=()):
    return {"level": level, "system": system, "reason": reason, "stand_ins": list(stand_ins)}


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([], "read only"),
        ([step("not", reason="failed: exit code 1")], "read only"),
        ([step("real"), step("not", reason="an earlier step failed")], "read only"),
        ([step("real"), step("stand-in", stand_ins=["npm"])], f"{maturity.STOOD_IN} for `npm`"),
        (
            [step("stand-in", stand_ins=["kit.py", "npm"])],
            "read only; the workflow was executed around a stand-in for `kit.py`",
        ),
        ([step("real"), step("not", reason="if: runner.os == 'macOS'")], "ran on that system"),
        ([step("real", system="macOS")], "read only"),
    ],
)  # fmt: skip
def test_a_cell_is_the_worst_of_its_steps(steps, says):
    record = {"tests": {}, "steps": {f"w.yml/{n}": each for n, each in enumerate(steps)}}
    assert maturity.cell(ROW, "Linux", record) == says


def test_nothing_that_was_executed_elsewhere_ran_on_that_system():
    record = {"tests": {}, "steps": {"w.yml/1": step("real", system="Windows")}}
    assert maturity.cell(ROW, "Windows", record) == "every step executed, with stand-ins"


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ({"passed": 3, "failure": 1}, "read only"),
        ({"skipped": 3}, "read only"),
        ({"passed": 3, "skipped": 1}, "ran on that system (3 tests)"),
    ],
)
def test_tests_count_where_they_ran_and_none_failed(counts, says):
    record = {"tests": {"Linux": {"tests.a.test_b": counts}}, "steps": {}}
    assert maturity.cell(ROW, "Linux", record) == says
    assert maturity.cell(ROW, "macOS", record) == "read only"


def test_a_step_that_ran_for_real_stays_so_until_its_text_changes():
    planned = next(evidence.planned())
    real = planned.as_dict() | {"level": runner.REAL}
    planned.level = runner.STAND_IN
    record = {"steps": {planned.key: real}}
    evidence.take_steps(record, [planned])
    assert record["steps"][planned.key]["level"] == runner.REAL
    planned.text = "changed"
    evidence.take_steps(record, [planned])
    assert record["steps"][planned.key]["level"] == runner.STAND_IN


def test_a_report_of_tests_is_taken_over_by_module(tmp_path):
    report = tmp_path / "report.xml"
    file = runner.ROOT / "tests" / "shell" / "units" / "x.test.js"
    report.write_text(
        f'''<testsuites><testcase classname="tests.a.test_b.TestC"/>
        <testcase classname="tests.a.test_b"><skipped/></testcase>
        <testcase classname="test" file="{file}"><failure/></testcase></testsuites>'''
    )
    record = {"tests": {}}
    evidence.take_tests(record, report)
    ((_, modules),) = record["tests"].items()
    assert modules == {
        "tests.a.test_b": {"passed": 1, "skipped": 1},
        "tests.shell.units.x": {"failure": 1},
    }
