"""The shells of the kit: what each is made of, and where it lies.

What runs, stages and packages a project asks here instead of naming a shell.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shell:
    """One shell; paths are relative to the layer."""

    name: str
    """Value of `[app] shell`, and the folder it lies in."""
    requirements: tuple[str, ...] = ()
    """Files that pin what it imports, for a shell that runs in the project's Python."""
    locked: str = ""
    """Where a package manager of its own keeps its versions."""
    install: str = ""
    """What a person types in its folder to have these."""
    made: tuple[str, ...] = ()
    """Folders in its own that only this machine has."""
    modules: tuple[str, ...] = ()
    """What it imports of these."""
    built: frozenset[str] = frozenset()
    """Distributions without a wheel for Linux, which are built against the system's libraries."""

    shipped: tuple[str, ...] = ()
    """What lies in the bundle, for one that runs in the bundle's Python."""
    keeps: frozenset[str] = frozenset()
    """What else it needs of the bundle's Python, as `bundled_python.place` names it."""


ELECTRON = Shell(
    "electron", locked="electron/package-lock.json", install="npm ci", made=("node_modules",)
)
TOGA = Shell(
    "toga",
    requirements=("toga/requirements.txt",),
    modules=("toga",),
    built=frozenset({"pycairo", "pygobject"}),
    shipped=("toga", "icons/icon.png", "icons/icon.ico", "icons/icon.icns"),
    keeps=frozenset({"pythonw.exe"}),
)
SHELLS = {each.name: each for each in (ELECTRON, TOGA)}


def shell_of(settings: Mapping[str, Any]) -> Shell:
    """The shell that desktop.toml chooses."""
    return SHELLS[settings["app"]["shell"]]


def among(names: Iterable[str]) -> Shell:
    """The shell that is among these files of a layer."""
    found = {name.partition("/")[0] for name in names}
    return next((each for each in SHELLS.values() if each.name in found), ELECTRON)


def others(shell: Shell) -> tuple[Shell, ...]:
    """All shells but this one."""
    return tuple(each for each in SHELLS.values() if each != shell)


def is_of(name: str, shells: Iterable[Shell]) -> bool:
    """Whether a file of the layer belongs to one of these shells."""
    return name.partition("/")[0] in {each.name for each in shells}
