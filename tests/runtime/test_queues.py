"""Task queues on the real packages: the project's own worker, on a broker that is a file."""

import contextlib
import json
import os
import shelve
import sqlite3
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from desktop_runtime import celerybroker, queues, system, waiting, workers
from desktop_runtime.manifest import Worker
from desktop_runtime.workers import await_predecessor

from .backends import SETTINGS, VIEWS, Backend, make_project, manage

pytestmark = pytest.mark.slow

URLS = """
from django.urls import path
from app import views
urlpatterns = [path("", views.home), path("send/", views.send), path("result/", views.result)]
"""
# A task notes which process ran it, and when it began and ended.
TASKS = """
import os, time
from celery import shared_task
def note(text):
    from app.models import Note
    Note.objects.create(text=f"{text} {os.getpid()}")
@shared_task
def work(seconds=0, name="work"):
    note(f"begin-{name}")
    time.sleep(float(seconds))
    note(f"end-{name}")
    return f"done {name}"
@shared_task(acks_late=True)
def late(seconds=0, name="late"):
    return work(seconds, name)
@shared_task
def tick(name="tick"):
    note(name)
"""
CELERY = {
    "app/tasks.py": TASKS,
    "urls.py": URLS,
    "app/views.py": VIEWS
    + """
from celery.result import AsyncResult
from app import tasks
def send(request):
    task = getattr(tasks, request.GET.get("task", "work"))
    options = {"queue": request.GET["queue"]} if "queue" in request.GET else {}
    args = [request.GET.get("seconds", 0), request.GET.get("name", "work")]
    return HttpResponse(task.apply_async(args, **options).id)
def result(request):
    found = AsyncResult(request.GET["id"])
    return HttpResponse(f"{found.state} {found.result}")
""",
    # No word of it in the settings: it says itself where its broker is.
    "app/__init__.py": "from .celery import app as celery_app\n",
    "app/celery.py": """
from celery import Celery
from celery.schedules import crontab
app = Celery("tiny", broker="redis://queue:6379/0", backend="redis://queue:6379/1")
app.conf.task_default_queue = "ordinary"
app.autodiscover_tasks(["app"])
app.conf.update(broker_url="redis://another:6379/0")
app.conf.beat_schedule = {"often": {"task": "app.tasks.tick", "schedule": 1.0},
                          "daily": {"task": "app.tasks.tick", "schedule": 86400.0,
                                    "args": ["daily"]},
                          "nightly": {"task": "app.tasks.tick", "schedule": crontab(3, 17),
                                      "args": ["nightly"]}}
""",
}
WORKER = """
[[workers]]
name = "celery"
module = "celery"
args = ["-A", "app.celery:app", "worker", "--pool=threads", "--concurrency=2", "--loglevel=INFO",
        "--without-gossip", "--without-mingle", "--without-heartbeat"]
"""
BEAT = """
[[workers]]
name = "celery-beat"
module = "celery"
args = ["-A", "app.celery:app", "beat", "--loglevel=INFO"]
"""


def notes(backend):
    return [each.split() for each in backend.get("/")[2].decode().split(",") if each]


def wait_for(backend, *texts, seconds=60):
    """The notes once all `texts` are among them."""
    deadline = time.monotonic() + seconds
    while True:
        found = notes(backend)
        if {*texts} <= {text for text, _ in found}:
            return found
        logs = [file.read_text() for file in (backend.app_data / "logs").glob("worker-*.log")]
        assert time.monotonic() < deadline, (found, "\n".join(logs)[-6000:])
        time.sleep(0.1)


