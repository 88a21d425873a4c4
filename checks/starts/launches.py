"""Where a target's shell is launched, for the checks of every family that open it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from checks import accounts
from checks.application import Packaged, with_probe
from checks.backend import Backend, TargetFailedError
from checks.display import display
from checks.hooked import HookedShell
from checks.outside import Outside, OutsideShell
from checks.shell import DATA_HOME, Electron, Shell, copied, find_electron
from checks.target import Target

LATE_PAGE = "ddk_probe_late_page"


class Place:
    """Where launches happen: one copy of the target, one display, one driver."""

    def __init__(
        self, target: Target, electron: Electron | None, application: Path | None, scratch: Path
    ) -> None:
        """Of the shell that `electron` opens, of a packaged `application`, or of the target's own
        command."""
        self.folder = scratch / "shell"
        self.project = self.folder / "project"
        self.opener: Electron | Packaged | None = electron
        if application:
            self.target, self.opener = with_probe(target, application, self.project)
        else:
            self.target = copied(target, electron, self.project)
        self.home = self.folder / "home"
        self.home.mkdir()
        self.outside: Outside | None = None
        """What judges from outside; None where hooks do."""
        self._latest: Shell | None = None

    def places(self, name: str) -> tuple[Path, Path]:
        """The app data folder and the home folder of an installation.

        A packaged application takes no folder but that of its user.
        """
        if isinstance(self.opener, Packaged):
            home = self.folder / f"home of the {name}"
            return home / DATA_HOME / self.target.manifest["app"]["identifier"], home
        return self.folder / name, self.home

    def launch(self, name: str, first_page_seconds: float = 0.0) -> Shell:
        """A launch on the app data folder of that name, where somebody can be in.

        With `first_page_seconds` its first page takes that long; from outside it always takes long.
        """
        app_data, home = self.places(name)
        home.mkdir(exist_ok=True)
        if self.target.first_account and not app_data.exists():
            app_data.parent.mkdir(exist_ok=True)
            with contextlib.suppress(TargetFailedError), Backend(self.target, app_data) as backend:
                accounts.let_in(backend.ready())
                backend.stop()
        if not self.outside:
            if first_page_seconds:
                late_page = self.target.cwd / LATE_PAGE
                late_page.write_text(str(first_page_seconds), encoding="utf-8")
            return HookedShell(self.project, self.target, self.opener, app_data, home)
        if self._latest:
            self._latest.__exit__()  # all windows of the display are one launch's
        self._latest = OutsideShell(self.project, self.target, app_data, home, self.outside)
        return self._latest


@contextlib.contextmanager
def prepared(
    target: Target, driver: str, program: Path | None, application: Path | None, scratch: Path
) -> Iterator[Place]:
    """A place for launches by `program`, else by the target's own Electron; or by the command of
    another shell, which is judged from outside, as Electron and its packaged `application` are
    with the driver "outside".

    Raises NotRun where a shell cannot be opened.
    """
    from_outside = driver == "outside" or bool(target.shell_command)
    is_packaged = target.runtime == "packaged" and from_outside
    needs_electron = not is_packaged and not target.shell_command
    electron = find_electron(target, program) if needs_electron else None
    # Where keys and clicks are sent to windows, nobody else may have some.
    with display(own=from_outside) as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        place = Place(target, electron, application if is_packaged else None, scratch)
        if from_outside:
            display_name = variables["DISPLAY"]
            place.outside = Outside(place.target, place.opener, place.folder, display_name)
        with contextlib.closing(place.outside) if place.outside else contextlib.nullcontext():
            yield place
