"""The bundled interpreter: fetched by uv, checked, freed of what a desktop app does not use."""

import json
import re
import shutil
import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from skill_scripts.dependencies.environment import CACHE
from skill_scripts.dependencies.platforms import Platform
from skill_scripts.dependencies.uv import run_uv
from skill_scripts.errors import KitError
from skill_scripts.processes import clean_environment

# Builds with their checksums, as uv reads them: python-build-standalone, release 20260814.
DOWNLOADS = Path(__file__).with_name("python_downloads.json")
INTERPRETERS = CACHE / "interpreters"
# Before, SQLite can lose what is in the write-ahead log: https://sqlite.org/wal.html#walresetbug
OLDEST_SQLITE = (3, 51, 3)
START_LIMIT_SECONDS = 60

# What is left out of python/, as patterns of Path.glob: nothing of it has a use in an app that is
# never built or extended where it runs.
PRUNED_LIBRARY = (
    "__pycache__", "config-*", "EXTERNALLY-MANAGED", "site-packages/*", "dist-packages/*",
    "lib-dynload/_ctypes_test*", "lib-dynload/_test*", "lib-dynload/_xxtest*", "lib-dynload/xx*",
)  # fmt: skip
PRUNED_POSIX = ("BUILD", "include", "share", "lib/*.a", "lib/pkgconfig")
PRUNED_WINDOWS = (
    "BUILD", "DLLs/_ctypes_test*", "DLLs/_test*", "Doc", "Scripts", "Tools", "include", "libs",
    "pythonw.exe", "share", "**/*.pdb",
)  # fmt: skip
# Modules of the standard library that are left out unless the project imports them or desktop.toml
# keeps them: name → what goes with it, in the library's folder or in python/.
OPTIONAL_MODULES: dict[str, tuple[str, ...]] = {
    "ensurepip": (),
    "idlelib": (),
    "lib2to3": (),
    "pydoc_data": (),
    "test": (),
    "tkinter": (
        "lib-dynload/_tkinter*", "lib/itcl*", "lib/libtcl*", "lib/libtk*", "lib/tcl*",
        "lib/thread*", "lib/tk*", "DLLs/_tkinter*", "DLLs/tcl*", "DLLs/tk*", "tcl",
    ),
    "turtle": ("turtle.py",),
    "turtledemo": (),
}  # fmt: skip
FACTS = """
import json, platform, sqlite3, sys, sysconfig
print(json.dumps({
    "version": platform.python_version(), "sqlite": sqlite3.sqlite_version,
    "prefix": sys.prefix, "packages": sysconfig.get_path("purelib"),
}))
"""


@dataclass(frozen=True)
class Build:
    """One download of python_downloads.json."""

    key: str
    version: str
    url: str
    sha256: str
    release: str

    def as_dict(self) -> dict[str, str]:
        """The build as the runtime manifest names it."""
        return {"key": self.key, "release": self.release, "url": self.url, "sha256": self.sha256}


@dataclass(frozen=True)
class Runtime:
    """The interpreter inside a bundle."""

    python: Path
    version: str
    sqlite: str
    packages: Path  # where distributions are installed
    build: Build


