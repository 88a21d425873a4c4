"""The split: base holds everywhere, local at a developer's desk, desktop picks one of them."""

import importlib

import pytest
from config.settings import base, desktop, local


def test_base_is_fit_to_ship() -> None:
    assert base.DEBUG is False
    assert base.SECRET_KEY == ""
    assert "django_browser_reload" not in base.INSTALLED_APPS


def test_local_is_for_development() -> None:
    assert local.DEBUG is True
    assert local.SECRET_KEY


def test_browser_reload_is_for_runserver_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "django_browser_reload" not in local.INSTALLED_APPS
    with monkeypatch.context() as patch:
        patch.setattr("sys.argv", ["manage.py", "runserver"])
        assert "django_browser_reload" in importlib.reload(local).INSTALLED_APPS
    importlib.reload(local)


@pytest.mark.parametrize(("mode", "debug"), [("development", True), ("packaged", False)])
def test_desktop_is_local_while_developing_and_base_once_packaged(
    monkeypatch: pytest.MonkeyPatch, mode: str, debug: bool
) -> None:
    monkeypatch.setenv("DESKTOP_DJANGO_RUNTIME_MODE", mode)
    assert importlib.reload(desktop).DEBUG is debug
