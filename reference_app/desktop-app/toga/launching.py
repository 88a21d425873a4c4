"""What is there before any window: folders, logs, and the backend, which starts meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from contract import News, Supervisor
from kept import Log, State
from places import Manifest, Place, backend_command


class Launch:
    """One run of the app on its app data folder."""

    def __init__(self, place: Place, manifest: Manifest, app_data: Path) -> None:
        self.place, self.manifest, self.app_data = place, manifest, app_data
        self.logs = app_data / "logs"
        self.log = Log(self.logs / "shell.log")
        self.state = State(app_data / "shell.json")
        self._early: list[News] = []
        self._tell: Callable[[News], None] = self._early.append
        command = backend_command(place, manifest, app_data)
        self.log(f"backend runs with {command.arguments[0]}")
        self.backend = Supervisor(
            command,
            manifest.health_path,
            self.logs / "backend-stderr.log",
            self.state,
            lambda news: self._tell(news),
        )
        self.backend.start()

    def follow(self, tell: Callable[[News], None]) -> None:
        """Hand on what the backend tells, and has told."""
        self._tell = tell
        while self._early:
            tell(self._early.pop(0))
