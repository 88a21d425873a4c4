"""What works off the project's task queues: its own worker, entered in desktop.toml."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from skill_scripts.dependencies.runtime import CRON_MODULE
from skill_scripts.desktop_toml import Decision
from skill_scripts.findings.finding import DECIDE, HANDLED, Finding
from skill_scripts.findings.server import own_files, place
from skill_scripts.findings.surveyed import Survey
from skill_scripts.project.files import Project

WORKERS = ("workers",)
CELERY_APP = re.compile(r"^(\w+)(?::[^=\n]+)?\s*=\s*(?:\w+\.)?Celery\(", re.MULTILINE)
CELERY_SCHEDULE = re.compile(r"BEAT_?SCHEDULE|beat_schedule|add_periodic_task")
# As many tasks at once as a small laptop has processors; a pool of processes is not for Windows.
CELERY_WORKER = ("worker", "--pool=threads", "--concurrency=4", "--loglevel=WARNING",
                 "--without-gossip", "--without-mingle", "--without-heartbeat")  # fmt: skip
DATABASE_BACKENDS = ("django_tasks_db.DatabaseBackend", "django_tasks_db.backend.DatabaseBackend",
                     "django_tasks.backends.database.DatabaseBackend")  # fmt: skip
INSIDE = "tasks run inside the request"
WITHOUT = {
    "celery-beat": "schedules do not run",
    "rq": "pages that enqueue a job fail",
    "dramatiq": "messages are not worked off",
    "django-cron": "its jobs do not run",
    "django-crontab": "its jobs do not run",
}
# Each job in the worker's own process: one that it forks is not for macOS, and costs memory.
RQ_WORKER = ("--with-scheduler", "--worker-class", "rq.SimpleWorker")
DRAMATIQ_WORKER = ("desktop_runtime.dramatiqtasks", "--processes", "1", "--threads", "4")
CRON_DIFFERS = (
    "its jobs run while the app is open, by the runtime's clock instead of the system's cron; what "
    "falls due while it is closed runs once at the next start, unless `skip_missed` names it"
)
# App, setting with its jobs.
CRON = (
    (
        "django_crontab",
        "CRONJOBS",
        Finding("django-crontab", HANDLED, "jobs of django-crontab", CRON_DIFFERS),
    ),
    (
        "django_cron",
        "CRON_CLASSES",
        Finding("django-cron", HANDLED, "jobs of django-cron", CRON_DIFFERS),
    ),
)
SHARED = (
    "; caches and channel layers that are on Redis are on a server that the app brings, which the "
    "worker shares with the pages; on Windows there is none, and each has its own in memory"
)
ALONE = {"celery-beat"}  # it only sends
ON_REDIS = "its queue is on a Redis server that the app brings, for Linux and macOS: on Windows "


@dataclass(frozen=True)
class Queue:
    """A queue of the project, and what its own worker would be."""

    finding: Finding
    """Its `do` is what a person should know who knows it from a server."""
    worker: dict[str, Any]

    @property
    def program(self) -> str:
        """The first word of what its worker runs."""
        return program_of(self.worker)

    @property
    def without(self) -> str:
        """What happens where nothing runs it."""
        return WITHOUT.get(self.finding.id, INSIDE)


def program_of(worker: Mapping[str, Any]) -> str:
    """The first word of what an entry of [[workers]] runs."""
    return worker.get("module") or worker["command"][0]


def choose_workers(survey: Survey) -> Iterator[Finding | Decision]:
    """The workers of the queues that the project uses, unless somebody has decided on them."""
    queues = [*_celery(survey), *_others(survey)]
    if _shares_redis(survey):
        queues = [queue if queue.worker["name"] in ALONE else _sharing(queue) for queue in queues]
    queues += [*_on_redis(survey), *_cron(survey)]
    declared = survey.draft["workers"]
    is_open = not declared and WORKERS not in survey.decided
    if queues and is_open:
        # One works for both packages of cron.
        yield Decision(
            WORKERS, [*{queue.worker["name"]: queue.worker for queue in queues}.values()]
        )
    known = {*map(program_of, declared)}
    yield from _another_broker(survey)
    if not any(queue.program == "celery" for queue in queues) and "celery" not in known:
        yield from _no_app(survey)
    for queue in queues:
        if is_open or queue.program in known:
            do = f"runs beside the app ([[workers]] {queue.worker['name']}): {queue.finding.do}"
            if is_open:
                do += f"; without, {queue.without}: --set 'workers=[]'"
        else:
            do = f"{queue.without}, unless another of the [[workers]] does it"
        yield replace(queue.finding, do=do)
    if "apscheduler" in survey.facts.modules:
        do = (
            "a scheduler that an app starts runs its jobs in the backend alone, while the app is "
            "open; what is missed in between is not made up for"
        )
        yield Finding("apscheduler", HANDLED, "APScheduler", do)


def _shares_redis(survey: Survey) -> bool:
    """Whether a cache or channel layer is on Redis: tasks tell pages and websockets by them."""
    return any(
        "redis" in backend.lower()
        for setting in ("CACHES", "CHANNEL_LAYERS")
        for backend in (survey.facts.settings.get(setting) or {}).values()
    )


def _sharing(queue: Queue) -> Queue:
    """The same, with its worker on the app's Redis server."""
    finding = replace(queue.finding, do=queue.finding.do + SHARED)
    return Queue(finding, {**queue.worker, "redis": True})


