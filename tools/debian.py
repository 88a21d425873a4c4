"""Packages of the system, which only Debian's own can be asked for."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools import programs
from tools.places import WINDOWS
from tools.programs import MissingError, say

PACKAGES = {
    "git": "git",
    "xvfb-run": "xvfb",
    "xauth": "xauth",
    "xdotool": "xdotool",
    "chromium": "chromium",
    "libatomic.so.1": "libatomic1",
    "libXss.so.1": "libxss1",
}
# Servers that the tests of the import start themselves; none of them is in the PATH.
DATABASES = {
    "usr/lib/postgresql/*/bin/initdb": ["postgresql"],
    "usr/sbin/mariadbd": ["mariadb-server-core", "mariadb-client-core"],
}
# The system's web view, and what PyGObject is built with for it: the windows of the Toga shell.
WEB_VIEW = {
    "usr/lib/*/girepository-1.0/WebKit2-4.1.typelib": ["gir1.2-webkit2-4.1"],
    "usr/lib/*/pkgconfig/gobject-introspection-1.0.pc": ["libgirepository1.0-dev"],
    "usr/lib/*/pkgconfig/cairo-gobject.pc": ["libcairo2-dev"],
    "usr/bin/cc": ["gcc", "libc6-dev"],
    "usr/include/python3*/Python.h": ["python3-dev"],
}
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.d/desktop-django-kit.conf")


def install_web_view() -> None:
    """Install what the Toga shell lacks; where that is impossible, its windows are not opened."""
    if missing := _missing(WEB_VIEW):
        install(*missing, otherwise="")


def install_databases() -> None:
    """Install the servers that are missing; where that is impossible, their tests are skipped."""
    missing = _missing(DATABASES)
    if not missing:
        return
    if not NO_CLUSTER.parent.parent.exists():  # else the package starts a server at once
        NO_CLUSTER.parent.mkdir(parents=True)
        NO_CLUSTER.write_text("create_main_cluster = false\n", encoding="utf-8")
    install(*missing, otherwise="")


def _missing(packages: dict[str, list[str]]) -> list[str]:
    """Those whose files are not there; empty where none could be installed."""
    if WINDOWS or not can_apt():
        return []
    absent = [names for place, names in packages.items() if not [*Path("/").glob(place)]]
    return [name for names in absent for name in names]


def install_missing(*names: str) -> None:
    """Install the programs and libraries among `names` that this system lacks, all at once."""
    missing = [name for name in names if not shutil.which(name) and not shared_library(name)]
    if sys.platform != "linux":  # the display of the others needs no X server
        missing = [name for name in missing if name == "git"]
    if missing:
        wanted = [PACKAGES[name] for name in missing]
        otherwise = f"Please install {' and '.join(missing)} and run this again"
        hint = f" (Debian and Ubuntu: apt install {' '.join(wanted)})."
        install(*wanted, otherwise=otherwise + hint)


def install(*packages: str, otherwise: str) -> None:
    """Install Debian packages where that is possible, else raise MissingError with `otherwise`."""
    if WINDOWS or not can_apt():
        raise MissingError(otherwise)
    say(f"installing {', '.join(packages)} with apt-get")
    quiet = {
        "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "DEBCONF_NOWARNINGS": "yes"},
        "stdout": subprocess.DEVNULL,
    }
    programs.check(["apt-get", "update", "-qq"], **quiet)
    programs.check(
        ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *packages], **quiet
    )


def is_debian() -> bool:
    """Debian proper: Ubuntu's chromium package is only a pointer to a snap."""
    release = Path("/etc/os-release")
    return release.exists() and "ID=debian" in release.read_text().splitlines()


def can_apt() -> bool:
    return bool(shutil.which("apt-get")) and os.geteuid() == 0


def shared_library(name: str) -> bool:
    stem = name.removeprefix("lib").partition(".so")[0]
    return ".so" in name and bool(ctypes.util.find_library(stem))
