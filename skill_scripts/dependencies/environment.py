"""Interpreters: the one the project has, or a private one made with uv from its declarations."""

import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import platformdirs
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from skill_scripts.dependencies.declarations import (
    Declarations,
    requirement_address,
    requirement_name,
)
from skill_scripts.dependencies.packages import SERVER_ONLY
from skill_scripts.dependencies.uv import run_uv
from skill_scripts.errors import KitError
from skill_scripts.processes import WINDOWS, clean_environment
from skill_scripts.project import git
from skill_scripts.project.files import (
    INTERPRETER_NOTE,
    PAYLOAD_FOLDER,
    Project,
    distribution_name,
    find_project,
)
from skill_scripts.versions import BUNDLED_PYTHON, OLDEST_PYTHON

PRIVATE = f"{PAYLOAD_FOLDER}/.venv"
CACHE = platformdirs.user_cache_path("desktop-django-kit")
COMPLETE = "desktop-django-kit.json"  # in an environment of ours, once everything is installed
USUAL_NAMES = (".venv", "venv", "env")
START_LIMIT_SECONDS = 30
# Keys of [python] in desktop.toml that decide what is installed.
CONTENT_KEYS = ("requirements", "extras", "groups", "exclude", "extra")
NO_CONSTRAINT = ("[", "@", "://")  # in a requirement with an extra or an address


@dataclass(frozen=True)
class Interpreter:
    """A Python that can run the project."""

    python: Path
    version: str
    private: bool  # made by us: packages may be added to it


