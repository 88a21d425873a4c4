"""The whole table: every project surveyed, adapted, checked and taken out again.

    python -m tests.foreign.table [--only NAME,…] [--clones DIR] [--brief] [--by FAMILIES]
                                  [--folder DIR] [--json FILE] [--write]

Runs from the checkout's root with the development environment. About a minute a project; the
set of `quick` projects is also what `tests/foreign/test_foreign.py` asserts on. `--clones` takes
the git repositories in a folder instead, in the order of their names: projects of which nothing
is known and nothing decided. `--brief` leaves out the launches, which are measured on a quiet
machine only, and the survey, which adapt makes as well; `--by WEB,ACC` judges by these criteria
alone, and the row says so. `--folder` keeps the adapted projects and the logs of every step there.
`--write` enters the rows into docs/projects.json and makes the page of the docs from it; a project
that was not run keeps its row of before.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from uv import find_uv_bin

from bench.launching import NotReadyError, Place, backend, floor
from tests.electron import check_options

from . import page, person, whole
from .page import Row
from .projects import (
    AS_OF,
    PROJECTS,
    Clone,
    Project,
    UnobtainableError,
    clean_environment,
    fingerprint,
    git,
    interpreters,
    materialise,
    python_of,
)

ROOT = Path(__file__).resolve().parents[2]
STEP_SECONDS = 1800  # a busy machine is no fault of the project
LAUNCHES = 3


class Journey:
    """One project's way through the kit's commands."""

    def __init__(
        self, project: Project, folder: Path, is_brief: bool = False, by: str = ""
    ) -> None:
        self.project, self.folder, self.is_brief = project, folder, is_brief
        self.row = Row(project.name, project.shape, decisions=list(project.decisions))
        self.row.is_looked_at, self.row.judged_by = True, by
        self.answer: dict[str, Any] = {}  # of adapt

    def run(self) -> Row:
        """All steps; the first that fails ends the journey and is named in the row."""
        try:
            self.obtain()
            before = fingerprint(self.repository)
            if not self.is_brief:  # adapt surveys as well
                self._survey()
                self._expect(fingerprint(self.repository) == before, "survey changed the project")
            self.adapt()
            self._own_tests()
            self._check()
            if not self.is_brief:
                self._launch()
            self._remove()
            self._expect(fingerprint(self.repository) == before, "remove left something behind")
        except UnobtainableError as error:
            self.row.problems.append(f"cannot be obtained: {error}")
        except StepError as error:
            self.row.problems.append(str(error))
        return self.row

    @property
    def repository(self) -> Path:
        """The git repository as obtained."""
        return self.folder / "project"

    @property
    def target(self) -> Path:
        """The folder the kit is pointed at."""
        return self.repository / self.project.target

    def obtain(self) -> None:
        """Bring its files."""
        started = time.monotonic()
        materialise(self.project, self.repository)
        self.row.seconds["obtain"] = round(time.monotonic() - started, 1)

    def _survey(self) -> None:
        self._kit("survey", *self._options(), codes=(0, 1))

    def adapt(self) -> None:
        """By command, into a folder of which git says that nothing else has changed."""
        answer = self.answer = json.loads(self._kit("adapt", *self._options()))
        self.row.decisions_open = len(answer["decisions_open"])
        self.row.files_added = len(answer["added"])
        changed = git(self.repository, "status", "--porcelain", "--untracked-files=all")
        foreign = [line for line in changed.splitlines() if "desktop-app/" not in line]
        self._expect(not foreign, f"git status shows more than desktop-app: {foreign[:3]}")
        tampered = [line for line in changed.splitlines() if not line.startswith("??")]
        self._expect(not tampered, f"files of the project changed: {tampered[:3]}")
        paths = [str(self.target / name) for name in answer["added"]]
        ignored = subprocess.run(
            ["git", "-C", self.repository, "check-ignore", "--stdin"],
            input="\n".join(paths),
            capture_output=True,
            text=True,
        ).stdout.split()
        self._expect(not ignored, f"payload files are ignored: {ignored[:3]}")

    def _own_tests(self) -> None:
        """The tests the project ships give the same answers with the desktop layer as without."""
        if not self.project.tests:
            return
        before = self._tested("without", ".git", ".venv", "desktop-app")
        after = self._tested("with", ".git", ".venv")
        self._expect(before == after, f"its own tests: {before} without the layer, {after} with it")
        self.row.own_tests = before[0]

    def _tested(self, name: str, *left_out: str) -> tuple[str, list[str]]:
        """The sum and the failures of the tests in a copy, for they may write where they lie."""
        copy = self.folder / "tested"
        shutil.copytree(self.repository, copy, ignore=shutil.ignore_patterns(*left_out))
        needs = (part for package in self.project.tests_need for part in ("--with", package))
        uv = [find_uv_bin(), "run", "--no-project", "--quiet", "--exclude-newer", AS_OF]
        _, said = run_whole(
            "its own tests",
            [*uv, "--python", self._python, *needs, "python", *self.project.tests],
            cwd=copy / self.project.target,
            stderr=subprocess.STDOUT,
            env=clean_environment(),
        )
        shutil.rmtree(copy)
        (self.folder / f"own-tests-{name}.log").write_text(said, encoding="utf-8")
        # As unittest sums up, without the seconds.
        sums = re.findall(r"^Ran \d+ tests?|^OK.*|^FAILED .*", said, re.MULTILINE)
        failed = sorted(re.findall(r"^(?:FAIL|ERROR): .*", said, re.MULTILINE))
        self._expect(bool(sums), f"its own tests did not run, see own-tests-{name}.log")
        return ", ".join(sums), failed

    @property
    def _python(self) -> Path:
        """The Python of the project's environment, its own or the one made for it."""
        own = self.target / ".venv"
        return python_of(own if own.exists() else self.target / "desktop-app" / ".venv")

    def _check(self) -> None:
        report = self.folder / "verdicts.json"
        options = check_options() if self.project.window else []
        options += ["--only", self.row.judged_by] if self.row.judged_by else []
        options += ["--form", self.project.form] if self.project.form else []
        self._kit("check", "--report-json", str(report), *options, codes=(0, 1), as_json=False)
        self._expect(report.exists(), "check wrote no report")
        criteria = json.loads(report.read_text(encoding="utf-8"))["criteria"]
        self._look(criteria)
        for criterion in criteria:
            match criterion["verdict"]:
                case "pass":
                    self.row.passed += 1
                case "FAIL" | "harness error":
                    self.row.failed.append(criterion["id"])
                    self.row.failed_with[criterion["id"]] = criterion["seen"]
                case "warn":
                    self.row.warned.append(criterion["id"])

    def _look(self, criteria: list[dict[str, Any]]) -> None:
        """Whether a person could use it: from what the steps saw, and one visit more."""
        manifest = self.target / "desktop-app" / "desktop.toml"
        data = self.folder / "person" / "data"
        data.parent.mkdir(parents=True)
        seen = whole.Seen(
            {each["id"]: (each["verdict"], each["seen"]) for each in criteria},
            self.answer["rehearsal"],
            tomllib.loads(manifest.read_text(encoding="utf-8")),
            person.enter(self.target, data),
            home_is_decided=any(each.startswith("app.home=") for each in self.project.decisions),
        )
        self.row.told = whole.judge(seen)

    def _launch(self) -> None:
        # On a copy: without the layers a project may write where it lies.
        copy = self.folder / "copy"
        shutil.copytree(self.repository, copy, ignore=shutil.ignore_patterns(".git", ".venv"))
        data = self.folder / "data"
        place = Place(copy / self.project.target, self._python, data, self.folder / "bytecode")
        try:
            with floor(place):
                pass  # writes the bytecode
            with backend(place) as running:
                first = running.seconds
            floors, warm = [], []
            for _ in range(LAUNCHES):
                with floor(place) as running:
                    floors.append(running.seconds)
                with backend(place) as running:
                    warm.append(running.seconds)
        except NotReadyError as error:
            (self.folder / "launch.log").write_text(str(error), encoding="utf-8")
            return
        self.row.setup_seconds = round(min(floors), 2)
        self.row.first_launch = round(first / min(floors), 2)
        self.row.warm_launch = round(min(warm) / min(floors), 2)

    def _remove(self) -> None:
        self._kit("remove")

    def _options(self) -> list[str]:
        manage = ["--manage", self.project.manage] if self.project.manage else []
        return [*manage, *(part for pair in self.project.decisions for part in ("--set", pair))]

    def _kit(
        self, command: str, *options: str, codes: tuple[int, ...] = (0,), as_json: bool = True
    ) -> str:
        started = time.monotonic()
        flag = ["--json"] if as_json else []
        with (self.folder / f"{command}.log").open("w", encoding="utf-8") as log:
            code, answer = run_whole(
                command,
                [sys.executable, "-m", "skill_scripts", command, self.target, *options, *flag],
                cwd=ROOT,
                stderr=log,
                env=with_interpreters(clean_environment()),
            )
            log.write(answer)
        self.row.seconds[command] = round(time.monotonic() - started, 1)
        if code not in codes:
            said = reason(answer).replace(str(self.repository), "")
            raise StepError(f"{command} ended with {code}: {said}")
        return answer

    @staticmethod
    def _expect(holds: bool, otherwise: str) -> None:
        if not holds:
            raise StepError(otherwise)


