"""Executes the steps of a workflow's job as a runner does, in a clean folder.

The shell text of each `run:` step is what runs. Actions of others are stood in for by a few lines
each: a checkout, an interpreter on the path, artefacts in a folder. Programs that this system does
not have, or that cost too much, are stand-ins on the search path; a step that called one says so.
"""

from __future__ import annotations

import atexit
import fnmatch
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.workflows.expressions import filled, holds
from tests.workflows.stand_ins import StandIns, search_path

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
SYSTEMS = {"ubuntu": "Linux", "macos": "macOS", "windows": "Windows"}
REAL, STAND_IN, NOT = "real", "stand-in", "not"
STEP_LIMIT = 3 * 60 * 60  # seconds


@dataclass
class Step:
    """What became of one step of one row."""

    workflow: str
    job: str
    row: str
    system: str
    name: str
    text: str
    """Digest of what runs, so that a changed step is known to have been executed no more."""
    level: str = NOT
    stand_ins: list[str] = field(default_factory=list)
    reason: str = ""
    code: int | None = None
    said: str = ""

    @property
    def key(self) -> str:
        """Its place in the record."""
        return f"{self.workflow}/{self.job}/{self.row}/{self.name}"

    def as_dict(self) -> dict[str, Any]:
        """For the record; what it said is not kept."""
        kept = asdict(self)
        return {name: kept[name] for name in ("system", "text", "level", "stand_ins", "reason")}


@dataclass
class Job:
    """One row of a job, with what it is given."""

    workflow: str
    name: str
    definition: Mapping[str, Any]
    matrix: Mapping[str, Any]
    inputs: Mapping[str, Any]

    @property
    def row(self) -> str:
        """The row's name: that of the matrix, else its system."""
        return str(self.matrix.get("name") or "-".join(map(str, self.matrix.values())) or "only")

    @property
    def runs_on(self) -> str:
        """The runner's label."""
        return filled(self.definition["runs-on"], {"matrix": self.matrix})

    @property
    def system(self) -> str:
        """The runner's system, as `runner.os` has it."""
        return SYSTEMS[self.runs_on.split("-")[0]]


def load(name: str) -> dict[str, Any]:
    """A workflow by its file name; YAML 1.1 reads its `on` as true."""
    return yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))


def jobs(workflow: str, given: Mapping[str, Any] | None = None) -> Iterator[Job]:
    """Every row of every job, with those of the workflows it calls."""
    content = load(workflow)
    declared = content[True] if isinstance(content[True], Mapping) else {}
    by_hand, called = declared.get("workflow_dispatch"), declared.get("workflow_call")
    offers = (by_hand if given is None and by_hand else called) or by_hand or {}
    inputs = {
        name: each.get("default", "") for name, each in (offers.get("inputs") or {}).items()
    } | dict(given or {})
    for name, definition in content["jobs"].items():
        called = str(definition.get("uses", ""))
        if called:
            for job in jobs(Path(called).name, definition.get("with")):
                job.workflow, job.name = workflow, f"{name}/{job.name}"
                yield job
            continue
        for row in rows(definition.get("strategy", {}).get("matrix", {})):
            yield Job(workflow, name, definition, row, inputs)


