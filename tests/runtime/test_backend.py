"""The backend as a process, on projects that do what projects do."""

import json
import sqlite3
import sys
import threading
import time
import venv

import psutil
import pytest

from .backends import MANAGE, SETTINGS, URLS, VIEWS, Backend, make_project, rows

pytestmark = pytest.mark.slow

SECOND = """
from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = [("app", "0001_initial")]
    operations = [%s]
"""
ADD_FIELD = (
    SECOND % 'migrations.AddField("note", "more", models.CharField(max_length=9, default=""))'
)
# On the data only: a rehearsal would keep the others away from them.
ON_DATA = (
    'migrations.RunSQL("DELETE FROM app_note"), migrations.RunPython(lambda apps, schema: '
    "'rehearsal' in str(schema.connection.settings_dict['NAME']) or %s)"
)
FAILING = SECOND % (ON_DATA % 'schema.execute("SELECT * FROM nowhere")')
ENDLESS = SECOND % (ON_DATA % '__import__("time").sleep(60)')
NOT_ATOMIC = ENDLESS.replace("    operations", "    atomic = False\n    operations")


@pytest.fixture
def data(tmp_path):
    return tmp_path / "Ünï cödé dir" / "app data"


def test_serves_and_stops_clean(tmp_path, data):
    project = make_project(tmp_path / "project")
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "created"
        assert backend.get("/?add=one")[0] == 200
        assert backend.stop() == 0
    assert rows(data) == ["one"]
    assert not list(data.glob("db.sqlite3-*"))
    assert not (project / "db.sqlite3").exists()
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "unchanged"
        assert backend.get("/")[2] == b"one"
        assert (data / "db.sqlite3-wal").exists()  # a request does not make it anew
        assert backend.stop() == 0
    assert not list(data.glob("db.sqlite3-*"))
    assert not list((data / "backups").iterdir())


def test_a_pending_migration_is_backed_up_first(tmp_path, data):
    project = make_project(tmp_path / "project")
    with Backend(project, data) as backend:
        backend.ready().get("/?add=one")
        backend.stop()
    (project / "app/migrations/0002_more.py").write_text(ADD_FIELD)
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "migrated"
        (event,) = [event for event in backend.events if event["event"] == "migrating"]
        assert (event["done"], event["total"], event["name"]) == (0, 1, "app.0002_more")
        backend.stop()
    (backup,) = (data / "backups").iterdir()
    with sqlite3.connect(backup) as connection:
        assert connection.execute("SELECT text FROM app_note").fetchall() == [("one",)]


def test_a_failed_migration_restores(tmp_path, data):
    project = make_project(tmp_path / "project")
    with Backend(project, data) as backend:
        backend.ready().get("/?add=one")
        backend.stop()
    (project / "app/migrations/0002_failing.py").write_text(
        FAILING.replace("    operations", "    atomic = False\n    operations")
    )
    for _ in range(2):
        with Backend(project, data) as backend:
            failure = backend.failed()
            assert failure["exit"] == 14
            assert "nowhere" in failure["hint"]
        assert rows(data) == ["one"]
    (project / "app/migrations/0002_failing.py").unlink()
    with Backend(project, data) as backend:
        assert backend.ready().get("/")[2] == b"one"


@pytest.mark.parametrize("migration", [ENDLESS, pytest.param(NOT_ATOMIC, marks=pytest.mark.long)])
def test_killed_during_a_migration_begins_from_the_backup(tmp_path, data, migration):
    project = make_project(tmp_path / "project")
    with Backend(project, data) as backend:
        backend.ready().get("/?add=one")
        backend.stop()
    (project / "app/migrations/0002_endless.py").write_text(migration)
    with Backend(project, data) as backend:
        backend.until("migrating")
        time.sleep(0.3)
        backend.process.kill()
    (project / "app/migrations/0002_endless.py").unlink()
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "restored"
        assert backend.get("/")[2] == b"one"
        backend.stop()


def test_the_lifeline_ends_a_long_migration(tmp_path, data):
    project = make_project(tmp_path / "project", {"app/migrations/0002_endless.py": ENDLESS})
    with Backend(project, data) as backend:
        while backend.until("migrating")["name"] != "app.0002_endless":
            pass
        assert backend.stop() == 0
    (project / "app/migrations/0002_endless.py").unlink()
    with Backend(project, data) as backend:
        assert backend.ready().events[-1]["database"] == "created"


