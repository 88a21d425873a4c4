"""Runs the probe: loads the project in its own interpreter, bounded in time, without a trace."""

import json
import tempfile
from pathlib import Path

from skill_scripts import desktop_toml
from skill_scripts.dependencies.environment import Interpreter, bytecode_flags
from skill_scripts.layer.payload import payload_folder
from skill_scripts.probe import undo
from skill_scripts.probe.facts import Facts, Failure
from skill_scripts.processes import clean_environment, run_bounded
from skill_scripts.project.files import Project

PROBE = Path(__file__).with_name("inside.py")
PROBE_LIMIT_SECONDS = 60


def run_probe(project: Project, draft: desktop_toml.Manifest, interpreter: Interpreter) -> Facts:
    """Load the project once in its own interpreter, with the draft's decisions.

    The facts say how far it came (`step`), what stopped it (`error`, None if nothing) and what it
    changed in its own folder (`writes`), which is as before when this returns.
    """
    with tempfile.TemporaryDirectory(prefix="desktop-django-") as scratch:
        folder = Path(scratch)
        (folder / "app_data").mkdir()
        (folder / "copies").mkdir()
        (folder / "desktop.toml").write_text(
            desktop_toml.render(_loadable(draft)), encoding="utf-8"
        )
        request = {
            "project": str(project.root),
            "payload": str(payload_folder()),
            "manifest": str(folder / "desktop.toml"),
            "app_data": str(folder / "app_data"),
            "journal": str(folder / "journal"),
            "copies": str(folder / "copies"),
        }
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        answer = folder / "result.json"
        python = interpreter.python
        outcome = run_bounded(
            [python, "-I", *bytecode_flags(python), "-u", "-X", "utf8", PROBE,
             folder / "request.json", answer],
            seconds=PROBE_LIMIT_SECONDS,
            cwd=folder,
            env=clean_environment(),
        )  # fmt: skip
        try:
            facts = Facts.read(json.loads(answer.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            facts = Facts()
        facts = facts.also(writes=tuple(undo.restore(project.root, folder / "journal")))
    if facts.error is None and facts.step != "done":
        if outcome.exit_code is None:
            text = f"it does not come back within {PROBE_LIMIT_SECONDS} seconds"
        else:
            last = outcome.output.strip().splitlines()[-1:]
            text = " ".join([f"it ended the process (exit code {outcome.exit_code})", *last])
        facts = facts.also(error=Failure(text))
    return facts


def _loadable(draft: desktop_toml.Manifest) -> desktop_toml.Manifest:
    """The draft with an identity, which the runtime insists on."""
    return {**draft, "app": {**draft["app"], "identifier": "org.example.survey"}}
