"""Executed by the project's own interpreter: starts launch.py as a shell does, and takes notes.

    <python> -I -u -X utf8 inside.py REQUEST

REQUEST is a JSON file: {"launch", "manifest", "project", "journal", "copies", "notes"}, absolute
paths; "manifest" is read instead of desktop.toml, "journal" and "copies" are for `journal`. A note
is one line of JSON, written when it happens, because the project may end the process at any
moment. Standard library and the payload only; imports nothing of the kit.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import logging
import os
import runpy
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST_FRAMES = 40
LONGEST = 2000  # characters of a message or statement


def main(request_file: str) -> None:
    request = json.loads(Path(request_file).read_text(encoding="utf-8"))
    beside("../probe/journal.py").watch(request["project"], request["journal"], request["copies"])
    launch = Path(request["launch"])
    sys.path[:0] = [str(launch.parent / ".packages"), str(launch.parent)]
    from desktop_runtime import backend

    project = Path(request["project"])
    notes = Notes(Path(request["notes"]), project)
    if launch.parent.parent != project:
        tell_where(project, backend)
    read_manifest = backend.read_manifest
    backend.read_manifest = lambda _: read_manifest(Path(request["manifest"]))
    notes.watch(backend)
    sys.argv = [str(launch)]
    runpy.run_path(str(launch), run_name="__main__")


def tell_where(project: Path, backend: Any) -> None:
    """The project of a layer that does not lie in it: the runtime takes the folder above."""
    begin, enter, failure = backend.Backend.__init__, backend.enter, backend.project_failure

    def begin_there(this: Any, payload: Path) -> None:
        begin(this, payload)
        this.project = project

    backend.Backend.__init__ = begin_there
    backend.enter = lambda _, manifest: enter(project, manifest)
    backend.project_failure = lambda error, _: failure(error, project)


def beside(place: str) -> Any:
    """Another module of this kind: `journal` of the probe notes what the project is about to change
    in its folder."""
    file = Path(__file__).parent / place
    spec = importlib.util.spec_from_file_location(f"desktop_{file.stem}", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Notes:
    """What somebody outside cannot see: what was raised where, and who may sign in."""

    def __init__(self, file: Path, project: Path) -> None:
        self.project, self.process = project, os.getpid()
        self.file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.imports = beside("importtimes.py").ImportTimes(self.is_own)

    def write(self, **note: Any) -> None:
        if os.getpid() == self.process:
            os.write(self.file, (json.dumps(note) + "\n").encode())

    def watch(self, backend: Any) -> None:
        """Note what ends the start, what pages raise, and the state in which it is ready."""
        failure, send = backend.Backend._failure, backend.Channel.send
        make = logging.getLogRecordFactory()

        def noting_failure(this: Any, error: Exception) -> Any:
            self.write(kind="raised", **self.describe(error))
            return failure(this, error)

        def noting_send(this: Any, event: str, **values: Any) -> None:
            if event == "ready":
                self.write(kind="imports", slowest=self.imports.slowest())
                try:
                    self.write(kind="ready", **describe_state())
                except Exception:  # a model of the project's own; nothing depends on it
                    traceback.print_exc()
            send(this, event, **values)

        # Whatever LOGGING says, an exception that Django answers with 500 becomes a record.
        def noting_record(*given: Any, **named: Any) -> logging.LogRecord:
            record = make(*given, **named)
            error = record.exc_info and record.exc_info[1]
            if record.name == "django.request" and error and len(record.args or ()) == 2:
                self.write(kind="raised", page=str(record.args[1]), **self.describe(error))
            return record

        serve = backend.Backend._serve

        def hasty_serve(this: Any, *given: Any) -> None:
            save_hastily()
            serve(this, *given)

        backend.Backend._serve = hasty_serve
        self.imports.watch()
        backend.Backend._failure, backend.Channel.send = noting_failure, noting_send
        logging.setLogRecordFactory(noting_record)

    def describe(self, error: BaseException) -> dict[str, Any]:
        """What was raised, where in the project, and by which statement of which migration."""
        chain = [*causes(error)]
        ours = "desktop_runtime"
        first = next((e for e in chain if not type(e).__module__.startswith(ours)), error)
        found: dict[str, Any] = {
            "text": f"{type(first).__name__}: {first}"[:LONGEST],
            "statement": "", "migration": "", "file": "", "line": 0,
        }  # fmt: skip
        for each in chain:
            for frame, line in traceback.walk_tb(each.__traceback__):
                name, values = frame.f_code.co_filename, frame.f_locals
                if self.is_own(Path(name)):
                    found["file"], found["line"] = self.relative(name), line
                match Path(name).parts[-3:]:
                    case "db", "backends", "utils.py" if "sql" in values:
                        found["statement"] = str(values["sql"])[:LONGEST]
                    case "db", "migrations", "migration.py":
                        found |= self.operation(values.get("self"), values.get("operation"))
        return found

    def operation(self, migration: Any, operation: Any) -> dict[str, Any]:
        """The migration that runs, and the line of its source where the operation begins."""
        if not hasattr(migration, "operations"):
            return {}
        name = f"{migration.app_label}.{migration.name}"
        file = getattr(sys.modules.get(type(migration).__module__), "__file__", None)
        if file is None:
            return {"migration": name}
        number = next((n for n, each in enumerate(migration.operations) if each is operation), None)
        return {"migration": name, "file": self.relative(file), "line": line_of(file, number)}

    def is_own(self, file: Path) -> bool:
        foreign = {"site-packages", "desktop-app"}
        return file.is_relative_to(self.project) and foreign.isdisjoint(
            file.relative_to(self.project).parts
        )

    def relative(self, file: str) -> str:
        path = Path(file)
        inside = path.is_relative_to(self.project)
        return path.relative_to(self.project).as_posix() if inside else str(path)


def save_hastily() -> None:
    """Wait for no disk: these data are thrown away."""
    from django.db.backends.signals import connection_created

    def relax(connection: Any, **_: Any) -> None:
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA synchronous=OFF")

    connection_created.connect(relax, weak=False)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it came from, at most eight."""
    current: BaseException | None = error
    for _ in range(8):
        if current is None:
            return
        yield current
        current = current.__cause__ or current.__context__


