"""Celery on a desktop: every app of the project is told the same, however it was configured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from .manifest import Worker

EAGER = {
    "broker_url": "memory://",
    "result_backend": "cache+memory://",
    "task_always_eager": True,
    "task_eager_propagates": False,
}


def install(folder: Path, has_worker: bool) -> None:
    """Put our values in front of what settings, code and environment say."""
    from celery.app.utils import Settings
    from kombu.transport import TRANSPORT_ALIASES

    TRANSPORT_ALIASES["desktop"] = f"{__package__}.celerybroker:Transport"
    ours = _on_file(folder) if has_worker else EAGER
    asked, results = Settings.__getitem__, Settings.result_backend

    def answer(self: Any, key: str) -> Any:
        if key == "beat_scheduler" and has_worker:
            return scheduler()
        return ours[key] if key in ours else asked(self, key)

    def result_backend(self: Any) -> str | None:
        return _result_backend(folder) if has_worker and results.fget(self) else results.fget(self)

    Settings.__getitem__ = answer
    # They look into the environment first.
    for name in ("broker_url", "broker_read_url", "broker_write_url"):
        setattr(Settings, name, property(lambda _: ours["broker_url"]))
    Settings.result_backend = property(result_backend)


def _on_file(folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "broker_url": "desktop://",
        "broker_transport_options": {},
        "broker_use_ssl": None,
        "broker_connection_retry_on_startup": True,
        "task_always_eager": False,
        "beat_schedule_filename": str(folder / "celerybeat-schedule"),
        "beat_enable_remote_control": False,
        # Killed, it knows what it has sent.
        "beat_sync_every": 1,
    }


def _result_backend(folder: Path) -> str:
    """Where results are kept that a server gives to Redis and the like; in both every process of
    this app finds them."""
    from django.conf import settings

    if "django_celery_results" in settings.INSTALLED_APPS:
        return "django-db"
    results = folder / "celery-results"
    results.mkdir(parents=True, exist_ok=True)
    return f"file://{results}"


def scheduler() -> str:
    """The schedule in the database where the project shows it there, else in a file."""
    from django.conf import settings

    if "django_celery_beat" in settings.INSTALLED_APPS:
        return "django_celery_beat.schedulers:DatabaseScheduler"
    return "celery.beat:PersistentScheduler"


def take_up(worker: Worker) -> None:
    """Before Celery's own worker or beat begins."""
    from celery import signals

    if "beat" in worker.args:
        _look_at_every_hour()
        signals.beat_init.connect(
            lambda sender, **_: _skip(sender.scheduler, worker.skip_missed), weak=False
        )
        return
    from . import celerybroker

    def begin(instance: Any, **_: Any) -> None:
        celerybroker.room = instance.concurrency
        celerybroker.takes_all = not any(
            each.startswith(("-Q", "--queues")) for each in worker.args
        )

    def clean_up(sender: Any, **_: Any) -> None:
        # What Celery's beat does once a day, where there is one.
        if sender.app.conf.result_backend:
            sender.app.backend.cleanup()

    signals.celeryd_after_setup.connect(begin, weak=False)
    signals.worker_ready.connect(clean_up, weak=False)


def _look_at_every_hour() -> None:
    """django-celery-beat reads the rows that are due within two hours of now, and would make up for
    what it missed at night only in the next one."""
    from django.conf import settings

    if "django_celery_beat" in settings.INSTALLED_APPS:
        from django.db.models import Q
        from django_celery_beat.schedulers import DatabaseScheduler

        DatabaseScheduler._get_crontab_exclude_query = lambda _: Q(pk__in=[])


def _skip(scheduler: Any, names: tuple[str, ...]) -> None:
    """Have what fell due while the app was closed wait for its next time, where `names` say so."""
    for name, entry in scheduler.schedule.items():
        if name in names or "*" in names:
            entry.last_run_at = entry._default_now()
            if model := getattr(entry, "model", None):  # its rows are read anew while it runs
                model.last_run_at = entry.last_run_at
                entry.save()


def leave(state: ModuleType) -> Iterator[str]:
    """Give the messages of running tasks back to the broker, also those acknowledged early."""
    from kombu.transport import virtual

    for request in [*state.active_requests]:
        message = request.message
        if message.acknowledged:
            virtual.Channel._restore(message.channel, message)
        yield f"{request.name} [{request.id}]"
