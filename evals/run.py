"""Let an agent adapt small projects with a twist each, and judge what it left behind.

    python evals/run.py --agent "COMMAND"                 all tasks
    python evals/run.py --agent "COMMAND" --task seeds    one of them
    python evals/run.py --list

COMMAND is started in the project's folder, without a shell. `{prompt}` is replaced by a file with
the request, `{project}` by the project's folder, `{kit}` by this checkout; what it prints is taken
as the agent's report. Compare a run with the skill in the prompt and one without: `--no-skill`.

Results are JSON. Exit codes: 0 all tasks passed, 1 some did not, 2 usage.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from uv import find_uv_bin

HERE = Path(__file__).resolve().parent
KIT = HERE.parent
DJANGO = "django>=5.2,<6"
AGENT_LIMIT_SECONDS = 3600
CHECK_LIMIT_SECONDS = 600
SKILL = "\n\nFollow the instructions in {kit}/SKILL.md. The kit is in {kit}."


@dataclass
class Outcome:
    """One thing that had to be so, and what was seen."""

    expected: str
    passed: bool
    seen: str


@dataclass
class Result:
    """What an agent made of one task."""

    task: str
    passed: bool = False
    seconds: float = 0.0
    agent_exit: int | None = None  # None: it did not end in time
    outcomes: list[Outcome] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    """Run the tasks that were asked for; the result is the exit code."""
    tasks = load_tasks()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agent", metavar="COMMAND", help="how the agent is started")
    parser.add_argument("--task", choices=tasks, action="append", help="repeatable; default: all")
    parser.add_argument("--results", type=Path, metavar="FILE", help="write the results as JSON")
    parser.add_argument("--no-skill", action="store_true", help="do not mention SKILL.md")
    parser.add_argument("--list", action="store_true", help="list the tasks and stop")
    options = parser.parse_args(arguments)
    if options.list:
        for name, task in tasks.items():
            print(f"{name:18} {task['twist']}")
        return 0
    if not options.agent:
        parser.error("--agent is needed")
    if not shutil.which(shlex.split(options.agent)[0]):
        parser.error(f"there is no program {shlex.split(options.agent)[0]}")
    results = []
    for name in options.task or tasks:
        result = run_task(name, tasks[name], options.agent, with_skill=not options.no_skill)
        results.append(result)
        print(f"{name:18} {'passed' if result.passed else 'FAILED'} {result.seconds:6.0f} s")
        for outcome in result.outcomes:
            if not outcome.passed:
                print(f"  expected {outcome.expected}\n  seen     {outcome.seen}")
    if options.results:
        document = {"skill": not options.no_skill, "results": [asdict(each) for each in results]}
        options.results.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if all(each.passed for each in results) else 1


def load_tasks() -> dict[str, dict[str, Any]]:
    """The tasks by name."""
    files = sorted((HERE / "tasks").glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def run_task(name: str, task: dict[str, Any], agent: str, *, with_skill: bool = True) -> Result:
    """Make the project, let the agent work, judge. The project is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"eval-{name}-", ignore_cleanup_errors=True) as folder:
        project, prompt = Path(folder) / name, Path(folder) / "prompt.txt"
        begin = make_project(project, task)
        text = task["prompt"] + (SKILL.format(kit=KIT) if with_skill else "")
        prompt.write_text(text + "\n", encoding="utf-8")
        places = {"prompt": str(prompt), "project": str(project), "kit": str(KIT)}
        command = [
            re.sub(r"\{(\w+)\}", lambda m: places.get(m[1], m[0]), word)
            for word in shlex.split(agent)
        ]
        result, started = Result(name), time.monotonic()
        report = ""
        try:
            done = subprocess.run(
                command,
                cwd=project,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=AGENT_LIMIT_SECONDS,
            )
            result.agent_exit, report = done.returncode, done.stdout
        except subprocess.TimeoutExpired:
            pass
        result.seconds = round(time.monotonic() - started, 1)
        result.outcomes = list(judge(project, task["outcomes"], begin, report))
        result.passed = all(each.passed for each in result.outcomes)
        return result


def make_project(project: Path, task: dict[str, Any]) -> str:
    """Generate the project under git; returns its first revision."""
    project.mkdir()
    tool = [find_uv_bin(), "tool", "run", "--quiet", "--from", DJANGO, "django-admin"]
    subprocess.run([*tool, "startproject", "config", str(project)], check=True)
    for name, content in task["files"].items():
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(content) + "\n", encoding="utf-8")
    with (project / "config" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write("\n" + "\n".join(task["settings"]) + "\n")
    git(project, "init", "--quiet")
    git(project, "add", ".")
    git(project, "-c", "user.name=e", "-c", "user.email=e@localhost", "commit", "-qm", "project")
    return git(project, "rev-parse", "HEAD")


def judge(project: Path, wanted: dict[str, Any], begin: str, report: str) -> Iterator[Outcome]:
    """Everything that had to be so, with what was seen."""
    status = git(project, "status", "--porcelain")
    head = git(project, "rev-parse", "HEAD")
    yield Outcome("only additions in desktop-app/", status == "?? desktop-app/", status or "clean")
    yield Outcome("nothing committed", head == begin, head)
    file = project / "desktop-app" / "desktop.toml"
    manifest = tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    for key, pattern in wanted["manifest"].items():
        table, _, name = key.partition(".")
        value: Any = manifest.get(table, {})
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        seen = json.dumps(value)
        yield Outcome(f"{key} matches {pattern}", bool(re.fullmatch(pattern, seen)), seen)
    for pattern in wanted.get("report", []):
        found = re.search(pattern, report, re.IGNORECASE)
        yield Outcome(
            f"the report says {pattern}", bool(found), found[0] if found else report[-300:]
        )
    if manifest:
        yield from judge_criteria(project, wanted["only"])


def judge_criteria(project: Path, only: str) -> Iterator[Outcome]:
    """The verdict of the checks."""
    report = project.parent / "report.json"
    command = [sys.executable, "-m", "skill_scripts", "check", str(project), "--only", only]
    done = subprocess.run(
        [*command, "--report-json", str(report)],
        cwd=KIT,
        capture_output=True,
        text=True,
        timeout=CHECK_LIMIT_SECONDS,
    )
    failed = []
    if report.is_file():
        verdicts = json.loads(report.read_text(encoding="utf-8"))["criteria"]
        failed = [f"{each['id']}: {each['seen']}" for each in verdicts if each["verdict"] == "FAIL"]
    seen = "; ".join(failed) or f"exit code {done.returncode}"
    yield Outcome(f"criteria {only} hold", done.returncode == 0, seen)


def git(project: Path, *arguments: str) -> str:
    command = ["git", "-C", str(project), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