def _celery(survey: Survey) -> Iterator[Queue]:
    project, installed = survey.project, survey.facts.installed_apps
    found = next(filter(None, (_celery_app(survey, name) for name in own_files(project))), None)
    if found is None:
        return
    app, where = found
    results = "the database" if "django_celery_results" in installed else "app data"
    differs = (
        f"one worker of four threads takes every queue, results are kept in {results}; a task "
        "that closing the app cuts off begins again at the next start"
    )
    yield Queue(
        Finding("celery", HANDLED, "Celery", differs, where),
        {"name": "celery", "module": "celery", "args": ["-A", app, *CELERY_WORKER]},
    )
    schedule = "" if "django_celery_beat" in installed else _scheduled(project)
    if schedule or "django_celery_beat" in installed:
        differs = (
            "what falls due while the app is closed runs once at the next start, unless "
            "`skip_missed` names it"
        )
        args = ["-A", app, "beat", "--loglevel=WARNING"]
        yield Queue(
            Finding("celery-beat", HANDLED, "scheduled Celery tasks", differs, schedule),
            {"name": "celery-beat", "module": "celery", "args": args},
        )


def _no_app(survey: Survey) -> Iterator[Finding]:
    """Where settings speak of Celery and no app is found that a worker could be started for."""
    if not any(name.startswith(("CELERY", "BROKER")) for name in survey.facts.queues):
        return
    named = '{ name = "celery", module = "celery", args = ["-A", "MODULE:APP", "worker"] }'
    yield Finding(
        "celery",
        HANDLED,
        "Celery, and no file of the project makes an app of it",
        f"{INSIDE}; its worker instead: --set 'workers=[{named}]'",
    )


def _another_broker(survey: Survey) -> Iterator[Finding]:
    """Where Dramatiq's messages go to a server that is not Redis."""
    installed = survey.facts.installed_apps
    if "django_dramatiq" not in installed or "redis" in survey.facts.dramatiq_broker:
        return
    if not any(each.get("redis") for each in survey.draft["workers"]):
        broker = survey.facts.dramatiq_broker or "RabbitMQ"
        args = ", ".join(f'"{each}"' for each in DRAMATIQ_WORKER)
        worker = f'{{ name = "dramatiq", module = "dramatiq", args = [{args}], redis = true }}'
        yield Finding(
            "dramatiq",
            DECIDE,
            f"Dramatiq on {broker}",
            "messages are not worked off; on the Redis server that the app can bring, for Linux "
            f"and macOS: --set 'python.extra=[\"redis\"]' --set 'workers=[{worker}]'",
        )


def _celery_app(survey: Survey, name: str) -> tuple[str, str] | None:
    """The Celery app that a file makes, as `-A` wants it, and its place."""
    project = survey.project
    match = CELERY_APP.search(project.source(name))
    if not match or "celery" not in project.source(name):
        return None
    roots = [project.folder.relative_to(project.root).as_posix(), *survey.draft["django"]["path"]]
    parts = PurePosixPath(name).with_suffix("").parts
    for root in sorted(roots, key=len, reverse=True):
        above = tuple(part for part in PurePosixPath(root).parts if part != ".")
        if parts[: len(above)] == above:
            parts = parts[len(above) :]
            break
    module = ".".join(part for part in parts if part != "__init__")
    return f"{module}:{match[1]}", place(project, name, match.start())


def _scheduled(project: Project) -> str:
    """Where the project says what is due when."""
    for name in own_files(project):
        if match := CELERY_SCHEDULE.search(project.source(name)):
            return place(project, name, match.start())
    return ""


def _others(survey: Survey) -> Iterator[Queue]:
    installed = survey.facts.installed_apps
    if "huey.contrib.djhuey" in installed:
        differs = (
            "its queue is an SQLite file in app data; a task that closing the app cuts off begins "
            "again at the next start"
        )
        yield Queue(
            Finding("huey", HANDLED, "Huey", differs), {"name": "huey", "command": ["run_huey"]}
        )
    if "django_q" in installed:
        differs = (
            "a cluster of one worker, its queue is in the database; a task that is cut off begins "
            "again at the next start"
        )
        yield Queue(
            Finding("django-q", HANDLED, "django-q", differs),
            {"name": "django-q", "command": ["qcluster"]},
        )
    for alias, backend in (survey.facts.settings.get("TASKS") or {}).items():
        if backend in DATABASE_BACKENDS:
            what, differs = "django.tasks in the database", "one worker takes every queue"
            name = "tasks" if alias == "default" else f"tasks-{alias}"
            options = ["--queue-name=*", "--no-reload", f"--backend={alias}"]
            yield Queue(
                Finding("django-tasks", HANDLED, what, differs),
                {"name": name, "command": ["db_worker", *options]},
            )


def _on_redis(survey: Survey) -> Iterator[Queue]:
    installed = survey.facts.installed_apps
    # From 4 on it may be named by its configuration: django_rq.apps.DjangoRqAdminConfig.
    if (rq := survey.facts.rq) and any(app.startswith("django_rq") for app in installed):
        options = RQ_WORKER[:1] if rq.worker_class else RQ_WORKER
        differs = (
            f"{ON_REDIS}pages that enqueue a job fail; a job that closing the app cuts off begins "
            "again at the next start"
        )
        yield Queue(
            Finding("rq", HANDLED, "RQ", differs),
            {"name": "rq", "command": ["rqworker", *rq.queues, *options], "redis": True},
        )
    if "redis" in survey.facts.dramatiq_broker and "django_dramatiq" in installed:
        differs = (
            f"{ON_REDIS}messages are not worked off; one that is cut off begins again a minute "
            "after the next start"
        )
        yield Queue(
            Finding("dramatiq", HANDLED, "Dramatiq", differs),
            {"name": "dramatiq", "module": "dramatiq", "args": [*DRAMATIQ_WORKER], "redis": True},
        )


def _cron(survey: Survey) -> Iterator[Queue]:
    for app, setting, finding in CRON:
        if app in survey.facts.installed_apps and setting in survey.facts.queues:
            yield Queue(finding, {"name": "cron", "module": CRON_MODULE})
