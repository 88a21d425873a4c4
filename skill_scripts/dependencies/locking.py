"""The packages of a bundle: chosen for one platform, pinned with hashes, installed."""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from skill_scripts.dependencies.declarations import (
    Declarations,
    read_declarations,
    requirement_name,
)
from skill_scripts.dependencies.packages import SERVER_ONLY
from skill_scripts.dependencies.platforms import Platform
from skill_scripts.dependencies.runtime import layer_requirements
from skill_scripts.dependencies.uv import Done, run_uv
from skill_scripts.errors import KitError
from skill_scripts.layer.shells import shell_of
from skill_scripts.project.files import PAYLOAD_FOLDER, Project, distribution_name
from skill_scripts.versions import PYTHONS

# For a computer that has no list of whom to trust; in the version that the project asks for.
CERTIFICATES = "certifi"
LOCKS = "locks"  # in desktop-app; meant to be committed
PURE_WHEEL = re.compile(r"^Tag: py[23](\.py3)?-none-any$", re.MULTILINE)
NO_WHEEL = re.compile(r"Wheels are required for `([^`]+)`")
UNBUILT = re.compile(r"[Ff]ailed to (?:download and )?build:? `([\w.-]+)")


@dataclass(frozen=True)
class Wanted:
    """What a target asks for, before versions are chosen."""

    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    overrides: tuple[str, ...]  # what the runtime brings, in exactly these versions
    left_out: tuple[str, ...]  # server-only or excluded in desktop.toml
    requires_python: str
    built: frozenset[str] = frozenset()  # against the system's libraries, for the shell

    def fingerprint(self, platform: Platform, version: str) -> str:
        """Changes whenever another lock could result."""
        inputs = [self.requirements, self.constraints, self.overrides, platform.wheels, version]
        return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()


@dataclass(frozen=True)
class Lock:
    """Pinned packages for one platform and one Python."""

    text: str  # a requirement file with hashes
    built: tuple[str, ...]  # without a wheel: built here; the same everywhere, or of the shell

    @property
    def names(self) -> list[str]:
        """The normalised names of all pinned distributions."""
        return sorted(
            name for line in self.text.splitlines()
            if not line.startswith((" ", "#")) and (name := requirement_name(line))
        )  # fmt: skip


def read_wanted(project: Project, settings: Mapping[str, Any]) -> Wanted:
    """What the project declares, as [python] of desktop.toml decides, and the runtime's own."""
    python = settings["python"]
    declared: Declarations = read_declarations(
        project.root, project.folder,
        files=python["requirements"], extras=python["extras"], groups=python["groups"],
    )  # fmt: skip
    excluded = {distribution_name(name) for name in python["exclude"]}
    named = {requirement_name(line) for line in python["extra"]}
    skipped = excluded | (SERVER_ONLY - named)
    requirements, constraints = declared.amended(python["extra"])
    lines = [
        line for line in (*requirements, CERTIFICATES) if requirement_name(line) not in skipped
    ]
    folder = project.root / PAYLOAD_FOLDER
    own = [
        line
        for name in layer_requirements(settings)
        for line in (folder / name).read_text(encoding="utf-8").splitlines()
    ]
    overrides = [line.partition(" \\")[0] for line in own if re.match(r"[a-z]", line)]
    return Wanted(
        requirements=(*lines, *python["extra"], *overrides),
        constraints=tuple(constraints),
        overrides=tuple(overrides),
        left_out=tuple(
            sorted(skipped & {requirement_name(each) for each in declared.requirements})
        ),
        requires_python=declared.requires_python,
        built=shell_of(settings).built,
    )


def lock_file(root: Path, platform: Platform, version: str) -> Path:
    """Where the lock of a platform is kept."""
    return root / PAYLOAD_FOLDER / LOCKS / f"{platform.name}-py{version}.txt"


def make_lock(wanted: Wanted, platform: Platform, version: str) -> Lock:
    """Choose versions that have wheels for the platform, or are pure Python.

    Raises KitError DDK-STG-10 for a package without a wheel that needs a compiler, DDK-STG-11 if
    there is no solution.
    """
    with _question(wanted, platform, version) as (arguments, constrained):
        # Lock files of other tools may be made for other platforms, so they are let go if need be.
        for constraints in (constrained, []) if constrained else ([],):
            try:
                return _solve([*arguments, *constraints], wanted, platform, version)
            except KitError as error:
                failure = error
        raise failure


@contextmanager
def _question(
    wanted: Wanted, platform: Platform, version: str
) -> Iterator[tuple[list[str], list[str]]]:
    """The arguments with which uv chooses versions, and those that add the constraints."""
    arguments = ["pip", "compile", "--quiet", "--no-header", "--no-annotate",
                 "--generate-hashes", "--python-version", version,
                 "--python-platform", platform.wheels]  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        files = {}
        for name in ("requirements", "overrides", "constraints"):
            files[name] = Path(scratch, f"{name}.txt")
            lines = getattr(wanted, name)
            files[name].write_text("\n".join(lines) + "\n", encoding="utf-8")
        arguments += [str(files["requirements"]), "--override", str(files["overrides"])]
        constrained = ["--constraint", str(files["constraints"])] if wanted.constraints else []
        yield arguments, constrained


