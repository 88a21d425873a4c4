"""What a start imports before the app is ready, beside what Django and the project import."""

import re
import subprocess

import pytest

from . import backends
from .backends import Backend, launch, make_project

pytestmark = pytest.mark.slow

LINE = re.compile(r"import time:\s*(\d+) \|\s*\d+ \|\s*(\S+)")
OURS = {
    "aliases", "aside", "atomic", "backend", "backups", "channel", "channels", "contract", "data",
    "databases", "entry", "environment", "files", "first_run", "guard", "handover", "lateready",
    "layers", "limits", "log", "manifest", "migrations", "overlay", "passwords", "queues",
    "recovery", "redisserver", "rediskeeper", "refusals", "rehearsal", "replacing", "schedulers",
    "server", "serving", "shipped", "sites", "standins", "streams", "system", "trace", "versions",
    "workers",
}  # fmt: skip
OTHERS = {"app", "django", "tomllib", "urls", "waitress", "whitenoise", "wsgiref"}
SMALL = {"__future__", "encodings", "getopt"}
FIRST_AFTER_READY = "desktop_runtime.uploads"  # which `scheduled` imports, and so ends before it
LARGEST_SHARE = 1 / 3  # of the time of all imports; about a tenth
FLOOR = "import os, sys; sys.path.insert(0, sys.argv[1]); os.chdir(sys.argv[1]); import django; "
FLOOR += "os.environ['DJANGO_SETTINGS_MODULE'] = 'settings'; django.setup()"


def imports(text: str) -> dict[str, int]:
    """Microseconds of each import without those within it, by module and in order."""
    return {name: int(own) for own, name in LINE.findall(text)}


def flagged(command: list[str]) -> list[str]:
    return [command[0], "-X", "importtime", *command[1:]]


def test_a_start_imports_what_is_listed_here_and_little_of_it(tmp_path, monkeypatch):
    project, data = make_project(tmp_path / "project"), tmp_path / "data"
    with Backend(project, data) as backend:
        backend.ready()
        assert backend.stop() == 0
    backend.stderr.unlink()
    monkeypatch.setattr(backends, "launch", lambda *given: flagged(launch(*given)))
    with Backend(project, data) as backend:
        assert backend.ready().stop() == 0
    all_of_it = imports(backend.stderr.read_text(encoding="utf-8"))
    names = [*all_of_it]
    before_ready = names[: names.index(FIRST_AFTER_READY)]
    own = {name.partition(".")[2] for name in before_ready if name.startswith("desktop_runtime.")}
    assert own <= OURS, own - OURS

    command = [*launch(project, data)[:-1], "-c", FLOOR, str(project)]
    floor = subprocess.run(flagged(command), capture_output=True, text=True, check=True, timeout=60)
    more = {*before_ready} - {*imports(floor.stderr)}
    assert not {name for name in more if name.startswith("django.db.migrations")}
    packages = {name.partition(".")[0] for name in more} - {"desktop_runtime"}
    assert packages <= OTHERS | SMALL, packages - OTHERS - SMALL
    share = sum(all_of_it[name] for name in more) / sum(all_of_it[name] for name in before_ready)
    assert share < LARGEST_SHARE, {name: all_of_it[name] for name in more}
