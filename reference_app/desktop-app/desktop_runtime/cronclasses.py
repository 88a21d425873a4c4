"""django-cron: the classes of CRON_CLASSES. The package itself says what is due, but for what fell
due on an earlier day, which it forgets.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

LONGEST_AWAY = timedelta(days=31)
PASSED_OVER = "passed over: it was due while the app was closed"
# How later releases begin their note of a run, as if it had succeeded.
IN_PROGRESS = "Job in progress"


class CronClass:
    """One of them."""

    is_for_start = False

    def __init__(self, path: str) -> None:
        from django.utils.module_loading import import_string

        self.path, self._class = path, import_string(path)
        self.name, self._schedule = self._class.code, self._class.schedule
        self._is_made_up_for = False

    def is_due(self, since: datetime, now: datetime) -> bool:
        """As `runcrons` would say, or on a day before."""
        is_due = self._manager().should_run_now()
        self._is_made_up_for = not is_due and self._was_due(since, now)
        return is_due or self._is_made_up_for

    def begin_again(self, skip: bool) -> None:
        """Free it of a run that was cut off; see that one run makes up for all, or none."""
        from django_cron.models import CronJobLog

        CronJobLog.objects.filter(
            code=self.name, message__startswith=IN_PROGRESS, is_success=True
        ).update(is_success=False)
        with suppress(AttributeError, TypeError):  # it is not locked
            self._manager().lock_class(self._class, True).release()
        log = None
        for _ in range(len(self._schedule.run_at_times) + 1):
            manager = self._manager()
            if not manager.should_run_now():
                break
            with manager:
                manager.make_log(PASSED_OVER)
                log = manager.cron_log
        if log and not skip:
            log.delete()

    def run(self) -> None:
        """Let its package run it: what it raises is in the package's log."""
        with self._manager() as manager:
            manager.run(self._is_made_up_for)

    def _manager(self) -> Any:
        from django_cron import CronJobManager

        manager = CronJobManager(self._class, silent=True)
        manager.cron_job = self._class()
        return manager

    def _was_due(self, since: datetime, now: datetime) -> bool:
        """Whether one of its times of the day lies between `since` and this day."""
        from django.utils.timezone import get_default_timezone

        zone, today = get_default_timezone(), now.astimezone(get_default_timezone()).date()
        day = max(since, now - LONGEST_AWAY).astimezone(zone).date()
        while day < today:
            for text in self._schedule.run_at_times if self._runs_on(day) else ():
                at = datetime.strptime(text, "%H:%M").time()
                if datetime.combine(day, at, zone) > since:
                    return True
            day += timedelta(days=1)
        return False

    def _runs_on(self, day: Any) -> bool:
        weekly = [getattr(self._schedule, f"run_{name}on_days", None) for name in ("", "weekly_")]
        monthly = self._schedule.run_monthly_on_days
        return all(days is None or day.weekday() in days for days in weekly) and (
            monthly is None or day.day in monthly
        )
