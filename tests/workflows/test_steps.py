"""Every `run:` step of every workflow, executed in order; what costs much is stood in for.

The long form runs the Linux rows for real: python -m tests.workflows
"""

import os
import re
import sys

import pytest

from tests.workflows import evidence, expressions, runner
from tests.workflows.machines import given, machine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux", reason="the stand-ins are made for Linux; the runners run the rest"
    ),
]
SECRETS = {
    "CSC_LINK": "MIIKbase64",
    "CSC_KEY_PASSWORD": "word",
    "WIN_CSC_LINK": "MIIKbase64",
    "WIN_CSC_KEY_PASSWORD": "word",
    "APPLE_API_KEY": "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
    "APPLE_API_KEY_ID": "2X9R4HXF34",
    "APPLE_API_ISSUER": "57246542-96fe-1a63-e053-0824d011072a",
}
# A job that several workflows call is run once.
JOBS = list(
    {
        (str(job.definition), job.row, str(job.inputs)): job
        for job in reversed([*evidence.every_job()])
    }.values()
)[::-1]


def name(job):
    return f"{job.workflow}/{job.name}/{job.row}"


def run(job, folder, **options):
    around = folder / "machine"
    around.mkdir()
    stand_ins = machine(around / "stand-ins", job.system, around)
    if job.name == "publish":
        given(around / "artefacts")
        options["artefacts"] = around / "artefacts"
    return runner.Runner(job, around, stand_ins, **options)


WITH_SECRETS = [job for job in JOBS if name(job).startswith("packages.yml") and "-" not in job.row]


@pytest.mark.parametrize(
    ("job", "secrets"),
    [
        *(
            pytest.param(job, {}, marks=[pytest.mark.long] if "toga" in job.name else [])
            for job in JOBS
        ),
        *(pytest.param(job, SECRETS, marks=pytest.mark.long) for job in WITH_SECRETS),
    ],
    ids=[*map(name, JOBS), *(f"{name(job)} with secrets" for job in WITH_SECRETS)],
)
def test_every_step_runs(job, secrets, tmp_path):
    evidence.as_started_by_a_person(job)
    machine_ = run(job, tmp_path, secrets=secrets)
    steps = machine_.run()
    assert steps or not any("run" in step for step in job.definition["steps"])
    failed = [(step.key, step.said) for step in steps if step.code]
    assert not failed, failed
    assert not machine_.failed
    # What was not executed is for another system, or for another event.
    for step in steps:
        assert step.level != runner.NOT or re.search(r"runner\.os|event_name|shell", step.reason)


@pytest.mark.parametrize("secrets", [{}, SECRETS], ids=["", "secrets"])
def test_gatekeeper_is_asked_where_the_application_was_notarised(secrets, tmp_path):
    job = next(each for each in JOBS if each.workflow == "packages.yml" and each.row == "macos")
    machine_ = run(job, tmp_path, secrets=secrets)
    machine_.run()
    asked = {call[0] for call in machine_.stand_ins.calls}
    assert "codesign" in asked
    assert ("spctl" in asked) is bool(secrets)


@pytest.mark.parametrize(
    ("system", "program", "step"),
    [
        ("windows", "taskkill", ""),  # its exit code is not the script's
        ("macos", "codesign", "Every program and library of the application is signed"),
        ("linux", "npm", "The shell's packages"),
    ],
)
def test_a_program_that_fails_fails_its_step_and_no_later_one_runs(system, program, step, tmp_path):
    job = next(each for each in JOBS if each.workflow == "packages.yml" and each.row == system)
    machine_ = run(job, tmp_path)
    if step:
        machine_.stand_ins.add(program, fails=(program,))
    steps = machine_.run()
    assert [each.name for each in steps if each.code] == ([step] if step else [])


def test_what_windows_runs_without_bash_is_one_plain_command():
    """There the default is PowerShell, which reads no other shell's words."""
    for job in JOBS:
        for step in job.definition["steps"] if job.system == "Windows" else []:
            if "run" in step and "shell" not in step and "Linux" not in step.get("if", ""):
                assert len(step["run"].strip().splitlines()) == 1
                assert not set("$|&;<>`\"'") & set(step["run"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b == 'X' && 'yes' || 'no'", "yes"),
        ("(a.b != 'x' && a.none) || 'else'", "else"),
        ("!a.none", True),
        ("always()", True),
        ("a.none", ""),
    ],
)
def test_expressions(text, value):
    assert expressions.Expression(text, {"a": {"b": "x"}}).value() == value


def test_a_text_that_cannot_be_read_is_not_an_expression():
    with pytest.raises(ValueError, match="cannot be read"):
        expressions.Expression("a ? b : c", {})


def test_the_runner_gives_no_step_what_it_did_not_ask_for(tmp_path):
    job = next(each for each in JOBS if each.workflow == "packages.yml" and each.row == "linux")
    machine_ = run(job, tmp_path, secrets=SECRETS)
    assert not set(SECRETS) & set(machine_._variables())
    assert os.environ["PATH"] in machine_._variables()["PATH"]