def find_build(platform: Platform, version: str, downloads: Path = DOWNLOADS) -> Build:
    """The newest build of Python `version` (3.14, or exactly 3.14.7) for a platform.

    Raises KitError DDK-STG-02 if there is none, DDK-STG-03 if the list cannot be trusted.
    """
    try:
        entries = json.loads(downloads.read_text(encoding="utf-8"))
        found = [
            Build(
                key,
                f"{entry['major']}.{entry['minor']}.{entry['patch']}",
                entry["url"],
                entry["sha256"] or "",
                str(entry.get("build", "")),
            )
            for key, entry in entries.items()
            if key.startswith("cpython-") and key.endswith(f"-{platform.download}")
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KitError(
            "DDK-STG-03", f"{downloads} cannot be read: {error!r}", file=str(downloads)
        ) from error
    fitting = [each for each in found if f"{each.version}.".startswith(f"{version}.")]
    if not fitting:
        raise KitError(
            "DDK-STG-02",
            f"no build of Python {version} for {platform.name} in {downloads.name}",
            known=", ".join(sorted({".".join(each.version.split(".")[:2]) for each in found})),
        )
    build = max(fitting, key=lambda each: Version(each.version))
    # Without a checksum uv would install whatever the mirror answers.
    if not re.fullmatch(r"[0-9a-f]{64}", build.sha256):
        raise KitError("DDK-STG-03", f"{build.key} has no sha256", file=str(downloads))
    return build


def fetch(build: Build, *, downloads: Path = DOWNLOADS, mirror: str = "") -> Path:
    """The unpacked build, from the cache or downloaded and verified by uv.

    Raises KitError DDK-STG-04 if it cannot be fetched, DDK-STG-05 if it is not what it should be.
    """
    # By checksum: the same version of another origin is another interpreter.
    folder = INTERPRETERS / build.sha256[:16]
    arguments = ["python", "install", build.key, "--install-dir", str(folder), "--no-bin"]
    arguments += ["--no-registry", "--python-downloads-json-url", str(downloads)]
    done = run_uv([*arguments, *(["--mirror", mirror] if mirror else [])])
    if not done.ok:
        wrong = re.search(r"[Hh]ash mismatch|[Cc]hecksum|invalid gzip|unexpected end|corrupt",
                          done.errors)  # fmt: skip
        raise KitError(
            "DDK-STG-05" if wrong else "DDK-STG-04",
            f"Python {build.version} from {build.url}:\n    {_first_lines(done.errors)}",
            url=build.url,
        )
    return folder / build.key


def clear_cache() -> None:
    """Forget every build that was fetched, on all versions. Raises KitError DDK-STG-18."""
    try:
        shutil.rmtree(INTERPRETERS)
    except FileNotFoundError:
        return
    except OSError as error:
        raise KitError("DDK-STG-18", str(error), folder=str(INTERPRETERS)) from error


def place(source: Path, bundle: Path, platform: Platform, keep: Collection[str] = ()) -> Path:
    """Copy the interpreter to `bundle`/python: no links, and without what is pruned.

    `keep` names those of OPTIONAL_MODULES that stay, and of the other patterns.
    """
    target = bundle / "python"
    # Links are followed, so that the copy survives archives and systems that have none.
    shutil.copytree(source, target, symlinks=False, ignore=_unwanted(source, platform))
    _prune(target, platform, keep)
    python = bundle / platform.interpreter
    if not platform.windows:
        for library in sorted((target / "lib").glob("libpython*")):
            _drop_unless_needed(library, python)
    return python


def inspect(python: Path, build: Build, *, allow_old_sqlite: bool) -> Runtime:
    """Start the bundled interpreter once and see what it is.

    Raises KitError DDK-STG-06 if it does not start from where it lies, DDK-STG-07 if its SQLite
    is too old.
    """
    facts = _facts(python)
    if not facts:
        raise KitError("DDK-STG-06", f"{build.key} does not start from {python}")
    sqlite = facts["sqlite"]
    if tuple(map(int, sqlite.split("."))) < OLDEST_SQLITE and not allow_old_sqlite:
        raise KitError(
            "DDK-STG-07", f"{build.key} has SQLite {sqlite}, older than 3.51.3", sqlite=sqlite
        )
    return Runtime(python, facts["version"], sqlite, Path(facts["packages"]), build)


def _unwanted(source: Path, platform: Platform) -> Any:
    """For copytree: links that lead nowhere, and of bin/ all names but python3."""

    def ignore(folder: str, names: list[str]) -> set[str]:
        dangling = {name for name in names if not Path(folder, name).exists()}
        if platform.windows or Path(folder) != source / "bin":
            return dangling
        return set(names) - {"python3"}

    return ignore


def _prune(python: Path, platform: Platform, keep: Collection[str]) -> None:
    libraries = [python / "Lib"] if platform.windows else [*(python / "lib").glob("python3*")]
    unwanted = [
        pattern for name, more in OPTIONAL_MODULES.items() if name not in keep
        for pattern in (name, *more)
    ]  # fmt: skip
    patterns = (*(PRUNED_WINDOWS if platform.windows else PRUNED_POSIX), *unwanted)
    doomed = [each for pattern in patterns if pattern not in keep for each in python.glob(pattern)]
    for library in libraries:
        for pattern in (*PRUNED_LIBRARY, *unwanted):
            doomed += library.glob(pattern)
        doomed += library.rglob("__pycache__")
    for each in doomed:
        _remove(each)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _drop_unless_needed(library: Path, python: Path) -> None:
    """The interpreter of python-build-standalone contains what this library offers to others."""
    aside = library.with_name(f"{library.name}.aside")
    library.rename(aside)
    if _facts(python):
        aside.unlink()
    else:
        aside.rename(library)


def _facts(python: Path) -> dict[str, str] | None:
    try:
        done = subprocess.run(
            [str(python), "-I", "-B", "-c", FACTS], env=clean_environment(), capture_output=True,
            text=True, stdin=subprocess.DEVNULL, timeout=START_LIMIT_SECONDS,
        )  # fmt: skip
        facts = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    # Found outside: it runs on the libraries of the system, not on its own.
    home = python.parent if python.suffix == ".exe" else python.parents[1]
    return facts if Path(facts["prefix"]).resolve() == home.resolve() else None


def _first_lines(text: str) -> str:
    return "\n    ".join(text.splitlines()[:6])
