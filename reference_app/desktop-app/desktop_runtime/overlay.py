"""Lays the desktop layers over a project's settings without touching its files.

`django.conf.Settings` is replaced by a subclass that applies the layers once its parent has
loaded the project's module. That moment is the same however the project loads its settings:
through manage.py, a Celery app in a package's `__init__`, or `django.setup()` of its own.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from .contract import BackendError, Exit, Installation
from .environment import keep_loopback_direct, set_defaults
from .manifest import Manifest
from .queues import FOLDER

_applied: dict[str, Any] = {}
_installed = False


def install(installation: Installation, manifest: Manifest) -> None:
    """Set environment defaults and have every settings object of this process layered.

    Once: a child of the staged Python gets here twice, by its .pth and by importing launch.py.
    """
    global _installed
    if _installed:
        return
    _installed = True
    keep_loopback_direct()
    set_defaults(installation, manifest)

    def patch(conf: ModuleType) -> None:
        # Not before: children without Django import this module too.
        from .layers import layers, set_pragmas_on_connect

        set_pragmas_on_connect()

        class Settings(conf.Settings):
            def __init__(self, settings_module: str) -> None:
                super().__init__(settings_module)
                self._layer(sys.modules[settings_module])

            def _layer(self, module: ModuleType) -> None:
                _applied.update(layers(self, installation, manifest))
                for name, value in _applied.items():
                    setattr(self, name, value)
                    setattr(module, name, value)
                    self._explicit_settings.add(name)
                # Before 5.1 a module that is loaded again must not have both.
                for old_name in ("DEFAULT_FILE_STORAGE", "STATICFILES_STORAGE"):
                    vars(module).pop(old_name, None)

        conf.Settings = Settings

    def wrap_setup(django: ModuleType) -> None:
        original = django.setup

        def setup(*args: Any, **kwargs: Any) -> None:
            from django.apps import apps

            reapply()
            if not apps.ready:  # a second one, as in wsgi.py, would take our log off its logger
                original(*args, **kwargs)

        django.setup = setup

    def tell_celery(_: ModuleType) -> None:
        from . import celeryapp

        celeryapp.install(installation.app_data / FOLDER, "celery" in manifest.programs)

    after_import("django", wrap_setup)
    after_import("django.conf", patch)
    after_import("celery.app.base", tell_celery)


def after_import(name: str, then: Callable[[ModuleType], None]) -> None:
    """Have `then(module)` called as soon as a module is imported; at once if it has been."""
    if name in sys.modules:
        then(sys.modules[name])
    else:
        sys.meta_path.insert(0, _AfterImport(name, then))


def reapply() -> None:
    """Set what differs on the settings object in use: a project may replace it, as dynaconf
    does once its module has loaded."""
    from django import conf

    conf.settings.INSTALLED_APPS  # noqa: B018 - loads the settings, which may swap the object
    settings = conf.settings
    for name, value in _applied.items():
        if getattr(settings, name, None) != value:
            setattr(settings, name, value)


def verify() -> None:
    """Check that the settings Django uses are the layered ones.

    Raises `BackendError` with `Exit.LAYERS_LOST`.
    """
    from django.conf import settings

    reapply()
    lost = [name for name, value in _applied.items() if getattr(settings, name, None) != value]
    if lost or not _applied:
        raise BackendError(
            Exit.LAYERS_LOST,
            f"The project replaces its settings; not in force: {', '.join(lost) or 'any layer'}.",
            "Give these values through [django.env] in desktop-app/desktop.toml.",
        )


class _AfterImport:
    """Calls `then(module)` right after `name` was imported, and steps aside.

    A meta path finder without its base: that brings all of importlib.resources along.
    """

    def __init__(self, name: str, then: Callable[[ModuleType], None]) -> None:
        self.name, self.then = name, then

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> Any:
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load, then = spec.loader.exec_module, self.then

        def exec_module(module: ModuleType) -> None:
            load(module)
            then(module)

        spec.loader.exec_module = exec_module
        return spec
