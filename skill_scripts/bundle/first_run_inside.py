"""Runs in the bundled interpreter: makes the data of a first launch with the project's own code.

    python -I -B first_run_inside.py PAYLOAD RESULT DATA [CLOCK SHIFT]

PAYLOAD is the desktop-app of the bundle, the contract's variables say where the data goes. RESULT
is written as JSON. DATA is a backup to begin with instead of nothing, or "". CLOCK is a folder with
time_machine, SHIFT the seconds to run ahead.
"""

import json
import sys
from pathlib import Path


def main(payload: Path, result: Path, data: str, clock: str = "", shift: str = "0") -> int:
    """Migrate and, without data, run the first-run commands; returns the backend's exit code."""
    if clock:
        _shift_clock(clock, int(shift))
    sys.path.insert(0, str(payload))
    from desktop_runtime.backend import load_project
    from desktop_runtime.contract import BackendError, read_installation
    from desktop_runtime.data import open_folder
    from desktop_runtime.manifest import read_manifest
    from desktop_runtime.recovery import Recovery

    try:
        installation = read_installation()
        manifest = read_manifest(payload / "desktop.toml")
        held = open_folder(installation.app_data)
        if data:
            _unpack(Path(data), manifest.identifier, installation.app_data)
        recovery = Recovery(installation.app_data)
        load_project(payload, installation, manifest)
        from desktop_runtime.migrations import Databases

        databases = Databases(installation, manifest, payload.parent, recovery)
        databases.prepare(lambda *_: None)
        accounts, languages = _accounts(), _languages()
        databases.close()
        held.close()
    except BackendError as failure:
        content = {"exit": int(failure.code), "message": failure.message, "hint": failure.hint}
    else:
        content = {"exit": 0, "accounts": accounts, "languages": languages}
    result.write_text(json.dumps(content), encoding="utf-8")
    return content["exit"]


def _unpack(file: Path, identifier: str, app_data: Path) -> None:
    """As a restore does where there was nothing before. Raises BackendError (13, 22 or 23)."""
    from desktop_runtime.portable import Reader

    with Reader(file, identifier) as reader:
        reader.extract(app_data, lambda *_: None)
        names = json.dumps(dict(reader.content.databases))
        (app_data / "databases.json").write_text(names, encoding="utf-8")


def _accounts() -> list[str]:
    """The names of accounts that somebody could sign in to with a password."""
    from django.apps import apps
    from django.contrib.auth.hashers import is_password_usable

    if not apps.is_installed("django.contrib.auth"):
        return []
    from django.contrib.auth import get_user_model

    users = get_user_model()._default_manager.all()
    return sorted(
        user.get_username()
        for user in users
        if (password := getattr(user, "password", "")) and is_password_usable(password)
    )


def _languages() -> dict[str, object]:
    """The fields of pruning.Languages."""
    from django.conf import settings
    from django.conf.locale import LANG_INFO
    from django.middleware.locale import LocaleMiddleware
    from django.utils.module_loading import import_string

    offered = [code for code, _ in settings.LANGUAGES] if settings.USE_I18N else []
    offered += [each for code in offered for each in LANG_INFO.get(code, {}).get("fallback", ())]
    layers = map(import_string, settings.MIDDLEWARE)
    return {
        "default": settings.LANGUAGE_CODE,
        "offered": offered,
        "by_middleware": any(
            isinstance(each, type) and issubclass(each, LocaleMiddleware) for each in layers
        ),
    }


def _shift_clock(folder: str, seconds: int) -> None:
    import time

    sys.path.insert(0, folder)
    import time_machine

    time_machine.travel(time.time() + seconds, tick=True).start()
    sys.path.remove(folder)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:6]))
