"""Programs that only another system has, in the place of the real ones.

Each writes down what it was called with, and ends as the real one does: `fails` is a piece of text
that makes it refuse a command in which it occurs.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """#!{python}
import json, sys
with open({log!r}, "a") as log:
    log.write(json.dumps([{name!r}, *sys.argv[1:]]) + "\\n")
if any(each and each in " ".join(sys.argv) for each in {fails!r}):
    print({said!r}, file=sys.stderr)
    raise SystemExit({code})
{does}
"""

PYTHONS = ("python", "python3", "py")


@dataclass(frozen=True)
class Kind:
    """How a program refuses: what it says, and its exit code."""

    said: str
    code: int


# As seen in the documentation, or the source, of each.
KINDS = {
    "codesign": Kind("code object is not signed at all", 1),
    "spctl": Kind("rejected", 3),
    "xcrun": Kind("The validate action failed! Error 65.", 65),
    "taskkill": Kind("ERROR: The process not found.", 128),
    "gh": Kind("HTTP 404: Not Found", 1),
    "sudo": Kind("sudo: a password is required", 1),
}


class StandIns:
    """A folder for the search path; `calls` is what was asked of the programs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls.jsonl"
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, *, fails: tuple[str, ...] = (), does: str = "") -> Path:
        """Put `name` there; `does` is Python that it runs where it does not refuse."""
        kind = KINDS.get(name, Kind("refused", 1))
        file = self.folder / name
        text = SCRIPT.format(
            python=sys.executable, log=str(self.log), name=name, fails=fails, said=kind.said,
            code=kind.code, does=does,
        )  # fmt: skip
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
        return file

    @property
    def calls(self) -> list[list[str]]:
        """Every call, as the name and its arguments."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def called(self) -> list[str]:
        """The same, each as one line for a shell."""
        return [shlex.join(call) for call in self.calls]


def search_path(folder: Path) -> str:
    """The real search path, but where it has a Python, `folder` has what leads to its programs.

    A step that hides every Python on its search path then hides none from anybody else.
    """
    folders = []
    for number, each in enumerate(map(Path, os.environ["PATH"].split(os.pathsep))):
        if any((each / name).exists() for name in PYTHONS):
            each = _led_to(each, folder / str(number))
        folders.append(str(each))
    return os.pathsep.join(folders)


def _led_to(real: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for program in real.iterdir():
        file = folder / program.name
        if file.is_symlink() or file.exists():
            continue
        if program.name in PYTHONS:  # which finds its environment by where it lies
            file.write_text(f'#!/bin/sh\nexec {shlex.quote(str(program))} "$@"\n', encoding="utf-8")
            file.chmod(0o755)
        else:
            file.symlink_to(program)
    return folder


# --- an installer of Windows ----------------------------------------------------------------------

SETUP = """#!{python}
import json, shutil, sys
from pathlib import Path
assert sys.argv[1] == "/S" and sys.argv[-1].startswith("/D="), sys.argv
if {fails!r}:
    raise SystemExit(2)
target = Path(sys.argv[-1][3:])
bundle = target / {bundle!r}
(bundle / "python").mkdir(parents=True)
shutil.copy2({sleep!r}, bundle / "python" / "python.exe")
(bundle / "runtime-manifest.json").write_text(json.dumps({{"app": {{"identifier": "org.app"}}}}))
for name, text in {{"My App.exe": {app!r}, "Uninstall My App.exe": {uninstaller!r}}}.items():
    (target / name).write_text(text)
    (target / name).chmod(0o755)
"""
# It starts its backend, writes its data, says that it is ready, and waits until taskkill ends it.
APP = """#!{shell}
"$(dirname "$0")/{bundle}/python/python.exe" 600 &
mkdir -p "$LOCALAPPDATA/org.app/logs"
{saves}
echo "$PATH" > "$LOCALAPPDATA/org.app/path"
read -r name < /proc/$!/comm
while [ "$name" != python.exe ]; do read -r name < /proc/$!/comm; done
echo "it is ready at 127.0.0.1" > "$LOCALAPPDATA/org.app/logs/shell.log"
wait
"""
UNINSTALLER = """#!/bin/sh
[ "$1" = /S ] || exit 2
rm -rf "$(dirname "$0")"
{deletes}
"""
# Ends every program of the bundle whose application has the name that it was given.
TASKKILL = """
import psutil
for each in psutil.process_iter(["name", "exe"]):
    if each.info["name"] == "python.exe" and {target!r} in (each.info["exe"] or ""):
        each.kill()
raise SystemExit(128)
"""


def write_installer(file: Path, fault: str = "", bundle: str = "resources/bundle") -> None:
    """An installer in the place of NSIS's, of an application with one fault."""
    data = "$LOCALAPPDATA/org.app"
    saves = "" if fault == "saves nothing" else f'touch "{data}/db.sqlite3"'
    deletes = f'rm -r "{data}"' if fault == "deletes data" else ""
    file.write_text(
        SETUP.format(
            python=sys.executable,
            fails=fault == "installer fails",
            sleep="/bin/sleep",
            app=APP.format(shell="/bin/sh", saves=saves, bundle=bundle),
            bundle=bundle,
            uninstaller=UNINSTALLER.format(deletes=deletes),
        ),
        encoding="utf-8",
    )
    file.chmod(0o755)


def system32(folder: Path) -> None:
    """All that the application finds on its search path: a few commands, and no Python."""
    (folder / "System32").mkdir(parents=True)
    for name in ("mkdir", "dirname", "touch", "sh"):
        (folder / "System32" / name).symlink_to(f"/bin/{name}")
