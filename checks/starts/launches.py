"""Where a target's shell is launched, for the checks of every family that open it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks import accounts
from checks.backend import Backend, TargetFailedError
from checks.display import display
from checks.shell import Electron, Shell, copied, find_electron
from checks.target import Target


class Place:
    """Where launches happen: one copy of the target, one display, one Electron."""

    def __init__(self, target: Target, electron: Electron, scratch: Path) -> None:
        self.folder = scratch / "shell"
        self.target = copied(target, electron, self.folder / "project")
        self.electron = electron
        self.home = self.folder / "home"
        self.home.mkdir()

    def data(self, name: str) -> Path:
        """An app data folder."""
        return self.folder / name

    def launch(self, name: str) -> Shell:
        """A launch on the app data folder of that name, where somebody can be in."""
        app_data = self.data(name)
        if self.target.first_account and not app_data.exists():
            with contextlib.suppress(TargetFailedError), Backend(self.target, app_data) as backend:
                accounts.let_in(backend.ready())
                backend.stop()
        project = self.folder / "project"
        return Shell(project, self.target, self.electron, app_data, self.home)


@contextlib.contextmanager
def prepared(target: Target, program: Path | None, scratch: Path) -> Iterator[Place]:
    """A place for launches by `program`, else by the target's own Electron.

    Raises NotRun where a shell cannot be opened.
    """
    electron = find_electron(target, program)
    with display() as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield Place(target, electron, scratch)