def send(backend, **query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    status, _, body = backend.get(f"/send/?{asked}")
    assert status == 200, body
    return body.decode()


def result(backend, number, seconds=30):
    deadline = time.monotonic() + seconds
    while (said := backend.get(f"/result/?id={number}")[2].decode()).startswith(
        ("PENDING", "None")
    ):
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return said


@pytest.fixture
def celery(tmp_path):
    return make_project(tmp_path / "project", CELERY, WORKER)


def test_a_task_runs_outside_the_request(celery, tmp_path):
    with Backend(celery, tmp_path / "data") as backend:
        number = send(backend.ready(), name="first")
        (_, pid), _ = wait_for(backend, "begin-first", "end-first")
        assert int(pid) != backend.process.pid
        assert result(backend, number) == "SUCCESS done first"
        # A queue that no option of the worker names.
        send(backend, name="elsewhere", queue="mail")
        wait_for(backend, "end-elsewhere")
        assert backend.stop() == 0
        assert not psutil.pid_exists(int(pid))
    with Backend(celery, tmp_path / "data") as again:
        assert result(again.ready(), number) == "SUCCESS done first"


def test_without_a_worker_tasks_run_inside_the_request(tmp_path):
    project = make_project(tmp_path / "project", CELERY)
    with Backend(project, tmp_path / "data") as backend:
        send(backend.ready(), name="here")
        assert {pid for _, pid in notes(backend)} == {str(backend.process.pid)}


def test_a_killed_worker_loses_what_a_server_would_lose(celery, tmp_path):
    """Running and acknowledged: lost. To be acknowledged at its end: again. Waiting: run, once."""
    with Backend(celery, tmp_path / "data") as backend:
        send(backend.ready(), seconds=60, name="early")
        send(backend, task="late", seconds=60, name="again")
        first = wait_for(backend, "begin-early", "begin-again")
        for number in range(5):
            send(backend, name=f"waiting{number}")
        psutil.Process(int(first[0][1])).kill()
        began = time.monotonic()
        names = [f"end-waiting{number}" for number in range(5)]
        found = [text for text, _ in wait_for(backend, *names)]
        assert time.monotonic() - began < 30
        assert found.count("begin-again") == 2
        assert found.count("begin-early") == 1
        assert all(found.count(name) == 1 for name in names)
        assert "worker celery ended" in (tmp_path / "data/logs/backend.log").read_text()


def test_a_worker_waits_for_its_predecessor(tmp_path):
    """Which may still finish a task after its backend was killed."""
    held = system.lock(tmp_path / "worker-w.lock")
    waiting = threading.Thread(target=await_predecessor, args=("w", tmp_path), daemon=True)
    waiting.start()
    waiting.join(1)
    assert waiting.is_alive()
    held.close()
    waiting.join(10)
    assert not waiting.is_alive()


def test_a_quit_waits_for_a_task_and_says_what_it_left(celery, tmp_path):
    data = tmp_path / "data"
    with Backend(celery, data) as backend:
        send(backend.ready(), seconds=1.5, name="short")
        send(backend, seconds=60, name="long")
        wait_for(backend, "begin-short", "begin-long")
        send(backend, name="waiting")
        began = time.monotonic()
        assert backend.stop() == 0
        assert 2 < time.monotonic() - began < 5
    said = (data / "logs" / "worker-celery.log").read_text()
    assert "cut off, begins again at the next start: app.tasks.work" in said
    with Backend(celery, data) as again:
        found = [text for text, _ in wait_for(again.ready(), "end-waiting")]
        deadline = time.monotonic() + 20
        while found.count("begin-long") < 2 and time.monotonic() < deadline:
            found = [text for text, _ in notes(again)]
            time.sleep(0.1)
        assert (found.count("end-short"), found.count("begin-long")) == (1, 2)
        assert found.count("begin-waiting") == 1


def long_ago(data):
    """Make the schedules fall due while the app is closed."""
    with shelve.open(str(data / "queues" / "celerybeat-schedule")) as store:
        entries = store["entries"]
        for name in ("daily", "nightly"):
            entries[name].last_run_at -= timedelta(days=3)
        store["entries"] = entries


@pytest.mark.long
@pytest.mark.parametrize("skipped", [[], ["daily"], ["*"]])
def test_a_schedule_runs_without_a_request_and_makes_up_once(tmp_path, skipped):
    beat = f"{BEAT}skip_missed = {json.dumps(skipped)}\n"
    project = make_project(tmp_path / "project", CELERY, WORKER + beat)
    data = tmp_path / "data"
    with Backend(project, data) as backend:
        found = wait_for(backend.ready(), "tick")
        assert backend.stop() == 0
    assert not [text for text, _ in found if text in ("daily", "nightly")]
    long_ago(data)
    with Backend(project, data) as again:
        ticks = sum(text == "tick" for text, _ in wait_for(again.ready(), "tick"))
        deadline = time.monotonic() + 20
        while sum(text == "tick" for text, _ in notes(again)) < ticks + 3:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        found = [text for text, _ in notes(again)]
        assert again.stop() == 0
    wanted = {"nightly": not skipped or skipped == ["daily"], "daily": not skipped}
    assert {name: found.count(name) for name in wanted} == wanted


BEAT_ROWS = """
from datetime import timedelta
from django.utils import timezone
from django_celery_beat.models import *
now = timezone.now()
at = {name: CrontabSchedule.objects.create(hour=(now - timedelta(hours=6)).hour, minute=minute,
                                           timezone="UTC")
      for minute, name in enumerate(("night", "morning"))}
daily = IntervalSchedule.objects.create(every=1, period="days")
for name in ("night", "morning", "day"):
    PeriodicTask.objects.create(name=name, task="app.tasks.tick", args=f'["{name}"]',
                                **({"crontab": at[name]} if name in at else {"interval": daily}))
PeriodicTask.objects.update(last_run_at=now - timedelta(days=3))
"""
READ_ANEW = "from django_celery_beat.models import *; PeriodicTasks.update_changed()"


@pytest.mark.long
@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="django-celery-beat refuses the Django of this Python"
)
def test_a_schedule_in_the_database_makes_up_once(tmp_path):
    settings = SETTINGS + 'INSTALLED_APPS += ["django_celery_beat"]\nTIME_ZONE = "UTC"\n'
    files = {**CELERY, "settings.py": settings}
    beat = f'{BEAT}skip_missed = ["morning"]\n'
    project, data = make_project(tmp_path / "project", files, WORKER + beat), tmp_path / "data"
    assert manage(project, data, "migrate").returncode == 0
    assert manage(project, data, "shell", "-c", BEAT_ROWS).returncode == 0
    with Backend(project, data) as backend:
        wait_for(backend.ready(), "night", "day", "tick", seconds=20)
        assert manage(project, data, "shell", "-c", READ_ANEW).returncode == 0
        time.sleep(8)  # it looks for changes every five seconds
        found = [text for text, _ in notes(backend)]
        assert backend.stop() == 0
    wanted = {"night": 1, "day": 1, "morning": 0}
    assert {name: found.count(name) for name in wanted} == wanted


