"""How programs are started, and what is said meanwhile."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path


class MissingError(Exception):
    """Raised when something is absent that this kit cannot install; says what to do."""


def say(line: str) -> None:
    print(f"kit: {line}", flush=True)


def stop(line: str) -> int:
    print(f"kit: {line}", file=sys.stderr)
    return 1


def run(command: list[str]) -> int:
    """Run a program of `.venv` or the system in the foreground; the result is its exit code."""
    return subprocess.run([shutil.which(command[0]) or command[0], *command[1:]]).returncode


def check(command: list[str], **options: object) -> None:
    """Run a step that must work; stdin is closed so that nothing ever waits for an answer."""
    program = shutil.which(command[0]) or command[0]
    subprocess.run([program, *command[1:]], check=True, stdin=subprocess.DEVNULL, **options)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
