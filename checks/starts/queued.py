"""Tasks that are sent to the target's own queue, before and after a kill."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from checks.backend import Backend, TargetFailedError, manage
from checks.limits import ANSWER_SECONDS, STOP_SECONDS
from checks.scratch_copy import switched
from checks.target import WINDOWS, Target
from checks.verdicts import NotApplicable

# The queue that a worker works off, by the first word of what it runs.
QUEUES = {"celery": "celery", "run_huey": "huey", "qcluster": "django-q",
          "db_worker": "django.tasks", "rqworker": "rq", "dramatiq": "dramatiq",
          "desktop_runtime.cronjobs": "cron"}  # fmt: skip
# Its worker keeps nothing that a page sends.
CRON = "cron"
DATABASE_BACKEND = (
    "from django.conf import settings\n"
    "backend = getattr(settings, 'TASKS', {}).get('default', {}).get('BACKEND', '')\n"
    "print('ddk:', 'database' in backend.lower())"
)
QUICK = tuple(f"quick{number}" for number in range(5))
# More than any worker runs at once, so that others have to wait.
LONG = tuple(f"long{number}" for number in range(16))
WAITING = tuple(f"waiting{number}" for number in range(3))
LONG_SECONDS = 600
SCHEDULE_SECONDS = 75  # some look once in a minute
LEFT_SECONDS = 3.0


@dataclass
class Queued:
    """What became of tasks."""

    queue: str
    backend: int
    """The process that served the page which sent the first ones."""
    notes: list[tuple[str, str, int]] = field(default_factory=list)
    """Event, name of the task, process: in the order in which they were noted."""
    result: str | None = None
    """Of the first one, as it is known after the kill."""
    has_schedule: bool = True
    has_tasks: bool = True
    """Whether a page can send one."""
    exit: int | None = None
    left: list[str] = field(default_factory=list)
    """Processes after a stop while a task was running."""
    was_busy: bool = False

    def count(self, event: str, name: str) -> int:
        """How often it was noted."""
        return sum((event, name) == each[:2] for each in self.notes)

    def processes(self, name: str) -> set[int]:
        """Where a task began."""
        return {pid for event, noted, pid in self.notes if (event, noted) == ("begin", name)}


def queue_of(target: Target, app_data: Path) -> str:
    """The queue that the target's workers work off. Raises NotApplicable where none is known."""
    if not target.workers:
        raise NotApplicable("it declares no [[workers]]")
    if WINDOWS and target.has_redis:
        raise NotApplicable("a worker with redis = true is left out on Windows")
    for words in target.workers:
        if (queue := QUEUES.get(words[0])) and (queue != "celery" or "worker" in words):
            return queue
    said = manage(target, app_data, "shell", "-c", DATABASE_BACKEND, environment={})
    if said is None or "ddk: True" not in said:
        raise NotApplicable("none of its [[workers]] works off a queue that is known here")
    return "django.tasks"


def work_off(copy: Target, app_data: Path, folder: Path) -> Queued:
    """Send tasks from a page; kill everything while some run and others wait; start again; stop
    while one runs."""
    queue = queue_of(copy, app_data)
    folder.mkdir()
    asked = json.dumps({"queue": queue, "folder": str(folder)})
    with switched(copy, "ddk_probe_tasks", asked):
        if queue == CRON:
            seen = _by_the_clock(copy, app_data, folder)
        else:
            seen = _before_the_kill(copy, app_data, folder, queue)
            (folder / "go").touch()  # those that run again need not take long
            _after_the_kill(copy, app_data, folder, seen)
        seen.notes = _notes(folder)
    return seen


def _by_the_clock(copy: Target, app_data: Path, folder: Path) -> Queued:
    """Wait for jobs that nobody asks for, and stop while one of them runs."""
    with Backend(copy, app_data) as backend:
        backend.ready()
        seen = Queued(CRON, backend.pid, has_tasks=False)
        _wait(folder, "end", "scheduled", seconds=SCHEDULE_SECONDS)
        seen.was_busy = _wait(folder, "begin", "last")
        _stop(backend, seen)
    return seen


def _before_the_kill(copy: Target, app_data: Path, folder: Path, queue: str) -> Queued:
    schedulers = {"celery": {"beat", "-B"}, "rq": {"--with-scheduler"}}.get(queue)
    schedules = not schedulers or any(schedulers & {*words} for words in copy.workers)
    with Backend(copy, app_data) as backend:
        backend.ready()
        seen = Queued(queue, backend.pid, has_schedule=schedules)
        first, *_ = [_send(backend, name) for name in QUICK]
        seen.result = first
        _wait(folder, "end", *QUICK)
        if seen.has_schedule:
            backend.get("/ddk-probe/schedule/")
            _wait(folder, "end", "scheduled", seconds=SCHEDULE_SECONDS)
        for name in LONG:
            _send(backend, name, LONG_SECONDS)
        for name in WAITING:
            _send(backend, name)
        _wait(folder, "begin", LONG[0])
        backend.tree.end()
    return seen


def _after_the_kill(copy: Target, app_data: Path, folder: Path, seen: Queued) -> None:
    with Backend(copy, app_data) as backend:
        backend.ready()
        _wait(folder, "end", *WAITING)
        seen.result = _kept(copy, app_data, seen.result or "")
        (folder / "go").unlink()
        _send(backend, "last", LONG_SECONDS)
        seen.was_busy = _wait(folder, "begin", "last")
        _stop(backend, seen)


def _stop(backend: Backend, seen: Queued) -> None:
    seen.exit, _ = backend.stop(STOP_SECONDS)
    seen.left, _ = backend.tree.gone_within(LEFT_SECONDS)


def _kept(copy: Target, app_data: Path, number: str) -> str | None:
    """The result of a task, as another process knows it; a server of the app may hold it."""
    kept = f"import ddk_tasks; print('ddk:', ddk_tasks.queue.kept({number!r}))"
    said = manage(copy, app_data, "shell", "-c", kept, environment={}) or ""
    return next((w[5:] for w in said.splitlines() if w.startswith("ddk: ")), None)


def _send(backend: Backend, name: str, seconds: float = 0) -> str:
    """Have a page send a task; its number."""
    answer = backend.get(f"/ddk-probe/enqueue/?name={name}&seconds={seconds}")
    if answer.status != 200:
        raise TargetFailedError(f"a page that sends a task answered {answer.status}")
    return answer.body.decode()


def _notes(folder: Path) -> list[tuple[str, str, int]]:
    file = folder / "notes"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [(event, name, int(pid)) for event, name, pid in map(str.split, lines)]


def _wait(folder: Path, event: str, *names: str, seconds: float = ANSWER_SECONDS) -> bool:
    """Wait for all of them; whether they came."""
    deadline = time.monotonic() + seconds
    while not {*names} <= {name for noted, name, _ in _notes(folder) if noted == event}:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