def test_a_worker_that_cannot_start_stops_nothing(tmp_path):
    worker = '[[workers]]\nname = "none"\nmodule = "no_such_module"\n'
    project = make_project(tmp_path / "project", None, worker)
    with Backend(project, tmp_path / "data") as backend:
        log = tmp_path / "data" / "logs" / "backend.log"
        backend.ready()
        deadline = time.monotonic() + 30
        while not log.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert "worker none ended (1); starts again in 1 s" in log.read_text()
        assert backend.get("/")[0] == 200
        assert backend.stop() == 0


NOTE = """
import os, time
def note(text):
    from app.models import Note
    Note.objects.create(text=f"{text} {os.getpid()}")
def run(seconds, name):
    note(f"begin-{name}")
    time.sleep(float(seconds))
    note(f"end-{name}")
    return f"done {name}"
"""
SEND = (
    VIEWS
    + """
from app import tasks
def send(request):
    return HttpResponse(tasks.send(request.GET.get("seconds", 0), request.GET["name"]))
def result(request):
    return HttpResponse(str(tasks.result(request.GET["id"])))
"""
)
HUEY = (
    NOTE
    + """
from huey.contrib.djhuey import HUEY, db_task
@db_task()
def work(seconds, name):
    return run(seconds, name)
def send(*args):
    return work(*args).id
def result(number):
    return HUEY.result(number, preserve=True)
"""
)
DJANGO_Q = (
    NOTE
    + """
from django_q.tasks import async_task, result
def send(*args):
    return async_task("app.tasks.run", *args)
"""
)
DJANGO_TASKS = (
    NOTE
    + """
try:
    from django.tasks import default_task_backend, task
except ImportError:
    from django_tasks import default_task_backend, task
@task
def work(seconds, name):
    return run(seconds, name)
def send(*args):
    return work.enqueue(*args).id
def result(number):
    found = default_task_backend.get_result(number)
    return found.return_value if found.status == "SUCCESSFUL" else None
"""
)
TASKS_APPS = """
from importlib.util import find_spec
INSTALLED_APPS += ["django_tasks_db"] + ["django_tasks"] * (find_spec("django.tasks") is None)
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
"""
OTHERS = {
    "huey": (
        HUEY,
        'INSTALLED_APPS += ["huey.contrib.djhuey"]\nHUEY = {"name": "h", "url": "redis://queue"}\n',
        ["run_huey"],
    ),
    "huey object": (
        HUEY,
        'from huey import MemoryHuey\nINSTALLED_APPS += ["huey.contrib.djhuey"]\n'
        'HUEY = MemoryHuey("h")\n',
        ["run_huey"],
    ),
    "django-q": (
        DJANGO_Q,
        'INSTALLED_APPS += ["django_q"]\nQ_CLUSTER = {"name": "q", "redis": "redis://queue"}\n',
        ["qcluster"],
    ),
    "django.tasks": (
        DJANGO_TASKS,
        TASKS_APPS,
        ["db_worker", "--queue-name=*", "--no-reload", "--backend=default"],
    ),
}


