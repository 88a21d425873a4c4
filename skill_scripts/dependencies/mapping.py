"""Which distribution provides a module, by a public mapping: that of the package pyimport2pkg.

It holds what the 15,000 distributions of PyPI with the most downloads provide. Only its data are
read; nothing of that package runs.
"""

import re
import sqlite3
from contextlib import closing
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Downloads in 30 days.
LEAST = 20_000
LEAST_UNDER_ANOTHER_NAME = 5_000_000
CLEAR = 4  # times as many as the next
MOST_CANDIDATES = 3
# Names that a project gives to modules of its own; one that is missing there is in no package.
OWN_NAMES = frozenset(
    {
        "api", "app", "apps", "base", "client", "common", "conf", "config", "configs", "const",
        "constants", "core", "data", "database", "db", "env", "example", "examples", "helper",
        "helpers", "home", "lib", "local", "local_settings", "main", "models", "plugins", "project",
        "scripts", "secret", "secrets", "server", "services", "settings", "shared", "site", "src",
        "test", "tests", "tool", "tools", "user", "users", "util", "utils", "views", "web",
    }
)  # fmt: skip


def package_of(module: str) -> str:
    """The distribution that is meant by a top-level module beyond doubt, else ""."""
    if module.lower() in OWN_NAMES:
        return ""
    found = _providers(module)
    if not found:
        return ""
    (name, downloads), *others = found
    is_clear = not others or downloads >= CLEAR * others[0][1]
    is_called_so = _words(module) in _words(name)
    needed = LEAST if is_called_so else LEAST_UNDER_ANOTHER_NAME
    return name if is_clear and downloads >= needed else ""


def candidates(module: str) -> list[str]:
    """The distributions that may be meant by a top-level module, those that have it first."""
    if module.lower() in OWN_NAMES:
        return []
    called_so = [module, f"django-{module}"]
    found = [name for name, _ in _providers(module)[:MOST_CANDIDATES]]
    names = (re.sub(r"[-_.]+", "-", each).lower() for each in called_so)
    return [*dict.fromkeys([*found, *filter(_is_known, names)])]


def _words(name: str) -> str:
    return re.sub(r"[-_.]+", "", name).lower()


@cache
def _providers(module: str) -> list[tuple[str, int]]:
    """Those with a module of that name, the most fetched first."""
    return _asked(
        "SELECT package_name, download_count FROM mappings JOIN packages USING (package_name) "
        "WHERE module_name = ? ORDER BY download_count DESC",
        module,
    )


def _is_known(name: str) -> bool:
    return bool(_asked("SELECT 1 FROM packages WHERE package_name = ?", name))


def _asked(query: str, value: str) -> list[Any]:
    spec = find_spec("pyimport2pkg")
    if spec is None or not spec.origin:
        return []
    file = Path(spec.origin).with_name("data") / "mapping.db"
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as mapping:
            return mapping.execute(query, (value,)).fetchall()
    except sqlite3.Error:
        return []
