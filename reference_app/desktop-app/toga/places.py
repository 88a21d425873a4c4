"""Where things are: the project or its bundle, its launcher, and the folder for the user's data."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

IDENTIFIER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")

# What a backend may see of the environment; never what steers Python.
NAMES = (
    "PATH HOME USER LOGNAME LANG TZ TMPDIR DISPLAY WAYLAND_DISPLAY "
    "HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE "
    "SYSTEMROOT WINDIR COMSPEC PATHEXT TEMP TMP USERPROFILE APPDATA LOCALAPPDATA PROGRAMDATA "
    "USERNAME HOMEDRIVE HOMEPATH NUMBER_OF_PROCESSORS"
)
ALLOWED = frozenset(NAMES.split())
ALLOWED_PREFIXES = ("LC_", "XDG_")


class ManifestError(Exception):
    """Raised with a sentence for a person when desktop.toml cannot be used."""


@dataclass(frozen=True)
class Place:
    """The bundle (mode "packaged") or the project as it lies in its repository ("development")."""

    bundle: Path
    project: Path
    mode: str

    @property
    def payload(self) -> Path:
        return self.project / "desktop-app"


@dataclass(frozen=True)
class Manifest:
    """What the shell needs of desktop.toml; the backend judges the whole file."""

    name: str
    identifier: str
    version: str
    description: str
    author: str
    home: str
    background: str
    health_path: str
    environment_names: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """How the backend is started; host, port and token are added at each start."""

    arguments: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]


def find_place(here: Path) -> Place:
    """Of the project that the folder `here` of this shell belongs to."""
    project = here.parent.parent
    if (project.parent / "runtime-manifest.json").is_file():
        return Place(project.parent, project, "packaged")
    return Place(project, project, "development")


def read_manifest(file: Path) -> Manifest:
    """Raises ManifestError."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ManifestError(f"{file} cannot be read: {error}") from error
    app, django = tables.get("app", {}), tables.get("django", {})
    identifier = _text(app, "identifier")
    if not IDENTIFIER.fullmatch(identifier) or ".." in identifier:
        raise ManifestError(
            f'desktop.toml: identifier "{identifier}" may hold letters, digits, "." and "-" only'
        )
    background = _text(app, "background", "#ffffff")
    if not COLOUR.fullmatch(background):
        raise ManifestError(f'desktop.toml: background "{background}" must look like #0f2a33')
    return Manifest(
        name=_text(app, "name"),
        identifier=identifier,
        version=_text(app, "version", "0.0.0"),
        # Toga takes no empty texts; desktop.toml has them until somebody fills them in.
        description=app.get("description") or " ",
        author=app.get("author") or " ",
        home=_path(_text(app, "home", "/"), "home"),
        background=background,
        health_path=_path(_text(django, "health_path", "/health/"), "health_path"),
        environment_names=tuple(django.get("env", {})),
    )


def _text(table: Mapping[str, object], key: str, default: str = "") -> str:
    value = table.get(key, default)
    if not isinstance(value, str) or not value:
        raise ManifestError(f"desktop.toml: {key} must be a text that is not empty")
    return value


def _path(value: str, key: str) -> str:
    if not value.startswith("/") or value.startswith("//") or "\\" in value:
        raise ManifestError(
            f'desktop.toml: {key} must be a path that begins with one "/", not "{value}"'
        )
    return value


def app_data_folder(manifest: Manifest, place: Place, argv: Sequence[str]) -> Path:
    """The local (never roaming) folder of this app and user.

    A developer may name another one; a packaged app ignores that unless it was started from its
    staged bundle, which says so.
    """
    if place.mode == "development" or "--staged" in argv:
        named = os.environ.get("DESKTOP_DJANGO_APP_DATA_DIR", "")
        if Path(named).is_absolute():
            return Path(named)
    suffix = "-development" if place.mode == "development" else ""
    return _local_data() / f"{manifest.identifier}{suffix}"


def _local_data() -> Path:
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Application Support"
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    return base if base.is_absolute() else home / ".local" / "share"


def backend_command(place: Place, manifest: Manifest, app_data: Path) -> Command:
    """It runs in the Python of this shell; a developer may name another one in PYTHON."""
    developer: tuple[str, ...] = ()
    # Windows gives a window of its own to each program of the console that pythonw starts.
    python = sys.executable.replace("pythonw.exe", "python.exe")
    flags = ["-I", "-B", "-u", "-X", "utf8"]
    if place.mode == "development":
        developer = ("DJANGO_SETTINGS_MODULE", *manifest.environment_names)
        python = os.environ.get("PYTHON") or python
        flags = ["-I", "-u", "-X", "utf8", "-X", f"pycache_prefix={app_data}/pycache"]
    own = {
        "DESKTOP_DJANGO_APP_DATA_DIR": str(app_data),
        "DESKTOP_DJANGO_BUNDLE_DIR": str(place.bundle),
        "DESKTOP_DJANGO_RUNTIME_MODE": place.mode,
    }
    return Command(
        arguments=(python, *flags, str(place.payload / "launch.py")),
        folder=place.project,
        environment=allowed_environment(os.environ, developer) | own,
    )


def allowed_environment(environment: Mapping[str, str], extra: Sequence[str]) -> dict[str, str]:
    """The variables that the contract hands on, and those named in `extra`."""
    return {
        name: value
        for name, value in environment.items()
        if name.upper() in ALLOWED or name.startswith(ALLOWED_PREFIXES) or name in extra
    }


def application_id(identifier: str) -> str:
    """As D-Bus wants names: at least two parts, none of which begins with a digit."""
    parts = [f"_{part}" if part[0].isdigit() else part for part in identifier.split(".")]
    return ".".join(parts if len(parts) > 1 else ["desktop-django", *parts])
