"""Packs a shell that runs in the bundle's own Python, for Windows: a folder, a .zip and an .exe.

NSIS makes the installer, and the program in the folder: one that shows no window, has the app's
icon and runs for as long as the app does.
"""

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skill_scripts.bundle.application import (
    BUNDLE,
    FLAGS,
    NOT_PROVEN,
    App,
    is_hurried,
    run,
    write,
    write_zip,
)
from skill_scripts.dependencies.platforms import Platform
from skill_scripts.errors import KitError

UNPACKED = "win-unpacked"
MAKENSIS = "makensis"
# Where NSIS's own installer puts it, which leaves the search path alone.
PLACES = (Path("C:/Program Files (x86)/NSIS"), Path("C:/Program Files/NSIS"))
LAUNCHER, INSTALLER = (
    Path(__file__).with_name(f"windows_{name}.nsi") for name in ("launcher", "installer")
)


def pack(
    layer: Path, settings: Mapping[str, Any], platform: Platform, output: Path, *, unpacked: bool
) -> list[str]:
    """Make the packages of `layer`/staged in `output`; returns what to tell a person.

    `unpacked` makes the application's folder only. Raises KitError DDK-PKG-12, -13, -14 and -15.
    """
    app = App(layer, settings, platform)
    program = _makensis(app)
    folder = output / UNPACKED
    shutil.copytree(app.bundle, folder / BUNDLE)
    with tempfile.TemporaryDirectory(dir=output) as scratch:
        file = folder / f"{app.title}.exe"
        _make(program, LAUNCHER, _names(app, folder, file), Path(scratch))
        if not unpacked:
            write_zip(folder, output / app.file_name("win", "zip"))
            file = output / app.file_name("win", "exe")
            _make(program, INSTALLER, _names(app, folder, file), Path(scratch))
    return [NOT_PROVEN.format(system="Windows")]


def _makensis(app: App) -> str:
    """The program; what cannot be packed is refused before anything is copied."""
    if app.processor == "arm64":
        raise KitError("DDK-PKG-12", "the Toga shell opens no window on Windows for ARM")
    if app.settings.get("package", {}).get("sign"):
        raise KitError("DDK-PKG-15", "the Toga shell's packages for Windows are not signed")
    found = [shutil.which(MAKENSIS), *(shutil.which(MAKENSIS, path=str(each)) for each in PLACES)]
    program = next(filter(None, found), None)
    if not program:
        raise KitError("DDK-PKG-14", f"{MAKENSIS} is not here")
    return program


def _names(app: App, folder: Path, file: Path) -> dict[str, str | Path]:
    """What the scripts are written with; paths are those of this machine."""
    size = sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    numbers = [*re.findall(r"\d+", app.version)[:4], "0", "0", "0", "0"][:4]
    python = str(Path(app.platform.interpreter).parent)
    return {
        "TITLE": app.name,
        "FILE": app.title,
        "VERSION": app.version,
        "NUMBERS": ".".join(numbers),
        "AUTHOR": app.author,
        "IDENTIFIER": app.identifier,
        "PYTHON": f"{BUNDLE}\\{python}\\pythonw.exe",
        "BACKEND": f"{BUNDLE}\\{python}\\python.exe",
        "SCRIPT": f"{BUNDLE}\\{app.script}".replace("/", "\\"),
        "FLAGS": FLAGS,
        "ICON": app.icons / "icon.ico",
        "SOURCE": folder,
        "KILOBYTES": str(size // 1024),
        "OUT": file,
    }


def _make(program: str, script: Path, names: Mapping[str, str | Path], folder: Path) -> None:
    lines = [f'!define {name} "{_quoted(value)}"' for name, value in names.items()]
    compression = "SetCompress off" if is_hurried() else "SetCompressor /SOLID lzma"
    file = folder / script.name
    write(file, "\n".join([*lines, compression, f'!include "{script}"', ""]))
    run([program, "-V2", "-WX", "-INPUTCHARSET", "UTF8", str(file)], folder)


def _quoted(value: str | Path) -> str:
    """As NSIS reads it in quotes, of which it can hold none; it looks for names in texts alone."""
    if isinstance(value, Path):
        return str(value)
    return re.sub(r'["`]', "'", value).replace("$", "$$")