@dataclass
class Private:
    """An environment that we made, and how it differs from what the project declares."""

    folder: Path
    left_out: list[str]  # declared, not installed
    added: list[str] = field(default_factory=list)  # installed, not declared
    as_of: str = ""  # no package is newer than this moment; "" = the newest were taken
    gone: str = ""  # a module of the standard library that the project imports and newer ones lack
    wanted: dict[str, list[str]] = field(default_factory=dict)  # CONTENT_KEYS it was made for

    @classmethod
    def load(cls, folder: Path) -> "Private | None":
        """The one in `folder` if it is complete and its Python still starts, else None."""
        try:
            made = cls(folder, **json.loads((folder / COMPLETE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return made if look_at(python_in(folder)) else None

    @property
    def interpreter(self) -> Interpreter:
        """Its Python."""
        python = python_in(self.folder)
        seen = look_at(python)
        return Interpreter(python, seen[0] if seen else "", private=True)

    def add(self, requirement: str, constraints: Sequence[str]) -> None:
        """Install one more package. Raises KitError DDK-ENV-01 if that fails.

        Constraints with extras or addresses are left out: uv rejects them.
        """
        python = python_in(self.folder)
        bare = [line for line in constraints if not any(mark in line for mark in NO_CONSTRAINT)]
        install(python, [requirement], constraints=bare, as_of=self.as_of)
        self.added.append(requirement)
        self.save()

    def keep_for(self, wanted: Mapping[str, Any]) -> None:
        """Note the [python] of desktop.toml under which the environment will be looked for."""
        self.wanted = {key: sorted(wanted[key]) for key in CONTENT_KEYS}
        self.save()

    def save(self) -> None:
        """Note in the environment that it is complete, for the next time it is wanted."""
        note = {name: value for name, value in asdict(self).items() if name != "folder"}
        (self.folder / COMPLETE).write_text(json.dumps(note), encoding="utf-8")


def find_environment(project: Project, named: str = "") -> Interpreter | None:
    """The interpreter of the project's own environment, or of our private one in it.

    `named` is python.interpreter of desktop.toml. Raises KitError DDK-ENV-02 if the named one is
    too old and DDK-ENV-04 if it does not start; others that do not serve are passed over. One that
    lies elsewhere is noted in desktop-app; None if it is gone.
    """
    if not named and (noted := read_note(project.root)):
        seen = look_at(noted)
        return Interpreter(noted, seen[0], private=False) if seen else None
    if named:
        seen = look_at(project.root / named)
        private = named.startswith(f"{PRIVATE}/")
        if private and seen is None:
            return None
        if seen is None:
            raise KitError("DDK-ENV-04", f"{named} cannot be started", python=named)
        version, _ = seen
        if Version(version) < OLDEST_PYTHON:
            raise KitError("DDK-ENV-02", f"{named} is Python {version}", python=version)
        return Interpreter(project.root / named, version, private)
    for base in dict.fromkeys((project.root, project.folder)):
        for name in (*USUAL_NAMES, PRIVATE):
            python = python_in(base / name)
            if not (base / name / "pyvenv.cfg").is_file() or not (seen := look_at(python)):
                continue
            version, has_django = seen
            if not has_django or Version(version) < OLDEST_PYTHON:
                continue
            folder = (base / name).relative_to(project.root).as_posix()
            if not git.is_tracked(project.root, folder):  # else it is another machine's
                return Interpreter(python, version, private=name == PRIVATE)
    return None


def find_adapted(root: Path, settings: Mapping[str, Any]) -> tuple[Project, Interpreter | None]:
    """An adapted project, and its interpreter, as the `settings` of desktop.toml name them."""
    django = settings["django"]
    project = find_project(root, django["manage"], django["settings"])
    return project, find_environment(project, settings["python"]["interpreter"])


def no_environment(root: Path) -> KitError:
    """The error for an adapted project without one."""
    remedy = f"Make it: desktop-django adapt {root}"
    return KitError("DDK-ENV-04", f"{root} has no environment", remedy=remedy)


def read_note(root: Path) -> Path | None:
    """The interpreter that was noted for this machine only."""
    try:
        text = (root / INTERPRETER_NOTE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Path(text) if text else None


def is_outdated(found: Interpreter, wanted: Mapping[str, Any]) -> bool:
    """Whether it is in an environment that we made for another [python] of desktop.toml."""
    made = Private.load(found.python.parent.parent) if found.private else None
    return made is not None and made.wanted != {key: sorted(wanted[key]) for key in CONTENT_KEYS}


def python_in(environment: Path) -> Path:
    """Where a virtual environment has its interpreter."""
    return environment / ("Scripts/python.exe" if WINDOWS else "bin/python")


def has_unusable_environment(project: Project) -> bool:
    """Whether a shell would find an environment of the project before our private one."""
    return any((project.root / name / "pyvenv.cfg").is_file() for name in USUAL_NAMES)


def look_at(python: Path) -> tuple[str, bool] | None:
    """The version of an interpreter and whether it has Django; None if it does not start."""
    answer = ask(
        python,
        "import importlib.util as u, platform;"
        "print(platform.python_version(), u.find_spec('django') is not None)",
    )
    if answer is None:
        return None
    version, _, django = answer.partition(" ")
    return version, django == "True"


def distributions(python: Path) -> set[str]:
    """The names of what is installed for an interpreter."""
    code = "import importlib.metadata as m; print(*{d.name for d in m.distributions() if d.name})"
    return {distribution_name(name) for name in (ask(python, code) or "").split()}


def ask(python: Path, code: str, *arguments: str) -> str | None:
    """What an interpreter prints that runs `code`, None if it does not start."""
    try:
        done = subprocess.run(
            [str(python), "-I", "-c", code, *arguments],
            capture_output=True,
            text=True,
            timeout=START_LIMIT_SECONDS,
            stdin=subprocess.DEVNULL,
            env=clean_environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def bytecode_cache(python: Path) -> Path | None:
    """Where bytecode is kept so that none is written into the project, yet nothing compiled twice.

    None for an environment that has bytecode, which is used as it is; for others it is the user's
    cache.
    """
    packages = "Lib/site-packages" if WINDOWS else "lib/python*/site-packages"
    if any(python.parent.parent.glob(f"{packages}/django/__pycache__")):
        return None
    return CACHE / "bytecode"


def cache_folder(project: Project, declared: Declarations, wanted: Mapping[str, Any]) -> Path:
    """Where survey keeps the environment of a project that has none: nothing is written into it.

    `wanted` is [python] of the draft; other declarations or decisions lead to another folder.
    """
    content = json.dumps([str(project.root), asdict(declared), wanted])
    key = hashlib.sha256(content.encode()).hexdigest()[:16]
    return CACHE / "environments" / key


def make_environment(
    folder: Path,
    declared: Declarations,
    *,
    exclude: Iterable[str],
    extra: Iterable[str],
    as_of: str = "",
    compile_bytecode: bool = False,
) -> Private:
    """Make a virtual environment in `folder` with everything declared but the excluded.

    One that is complete already is used again. The Pythons of this machine are tried from the
    newest, or with `as_of` (a moment in ISO form, after which nothing is taken) from the oldest;
    a package that builds on none of them or cannot be fetched from the address it is declared
    with is left out, as are those that only a server needs.
    What is in `extra` takes the place of what is declared of the same name. Raises KitError
    DDK-ENV-01 if the rest does not install, DDK-ENV-02 or -05 if there is no Python for it.
    """
    if not as_of and (made := Private.load(folder)):
        return made
    requirements, constraints = declared.amended(extra)
    names = {requirement_name(line) for line in requirements}
    skipped = names & (SERVER_ONLY | {*exclude})
    pythons = fitting_pythons(declared.requires_python)
    while True:
        kept = [line for line in requirements if requirement_name(line) not in skipped]
        failures = []
        for python in reversed(pythons) if as_of else pythons:
            _make_empty(folder, python)
            try:
                install(
                    python_in(folder),
                    [*kept, *extra],
                    constraints=constraints,
                    compile_bytecode=compile_bytecode,
                    as_of=as_of,
                )
            except KitError as error:
                failures.append(error)
                continue
            made = Private(folder, sorted(skipped), as_of=as_of)
            if as_of:
                made.added = _installed_in(folder)
            made.save()
            return made
        unbuilt = names & {name for error in failures for name in _unbuilt(error, kept)}
        if not unbuilt - skipped:
            raise failures[0]
        skipped |= unbuilt


def fitting_pythons(requires_python: str) -> list[str]:
    """The Pythons of this machine that the project and our runtime know, the newest first.

    Where there is none, what to ask uv for: the bundled one if it fits. Raises KitError
    DDK-ENV-02 if there cannot be one.
    """
    specifier = SpecifierSet(requires_python) & SpecifierSet(f">={OLDEST_PYTHON}")
    minors = [f"3.{minor}" for minor in range(11, 30)]
    if not any(specifier.contains(f"{minor}.{patch}") for minor in minors for patch in (0, 99)):
        raise KitError(
            "DDK-ENV-02", f"the project asks for Python {requires_python}", python=requires_python
        )
    found: dict[str, str] = {}
    for version, python in _installed_pythons():
        minor = ".".join(version.split(".")[:2])
        if specifier.contains(version):
            found.setdefault(minor, python)
    usable = sorted(found, key=Version, reverse=True)
    # One newer than the Python that is bundled is the last choice.
    usable.sort(key=lambda minor: Version(minor) > BUNDLED_PYTHON)
    bundled = specifier.contains(f"{BUNDLED_PYTHON}.99")
    return [found[minor] for minor in usable] or [str(BUNDLED_PYTHON if bundled else specifier)]


def _installed_pythons() -> Iterator[tuple[str, str]]:
    """Version and path of the interpreters on this machine, pyenv's and those that uv finds."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for folder in pyenv.glob("3.*"):
        python = folder / ("python.exe" if WINDOWS else "bin/python")
        if re.fullmatch(r"3\.\d+\.\d+", folder.name) and python.exists():
            yield folder.name, str(python)
    listed = _run_uv(
        ["python", "list", "--only-installed", "--output-format", "json"],
        "DDK-ENV-03",
        "uv cannot list interpreters",
    )
    for each in json.loads(listed):
        if each["implementation"] == "cpython" and each["variant"] == "default":
            yield each["version"], each["path"]


def _make_empty(folder: Path, python: str) -> None:
    command = ["venv", "--quiet", "--relocatable", "--clear", "--no-project", "--python", python]
    _run_uv([*command, str(folder)], "DDK-ENV-05", f"no environment with Python {python}")


def _installed_in(folder: Path) -> list[str]:
    """Every installed distribution with its version, as requirements."""
    command = ["pip", "freeze", "--python", str(python_in(folder))]
    return _run_uv(command, "DDK-ENV-01", "uv cannot list packages").splitlines()


def _unbuilt(error: KitError, requirements: Iterable[str]) -> set[str]:
    """The distributions that failed to build, as uv names them, or whose address is at fault."""
    output = error.details.get("output", "")
    built = re.findall(r"ailed to (?:download and )?build:? `?([\w.-]+)", output)
    addressed = {requirement_name(line): requirement_address(line) for line in requirements}
    return {
        *map(distribution_name, built),
        *(name for name, address in addressed.items() if name and address and address in output),
    }


def install(
    python: Path,
    requirements: Sequence[str],
    *,
    constraints: Sequence[str] = (),
    compile_bytecode: bool = False,
    target: Path | None = None,
    as_of: str = "",
) -> None:
    """Install into the environment of `python`, or for it into the folder `target`.

    If the constraints cannot be met together they are dropped: lock files of other tools are
    made for other platforms. Raises KitError DDK-ENV-01 with the packages at fault.
    """
    command = ["pip", "install", "--quiet", "--python", str(python)]
    command += ["--compile-bytecode"] if compile_bytecode else []
    command += ["--target", str(target)] if target else []
    command += ["--exclude-newer", as_of] if as_of else []
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "requirements.txt")
        wanted.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        command += ["--requirements", str(wanted)]
        message = "the dependencies do not install"
        if constraints:
            pins = Path(folder, "constraints.txt")
            pins.write_text("\n".join(constraints) + "\n", encoding="utf-8")
            try:
                _run_uv([*command, "--constraints", str(pins)], "DDK-ENV-01", message)
            except KitError:
                pass
            else:
                return
        _run_uv(command, "DDK-ENV-01", message)


def _run_uv(arguments: list[str], code: str, message: str) -> str:
    """What uv prints. Raises KitError with `code` if it fails."""
    done = run_uv(arguments)
    if not done.ok:
        raise KitError(code, f"{message}:\n{_indented(done.errors)}", output=done.errors)
    return done.output


def _indented(text: str) -> str:
    lines = text.splitlines()
    shown = lines if len(lines) <= 12 else [*lines[:8], "…", *lines[-3:]]
    return "\n".join(f"    {line}" for line in shown)