def rows(matrix: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a matrix: the product of its lists, then what is included."""
    found: list[dict[str, Any]] = [{}]
    for name, values in matrix.items():
        if name != "include":
            found = [{**row, name: value} for row in found for value in values]
    added = [dict(each) for each in matrix.get("include", [])]
    return [row for row in found if row] + added or [{}]


def plan(job: Job) -> list[Step]:
    """The `run:` steps of a row, in order, as not executed."""
    return [
        Step(job.workflow, job.name, job.row, job.system, name, digest(step["run"]))
        for name, step in _named(job.definition["steps"], "")
    ]


def _named(steps: list[dict[str, Any]], within: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for step in steps:
        uses = step.get("uses", "")
        if uses.startswith("$/"):
            path = ROOT / uses.removeprefix("$/")
            action = yaml.safe_load((path / "action.yml").read_text(encoding="utf-8"))
            yield from _named(action["runs"]["steps"], f"{path.name}: ")
        elif "run" in step:
            yield title(step, within), step


def title(step: Mapping[str, Any], within: str) -> str:
    """What a step is called: its name, else its first line."""
    name = step.get("name") or str(step.get("run", "")).strip().partition("\n")[0]
    return f"{within}{name or step['uses'].split('@')[0]}"


def digest(text: Any) -> str:
    """A short digest of what a step runs."""
    return hashlib.sha256(str(text).encode()).hexdigest()[:12]


class Runner:
    """A machine for one row: its folders, its search path, its stand-ins."""

    def __init__(
        self,
        job: Job,
        folder: Path,
        stand_ins: StandIns,
        *,
        secrets: Mapping[str, str] | None = None,
        artefacts: Path | None = None,
        prepare: Callable[[Path], None] = lambda _: None,
        after: Callable[[Runner, Step], None] = lambda *_: None,
    ) -> None:
        self.job, self.folder, self.stand_ins = job, folder, stand_ins
        self.workspace, self.kit = folder / "workspace", folder / "_actions" / "kit"
        self.artefacts = artefacts or folder / "artefacts"
        self.prepare, self.after = prepare, after
        self.path: list[str] = []
        self.steps: list[Step] = []
        self.failed = False
        self.environment: dict[str, str] = {}
        self.contexts: dict[str, Any] = {
            "inputs": job.inputs,
            "matrix": job.matrix,
            "runner": {"os": job.system},
            "secrets": dict(secrets or {}),
            "github": {
                "token": "none",
                "repository": "somebody/kit",
                "workflow": job.workflow,
                "event_name": "push" if job.workflow == "ci.yml" else "workflow_dispatch",
            },
            "steps": {},
            "needs": {"shell": {"outputs": {"name": job.inputs.get("shell") or "electron"}}},
        }
        for each in (self.workspace, folder / "temp"):
            each.mkdir(parents=True)

    def run(self) -> list[Step]:
        """Run every step of the job."""
        environment = self.job.definition.get("env", {})
        self._run_all(self.job.definition["steps"], self.contexts, environment, "")
        return self.steps

    def _run_all(
        self, steps: list[dict], contexts: dict[str, Any], environment: Mapping, within: str
    ) -> None:
        for step in steps:
            name = title(step, within)
            wanted = holds(step.get("if", "success()"), contexts)
            if self.failed and "always()" not in str(step.get("if", "")):
                wanted = False
            if "uses" in step:
                if wanted:
                    self._use(step, contexts, name)
                continue
            self._execute(step, contexts, environment, name, wanted)

    # -- actions of others ------------------------------------------------------------------------

    def _use(self, step: Mapping[str, Any], contexts: dict[str, Any], name: str) -> None:
        action = step["uses"].split("@")[0]
        given = {key: filled(value, contexts) for key, value in step.get("with", {}).items()}
        if action.startswith("$/"):
            self._composite(step, action.removeprefix("$/"), given, contexts, name)
        elif action == "actions/checkout":
            checkout(self.workspace)
            self.prepare(self.workspace)
        elif action == "actions/upload-artifact":
            self._upload(given)
        elif action == "actions/download-artifact":
            for each in sorted(self.artefacts.glob(given["pattern"])):
                shutil.copytree(each, self.workspace / given["path"], dirs_exist_ok=True)

    def _composite(
        self, step: Mapping, path: str, given: Mapping, outer: dict[str, Any], name: str
    ) -> None:
        if not self.kit.exists():
            copy_of_the_kit(self.kit)
            self.prepare(self.kit)
        action = yaml.safe_load((self.kit / path / "action.yml").read_text(encoding="utf-8"))
        inputs = {key: each.get("default", "") for key, each in action.get("inputs", {}).items()}
        contexts = {**outer, "inputs": inputs | given, "steps": {}}
        before = self.environment.get("GITHUB_ACTION_PATH")
        self.environment["GITHUB_ACTION_PATH"] = str(self.kit / path)
        self._run_all(action["runs"]["steps"], contexts, {}, f"{Path(path).name}: ")
        self.environment.pop("GITHUB_ACTION_PATH")
        if before:
            self.environment["GITHUB_ACTION_PATH"] = before
        if "id" in step:
            outputs = {
                key: filled(each["value"], contexts)
                for key, each in action.get("outputs", {}).items()
            }
            outer["steps"][step["id"]] = {"outputs": outputs}

    def _upload(self, given: Mapping[str, str]) -> None:
        source = self.workspace / given["path"]
        if source.is_dir():
            shutil.copytree(source, self.artefacts / given["name"], dirs_exist_ok=True)
        elif given.get("if-no-files-found") == "error":
            self.failed = True

    # -- run: steps -------------------------------------------------------------------------------

    def _execute(
        self, step: Mapping, contexts: dict[str, Any], around: Mapping, name: str, wanted: bool
    ) -> None:  # fmt: skip
        text = str(step["run"])
        done = Step(
            self.job.workflow, self.job.name, self.job.row, self.job.system, name,
            digest(text),
        )  # fmt: skip
        self.steps.append(done)
        if not wanted:
            done.reason = "an earlier step failed" if self.failed else f"if: {step['if']}"
            return
        files = {each: self.folder / f"{each}-{len(self.steps)}" for each in ("OUTPUT", "PATH")}
        for each in files.values():
            each.touch()
        script = self.folder / f"step-{len(self.steps)}.sh"
        script.write_text(filled(text, contexts), encoding="utf-8")
        declared = {**around, **step.get("env", {})}
        own = {key: filled(value, contexts) for key, value in declared.items()}
        own |= {f"GITHUB_{key}": str(file) for key, file in files.items()}
        calls = len(self.stand_ins.calls)
        # The runner's own words for `shell: bash`, and for none; one-liners alone may have none.
        options = ["--noprofile", "--norc", "-eo", "pipefail"] if "shell" in step else ["-e"]
        ran = subprocess.run(
            ["bash", *options, str(script)], cwd=self.workspace, capture_output=True, text=True,
            env=self._variables() | own, stdin=subprocess.DEVNULL,
            timeout=STEP_LIMIT,
        )  # fmt: skip
        done.code, done.said = ran.returncode, ran.stdout + ran.stderr
        done.stand_ins = sorted({call[0] for call in self.stand_ins.calls[calls:]})
        done.level = STAND_IN if done.stand_ins or self.job.system != "Linux" else REAL
        if ran.returncode:
            done.level, done.reason, self.failed = NOT, f"failed: exit code {ran.returncode}", True
        self.path[:0] = reversed(files["PATH"].read_text(encoding="utf-8").split())
        outputs = dict(
            line.split("=", 1)
            for line in files["OUTPUT"].read_text(encoding="utf-8").splitlines()
            if "=" in line
        )
        if "id" in step:
            contexts["steps"][step["id"]] = {"outputs": outputs}
        self.after(self, done)

    def _variables(self) -> dict[str, str]:
        kept = ("HOME", "LANG", "LC_ALL", "TMPDIR", "SHELL_TEST_LEGACY_ELECTRON")
        path = os.environ["PATH"]
        if self.job.system == "Windows":  # where a step hides every Python
            path = search_path(self.folder / "programs")
        windows = {"SYSTEMROOT": str(self.folder / "system"),
                   "LOCALAPPDATA": str(self.folder / "local")}  # fmt: skip
        # How a machine reaches its package registries belongs to the machine.
        machine = ("PIP_", "UV_", "NPM_", "npm_", "SSL_", "NODE_EXTRA", "REQUESTS_")
        inherited = {n: v for n, v in os.environ.items() if n in kept or n.startswith(machine)}
        return {
            **inherited,
            **(windows if self.job.system == "Windows" else {}),
            **self.environment,
            # What stands in for a program stays in front of what a step puts on the path.
            "PATH": os.pathsep.join([str(self.stand_ins.folder), *self.path, path]),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "somebody/kit",
            "GITHUB_RUN_ID": "123456",
            "GITHUB_SHA": "0a" * 20,
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_OS": self.job.system,
            "RUNNER_TEMP": str(self.folder / "temp"),
        }


def copy_of_the_kit(folder: Path) -> None:
    """What git would give of this checkout, with changes that are not committed yet."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def checkout(folder: Path) -> None:
    """A repository with one commit of this checkout."""
    shutil.copytree(_repository(), folder, dirs_exist_ok=True, symlinks=True)


@functools.cache
def _repository() -> Path:
    """Made once a run."""
    scratch = tempfile.mkdtemp(prefix="desktop-django-checkout-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    folder = Path(scratch)
    copy_of_the_kit(folder)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", str(folder)]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "checkout"]):
        subprocess.run([*git, *words], check=True, stdout=subprocess.DEVNULL)
    return folder


def matching(steps: Mapping[str, Any], pattern: str) -> dict[str, Any]:
    """The recorded steps whose key matches."""
    return {key: each for key, each in steps.items() if fnmatch.fnmatchcase(key, pattern)}
