"""Packs a shell that runs in the bundle's own Python, for Linux: a folder, a .tar.gz and a .deb.

It takes `tarfile`, and what Debian makes its own packages with, which knows the names and the
oldest versions of the system's libraries.
"""

import os
import re
import shlex
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from skill_scripts.bundle.application import (
    BUNDLE,
    App,
    is_hurried,
    run,
    write,
    write_launcher,
)
from skill_scripts.dependencies.platforms import Platform
from skill_scripts.dependencies.web_view import CONFINES, WEB_VIEW
from skill_scripts.layer.shells import Shell, shell_of
from skill_scripts.project.files import distribution_name

UNPACKED = "linux-unpacked"
DEBIAN_PROCESSORS = {"x64": "amd64", "arm64": "arm64"}
NO_DEB = "no .deb: it takes dpkg-deb and dpkg-shlibdeps (Debian's package dpkg-dev)"
BEGINNING = 'here=$(dirname "$(readlink -f "$0")")'


def pack(
    layer: Path, settings: Mapping[str, Any], platform: Platform, output: Path, *, unpacked: bool
) -> list[str]:
    """Make the packages of `layer`/staged in `output`; returns what to tell a person.

    `unpacked` makes the application's folder only. Raises KitError DDK-PKG-13.
    """
    app = App(layer, settings, platform)
    folder = output / UNPACKED
    shutil.copytree(app.bundle, folder / BUNDLE)
    write_launcher(folder / app.program, app, BEGINNING)
    if unpacked:
        return []
    name = app.file_name("linux", "tar.gz")
    with tarfile.open(output / name, "w:gz", compresslevel=1 if is_hurried() else 6) as archive:
        archive.add(folder, name.removesuffix(".tar.gz"), filter=_of_root)
    if not (shutil.which("dpkg-deb") and shutil.which("dpkg-shlibdeps")):
        return [NO_DEB]
    with tempfile.TemporaryDirectory(dir=output) as scratch:
        _make_deb(app, folder, Path(scratch), output)
    return []


def _make_deb(app: App, folder: Path, scratch: Path, output: Path) -> None:
    root = scratch / "root"
    place = Path("opt", app.program)
    (root / "opt").mkdir(parents=True)
    shutil.copytree(folder, root / place, copy_function=os.link)
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / app.program).symlink_to(f"/{place}/{app.program}")
    write(root / "usr/share/applications" / f"{app.program}.desktop", _entry(app, place))
    for picture in (app.icons / "png").glob("*x*.png"):
        target = root / f"usr/share/icons/hicolor/{picture.stem}/apps/{app.program}.png"
        target.parent.mkdir(parents=True)
        shutil.copyfile(picture, target)
    size = sum(each.lstat().st_size for each in root.rglob("*") if each.is_file()) // 1024
    depends = _dependencies(folder, shell_of(app.settings), scratch)
    write(root / "DEBIAN" / "control", _control(app, size, depends))
    deb = output / app.file_name("linux", "deb", DEBIAN_PROCESSORS[app.processor])
    run(
        ["dpkg-deb", "--root-owner-group", "-Znone" if is_hurried() else "-Zxz", "--build",
         str(root), str(deb)], scratch,
    )  # fmt: skip


def _dependencies(folder: Path, shell: Shell, scratch: Path) -> list[str]:
    """The packages of the system that the shell's own modules are linked to, and its web view."""
    write(scratch / "debian" / "control", "Source: app\n\nPackage: app\nArchitecture: any\n")
    files = [word for each in _built(folder / BUNDLE, shell) for word in ("-e", str(each))]
    said = run(["dpkg-shlibdeps", "-O", *files], scratch)
    found = re.search(r"(?m)^shlibs:Depends=(.*)$", said)
    return [*(found[1].split(", ") if found else []), WEB_VIEW, *CONFINES]


def _built(bundle: Path, shell: Shell) -> Iterator[Path]:
    """The modules that were built on this machine, for the shell."""
    for packages in sorted(bundle.glob("python/lib/python3*/site-packages")):
        for each in distributions(path=[str(packages)]):
            if distribution_name(each.name) in shell.built:
                for file in each.files or []:
                    if file.suffix == ".so":
                        yield Path(str(each.locate_file(file)))


def _entry(app: App, place: Path) -> str:
    """What shows it in the menus of the desktop."""
    about, packaging = app.settings["app"], app.settings.get("package", {})
    category = packaging.get("category", "Utility")
    return (
        f"[Desktop Entry]\nType=Application\nName={about['name']}\n"
        f"Comment={about['description'] or about['name']}\n"
        f"Exec={shlex.quote(f'/{place}/{app.program}')}\nIcon={app.program}\nTerminal=false\n"
        f"StartupWMClass={about['identifier']}\nCategories={category};\n"
    )


def _control(app: App, size: int, depends: list[str]) -> str:
    about, packaging = app.settings["app"], app.settings.get("package", {})
    fields = {
        "Package": app.program,
        "Version": about["version"],
        "Architecture": DEBIAN_PROCESSORS[app.processor],
        "Maintainer": app.author,
        "Installed-Size": str(size),
        "Depends": ", ".join(depends),
        "Section": "misc",
        "Priority": "optional",
        "Homepage": packaging.get("homepage", ""),
        "Description": " ".join((about["description"] or about["name"]).split()),
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry
