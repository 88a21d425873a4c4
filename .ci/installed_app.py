"""Install an application silently, open it, end it and uninstall it: a step of packages.yml.

usage: installed_app.py DIST. It goes into a folder with a space, opens where no other Python can be
found, is ended as a person does and without a word, and its data must outlive all of it. Every
Python that was hidden is back afterwards. Exit code 0 if all of that holds, else 1.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

LIMIT = 120.0  # seconds
POLL = 0.2
PYTHONS = ("python", "python3", "py")
STEERING = ("PYTHONHOME", "PYTHONPATH", "pythonLocation", "VIRTUAL_ENV")


class WrongError(Exception):
    """Raised when something is not as it must be; says what."""


def main(dist: Path) -> int:
    """Run the whole of it; the result is the exit code."""
    target = Path(os.environ["RUNNER_TEMP"], "installed här app")
    try:
        installed = Installed.install(dist, target)
        with no_other_python() as environment:
            for ending in (installed.asking, ["taskkill", "/F", "/T", "/IM"]):
                installed.open_and_end(ending, environment)
        installed.uninstall()
    except WrongError as error:
        print(f"installed application: {error}", file=sys.stderr)
        return 1
    print(f"installed, opened, ended twice, uninstalled; the data is in {installed.data}")
    return 0


class Installed:
    """An application that was installed into `target`."""

    def __init__(self, target: Path) -> None:
        places = (target / "resources" / "bundle", target / "bundle")  # of Electron, of Toga
        found = [each for each in places if (each / "runtime-manifest.json").is_file()]
        if not found:
            raise WrongError(f"the installer left no bundle in {target}")
        self.target, self.bundle = target, found[0]
        manifest = self.bundle / "runtime-manifest.json"
        # Toga's window is that of a child of the program.
        below = [] if self.bundle == places[0] else ["/T"]
        self.asking = ["taskkill", *below, "/IM"]
        self.program = first(target, lambda name: not name.startswith("Uninstall"))
        identifier = json.loads(manifest.read_text(encoding="utf-8"))["app"]["identifier"]
        self.data = Path(os.environ["LOCALAPPDATA"], identifier)
        self.database = self.data / "db.sqlite3"

    @classmethod
    def install(cls, dist: Path, target: Path) -> Installed:
        """Run the installer of `dist`. NSIS wants /D= last and without quotes."""
        setup = first(dist, lambda _: True)
        done = subprocess.run(unquoted(setup, "/S", f"/D={target}"))
        if done.returncode:
            raise WrongError(f"the installer ended with exit code {done.returncode}")
        return cls(target)

    def open_and_end(self, ending: list[str], environment: dict[str, str]) -> None:
        """Open it, see it serve on its own Python, end it with `ending`, see nothing left."""
        log = self.data / "logs" / "shell.log"
        log.unlink(missing_ok=True)
        opened = subprocess.Popen([str(self.program)], env=environment)
        try:
            wait("it is ready", lambda: log.is_file() and b"ready at" in log.read_bytes())
            if not self.backends():
                raise WrongError("the backend does not run on the bundled Python")
            # A program that is closing ends while taskkill looks at it: its exit code says nothing.
            subprocess.run([*ending, self.program.name], stdout=subprocess.DEVNULL)
            wait("no process is left", lambda: opened.poll() is not None and not self.backends())
        finally:
            for left in (*self.backends(), opened):
                with contextlib.suppress(psutil.Error):
                    left.kill()
        if not self.database.is_file():
            raise WrongError(f"there is no data in {self.data}")

    def backends(self) -> list[psutil.Process]:
        """Living processes whose program is the bundle's Python."""
        bundle = self.bundle.resolve()
        found = []
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if each.status() != psutil.STATUS_ZOMBIE and Path(each.exe()).is_relative_to(
                    bundle
                ):
                    found.append(each)
        return found

    def uninstall(self) -> None:
        """Run the uninstaller silently; it copies itself away and ends before it is done."""
        uninstaller = first(self.target, lambda name: name.startswith("Uninstall"))
        subprocess.run([str(uninstaller), "/S"])
        wait("the application is gone", lambda: not self.program.exists())
        if not self.database.is_file():
            raise WrongError("uninstalling took the data away")


def first(folder: Path, fits: Callable[[str], bool]) -> Path:
    """The first program in `folder` by name. Raises WrongError."""
    found = sorted(each for each in folder.glob("*.exe") if fits(each.name))
    if not found:
        raise WrongError(f"there is no program in {folder}")
    return found[0]


def unquoted(program: Path, *arguments: str) -> str | list[str]:
    """A command whose arguments Windows gets as they are; elsewhere there is nothing to quote."""
    if os.name != "nt":
        return [str(program), *arguments]
    return " ".join([f'"{program}"', *arguments])


@contextlib.contextmanager
def no_other_python() -> Iterator[dict[str, str]]:
    """An environment for the application while every other Python is out of the way."""
    hidden = []
    own = {Path(each).resolve() for each in (sys.executable, getattr(sys, "_base_executable", ""))}
    try:
        for file in pythons(os.environ.get("PATH", "")):
            if file.resolve() not in own:
                with contextlib.suppress(OSError):  # a Store alias, which starts nothing
                    hidden.append((file, file.rename(file.with_name(f"{file.name}.hidden"))))
        windows = os.environ.get("SYSTEMROOT", "")
        path = os.pathsep.join(
            [str(Path(windows, "System32")), *([windows] if os.name == "nt" else [])]
        )
        left = [str(each) for each in pythons(path)]
        if left:
            raise WrongError(f"there is still a Python: {', '.join(left)}")
        kept = {name: value for name, value in os.environ.items() if name not in STEERING}
        yield kept | {"PATH": path}
    finally:
        for file, away in hidden:
            away.rename(file)


def pythons(path: str) -> list[Path]:
    """Every Python that a search in `path` can find."""
    found = {
        Path(program)
        for folder in filter(None, path.split(os.pathsep))
        for name in PYTHONS
        if (program := shutil.which(name, path=folder))
    }
    return sorted(found)


def wait(what: str, condition: Callable[[], bool]) -> None:
    """Return when `condition` holds. Raises WrongError after LIMIT."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise WrongError(f"not within {LIMIT:.0f} seconds: {what}")
        time.sleep(POLL)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