def _solve(arguments: list[str], wanted: Wanted, platform: Platform, version: str) -> Lock:
    sources = {requirement_name(line) for line in wanted.requirements if " @ " in line}
    if not sources and not wanted.built:
        done = run_uv([*arguments, "--only-binary", ":all:"])
        if done.ok:
            return Lock(done.output, ())
    # Something has no wheel. Uv allows builds by name only, so the names come first.
    done = run_uv(arguments)
    if not done.ok:
        raise _unsolved(done, platform, version)
    names = Lock(done.output, ()).names
    unbuilt = sources | wanted.built
    while True:
        binary = [word for name in names if name not in unbuilt
                  for word in ("--only-binary", name)]  # fmt: skip
        done = run_uv([*arguments, *binary])
        if done.ok:
            break
        missing = {distribution_name(name) for name in NO_WHEEL.findall(done.errors)}
        if not missing - unbuilt:
            raise _unsolved(done, platform, version)
        unbuilt |= missing
    lock = Lock(done.output, tuple(sorted(unbuilt & set(Lock(done.output, ()).names))))
    for name in {*lock.built} - wanted.built:
        _require_pure(lock, name, platform, version)
    return lock


def _unsolved(done: Done, platform: Platform, version: str) -> KitError:
    names = UNBUILT.findall(done.errors) or NO_WHEEL.findall(done.errors)
    shown = "\n    ".join(done.errors.splitlines()[:12])
    if names:
        return KitError(
            "DDK-STG-10",
            f"{names[0]} has no wheel for {platform.name}, Python {version}:\n    {shown}",
            package=names[0], platform=platform.name,
        )  # fmt: skip
    return KitError(
        "DDK-STG-11", f"no set of packages fits {platform.name}, Python {version}:\n    {shown}",
        platform=platform.name,
    )  # fmt: skip


def _require_pure(lock: Lock, name: str, platform: Platform, version: str) -> None:
    """Build the source distribution here; only a py3-none-any wheel serves other platforms."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "one.txt")
        file.write_text(_entry(lock.text, name), encoding="utf-8")
        target = Path(scratch, "target")
        done = run_uv(["pip", "install", "--quiet", "--no-deps", "--target",
                       str(target), "--requirements", str(file)])  # fmt: skip
        wheels = [each.read_text(encoding="utf-8") for each in target.glob("*.dist-info/WHEEL")]
    if not done.ok or not any(PURE_WHEEL.search(text) for text in wheels):
        why = "it does not build" if not done.ok else "it is built for this machine only"
        raise KitError(
            "DDK-STG-10",
            f"{name} has no wheel for {platform.name}, Python {version}, and {why}",
            package=name, platform=platform.name,
        )  # fmt: skip


def _entry(text: str, name: str) -> str:
    """The lines of one distribution in a requirement file with hashes."""
    lines, inside = [], False
    for line in text.splitlines():
        if not line.startswith(" "):
            inside = requirement_name(line) == name
        if inside:
            lines.append(line)
    return "\n".join(lines) + "\n"


def read_lock(file: Path, fingerprint: str) -> Lock | None:
    """The lock kept from an earlier stage; None if it is not for the present declarations."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    head = re.match(r"# declarations ([0-9a-f]{64})\n# built from source:(.*)\n", text)
    if not head or head[1] != fingerprint:
        return None
    return Lock(text[head.end() :], tuple(head[2].split()))


def write_lock(file: Path, lock: Lock, fingerprint: str) -> None:
    """Keep a lock for the next stage."""
    file.parent.mkdir(exist_ok=True)
    head = f"# declarations {fingerprint}\n# built from source: {' '.join(lock.built)}".rstrip()
    file.write_text(f"{head}\n{lock.text}", encoding="utf-8", newline="\n")


def install_lock(lock: Lock, python: Path, packages: Path) -> None:
    """Install what is pinned into the bundled interpreter, wheels only but for `lock.built`.

    Raises KitError DDK-STG-12 if that fails.
    """
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "lock.txt")
        file.write_text(lock.text, encoding="utf-8")
        command = ["pip", "install", "--quiet", "--no-deps", "--link-mode", "copy",
                   "--python", str(python), "--target", str(packages),
                   "--requirements", str(file)]  # fmt: skip
        for name in lock.names:
            command += ["--only-binary", name] if name not in lock.built else []
        done = run_uv(command)
    if not done.ok:
        raise KitError("DDK-STG-12", f"the packages do not install:\n    {done.errors[:2000]}")
    _drop_unused(packages)


def unsupported(packages: Path, version: str) -> dict[str, str]:
    """The installed distributions that do not ask for this Python: name → what they ask for.

    Uv lets upper bounds pass.
    """
    found = {}
    for each in distributions(path=[str(packages)]):
        asks = each.metadata.get("Requires-Python") or ""
        try:
            fits = SpecifierSet(asks).contains(version, prereleases=True)
        except InvalidSpecifier:
            continue
        if not fits:
            found[distribution_name(each.name)] = asks
    return dict(sorted(found.items()))


def _drop_unused(packages: Path) -> None:
    """Leave out commands, which nobody types in an app and whose first lines name this machine's
    folders, and the sources of translations that are there compiled (9 MB of Django)."""
    for folder in ("bin", "Scripts"):
        shutil.rmtree(packages / folder, ignore_errors=True)
    for source in packages.rglob("*.po"):
        if source.with_suffix(".mo").exists():
            source.unlink()
    for file in packages.glob("*.dist-info/RECORD"):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [
            line
            for line in lines
            if not line.startswith(("bin/", "Scripts/", "../"))
            and (".po," not in line or (packages / line.split(",")[0]).exists())
        ]
        file.write_text("".join(kept), encoding="utf-8", newline="")
    (packages / ".lock").unlink(missing_ok=True)


def other_versions(
    wanted: Wanted, platform: Platform, version: str, blocking: str = ""
) -> list[str]:
    """The other Pythons with which it would resolve, the package `blocking` from a wheel."""
    binary = ["--only-binary", blocking] if blocking else []
    found = []
    for each in PYTHONS:
        if each != version:
            with _question(wanted, platform, each) as (arguments, _):
                found += [each] if run_uv([*arguments, *binary]).ok else []
    return found