def run_whole(
    name: str, command: Sequence[str | Path], *, seconds: float = STEP_SECONDS, **options: Any
) -> tuple[int, str]:
    """Run a step to its end; how it ended, and what it wrote to stdout.

    Raises:
        StepError: if it takes longer than `seconds`; nothing that it has started lives on.
    """
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, **options
    ) as child:
        try:
            answer, _ = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise StepError(f"{name} is not finished in {seconds:.0f} s") from None
        finally:
            end_tree(child)
    return child.returncode, answer


def end_tree(child: subprocess.Popen[str]) -> None:
    """End a child that still runs, with its descendants: they write where a folder is to go."""
    if child.poll() is not None:
        return
    started = psutil.Process(child.pid).children(recursive=True)
    child.kill()
    for each in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(started, timeout=10)


# Python says in which file of this machine it looked for a name.
MODULE_FILE = re.compile(r" \((?:/|[A-Z]:\\)[^()]*\)")


def reason(answer: str) -> str:
    """What a command that failed says about it, on one line."""
    try:
        error = json.loads(answer)["error"]
        findings = error["details"].get("findings", [])
    except (ValueError, KeyError, TypeError):
        return " ".join(answer.split())[-300:]
    said = [f"{error['code']} {error['message']}", *(finding["what"] for finding in findings)]
    return MODULE_FILE.sub("", " ".join("; ".join(said).split()))


