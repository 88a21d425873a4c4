"""Makes installers of a staged project, each shell by its own means, and looks at what came out.

Electron's are made by electron-builder, those of a shell in the bundle's Python by one module of
`bundle` for each system.
"""

import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from skill_scripts import desktop_toml
from skill_scripts.bundle import (
    linux_package,
    macos_package,
    runtime_manifest,
    signing,
    windows_package,
)
from skill_scripts.bundle.macho import is_macho
from skill_scripts.bundle.swap import replaced
from skill_scripts.dependencies.platforms import Platform, this_platform
from skill_scripts.errors import KitError
from skill_scripts.findings.surveyed import Progress
from skill_scripts.layer.shells import ELECTRON, TOGA
from skill_scripts.project.files import PAYLOAD_FOLDER
from skill_scripts.stage import current
from skill_scripts.versions import OLDEST_NODE

OUTPUT = "dist"  # in desktop-app
CHECKSUMS = "SHA256SUMS"
BUILD_LIMIT_SECONDS = 3600
# What names the certificate, by shell and system; Linux packages are vouched for by SHA256SUMS.
SIGNING = {
    ELECTRON.name: {"macos": ("CSC_LINK", "CSC_NAME"), "windows": ("WIN_CSC_LINK", "CSC_LINK")},
    TOGA.name: {"macos": ("CSC_NAME",)},
}
# Makes the packages in a folder; returns what to tell a person.
Build = Callable[[Path], list[str]]
PACKERS = {"linux": linux_package, "macos": macos_package, "windows": windows_package}
SYSTEM_OPTION = {"linux": "--linux", "macos": "--mac", "windows": "--win"}


@dataclass
class Packaged:
    """What was made."""

    folder: Path
    artefacts: dict[str, int]  # name → bytes
    app: Path  # the unpacked application
    sizes: dict[str, int]  # of the unpacked application: bytes by part
    seconds: float
    notes: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The one JSON document of --json."""
        return {
            "folder": str(self.folder), "artefacts": self.artefacts, "app": str(self.app),
            "sizes": self.sizes, "seconds": self.seconds, "notes": self.notes,
        }  # fmt: skip


def package(
    path: Path,
    *,
    system: str = "",
    unpacked: bool = False,
    allow_old_sqlite: bool = False,
    progress: Progress = lambda _: None,
) -> Packaged:
    """Make desktop-app/dist of the staged project in folder `path`.

    `system` says which one the installers are for, which must be this one. `unpacked` makes the
    application's folder only. Raises KitError, with an earlier result untouched, if it cannot be
    finished.
    """
    root = path.resolve()
    folder = root / PAYLOAD_FOLDER
    started = time.monotonic()
    platform = this_platform()
    here = platform.name.split("-")[0]
    if system not in ("", here):
        raise KitError("DDK-PKG-11", f"this machine runs {here}, not {system}", here=here)
    progress("comparing the bundle with the project")
    staged = current(root)
    settings = desktop_toml.read(folder / desktop_toml.FILE_NAME)
    packaging = _settings(folder, platform)
    if staged["allow_old_sqlite"] and not allow_old_sqlite:
        sqlite = staged["interpreter"]["sqlite"]
        raise KitError("DDK-PKG-09", f"the bundle has SQLite {sqlite}")
    shell = settings["app"]["shell"]
    build = BUILDERS[shell](folder, settings, platform, unpacked)
    with replaced(folder / OUTPUT) as output:
        progress("building; what it takes is downloaded the first time")
        notes = build(output)
        progress("looking at what came out")
        app = _application(output, staged)
        artefacts = _checksums(output)
        sizes = _sizes(app, shell)
    if here != "linux" and not packaging.get("sign"):
        notes.append("not signed: [package] sign is not set")
    if shell == ELECTRON.name and (left_out := _languages_left_out(packaging, staged)):
        notes.append(left_out)
    target = folder / OUTPUT
    seconds = round(time.monotonic() - started, 1)
    return Packaged(target, artefacts, target / app.relative_to(output), sizes, seconds, notes)


def _settings(folder: Path, platform: Platform) -> Mapping[str, Any]:
    """[package] of desktop.toml."""
    file = folder / desktop_toml.FILE_NAME
    settings = desktop_toml.read(file)
    table: Mapping[str, Any] = settings.get("package", {})
    feed = table.get("feed", "")
    if feed and not re.match(r"https://|http://127\.0\.0\.1[:/]", feed):
        raise KitError("DDK-PKG-07", f"package.feed {feed!r} must be https", file=str(file))
    variables = SIGNING[settings["app"]["shell"]].get(platform.name.split("-")[0], ())
    if table.get("sign") and variables and not any(map(os.environ.get, variables)):
        raise KitError(
            "DDK-PKG-06", "the environment names no certificate", variables=" or ".join(variables)
        )
    return table


def _electron(
    folder: Path, settings: desktop_toml.Manifest, platform: Platform, unpacked: bool
) -> Build:
    """By electron-builder, which has settings of its own. Raises KitError without it."""
    command = [*_builder(folder / ELECTRON.name, platform), *(["--dir"] if unpacked else [])]
    return lambda output: _build(command, folder, output)


def _toga(
    folder: Path, settings: desktop_toml.Manifest, platform: Platform, unpacked: bool
) -> Build:
    """By the module of the system."""
    packer = PACKERS[platform.name.split("-")[0]]
    return lambda output: packer.pack(folder, settings, platform, output, unpacked=unpacked)


BUILDERS = {ELECTRON.name: _electron, TOGA.name: _toga}


def _languages_left_out(packaging: Mapping[str, Any], staged: Mapping[str, Any]) -> str:
    """What to say of Electron's languages where nobody has decided; "" if all are there."""
    kept = staged.get("window_languages")
    if "languages" in packaging or not kept:
        return ""
    return f"Electron speaks {', '.join(kept)} only, as the pages do; others: [package] languages"


