"""Bytecode that a full disk cut off costs one start at most."""

import os
import sys
from pathlib import Path

import pytest

from skill_scripts.development import app_data_folder
from skill_scripts.errors import KitError
from skill_scripts.run import run

from . import project
from .launching import Launch, Place

pytestmark = pytest.mark.slow


def cut(cache: Path) -> None:
    """Cut every compiled module."""
    modules = [*cache.rglob("*.pyc")]
    assert modules
    for module in modules:
        os.truncate(module, 20)


def test_project_and_packages_are_compiled_again(tmp_path):
    root = project.make(tmp_path / "project")
    data, cache = tmp_path / "data", tmp_path / "cache"

    def start() -> str:
        launch = Launch(Place(root, root), data, cache)
        event = launch.wait("ready", "failed")
        launch.stop()
        return event["event"] if event else ""

    assert start() == "ready"
    # What Python itself needs before launch.py is the next test's.
    standard = Path(os.__file__).parent
    for module in cache.rglob("*.pyc"):
        inside = module.relative_to(cache).parts
        if standard.name not in inside or "site-packages" in inside:
            os.truncate(module, 20)
    assert start() == "ready"
    again = [module for module in cache.rglob("models.*.pyc") if "project" in module.parts]
    assert again and all(module.stat().st_size > 20 for module in again)


def test_a_python_that_does_not_start_is_given_an_empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "data"))
    root = project.make(tmp_path / "project")
    (root / "settings.py").write_text("raise RuntimeError('reached')")
    manifest = root / "desktop-app" / "desktop.toml"
    manifest.write_text(
        manifest.read_text() + f'\n[python]\ninterpreter = "{Path(sys.executable).as_posix()}"\n'
    )

    def said() -> str:
        with pytest.raises(KitError) as raised:
            run(root, browser=True, announce=lambda _: None)
        return str(raised.value)

    assert "reached" in said()
    cut(app_data_folder("org.example.ledger") / "pycache")
    assert "reached" not in said()
    assert "reached" in said()