def test_the_lifeline_ends_a_project_that_hangs_while_loading(tmp_path, data):
    files = {"settings.py": SETTINGS + "\nimport time; time.sleep(60)"}
    with Backend(make_project(tmp_path / "project", files), data) as backend:
        backend.until("listening")
        assert backend.stop() == 0


def test_a_newer_database_is_refused_untouched(tmp_path, data):
    project = make_project(tmp_path / "project", {"app/migrations/0002_more.py": ADD_FIELD})
    with Backend(project, data) as backend:
        backend.ready().stop()
    before = (data / "db.sqlite3").read_bytes()
    (project / "app/migrations/0002_more.py").unlink()
    with Backend(project, data) as backend:
        failure = backend.failed()
    assert failure["exit"] == 13
    assert "app.0002_more" in failure["message"]
    assert (data / "db.sqlite3").read_bytes() == before
    toml = project / "desktop-app/desktop.toml"
    toml.write_text(toml.read_text() + '[data]\nretired_migrations = ["app.0002_more"]\n')
    with Backend(project, data) as backend:
        backend.ready()


@pytest.mark.parametrize("offset", [0, 40, 5000])
def test_a_damaged_database_is_left_alone(tmp_path, data, offset):
    project = make_project(tmp_path / "project")
    with Backend(project, data) as backend:
        backend.ready().stop()
    with (data / "db.sqlite3").open("rb+") as file:
        file.seek(offset)
        file.write(b"\xff" * 3000)
    before = (data / "db.sqlite3").read_bytes()
    with Backend(project, data) as backend:
        assert backend.failed()["exit"] == 15
    assert (data / "db.sqlite3").read_bytes() == before


def test_first_run_commands_run_once_and_a_failing_one_leaves_nothing(tmp_path, data):
    command = """
import os
from django.core.management.base import BaseCommand
from app.models import Note
class Command(BaseCommand):
    def handle(self, **options):
        Note.objects.create(text="seed")
        if os.environ.get("FAIL_SEED"): raise SystemExit("no seed today")
"""
    files = {
        "app/management/__init__.py": "",
        "app/management/commands/__init__.py": "",
        "app/management/commands/seed.py": command,
    }
    project = make_project(tmp_path / "project", files, '[data]\nfirst_run = [["seed"]]\n')
    with Backend(project, data, FAIL_SEED="1") as backend:
        assert backend.failed()["exit"] == 19
    assert not (data / "db.sqlite3").exists()
    for _ in range(2):
        with Backend(project, data) as backend:
            assert backend.ready().get("/")[2] == b"seed"
            backend.stop()


def test_requests_in_flight_finish(tmp_path, data):
    with Backend(make_project(tmp_path / "project"), data) as backend:
        backend.ready()
        answers = {}
        threads = [
            threading.Thread(target=lambda p=path: answers.update({p: backend.get(p)}))
            for path in ("/slow/", "/big/")
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        assert backend.stop() == 0
        for thread in threads:
            thread.join(60)
    assert answers["/slow/"][2] == b"slow answer"
    assert len(answers["/big/"][2]) == 64 * 1024 * 1024


def test_prints_and_input_at_import_disturb_nothing(tmp_path, data):
    noise = "print('hello'); import sys; sys.stdout.flush(); assert sys.stdin.read() == ''\n"
    noise += "import subprocess; subprocess.run(['sh', '-c', 'echo child; cat'], check=True)\n"
    project = make_project(tmp_path / "project", {"manage.py": noise + MANAGE})
    with Backend(project, data) as backend:
        backend.ready()
        assert [event["event"] for event in backend.events if event["event"] != "migrating"] == [
            "listening",
            "ready",
        ]
        assert backend.stop() == 0
    assert "hello" in backend.stderr.read_text()


def test_a_second_backend_on_the_same_data_is_refused(tmp_path, data):
    project = make_project(tmp_path / "project")
    with Backend(project, data) as first:
        first.ready()
        with Backend(project, data) as second:
            assert second.failed()["exit"] == 12
        assert first.get("/")[0] == 200
        with Backend(project, tmp_path / "other", port=first.port) as third:
            assert third.failed()["exit"] == 11


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"settings.py": SETTINGS + "\nimport nothing_here"}, "nothing_here"),
        ({"settings.py": SETTINGS + "\nimport os; os.environ['NEEDED_NAME']"}, "NEEDED_NAME"),
        ({"settings.py": SETTINGS + "\nraise SystemExit(3)"}, "SystemExit"),
        ({"urls.py": "import nothing_here"}, "nothing_here"),
        ({"manage.py": "def broken(:"}, "SyntaxError"),
        ({"manage.py": ""}, "settings module"),
    ],
)
def test_a_project_that_fails_to_load_says_why(tmp_path, data, files, text):
    with Backend(make_project(tmp_path / "project", files), data) as backend:
        failure = backend.failed()
    assert failure["exit"] == 17
    assert text in failure["message"]


