"""What a shell without a browser of its own needs of the system, on Linux: to be built, and to
open a window. Elsewhere the web view is a part of the system and nothing is built.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from skill_scripts.errors import KitError
from skill_scripts.layer.shells import Shell

TYPELIB = "WebKit2-4.1.typelib"
WEB_VIEW = "gir1.2-webkit2-4.1"
# By which WebKit confines the process of a page.
CONFINES = ("bubblewrap", "xdg-dbus-proxy")
# What pkg-config must know for the build of PyGObject and pycairo, and Debian's package of it.
LIBRARIES = {
    "gobject-introspection-1.0": "libgirepository1.0-dev",
    "cairo-gobject": "libcairo2-dev",
}
PROGRAMS = {"cc": "gcc", "pkg-config": "pkg-config"}
FOLDERS = ("usr/lib/*/girepository-1.0", "usr/lib*/girepository-1.0")
HEADERS = """
import pathlib, sysconfig
print(pathlib.Path(sysconfig.get_path("include"), "Python.h").is_file())
"""


def missing_view(shell: Shell) -> list[str]:
    """Debian's packages that are not here and without which the shell opens no window."""
    if not _asks(shell):
        return []
    found = [each for folder in FOLDERS for each in Path("/").glob(f"{folder}/{TYPELIB}")]
    return [] if found else [WEB_VIEW]


def missing(shell: Shell, python: Path) -> list[str]:
    """Those, and the ones without which its packages are not built for `python`."""
    if not _asks(shell):
        return []
    absent = [package for name, package in PROGRAMS.items() if not shutil.which(name)]
    if "pkg-config" not in absent:
        absent += [package for name, package in LIBRARIES.items() if not _is_known(name)]
    if _output([str(python), "-I", "-c", HEADERS]) == "False":
        absent.append("python3-dev")
    return [*absent, *missing_view(shell)]


def require(shell: Shell, packages: list[str]) -> None:
    """Raises KitError DDK-ENV-06 where `packages` of the system are missing."""
    if packages:
        names = " ".join(packages)
        message = f"the {shell.name} shell needs what is not here: {names}"
        raise KitError("DDK-ENV-06", message, packages=names)


def _asks(shell: Shell) -> bool:
    """Whether it takes from the system what may not be installed."""
    return bool(shell.built) and sys.platform == "linux"


def _is_known(library: str) -> bool:
    return subprocess.run(["pkg-config", "--exists", library]).returncode == 0


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
