"""What the short form puts in the place of programs: of other systems, and of those that cost."""

from __future__ import annotations

import hashlib
import stat
import sys
from pathlib import Path

from tests.workflows.stand_ins import TASKKILL, StandIns, system32, write_installer

# `kit.py` and `desktop-django`: they leave what the next steps look for.
KIT = """
import hashlib, pathlib, stat, sys
words = sys.argv[1:]
if words and words[0].endswith("kit.py"):
    kit = pathlib.Path(words.pop(0)).resolve().parent
    if words[0] == "install":
        programs = kit / ".venv" / "bin"
        programs.mkdir(parents=True, exist_ok=True)
        for name in ("desktop-django", "python", "uv"):
            (programs / name).unlink(missing_ok=True)
            (programs / name).symlink_to(pathlib.Path({folder!r}) / name)
    if words[0] == "docs":
        pathlib.Path("site").mkdir()
for word, value in zip(words, words[1:] + [""]):
    if word.startswith(("--report-", "--junitxml")):
        file = pathlib.Path(value if "=" not in word else word.split("=")[1])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{{}}")
payload = pathlib.Path(words[1] if len(words) > 1 else ".") / "desktop-app"
if words[0] == "stage":
    (payload / "staged").mkdir()
    (payload / "staged" / "sbom.cdx.json").write_text("{{}}")
if words[0] == "package":
    dist = payload / "dist"
    sys.path.insert(0, {root!r})
    from tests.workflows.machines import packaged
    packaged(dist, {system!r})
"""
GH = """
import hashlib, pathlib, sys
words = " ".join(sys.argv[1:])
if "isDraft" in words:
    print("true")
elif "targetCommitish" in words:
    print("0a" * 20)
elif "release download" in words:
    given = pathlib.Path("given")
    given.mkdir()
    (given / "app-linux-x64.tar.gz").write_text("app")
    digest = hashlib.sha256(b"app").hexdigest()
    (given / "SHA256SUMS-linux").write_text(f"{digest}  app-linux-x64.tar.gz\\n")
"""
UV = """
import pathlib, sys
if sys.argv[1] == "build":
    pathlib.Path("dist").mkdir()
    pathlib.Path("dist/kit.whl").write_text("wheel")
"""
# Real, unless it is to run kit.py or to download a browser.
PYTHON = """#!/bin/sh
case "$1 $2" in
  *"kit.py "*) exec {folder}/kit.py "$@" ;;
  *"wheel.py "*) exec {folder}/wheel.py "$@" ;;
  "-m playwright") exec {folder}/playwright "$@" ;;
  *) exec {python} "$@" ;;
esac
"""
MACHO = b"\xcf\xfa\xed\xfe" + b"\0" * 28


def machine(folder: Path, system: str, around: Path) -> StandIns:
    """The stand-ins of the short form for one system; `around` holds its folders."""
    stand_ins = StandIns(folder)
    root = str(Path(__file__).resolve().parents[2])
    does = KIT.format(folder=str(folder), system=system, root=root)
    for name in ("desktop-django", "kit.py"):
        stand_ins.add(name, does=does)
    for name in ("npm", "node", "sudo", "playwright", "wheel.py"):
        stand_ins.add(name)
    stand_ins.add("gh", does=GH)
    stand_ins.add("uv", does=UV)
    python = folder / "python"
    python.write_text(PYTHON.format(folder=folder, python=sys.executable), encoding="utf-8")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    if system == "macOS":
        for name in ("codesign", "spctl", "xcrun"):
            stand_ins.add(name)
    if system == "Windows":
        stand_ins.add("taskkill", does=TASKKILL.format(target=str(around)))
        stand_ins.add("python3")
        stand_ins.add("choco")
        system32(around / "system")
        (around / "local").mkdir()
    return stand_ins


def packaged(dist: Path, system: str) -> None:
    """What `package` leaves on a system."""
    dist.mkdir()
    if system == "macOS":
        app = dist / "mac-arm64" / "Flying Stable.app" / "Contents" / "MacOS"
        app.mkdir(parents=True)
        (app / "Flying Stable").write_bytes(MACHO)
        (dist / "flying-stable-mac-arm64.zip").write_text("zip")
    elif system == "Windows":
        (dist / "win-unpacked").mkdir()
        write_installer(dist / "flying-stable-win-x64.exe")
    else:
        (dist / "linux-unpacked").mkdir()
        (dist / "flying-stable-linux-x64.tar.gz").write_text("archive")
    lines = [
        f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n"
        for each in sorted(dist.iterdir())
        if each.is_file()
    ]
    (dist / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")


def given(folder: Path) -> None:
    """What the rows of packages.yml have uploaded, for the job that publishes."""
    for system in ("linux", "windows"):
        (folder / f"-{system}").mkdir(parents=True)
        (folder / f"-{system}" / f"app-{system}.zip").write_text(system)
        digest = hashlib.sha256(system.encode()).hexdigest()
        (folder / f"-{system}" / f"SHA256SUMS-{system}").write_text(f"{digest}  app-{system}.zip\n")
