"""The project of the campaign: it keeps numbered rows, its worker does too, and it has versions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.runtime.backends import MANAGE, SETTINGS

PAYLOAD = Path(__file__).parents[2] / "reference_app" / "desktop-app"
FIRST_ROW = 0  # what the first run makes
MANIFEST = """
spec = "1.0"

[app]
name = "Ledger"
identifier = "org.example.ledger"
version = "1.0.0"
description = "Numbered rows."
author = "desktop-django-kit contributors"

[data]
first_run = [["open_ledger"]]

[[workers]]
name = "clerk"
command = ["clerk"]
"""
URLS = """
from django.urls import path
from app import views
urlpatterns = [path("", views.home), path("rows/", views.rows)]
"""
VIEWS = """
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from app.models import Row
def home(request):
    return HttpResponse("<!doctype html><title>Ledger</title><h1>Ledger</h1>")
@csrf_exempt
def rows(request):
    if request.method == "POST":
        Row.objects.create(number=int(request.GET["number"]), text="x" * 200)
        return HttpResponse("kept")
    return JsonResponse({"rows": list(Row.objects.values_list("number", flat=True))})
"""
MODELS = """
from django.db import models
class Row(models.Model):
    number = models.BigIntegerField(unique=True)
    text = models.TextField()
"""
INITIAL = """
from django.db import migrations, models
class Migration(migrations.Migration):
    initial = True
    operations = [migrations.CreateModel("Row", [
        ("id", models.BigAutoField(primary_key=True)),
        ("number", models.BigIntegerField(unique=True)), ("text", models.TextField())])]
"""
OPEN_LEDGER = """
from django.core.management.base import BaseCommand
from app.models import Row
class Command(BaseCommand):
    def handle(self, **options):
        Row.objects.create(number=0, text="made by the first run")
"""
# The worker's numbers are negative; it tells a file of the app data folder what is committed.
CLERK = """
import os, time
from pathlib import Path
from django.core.management.base import BaseCommand
from django.db.models import Min
from app.models import Row
class Command(BaseCommand):
    def handle(self, **options):
        number = min(Row.objects.aggregate(n=Min("number"))["n"] or 0, 0)
        file = Path(os.environ["DESKTOP_DJANGO_APP_DATA_DIR"]) / "cache" / "clerk"
        with file.open("a") as kept:
            while True:
                number -= 1
                Row.objects.create(number=number, text="y" * 200)
                kept.write(f"{number}\\n")
                kept.flush()
                os.fsync(kept.fileno())
                time.sleep(0.01)
"""
UPDATE = """
import time
from django.db import migrations
def work(apps, schema_editor):
    Row = apps.get_model("app", "Row")
    for step in range(20):
        Row.objects.update(text=str(step) * 400)
        time.sleep(0.05)
    {end}
class Migration(migrations.Migration):
    atomic = False
    dependencies = [("app", "0001_initial")]
    operations = [migrations.RunPython(work)]
"""
FILES = {
    "manage.py": MANAGE,
    "settings.py": SETTINGS,
    "urls.py": URLS,
    "app/__init__.py": "",
    "app/models.py": MODELS,
    "app/views.py": VIEWS,
    "app/migrations/__init__.py": "",
    "app/migrations/0001_initial.py": INITIAL,
    "app/management/__init__.py": "",
    "app/management/commands/__init__.py": "",
    "app/management/commands/open_ledger.py": OPEN_LEDGER,
    "app/management/commands/clerk.py": CLERK,
    "desktop-app/desktop.toml": MANIFEST,
}
UPDATE_FILE = "app/migrations/0002_update.py"
VERSIONS = {
    "first": {},
    # What it does to the rows is not undone by the database: only the backup can.
    "second": {UPDATE_FILE: UPDATE.format(end="pass")},
    "failing": {
        UPDATE_FILE: UPDATE.format(end='Row.objects.all().delete(); raise ValueError("no")')
    },
    "growing": {UPDATE_FILE: UPDATE.format(end='Row.objects.update(text="z" * 100_000)')},
}
SHIPPED = ("launch.py", "desktop_runtime", "electron", "icons", "requirements.txt", ".gitignore")
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "node_modules")


def make(folder: Path, payload: Path = PAYLOAD, version: str = "first") -> Path:
    """Write one version of the project with that payload into `folder`; returns it."""
    for name, text in (FILES | VERSIONS[version]).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for name in SHIPPED:
        source = payload / name
        if source.is_dir():
            shutil.copytree(source, folder / "desktop-app" / name, ignore=NOT_SHIPPED)
        elif source.exists():
            shutil.copy(source, folder / "desktop-app")
    return folder


def bundle(folder: Path, project: Path) -> Path:
    """What a packaged app looks like to its backend, run by the interpreter of the tests."""
    shutil.copytree(project, folder / "app")
    record = {"allow_old_sqlite": True}
    (folder / "runtime-manifest.json").write_text(json.dumps(record), encoding="utf-8")
    return folder