def test_static_files_that_a_project_keeps_in_its_own_static_root_are_served(tmp_path, data):
    apps = SETTINGS.replace('"app"]', '"app", "django.contrib.staticfiles"]')
    files = {
        "settings.py": apps + "\nSTATIC_ROOT = BASE_DIR / 'static'\n",
        "static/site.css": "built",
        "secret.txt": "not static",
    }
    with Backend(make_project(tmp_path / "project", files), data).ready() as backend:
        assert backend.get("/static/site.css")[::2] == (200, b"built")
        assert backend.get("/static/../secret.txt")[0] == 404


def test_an_interpreter_without_django_says_so(tmp_path, data, monkeypatch):
    bare = tmp_path / "bare"
    venv.create(bare)
    scripts = ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
    monkeypatch.setattr(sys, "executable", str(bare.joinpath(*scripts)))
    with Backend(make_project(tmp_path / "project"), data) as backend:
        failure = backend.failed()
    assert failure["exit"] == 17
    assert "django" in failure["message"]


def test_celery_style_setup_inside_the_settings_package(tmp_path, data):
    """A package whose __init__ sets Django up while its settings are still loading."""
    files = {
        "manage.py": MANAGE.replace('"settings"', '"site_package.settings"'),
        "site_package/__init__.py": (
            "import os, sys\n"
            "if 'site_package.settings' not in sys.modules:\n"
            "    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_package.settings')\n"
            "    from django.conf import settings\n"
            "    assert settings.ALLOWED_HOSTS == ['127.0.0.1', 'localhost']\n"
        ),
        "site_package/settings.py": SETTINGS,
    }
    with Backend(make_project(tmp_path / "project", files), data) as backend:
        backend.ready()
    assert (data / "db.sqlite3").exists()


def test_a_replaced_settings_object_is_layered_too(tmp_path, data):
    """What dynaconf does: django.conf.settings is another object by the end of the module."""
    replace = """
import django.conf
class Other(dict):
    __getattr__ = dict.__getitem__
    def __setattr__(self, name, value): self[name] = value
class Lazy:
    configured = True
    def __getattr__(self, name):
        if name in globals(): return globals()[name]
        return getattr(django.conf.global_settings, name)
django.conf.settings._wrapped = django.conf.empty
type(django.conf.settings)._setup = lambda self, name=None: setattr(self, "_wrapped", Lazy())
"""
    project = make_project(tmp_path / "project", {"settings.py": SETTINGS + replace})
    with Backend(project, data) as backend:
        event = backend.until("ready", "failed")
        assert event["event"] == "ready" or event["exit"] == 18
    assert not (project / "db.sqlite3").exists()


CHILD = """
def name():
    from django.conf import settings
    return str(settings.DATABASES["default"]["NAME"])
def database(queue):
    queue.put(name())
def show():
    print(name())
"""


def test_spawned_and_forked_children_get_the_overlay(tmp_path, data):
    views = (
        VIEWS
        + """
import multiprocessing, subprocess, sys, json, os
from app.child import database
def children(request):
    names = []
    for method in ("spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        process = context.Process(target=database, args=(queue,))
        process.start(); names.append(queue.get(timeout=60)); process.join()
    code = "import app.child; app.child.show()"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    names.append(out.stdout.strip() or out.stderr)
    return HttpResponse(json.dumps([names, "DESKTOP_DJANGO_AUTH_TOKEN" in os.environ]))
"""
    )
    files = {
        "app/child.py": CHILD,
        "app/views.py": views,
        "urls.py": URLS + "urlpatterns.append(path('children/', views.children))\n",
    }
    with Backend(make_project(tmp_path / "project", files), data) as backend:
        names, token_visible = json.loads(backend.ready().get("/children/")[2])
        assert names == [str(data / "db.sqlite3")] * 3
        assert not token_visible
        assert backend.stop() == 0


