"""The jobs of kit.py: what each needs, and what it does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from tools import debian, packages, programs
from tools.demo import demo
from tools.linters import lint
from tools.places import ROOT, SCRIPTS, SHELL, SHELL_TESTS, TOOLS
from tools.programs import MissingError, say, stop
from tools.testing import test


@dataclass(frozen=True)
class Job:
    """`prepare` installs what `work` needs; both get the job's arguments."""

    prepare: Callable[[list[str]], None]
    work: Callable[[list[str]], int]


def run_job(name: str, *arguments: str) -> int:
    """Prepare and do a job, or a command of the kit of that name; its exit code."""
    command = Job(for_kit, lambda rest: programs.run(["desktop-django", name, *rest]))
    job = JOBS.get(name, command)
    if name in JOBS:
        os.chdir(ROOT)
        os.environ.pop("VIRTUAL_ENV", None)  # a command of the kit asks whether it is the project's
    os.environ["PATH"] = os.pathsep.join([str(SCRIPTS), os.environ.get("PATH", "")])
    for variable in ("PYTHONHOME", "PYTHONPATH"):
        os.environ.pop(variable, None)
    if not sys.stdout.isatty():
        os.environ["NO_COLOR"] = "1"
    # A shell that starts it in the background tells it to ignore this, and its programs with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        job.prepare(list(arguments))
        return job.work(list(arguments))
    except MissingError as error:
        return stop(str(error))
    except subprocess.CalledProcessError as error:
        return stop(f"this failed with exit code {error.returncode}: {' '.join(error.cmd)}")
    except KeyboardInterrupt:
        return 130


# --- what the jobs need ---------------------------------------------------------------------------


def for_kit(_arguments: list[str]) -> None:
    """The kit and what it needs to adapt and run projects."""
    packages.python_packages("kit")


def for_install(arguments: list[str]) -> None:
    """What the tests need, or only what the kit's commands import."""
    for_kit(arguments) if "--kit" in arguments else for_test(arguments)


def for_demo(arguments: list[str]) -> None:
    """The kit, and a browser to look at the adapted pages."""
    for_kit(arguments)
    packages.browser("git")


def for_start(arguments: list[str]) -> None:
    """What the reference app imports, and its Electron shell."""
    packages.python_packages("app")
    if "--browser" not in arguments:
        packages.node_packages(SHELL)
        if not packages.electron():
            raise MissingError(
                "Electron cannot be downloaded here. "
                "`kit.py start --browser` opens the reference app in the browser."
            )


def for_docs(_arguments: list[str]) -> None:
    """The site generator."""
    packages.python_packages("dev")


def for_lint(_arguments: list[str]) -> None:
    """The linters."""
    packages.python_packages("dev")
    packages.node_packages(TOOLS)


def for_test(arguments: list[str]) -> None:
    """Everything."""
    for_lint(arguments)
    packages.browser("git", "xvfb-run", "xauth", "xdotool")
    debian.install_databases()
    debian.install_web_view()
    packages.node_packages(SHELL)
    packages.node_packages(SHELL_TESTS)
    if not packages.electron():
        packages.older_electron()


def for_clean(_arguments: list[str]) -> None:
    """Nothing."""


# --- what the small ones do -----------------------------------------------------------------------


def docs(arguments: list[str]) -> int:
    """Build the site; arguments go to mkdocs."""
    os.environ["NO_MKDOCS_2_WARNING"] = "1"  # about a version that the lock file does not allow
    return programs.run(["mkdocs", "build", "--strict", *arguments])


def start(arguments: list[str]) -> int:
    """Open the reference app."""
    return programs.run(["desktop-django", "run", "reference_app", *arguments])


def install(_arguments: list[str]) -> int:
    """Nothing more than what it needs."""
    return 0


def clean(_arguments: list[str]) -> int:
    """Remove what staging, packaging and the site generator wrote."""
    payload = SHELL.parent
    for folder in (payload / "staged", payload / "dist", ROOT / "dist", ROOT / "site"):
        if folder.exists():
            say(f"removing {folder.relative_to(ROOT)}")
            shutil.rmtree(folder)
    return 0


JOBS = {
    "demo": Job(for_demo, demo),
    "test": Job(for_test, test),
    "start": Job(for_start, start),
    "docs": Job(for_docs, docs),
    "lint": Job(for_lint, lint),
    "install": Job(for_install, install),
    "clean": Job(for_clean, clean),
}
