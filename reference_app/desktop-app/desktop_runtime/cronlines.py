"""django-crontab: the lines of CRONJOBS, without the system's crontab."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

AT_START = "@reboot"
SHORT = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A function and its times; what a line adds for the shell, as `>> file`, is left out."""

    when: str
    path: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]

    @classmethod
    def read(cls, entry: Any) -> Line:
        """Raises `CronSimError` where nobody knows when it is due."""
        when, path, *rest = entry
        arguments, options = [*(each for each in rest if not isinstance(each, str)), (), {}][:2]
        line = cls(SHORT.get(when.strip(), when), path, tuple(arguments), dict(options))
        line.is_due(datetime.now(UTC), datetime.now(UTC))
        return line

    @property
    def name(self) -> str:
        """The function with its arguments."""
        return " ".join([self.path, *map(str, self.arguments)])

    @property
    def is_for_start(self) -> bool:
        """Whether it runs when the computer starts: here, when the app does."""
        return self.when.strip() == AT_START

    def is_due(self, since: datetime, now: datetime) -> bool:
        """By the time zone of the settings. Raises `CronSimError`."""
        from cronsim import CronSim
        from django.utils.timezone import get_default_timezone

        if self.is_for_start:
            return False
        return next(CronSim(self.when, since.astimezone(get_default_timezone()))) <= now

    def begin_again(self, skip: bool) -> None:
        """The package notes nothing."""

    def run(self) -> None:
        """Call it."""
        from django.utils.module_loading import import_string

        import_string(self.path)(*self.arguments, **self.options)
