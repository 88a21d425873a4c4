"""The jobs of django-crontab and django-cron, by the runtime's clock: the real packages."""

import json
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psutil
import pytest
from desktop_runtime.cronlines import Line

from .backends import SETTINGS, VIEWS, Backend, make_project, manage
from .test_queues import NOTE, URLS, notes, wait_for

slow = pytest.mark.slow

WORKER = '[[workers]]\nname = "cron"\nmodule = "desktop_runtime.cronjobs"\n'
LINES = """
INSTALLED_APPS += ["django_crontab"]
CRONJOBS = [
    ("17 3 * * *", "app.tasks.note", ["nightly"]),
    ("18 4 * * *", "app.tasks.note", ["morning"], {}, ">> /nowhere/jobs.log"),
    ("@daily", "app.tasks.fails", "2>&1"),
    ("19 5 * * *", "django.core.management.call_command", ["says"], {"text": "command"}),
    ("0 0 31 2 *", "app.tasks.note", ["never"]),
    ("@reboot", "app.tasks.note", ["begun"]),
]
"""
FAILS = "\ndef fails():\n    raise ValueError('a job that fails')\n"
SAYS = """
from django.core.management.base import BaseCommand
from app.tasks import note
class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("--text")
    def handle(self, **options):
        note(options["text"])
"""


def cron_project(folder, settings, tasks, worker=WORKER):
    files = {
        "settings.py": SETTINGS + settings,
        "app/tasks.py": tasks,
        "app/views.py": VIEWS + "def send(request): ...\ndef result(request): ...\n",
        "app/management/__init__.py": "",
        "app/management/commands/__init__.py": "",
        "app/management/commands/says.py": SAYS,
        "urls.py": URLS,
    }
    return make_project(folder, files, worker)


def long_ago(data, **time):
    """As if no job had run for so long."""
    file = data / "queues" / "cron.json"
    since = (datetime.now(UTC) - timedelta(**time)).isoformat()
    file.write_text(json.dumps(dict.fromkeys(json.loads(file.read_text()), since)))


def done(data, *names, since):
    """Whether all of these have ended since then."""
    known = json.loads((data / "queues" / "cron.json").read_text())
    return all(datetime.fromisoformat(known[name]) > since for name in names)


def test_a_line_is_due_by_the_time_zone_of_the_settings(monkeypatch):
    from django.utils import timezone

    monkeypatch.setattr(timezone, "get_default_timezone", lambda: ZoneInfo("Europe/Berlin"))
    line = Line.read(("30 2 * * mon-fri", "a.b", "> /dev/null"))
    assert (line.name, line.arguments, line.options) == ("a.b", (), {})
    monday = datetime(2026, 11, 30, tzinfo=UTC)
    assert not line.is_due(monday, monday + timedelta(hours=1, minutes=29))
    assert line.is_due(monday, monday + timedelta(hours=1, minutes=30))
    assert not line.is_due(monday - timedelta(days=2), monday)  # over a weekend
    assert line.is_due(monday - timedelta(days=400), monday)
    hourly = Line.read(("@hourly", "a.b", [1, "x"], {"c": 2}, "2>&1"))
    assert (hourly.name, hourly.options) == ("a.b 1 x", {"c": 2})
    assert hourly.is_due(monday, monday + timedelta(hours=1))
    assert Line.read(("@reboot", "a.b")).is_for_start
    with pytest.raises(Exception, match="minute"):
        Line.read(("70 * * * *", "a.b"))


@slow
def test_lines_run_once_for_what_they_missed_and_never_in_the_backend(tmp_path):
    worker = f'{WORKER}skip_missed = ["app.tasks.note morning"]\n'
    project = cron_project(tmp_path / "project", LINES, NOTE + FAILS, worker)
    data = tmp_path / "data"
    with Backend(project, data) as backend:
        wait_for(backend.ready(), "begun")
        assert {text for text, _ in notes(backend)} == {"begun"}  # a first start misses nothing
        assert backend.stop() == 0
    long_ago(data, days=3)
    began = datetime.now(UTC)
    with Backend(project, data) as again:
        found = wait_for(again.ready(), "nightly", "command")
        assert str(again.process.pid) not in {pid for _, pid in found}
        assert again.stop() == 0
        found = [text for text, _ in found]
    log = (data / "logs" / "worker-cron.log").read_text()
    assert "app.tasks.fails failed:" in log and "ValueError: a job that fails" in log
    assert "31 2" in log and "does not run" in log
    wanted = {"nightly": 1, "command": 1, "morning": 0, "never": 0, "begun": 2}
    assert {name: found.count(name) for name in wanted} == wanted
    assert done(data, "app.tasks.note nightly", "app.tasks.fails", since=began)


BUSY = """
INSTALLED_APPS += ["django_crontab"]
CRONJOBS = [("17 3 * * *", "app.tasks.run", [60, "long"]), ("* * * * *", "app.tasks.often")]
"""
OFTEN = "\ndef often():\n    run(1, 'often')\n"


