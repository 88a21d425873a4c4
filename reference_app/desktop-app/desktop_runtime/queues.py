"""Task queues: the project's own worker where desktop.toml declares it, on a broker that is a file
in app data; without a worker tasks run inside the request.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDER = "queues"
CELERY_FILE = "celery.sqlite3"
# What a Huey is made with, apart from where it keeps its tasks.
KEPT_OF_HUEY = {"name", "results", "store_none", "utc", "serializer", "compression", "use_zlib"}
BROKERS_OF_DJANGO_Q = {"redis", "django_redis", "iron_mq", "sqs", "mongo", "mongo_db",
                       "broker_class"}  # fmt: skip
# A retry while the task still runs would be a second run: what a worker left is freed when the
# next one begins.
NO_RETRY_SECONDS = 10**8


def values(settings: Any, programs: set[str], app_data: Path) -> dict[str, Any]:
    """The settings of the queues that the project uses, given what its workers run."""
    found: dict[str, Any] = {}
    found |= _celery(settings, "celery" in programs)
    if (huey := getattr(settings, "HUEY", None)) is not None or (
        "huey.contrib.djhuey" in settings.INSTALLED_APPS
    ):
        found["HUEY"] = _huey(huey, "run_huey" in programs, app_data)
    if isinstance(cluster := getattr(settings, "Q_CLUSTER", None), dict):
        found["Q_CLUSTER"] = _django_q(cluster, "qcluster" in programs)
    if getattr(settings, "DRAMATIQ_BROKER", None):
        stub = {"BROKER": "dramatiq.brokers.stub.StubBroker", "MIDDLEWARE": []}
        found["DRAMATIQ_BROKER"] = stub
    return found


def _celery(settings: Any, has_worker: bool) -> dict[str, Any]:
    """What the project's own code reads there; Celery itself is told by `celeryapp`."""
    broker = "desktop://" if has_worker else "memory://"
    if getattr(settings, "CELERY_BROKER_URL", None) or hasattr(
        settings, "CELERY_TASK_ALWAYS_EAGER"
    ):
        return {"CELERY_BROKER_URL": broker, "CELERY_TASK_ALWAYS_EAGER": not has_worker}
    if getattr(settings, "BROKER_URL", None):
        return {"BROKER_URL": broker, "CELERY_ALWAYS_EAGER": not has_worker}
    return {}


def _huey(own: Any, has_worker: bool, app_data: Path) -> Any:
    file = str(_folder(app_data) / "huey.sqlite3") if has_worker else ""
    if own is not None and not isinstance(own, dict):  # code imports the object from the settings
        from huey import MemoryHuey, SqliteHuey

        return SqliteHuey(own.name, filename=file) if file else MemoryHuey(own.name, immediate=True)
    table = own or {}
    if not file:
        return {**table, "immediate": True, "immediate_use_memory": True}
    return {
        **{name: value for name, value in table.items() if name in KEPT_OF_HUEY},
        "huey_class": "huey.SqliteHuey",
        "filename": file,
        "immediate": False,
        "consumer": {**table.get("consumer", {}), "worker_type": "thread"},
    }


def _django_q(own: dict[str, Any], has_worker: bool) -> dict[str, Any]:
    if not has_worker:
        return {**own, "sync": True}
    kept = {name: value for name, value in own.items() if name not in BROKERS_OF_DJANGO_Q}
    local = {"orm": "default", "workers": 1, "sync": False, "retry": NO_RETRY_SECONDS}
    # What fell due several times while the app was closed runs once.
    return {"catch_up": False, **kept, **local}


def _folder(app_data: Path) -> Path:
    folder = app_data / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    return folder