def line_of(file: str, number: int | None) -> int:
    """Where the operation of this number is written, 0 where that cannot be told."""
    try:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return 0
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name("operations")], value=ast.List(elements)):
                if number is not None and number < len(elements):
                    return elements[number].lineno
                return node.lineno
    return 0


def describe_state() -> dict[str, Any]:
    """Who may sign in with a password that every installation has, which groups there are, and
    which page is the first."""
    from django.apps import apps
    from django.conf import settings
    from django.shortcuts import resolve_url

    state: dict[str, Any] = {"accounts": [], "groups": [], "pointers": {}}
    if apps.is_installed("django.contrib.auth"):
        from django.contrib.auth import get_user_model
        from django.contrib.auth.hashers import is_password_usable
        from django.contrib.auth.models import Group

        state["accounts"] = sorted(
            user.get_username()
            for user in get_user_model()._default_manager.all()
            if (password := getattr(user, "password", "")) and is_password_usable(password)
        )
        state["groups"] = [*Group.objects.order_by("pk").values_list("name", flat=True)]
    pointers = {"LOGIN_REDIRECT_URL": lambda: resolve_url(settings.LOGIN_REDIRECT_URL)}
    if apps.is_installed("django.contrib.admin"):
        from django.contrib import admin

        pointers["the admin's link to the site"] = lambda: admin.site.site_url
    for name, where in pointers.items():
        try:
            state["pointers"][name] = str(where() or "")
        except Exception:
            continue
    return state


if __name__ == "__main__":
    main(sys.argv[1])
