"""Execute the workflows and write down what was executed: docs/evidence.json.

    python -m tests.workflows                       the Linux rows for real, the others stood in for
    python -m tests.workflows --short               everything stood in for, in a minute
    python -m tests.workflows --job packages.yml    jobs that begin so, for real
    python -m tests.workflows --tests report.xml    take over a run of the tests (--junitxml)

A step that was executed for real stays so in the record until its text changes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.workflows import evidence, runner
from tests.workflows.machines import given, machine
from tests.workflows.real import Machine, environment_of


def main() -> int:
    """Run what is asked for; exit code 1 if a step failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--job", default="")
    parser.add_argument("--tests", type=Path)
    arguments = parser.parse_args()
    if arguments.tests:
        record = evidence.read()
        evidence.take_tests(record, arguments.tests)
        evidence.write(record)
        return 0
    steps: list[runner.Step] = []
    with tempfile.TemporaryDirectory(prefix="desktop-django-workflows-") as scratch:
        folder = Path(scratch)
        real = None if arguments.short else Machine(folder)
        for number, job in enumerate(evidence.every_job()):
            if not f"{job.workflow}/{job.name}/{job.row}".startswith(arguments.job):
                continue
            for_real = bool(real) and job.runs_on == "ubuntu-latest" and costs(job)
            made = run(job, folder / str(number), real if for_real else None)
            for step in made:
                said = f"{step.reason} {step.said[-1500:]}" if step.code else step.reason
                print(f"{step.level:9} {step.key}  {', '.join(step.stand_ins)} {said}", flush=True)
            steps += made
    record = evidence.read()
    evidence.take_steps(record, steps)
    if real:
        record["versions"] = real.versions()
    evidence.write(record)
    print(evidence.summary(record))
    return 1 if any(step.code for step in steps) else 0


def costs(job: runner.Job) -> bool:
    """Whether the short form leaves out what the job is about."""
    return job.workflow != "release.yml" and job.name not in ("publish", "deploy", "promote")


def run(job: runner.Job, folder: Path, real: Machine | None) -> list[runner.Step]:
    """Run one row, for real if a machine is given."""
    folder.mkdir()
    evidence.as_started_by_a_person(job)
    if real:
        made = runner.Runner(
            job, folder, real.stand_ins(folder / "stand-ins"), prepare=real.prepare,
            after=real.after, artefacts=folder.parent / "artefacts",
        )  # fmt: skip
        environment_of(real, made)
        return made.run()
    artefacts, app = folder.parent / "artefacts", "flying-stable"
    if not list(artefacts.glob(f"{app}-*")):
        # The rows that make them were stood in for.
        artefacts, app = folder / "artefacts", ""
        given(artefacts)
    stand_ins = machine(folder / "stand-ins", job.system, folder)
    made = runner.Runner(job, folder, stand_ins, artefacts=artefacts)
    made.contexts["needs"]["build"] = {"outputs": {"app": app}}
    return made.run()


if __name__ == "__main__":
    sys.exit(main())