def test_a_child_that_ignores_signals_does_not_survive(tmp_path, data):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(120)"
    urls = (
        URLS
        + f"import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', {code!r}])\n"
    )
    with Backend(make_project(tmp_path / "project", {"urls.py": urls}), data) as backend:
        backend.ready()
        (child,) = psutil.Process(backend.process.pid).children()
        time.sleep(0.3)
        assert backend.stop() == 0
        _gone, alive = psutil.wait_procs([child], timeout=60)
        assert not alive


WORKER = """
import os, time
from django.core.management.base import BaseCommand
from app.models import Note
class Command(BaseCommand):
    def handle(self, **options):
        Note.objects.create(text=f"worker {os.getpid()}")
        time.sleep(600)
"""


def test_workers_are_restarted_and_end_with_the_backend(tmp_path, data):
    files = {
        "app/management/__init__.py": "",
        "app/management/commands/__init__.py": "",
        "app/management/commands/work.py": WORKER,
    }
    project = make_project(
        tmp_path / "project", files, '[[workers]]\nname = "w"\ncommand = ["work"]\n'
    )

    def seen(backend, count):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            pids = [int(t.split()[1]) for t in backend.get("/")[2].decode().split(",") if t]
            if len(pids) == count:
                return pids[-1]
            time.sleep(0.1)
        raise AssertionError((data / "logs" / "worker-w.log").read_text())

    with Backend(project, data) as backend:
        first = seen(backend.ready(), 1)
        psutil.Process(first).kill()
        second = seen(backend, 2)
        assert backend.stop() == 0
        assert not psutil.pid_exists(second)
    with Backend(project, data) as backend:
        third = seen(backend.ready(), 3)
        worker = psutil.Process(third)
        backend.process.kill()
        _gone, alive = psutil.wait_procs([worker], timeout=60)
        assert not alive


def test_old_key_copies_are_replaced(tmp_path, data):
    settings = SETTINGS + "\nJWT = {'SIGNING_KEY': SECRET_KEY}\nOTHER_KEY = SECRET_KEY\n"
    views = VIEWS + (
        "from django.conf import settings\n"
        "def keys(request): return HttpResponse('|'.join([settings.SECRET_KEY, settings.OTHER_KEY,"
        " settings.JWT['SIGNING_KEY']]))\n"
    )
    files = {
        "settings.py": settings,
        "app/views.py": views,
        "urls.py": URLS + "urlpatterns.append(path('keys/', views.keys))\n",
    }
    with Backend(make_project(tmp_path / "project", files), data) as backend:
        keys = set(backend.ready().get("/keys/")[2].decode().split("|"))
    assert keys == {(data / "secret_key").read_text()}


def test_single_user_sign_in(tmp_path, data):
    views = VIEWS + "def me(request): return HttpResponse(request.user.get_username())\n"
    files = {
        "app/views.py": views,
        "urls.py": URLS + "urlpatterns.append(path('me/', views.me))\n",
    }
    project = make_project(tmp_path / "project", files, '[login]\nuser = "owner"\ncreate = true\n')
    with Backend(project, data) as backend:
        _status, headers, body = backend.ready().get("/me/")
        assert body == b"owner"
        assert "org_example_tiny_sessionid" in headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("DESKTOP_DJANGO_HOST", "0.0.0.0"), ("DESKTOP_DJANGO_PORT", "no"),
     ("DESKTOP_DJANGO_PORT", "9" * 5000),
     ("DESKTOP_DJANGO_AUTH_TOKEN", "short"), ("DESKTOP_DJANGO_RUNTIME_MODE", "maybe"),
     ("DESKTOP_DJANGO_BUNDLE_DIR", "relative")],
)  # fmt: skip
def test_a_broken_contract_is_refused(tmp_path, data, variable, value):
    with Backend(make_project(tmp_path / "project"), data, **{variable: value}) as backend:
        failure = backend.failed()
    assert failure["exit"] == 10
    assert variable in failure["message"]


def test_a_packaged_run_needs_a_finished_bundle(tmp_path, data):
    project = make_project(tmp_path / "project")
    with Backend(project, data, DESKTOP_DJANGO_RUNTIME_MODE="packaged") as backend:
        assert backend.failed()["exit"] == 20