def _builder(electron: Path, platform: Platform) -> list[str]:
    """The command that builds for this platform."""
    node = shutil.which("node")
    version = _output([node, "--version"]) if node else ""
    found = re.fullmatch(r"v(\d+(?:\.\d+)*).*", version)
    if not node or not found or Version(found[1]) < OLDEST_NODE:
        raise KitError("DDK-PKG-03", f"Node.js {version or 'is not installed'}")
    script = electron / "node_modules" / "electron-builder" / "cli.js"
    if not script.is_file():
        raise KitError("DDK-PKG-04", f"{script} is not there", folder=str(electron))
    system, processor = platform.name.split("-")
    return [node, str(script), SYSTEM_OPTION[system], f"--{processor}", "--config",
            "builder.config.mjs", "--publish", "never"]  # fmt: skip


def _build(command: list[str], folder: Path, output: Path) -> list[str]:
    """Run electron-builder; returns what it warned of."""
    own = {"DESKTOP_DJANGO_DIST": str(output), "CI": "1"}
    try:
        with signing.environment(os.environ) as environment:
            done = subprocess.run(
                command, cwd=folder / ELECTRON.name, env=environment | own,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, encoding="utf-8", errors="replace", timeout=BUILD_LIMIT_SECONDS,
            )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise KitError("DDK-PKG-05", "electron-builder was not done after an hour") from error
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if not line.lstrip().startswith("at ")]
        if "ENOSPC" in done.stdout:
            raise KitError("DDK-STG-09", "the disk is full", details="\n".join(lines[-5:]))
        if "forceCodeSigning" in done.stdout:
            names = " or ".join(dict.fromkeys(sum(SIGNING[ELECTRON.name].values(), ())))
            raise KitError("DDK-PKG-06", "electron-builder did not sign", variables=names)
        code = "DDK-PKG-08" if re.search(r"\bfuse\b", done.stdout, re.I) and "fuses.mjs" in (
            done.stdout
        ) else "DDK-PKG-05"  # fmt: skip
        shown = "\n    ".join(lines[-12:])
        raise KitError(code, f"electron-builder failed:\n    {shown}", folder=str(folder / OUTPUT))
    worth_telling = r"(?m)^\s*•\s*(.*(?:no fuses|skipped .*(?:sign|notar)|not signed).*)$"
    return re.findall(worth_telling, done.stdout)


def _application(output: Path, staged: Mapping[str, Any]) -> Path:
    """The unpacked application, its bundle compared file by file with the staged one."""
    bundle = _bundle(output)
    now, expected = runtime_manifest.file_hashes(bundle), staged["files"]
    # Signing changes programs and libraries of macOS, and nothing else.
    signs = any(each.suffix == ".app" for each in bundle.relative_to(output).parents)
    changed = sorted(
        name for name in {*now, *expected}
        if now.get(name) != expected.get(name)
        and not (signs and name in now and name in expected and is_macho(bundle / name))
    )  # fmt: skip
    if changed:
        listed = ", ".join(changed[:5])
        raise KitError(
            "DDK-PKG-05",
            f"the application does not hold the files of the bundle: {listed}",
            changed=changed,
        )
    return next(each for each in bundle.parents if each.parent == output)


def _bundle(folder: Path) -> Path:
    found = sorted(folder.glob(f"**/bundle/{runtime_manifest.MANIFEST}"))
    if not found:
        raise KitError("DDK-PKG-05", "the application holds no bundle")
    return found[0].parent


def _checksums(output: Path) -> dict[str, int]:
    """Write SHA256SUMS over what is given to people; returns their sizes."""
    found = sorted(
        each for each in output.iterdir()
        if each.is_file() and not each.name.startswith("builder-") and each.suffix != ".blockmap"
    )  # fmt: skip
    lines = []
    for each in found:
        with each.open("rb") as stream:
            lines.append(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {each.name}\n")
    if lines:
        (output / CHECKSUMS).write_text("".join(lines), encoding="utf-8", newline="\n")
    return {each.name: each.stat().st_size for each in found}


def _sizes(application: Path, shell: str) -> dict[str, int]:
    """Bytes by part: Electron and its languages, the shell, and the parts of the bundle."""
    bundle = _bundle(application)
    electron = ("Electron", "its languages") if shell == ELECTRON.name else ()
    found = dict.fromkeys((*electron, "shell"), 0)
    for base, folders, names in os.walk(application):
        place = Path(base)
        folders[:] = [name for name in folders if place / name != bundle]
        for file in (place / name for name in names):
            part = "Electron" if electron else "shell"
            if file.name.startswith("app.asar"):
                part = "shell"
            elif electron and (place.name == "locales" or place.suffix == ".lproj"):
                part = "its languages"
            found[part] += file.lstat().st_size
    return found | runtime_manifest.sizes(bundle)


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