@pytest.mark.long
@pytest.mark.parametrize("end", ["closed", "killed"])
def test_what_was_cut_off_begins_again(tmp_path, end):
    project = cron_project(tmp_path / "project", BUSY, NOTE + OFTEN)
    data = tmp_path / "data"
    with Backend(project, data) as backend:
        wait_for(backend.ready(), "begin-often", seconds=75)  # without any request for it
        family = psutil.Process(backend.process.pid).children(recursive=True)
        assert backend.stop() == 0  # it waits for what is soon done
    long_ago(data, days=1)
    log = data / "logs" / "worker-cron.log"
    assert not log.read_text()
    with Backend(project, data) as backend:
        found = wait_for(backend.ready(), "begin-long")
        assert [text for text, _ in found].count("end-often") >= 1
        family += psutil.Process(backend.process.pid).children(recursive=True)
        if end == "killed":
            backend.process.kill()
        else:
            assert backend.stop() == 0
            assert "begins again at the next start: app.tasks.run 60 long" in log.read_text()
        assert not psutil.wait_procs(family, timeout=6)[1]
    with Backend(project, data) as again:
        again.ready()
        until = time.monotonic() + 20
        while [text for text, _ in notes(again)].count("begin-long") < 2:
            assert time.monotonic() < until
            time.sleep(0.1)


CLASSES = """
import time
TIME_ZONE = f"Etc/GMT{time.gmtime().tm_hour - 12:+d}"  # where it is about noon
INSTALLED_APPS += ["django_cron"]
CRON_CLASSES = ["app.tasks.Often", "app.tasks.Nightly", "app.tasks.Today", "app.tasks.Fails",
                "app.tasks.Skipped", "app.tasks.Weekly"]
"""
JOBS = (
    NOTE
    + """
from datetime import datetime, timedelta
from django_cron import CronJobBase, Schedule
now = datetime.now()
class Often(CronJobBase):
    code = "often"
    schedule = Schedule(run_every_mins=60)
    def do(self):
        note("often")
class Nightly(CronJobBase):  # its time has not come today
    code = "nightly"
    schedule = Schedule(run_at_times=["23:59"])
    def do(self):
        note("nightly")
class Today(CronJobBase):  # its times are over today
    code = "today"
    schedule = Schedule(run_at_times=["00:00", "00:01"])
    def do(self):
        note("today")
class Weekly(CronJobBase):
    code = "weekly"
    day = (now + timedelta(days=3)).weekday()
    try:
        schedule = Schedule(run_at_times=["23:59"], run_weekly_on_days=[day])
    except TypeError:
        schedule = Schedule(run_at_times=["23:59"], run_on_days=[day])
    def do(self):
        note("weekly")
class Skipped(Today):
    code = "skipped"
    def do(self):
        note("skipped")
class Fails(CronJobBase):
    code = "fails"
    schedule = Schedule(run_every_mins=60)
    def do(self):
        raise ValueError("a job that fails")
"""
)
LAST_WEEK = """
from datetime import timedelta
from django_cron.models import CronJobLog
from django.db.models import F
CronJobLog.objects.update(start_time=F("start_time") - timedelta(days=3),
                          end_time=F("end_time") - timedelta(days=3))
"""
LOGGED = """
from django_cron.models import CronJobLog
for each in CronJobLog.objects.filter(code__in=["skipped", "fails"]):
    print("ddk:", each.code, each.is_success, each.message.split(chr(10))[0])
"""


@pytest.mark.long
def test_classes_run_once_for_what_they_missed(tmp_path):
    worker = f'{WORKER}skip_missed = ["skipped"]\n'
    project, data = cron_project(tmp_path / "project", CLASSES, JOBS, worker), tmp_path / "data"
    with Backend(project, data) as backend:
        found = wait_for(backend.ready(), "often", "today", "skipped")
        assert not {text for text, _ in found} & {"nightly", "weekly"}
        assert backend.stop() == 0
    long_ago(data, days=3)
    assert manage(project, data, "shell", "-c", LAST_WEEK).returncode == 0
    with Backend(project, data) as again:
        before = [text for text, _ in found]
        found = [text for text, _ in wait_for(again.ready(), "nightly", seconds=20)]
        until = time.monotonic() + 20
        while not all(found.count(name) > before.count(name) for name in ("often", "today")):
            assert time.monotonic() < until, found
            found = [text for text, _ in notes(again)]
        assert again.stop() == 0
    wanted = {"often": 2, "nightly": 1, "weekly": 0, "skipped": before.count("skipped")}
    assert {name: found.count(name) for name in wanted} == wanted
    assert found.count("today") == before.count("today") + 1
    said = manage(project, data, "shell", "-c", LOGGED).stdout
    assert "ddk: skipped True passed over: it was due while the app was closed" in said
    assert "ddk: fails False" in said
