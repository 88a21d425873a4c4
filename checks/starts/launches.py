"""Where a target's shell is launched, for the checks of every family that open it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks import accounts
from checks.backend import Backend, TargetFailedError
from checks.display import display
from checks.hooked import HookedShell
from checks.outside import Outside, OutsideShell
from checks.shell import Electron, Shell, copied, find_electron
from checks.target import Target
from checks.verdicts import NotRun

LATE_PAGE = "ddk_probe_late_page"


class Place:
    """Where launches happen: one copy of the target, one display, one driver."""

    def __init__(self, target: Target, electron: Electron | None, scratch: Path) -> None:
        self.folder = scratch / "shell"
        self.project = self.folder / "project"
        self.target = copied(target, electron, self.project)
        self.electron = electron
        self.home = self.folder / "home"
        self.home.mkdir()
        self.outside: Outside | None = None
        """What judges from outside; None where hooks do."""

    def data(self, name: str) -> Path:
        """An app data folder."""
        return self.folder / name

    def launch(self, name: str, first_page_seconds: float = 0.0) -> Shell:
        """A launch on the app data folder of that name, where somebody can be in.

        With `first_page_seconds` its first page takes that long; from outside it always takes long.
        """
        app_data = self.data(name)
        if self.target.first_account and not app_data.exists():
            with contextlib.suppress(TargetFailedError), Backend(self.target, app_data) as backend:
                accounts.let_in(backend.ready())
                backend.stop()
        if self.outside:
            return OutsideShell(self.project, self.target, app_data, self.home, self.outside)
        if first_page_seconds:
            (self.target.cwd / LATE_PAGE).write_text(str(first_page_seconds), encoding="utf-8")
        return self.launch_hooked(name)

    def launch_hooked(self, name: str) -> HookedShell:
        """A launch that can be looked into. Raises NotRun where the driver is another one."""
        if self.outside or not self.electron:
            raise NotRun("cannot be judged from outside yet: asks the shell's main process")
        return HookedShell(self.project, self.target, self.electron, self.data(name), self.home)


@contextlib.contextmanager
def prepared(target: Target, driver: str, program: Path | None, scratch: Path) -> Iterator[Place]:
    """A place for launches by `program`, else by the target's own Electron; or by the command of
    its `[shell]`, which is judged from outside, as Electron is with the driver "outside".

    Raises NotRun where a shell cannot be opened.
    """
    electron = None if target.shell_command else find_electron(target, program)
    from_outside = driver == "outside" or electron is None
    # Where keys and clicks are sent to windows, nobody else may have some.
    with display(own=from_outside) as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        place = Place(target, electron, scratch)
        if from_outside:
            place.outside = Outside(place.target, electron, place.folder, variables["DISPLAY"])
        with contextlib.closing(place.outside) if place.outside else contextlib.nullcontext():
            yield place
