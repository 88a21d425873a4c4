"""The evaluation tasks can be solved, an agent that does nothing fails, and results are JSON."""

import json
import shlex
import sys

import pytest

from .pages import KIT

sys.path.insert(0, str(KIT / "evals"))

import run as evals  # the script beside the tasks

pytestmark = pytest.mark.slow

# How a careful agent would decide; kept away from the tasks, which an agent may find.
SOLUTIONS = {
    "catch-all": ["app.home=/welcome/"],
    "login-wall": ["login.user=me", "login.create=true"],
    "missing-variable": ["django.env.SITE_LABEL=Field notes"],
    "postgresql": [],
    "seeds": [
        'data.first_run=[["loaddata", "samples"]]',
        'data.seed=[{ from = "sample_media", to = "media" }]',
    ],
}
ADAPT = """
import subprocess, sys
kit, project, *decisions = sys.argv[1:]
options = [word for each in decisions for word in ("--set", each)]
command = [sys.executable, "-m", "skill_scripts", "adapt", project, *options]
print("SQLite takes the place of the server; SYNC_API_KEY is made per installation")
sys.exit(subprocess.run(command, cwd=kit).returncode)
"""


def agent(name, tmp_path):
    """A command line that adapts a task's project with its solution."""
    script = tmp_path / "agent.py"
    script.write_text(ADAPT, encoding="utf-8")
    words = [sys.executable, str(script), "{kit}", "{project}", *SOLUTIONS[name]]
    return shlex.join(words)


def test_every_task_has_what_the_runner_needs():
    tasks = evals.load_tasks()
    assert set(tasks) == set(SOLUTIONS)
    for task in tasks.values():
        assert set(task) == {"twist", "prompt", "settings", "files", "outcomes"}
        assert {"manifest", "only"} <= set(task["outcomes"])


@pytest.mark.network
def test_an_agent_that_does_nothing_fails(tmp_path, capsys):
    results = tmp_path / "results.json"
    idle = shlex.join([sys.executable, "-c", "pass"])
    code = evals.main(["--agent", idle, "--task", "catch-all", "--results", str(results)])
    assert code == 1
    [result] = json.loads(results.read_text(encoding="utf-8"))["results"]
    assert result["agent_exit"] == 0
    assert {each["expected"]: each["passed"] for each in result["outcomes"]} == {
        "only additions in desktop-app/": False,
        "nothing committed": True,
        'app.home matches "/welcome/"': False,
    }


@pytest.mark.long
@pytest.mark.network
@pytest.mark.browser
@pytest.mark.parametrize("name", ["login-wall", "seeds"])
def test_a_careful_agent_passes(name, tmp_path):
    task = evals.load_tasks()[name]
    result = evals.run_task(name, task, agent(name, tmp_path))
    assert [each for each in result.outcomes if not each.passed] == []
