"""Enters a project the way its own manage.py does, up to the point where commands begin."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from .contract import BackendError, Exit
from .manifest import Manifest


class _Reached(BaseException):
    """manage.py has done its preparations and asks Django to run a command."""


def enter(project: Path, manifest: Manifest) -> None:
    """Let the project choose its settings: dotenv files, sys.path and argv count as usual.

    Afterwards the working directory is manage.py's folder and DJANGO_SETTINGS_MODULE is set;
    nothing of Django has been set up. Raises `BackendError` with `Exit.PROJECT_FAILED`.
    """
    manage = project / manifest.manage if manifest.manage else None
    home = manage.parent if manage else project
    sys.path[:0] = [str(project / folder) for folder in manifest.path]
    sys.path.insert(0, str(home))
    sys.argv = [str(manage or project / "manage.py"), *manifest.argv]
    if manifest.settings:
        os.environ["DJANGO_SETTINGS_MODULE"] = manifest.settings
    try:
        os.chdir(home)
        if manage:
            _run_until_commands(manage)
    except (Exception, SystemExit) as error:
        raise project_failure(error, project) from error
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        raise BackendError(
            Exit.PROJECT_FAILED,
            f"{manifest.manage or 'desktop.toml'} names no settings module.",
            "Set [django] settings in desktop-app/desktop.toml.",
        )


def application() -> Any:
    """What the project's wsgi.py makes, which may wrap Django; Django's own if that fails."""
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.utils.module_loading import import_string

    # As Django's runserver does, whose module brings a server along.
    if not settings.WSGI_APPLICATION:
        return WSGIHandler()
    return _made(partial(import_string, settings.WSGI_APPLICATION), WSGIHandler, "WSGI_APPLICATION")


def asgi_application() -> Any:
    """The same of its asgi.py, which may serve websockets."""
    from django.conf import settings
    from django.core.handlers.asgi import ASGIHandler
    from django.utils.module_loading import import_string

    # Django itself reads no such setting, so that many projects have an asgi.py and no name of it.
    beside = str(settings.WSGI_APPLICATION or "").replace("wsgi", "asgi")
    named = getattr(settings, "ASGI_APPLICATION", None)
    with contextlib.suppress(ImportError, ValueError):
        named = named or (find_spec(beside.rpartition(".")[0]) and beside)
    if not named:
        return ASGIHandler()
    return _made(partial(import_string, named), ASGIHandler, "ASGI_APPLICATION")


def _made(make: Callable[[], Any], own: Callable[[], Any], setting: str) -> Any:
    folder, module = Path.cwd(), os.environ["DJANGO_SETTINGS_MODULE"]
    try:
        return make()
    except (Exception, SystemExit):
        traceback.print_exc()
        print(f"warning: {setting} cannot be used, Django answers alone", file=sys.stderr)
        return own()
    finally:
        # Such a module is made for a server: it may choose other settings, for children too.
        os.chdir(folder)
        os.environ["DJANGO_SETTINGS_MODULE"] = module


def _run_until_commands(manage: Path) -> None:
    from django.core import management

    def stop_here(*_: object, **__: object) -> None:
        raise _Reached

    original = management.execute_from_command_line
    management.execute_from_command_line = stop_here
    # A module of its own: __main__ stays launch.py, which spawned children import again to
    # get the overlay.
    module = ModuleType("__main__")
    module.__file__ = str(manage)
    try:
        exec(compile(manage.read_bytes(), str(manage), "exec"), module.__dict__)
    except _Reached:
        pass
    finally:
        management.execute_from_command_line = original


def project_failure(error: BaseException, project: Path) -> BackendError:
    """Turn what the project raised into one sentence with the place in the project's code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(Path(frame.filename), project)]
    place = ""
    if own:
        name = Path(own[-1].filename).relative_to(project).as_posix()
        place = f" ({name}, line {own[-1].lineno})"
    return BackendError(
        Exit.PROJECT_FAILED,
        f"The project failed to load: {type(error).__name__}: {error}{place}",
        "The backend's log has the full traceback; `desktop-django survey` names what is missing.",
    )


def _is_own(file: Path, project: Path) -> bool:
    """Whether a file is the project's, not its environment's or ours."""
    foreign = {"site-packages", "desktop-app"}
    return file.is_relative_to(project) and not foreign & {*file.relative_to(project).parts}