def with_queue(folder, name):
    tasks, settings, command = OTHERS[name]
    files = {
        "app/tasks.py": tasks,
        "app/views.py": SEND,
        "urls.py": URLS,
        "settings.py": SETTINGS + settings,
    }
    worker = f'[[workers]]\nname = "queue"\ncommand = {json.dumps(command)}\n'
    return make_project(folder, files, worker)


@pytest.mark.long
def test_a_worker_starts_when_there_is_something_to_do(tmp_path):
    project = with_queue(tmp_path / "project", "django.tasks")
    with Backend(project, tmp_path / "data") as backend:
        family = psutil.Process(backend.ready().process.pid)
        time.sleep(2 * workers.LOOK_SECONDS)
        assert not family.children()
        send(backend, name="first")
        wait_for(backend, "end-first")
        assert family.children()
        assert backend.stop() == 0


@pytest.mark.parametrize(
    "worker, needed",
    [
        (Worker(command=("own",)), True),  # nobody else knows
        (Worker(command=("own",), queue="celery"), False),
        (Worker(module="celery", args=("-A", "app", "worker")), False),
        (Worker(module="celery", args=("-A", "app", "worker", "-B")), True),
        (Worker(module="celery", args=("-A", "app", "beat")), True),
        (Worker(command=("run_huey",)), True),  # it may have periodic tasks
        (Worker(command=("db_worker",)), True),  # no project is loaded here to ask
    ],
)
def test_without_anything_in_its_queue_a_worker_is_needed_only_for_what_nobody_sees(
    tmp_path, worker, needed
):
    assert waiting.is_needed(worker, tmp_path) is needed


@pytest.mark.parametrize(
    "queue, needed", [("celery", True), ("celery@host.celery.pidbox", False), ("celeryev.1", False)]
)
def test_a_message_in_the_file_of_celery_is_something_to_do(tmp_path, queue, needed):
    file = tmp_path / queues.FOLDER / queues.CELERY_FILE
    file.parent.mkdir()
    with contextlib.closing(sqlite3.connect(file)) as broker, broker:
        broker.executescript(celerybroker.SCHEMA)
        broker.execute("INSERT INTO message (queue) VALUES (?)", (queue,))
    worker = Worker(module="celery", args=("-A", "app", "worker"))
    assert waiting.is_needed(worker, tmp_path) is needed


@pytest.mark.long
@pytest.mark.parametrize("name", OTHERS)
def test_other_queues_run_their_own_worker(tmp_path, name):
    project, data = with_queue(tmp_path / "project", name), tmp_path / "data"
    with Backend(project, data) as backend:
        number = send(backend.ready(), name="first")
        found = wait_for(backend, "end-first")
        assert str(backend.process.pid) not in {pid for _, pid in found}
        assert result(backend, number) == "done first"
        send(backend, name="long", seconds=6)
        found = wait_for(backend, "begin-long")
        send(backend, name="waiting")
        family = psutil.Process(backend.process.pid).children(recursive=True)
        began = time.monotonic()
        assert backend.stop() == 0
        assert time.monotonic() - began < 6
        _, alive = psutil.wait_procs(family, timeout=2)
        assert not alive
    said = (data / "logs" / "worker-queue.log").read_text()
    assert "cut off, begins again at the next start: " in said
    with Backend(project, data) as again:
        found = [text for text, _ in wait_for(again.ready(), "end-waiting", "end-long")]
    assert found.count("begin-first") == found.count("begin-waiting") == 1
    assert found.count("begin-long") == 2


@pytest.mark.long
@pytest.mark.parametrize("name", [each for each in OTHERS if each != "huey object"])
def test_a_quit_waits_for_a_short_task(tmp_path, name):
    project, data = with_queue(tmp_path / "project", name), tmp_path / "data"
    with Backend(project, data) as backend:
        send(backend.ready(), name="short", seconds=1.5)
        wait_for(backend, "begin-short")
        assert backend.stop() == 0
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as database:
        said = [text for (text,) in database.execute("SELECT text FROM app_note")]
    assert [text.split()[0] for text in said] == ["begin-short", "end-short"]
    assert "cut off" not in (data / "logs" / "worker-queue.log").read_text()


