"""Where a target's shell is launched, for the checks of every family that open it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks import accounts
from checks.backend import Backend, TargetFailedError
from checks.shell import Electron, Shell, copied, display, find_electron
from checks.target import Target
from checks.verdicts import NotRun, PrerequisiteError


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


@pytest.fixture(scope="session")
def place(target: Target, scratch: Path, pytestconfig: pytest.Config) -> Iterator[Place]:
    """The shell's surroundings; not run here when it cannot be opened, an error if asked for."""
    option = pytestconfig.option
    with contextlib.ExitStack() as stack:
        try:
            electron = find_electron(target, option.electron)
            for name, value in stack.enter_context(display()).items():
                stack.enter_context(_variable(name, value))
            place = Place(target, electron, scratch)
        except NotRun as error:
            if option.shell or option.electron:
                raise PrerequisiteError(f"--shell: {error}") from None
            raise
        yield place


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, value)
        yield
