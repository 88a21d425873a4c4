"""Starts the payload's backend on small projects the way a shell does."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil

from tests.bytecode import shared

PAYLOAD = Path(__file__).parents[2] / "reference_app" / "desktop-app"
TOKEN = secrets.token_urlsafe(32)
HEADERS = {"X-Desktop-Django-Token": TOKEN}

MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).parent
SECRET_KEY = "in the repository"
DEBUG = True
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions",
                  "app"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.middleware.csrf.CsrfViewMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware"]
ROOT_URLCONF = "urls"
STATIC_URL = "static/"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""
URLS = """
from django.urls import path
from app import views
urlpatterns = [path("", views.home), path("slow/", views.slow), path("big/", views.big)]
"""
VIEWS = """
import time
from django.http import HttpResponse, StreamingHttpResponse
from app.models import Note
def home(request):
    if request.GET.get("add"):
        Note.objects.create(text=request.GET["add"])
    return HttpResponse(",".join(Note.objects.values_list("text", flat=True)))
def slow(request):
    time.sleep(2)
    return HttpResponse("slow answer")
def big(request):
    return StreamingHttpResponse(b"x" * 65536 for _ in range(1024))
"""
MODELS = """
from django.db import models
class Note(models.Model):
    text = models.CharField(max_length=100)
"""
INITIAL = """
from django.db import migrations, models
class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.CreateModel("Note", [
        ("id", models.BigAutoField(primary_key=True)), ("text", models.CharField(max_length=100))])]
"""
BY_ASGI = '[django]\nserver = "asgi"\n'
SERVERS = {"wsgi": "", "asgi": BY_ASGI}
"""What of a manifest chooses the server, by its protocol."""
MANIFEST = '[app]\nname = "Tiny"\nidentifier = "org.example.tiny"\n'


def make_project(folder: Path, files: dict[str, str] | None = None, manifest: str = "") -> Path:
    """A complete small project with the payload; `files` replace or add to it."""
    content = {
        "manage.py": MANAGE,
        "settings.py": SETTINGS,
        "urls.py": URLS,
        "app/__init__.py": "",
        "app/models.py": MODELS,
        "app/views.py": VIEWS,
        "app/migrations/__init__.py": "",
        "app/migrations/0001_initial.py": INITIAL,
        "desktop-app/desktop.toml": MANIFEST + manifest,
        **(files or {}),
    }
    for name, text in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copy(PAYLOAD / "launch.py", folder / "desktop-app")
    shutil.copytree(
        PAYLOAD / "desktop_runtime",
        folder / "desktop-app" / "desktop_runtime",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    return folder


def environment(project: Path, app_data: Path, **values: str) -> dict[str, str]:
    """The contract's variables but for the port."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "SYSTEMROOT")}
    contract = {
        "DESKTOP_DJANGO_HOST": "127.0.0.1",
        "DESKTOP_DJANGO_AUTH_TOKEN": TOKEN,
        "DESKTOP_DJANGO_APP_DATA_DIR": str(app_data),
        "DESKTOP_DJANGO_BUNDLE_DIR": str(project),
        "DESKTOP_DJANGO_RUNTIME_MODE": "development",
    }
    return {**kept, **contract, **values}


def launch(project: Path, app_data: Path, *arguments: str) -> list[str]:
    """The command line that starts launch.py."""
    bytecode = shared(otherwise=app_data / "pycache")
    flags = ["-I", "-u", "-X", "utf8", "-X", f"pycache_prefix={bytecode}"]
    return [sys.executable, *flags, str(project / "desktop-app" / "launch.py"), *arguments]


def ended(project: Path, app_data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run launch.py to its end."""
    return subprocess.run(
        launch(project, app_data, *arguments),
        env=environment(project, app_data),
        text=True,
        capture_output=True,
        timeout=120,
    )


def manage(project: Path, app_data: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a management command on the desktop's data."""
    return ended(project, app_data, "manage", *command)


def restore(project: Path, app_data: Path, *arguments: str) -> dict:
    """What `launch.py restore` says."""
    done = ended(project, app_data, "restore", *arguments)
    document = json.loads(done.stdout)
    assert done.returncode == (int(document["error"]["code"][-2:]) if "error" in document else 0)
    return document


class Backend:
    """One run of launch.py, ended by its lifeline or by pid."""

    def __init__(self, project: Path, app_data: Path, port: int = 0, **environ: str) -> None:
        self.project, self.app_data, self.events = project, app_data, []
        app_data.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.stderr = app_data / "stderr.log"
        with self.stderr.open("ab") as log:
            self.process = subprocess.Popen(
                launch(project, app_data),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(
                    project, app_data, **{"DESKTOP_DJANGO_PORT": str(self.port), **environ}
                ),
            )

    def __enter__(self) -> Backend:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            for child in [*psutil.Process(self.process.pid).children(recursive=True)]:
                child.kill()
            self.process.kill()
        self.process.wait(60)
        self.process.stdin.close()
        self.process.stdout.close()

    def until(self, *names: str) -> dict:
        """Read events up to the first of `names`; an empty event when the stream ends."""
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if self.events[-1]["event"] in names:
                return self.events[-1]
        return {"event": "end"}

    def ready(self) -> Backend:
        event = self.until("ready", "failed")
        assert event["event"] == "ready", (event, self.stderr.read_text())
        return self

    def failed(self) -> dict:
        event = self.until("ready", "failed")
        assert event["event"] == "failed", event
        assert self.process.wait(60) == event["exit"]
        return event

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict, bytes]:
        status, lines, body = self.request("GET", path, headers)
        return status, dict(lines), body

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, header lines and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, HEADERS if headers is None else headers)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 30)

    def stop(self) -> int:
        self.process.stdin.close()
        return self.process.wait(120)


def rows(app_data: Path) -> list[str]:
    """The texts in the database of the project that `make_project` makes."""
    with contextlib.closing(sqlite3.connect(app_data / "db.sqlite3")) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM app_note")]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