PERIODIC = (
    HUEY
    + """
from huey import crontab
from huey.contrib.djhuey import db_periodic_task
@db_periodic_task(crontab(hour="3", minute="17"))
def nightly():
    note("nightly")
@db_periodic_task(crontab(hour="4", minute="18"))
def morning():
    note("morning")
@db_periodic_task(crontab())
def often():
    note("often")
"""
)


@pytest.mark.long
def test_huey_makes_up_once_for_what_it_missed(tmp_path):
    settings = SETTINGS + OTHERS["huey"][1]
    files = {
        "app/tasks.py": PERIODIC,
        "app/views.py": SEND,
        "urls.py": URLS,
        "settings.py": settings,
    }
    worker = '[[workers]]\nname = "queue"\ncommand = ["run_huey"]\nskip_missed = ["morning"]\n'
    project, data = make_project(tmp_path / "project", files, worker), tmp_path / "data"
    with Backend(project, data) as backend:
        found = [text for text, _ in wait_for(backend.ready(), "often")]
        assert "nightly" not in found
        assert backend.stop() == 0
    seen = data / "queues" / "huey-schedule"
    os.utime(seen, (time.time() - 3 * 86400,) * 2)
    with Backend(project, data) as again:
        found = [text for text, _ in wait_for(again.ready(), "nightly")]
        assert again.stop() == 0
    assert (found.count("nightly"), found.count("morning")) == (1, 0)


@pytest.mark.long
def test_django_q_makes_up_once_for_what_it_missed(tmp_path):
    plan = """
from datetime import timedelta
from django.utils import timezone
from django_q.models import Schedule
Schedule.objects.create(func="app.tasks.run", args="0, 'hourly'", schedule_type="H",
                        next_run=timezone.now() - timedelta(days=3))
"""
    project, data = with_queue(tmp_path / "project", "django-q"), tmp_path / "data"
    assert manage(project, data, "migrate").returncode == 0
    assert manage(project, data, "shell", "-c", plan).returncode == 0
    with Backend(project, data) as backend:
        wait_for(backend.ready(), "end-hourly", seconds=90)
        assert backend.stop() == 0
    # What it would run next, each half minute, until it is no longer late.
    following = "from django_q.models import *; print(Schedule.objects.get().next_run)"
    said = manage(project, data, "shell", "-c", following).stdout.split("\n")[-2]
    assert datetime.fromisoformat(said) > datetime.now(UTC)


SCHEDULER = """
from django.apps import AppConfig
class Config(AppConfig):
    name = "app"
    def ready(self):
        from apscheduler.schedulers.background import BackgroundScheduler
        from app.tasks import note, run
        scheduler = BackgroundScheduler()
        scheduler.add_job(note, "interval", seconds=0.5, args=["job"])
        scheduler.add_job(run, "interval", seconds=3, args=[1.5, "short"])
        scheduler.add_job(run, "interval", seconds=1, args=[60, "long"], name="a long job")
        scheduler.start()
"""
WAITS = """
import time
from django.core.management.base import BaseCommand
from app.tasks import note
class Command(BaseCommand):
    def handle(self, **options):
        note("here")
        time.sleep(600)
"""


def test_jobs_of_a_scheduler_run_in_the_backend_alone(tmp_path):
    files = {
        "app/apps.py": SCHEDULER,
        "app/tasks.py": NOTE,
        "app/management/__init__.py": "",
        "app/management/commands/__init__.py": "",
        "app/management/commands/waits.py": WAITS,
    }
    worker = '[[workers]]\nname = "w"\ncommand = ["waits"]\n'
    project, data = make_project(tmp_path / "project", files, worker), tmp_path / "data"
    with Backend(project, data) as backend:
        wait_for(backend.ready(), "here", "job", "begin-long")
        time.sleep(2)
        assert {pid for text, pid in notes(backend) if text == "job"} == {str(backend.process.pid)}
        while True:  # until the short one is at work
            found = [text for text, _ in notes(backend)]
            if found.count("begin-short") > found.count("end-short"):
                break
        assert backend.stop() == 0
    with contextlib.closing(sqlite3.connect(data / "db.sqlite3")) as database:
        said = [text.split()[0] for (text,) in database.execute("SELECT text FROM app_note")]
    assert said.count("begin-short") == said.count("end-short") > 0
    log = (data / "logs" / "backend.log").read_text()
    assert "cut off, runs again when it is due: the job a long job of APScheduler" in log
    assert "short" not in log
