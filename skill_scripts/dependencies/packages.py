"""What is known of other people's packages: packages.toml beside this module."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Notice:
    """What becomes of a package on a desktop: the finding of a project that has it."""

    id: str
    severity: str
    app: str  # the beginning of the name in INSTALLED_APPS
    what: str
    do: str


@dataclass(frozen=True)
class Package:
    """One distribution."""

    name: str  # normalised
    modules: tuple[str, ...]  # top-level ones that it provides; its name, unless told
    install: str  # the requirement where a project declares none; its name, unless told
    server_only: bool = False
    """It only makes sense on a server, or needs a database client's headers to build. It is
    installed only if something imports it."""
    front_end: str = ""  # the finding of a project that reads the result of its build
    notice: Notice | None = None

    @classmethod
    def read(cls, name: str, table: dict[str, Any]) -> "Package":
        """From an entry of packages.toml. Raises TypeError when it has an unknown key."""
        own = dict(table)
        modules = tuple(own.pop("modules", [re.sub(r"[-.]", "_", name)]))
        install = own.pop("install", name)
        finding = own.pop("finding", None)
        notice = Notice(**{"app": modules[0]} | finding) if finding else None
        return cls(name, modules, install, notice=notice, **own)


def _load() -> dict[str, Package]:
    path = Path(__file__).with_name("packages.toml")
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: Package.read(name, table) for name, table in tables.items()}


PACKAGES = _load()
OF_MODULE = {module: package for package in PACKAGES.values() for module in package.modules}
SERVER_ONLY = frozenset(package.name for package in PACKAGES.values() if package.server_only)