class StepError(Exception):
    """Raised when a project cannot go on to the next step."""


def with_interpreters(environment: dict[str, str]) -> dict[str, str]:
    """Put every Python found on PATH, as it would be on its owner's machine."""
    folders = [str(path.parent) for _, path in interpreters()]
    return environment | {"PATH": os.pathsep.join([*folders, environment.get("PATH", "")])}


def main() -> int:
    """Run the journeys one after another and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", metavar="NAMES", help="comma-separated project names")
    parser.add_argument("--clones", type=Path, metavar="DIR", help="the git repositories in it")
    parser.add_argument("--brief", action="store_true", help="measure no launches")
    parser.add_argument(
        "--by", default="", metavar="FAMILIES", help="judge by these criteria alone"
    )
    parser.add_argument("--folder", type=Path, help="keep projects and logs here")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument(
        "--write", action="store_true", help=f"make {page.PAGE.relative_to(ROOT).as_posix()}"
    )
    options = parser.parse_args()
    projects = clones(options.clones) if options.clones else PROJECTS
    wanted = options.only.split(",") if options.only else [project.name for project in projects]
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for project in projects:
            if project.name not in wanted:
                continue
            folder = (options.folder or Path(scratch)) / project.name
            is_brief = options.brief or bool(options.clones)
            row = Journey(project, folder, is_brief, options.by).run()
            rows.append(row)
            print(f"{row.name}: {row.verdict}, {row.missing or 'whole'}", flush=True)
            if options.write:
                page.enter(rows, at_random=bool(options.clones))
            if options.json:
                options.json.write_text(page.as_json(rows), encoding="utf-8")
    print(page.whole_table(rows), page.figures(rows), sep="\n")
    return 0 if all(row.verdict in ("pass", "not here") for row in rows) else 1


def clones(folder: Path) -> list[Project]:
    """A project for each git repository in `folder`, in the order of their names."""
    found = sorted(each for each in folder.iterdir() if (each / ".git").is_dir())
    return [Project(each.name, "", Clone(each)) for each in found]


if __name__ == "__main__":
    sys.exit(main())
