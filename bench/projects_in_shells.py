"""Both shells on one project, in turns: time to a page that stays, memory, end after SIGKILL.

    python bench/projects_in_shells.py [PROJECT...] [--rounds N] [--pictures FOLDER]

PROJECT is adapted; without one it is the reference app. Linux, with Xvfb and a D-Bus session of its
own. Each project is copied, gets both shells, and is started once by each before anything is
measured. Times end with the first picture of the screen that is like the last one; memory is the
proportional set size of all processes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from Xlib import X
from Xlib.display import Display

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from checks.x11 import Picture  # noqa: E402 - of this checkout
from skill_scripts import desktop_toml  # noqa: E402
from skill_scripts.backend import interpreter_flags  # noqa: E402
from skill_scripts.dependencies.environment import Interpreter  # noqa: E402
from skill_scripts.dependencies.runtime import PACKAGES, install_runtime  # noqa: E402
from skill_scripts.layer.payload import IN_CHECKOUT  # noqa: E402
from skill_scripts.layer.shells import ELECTRON, SHELLS, TOGA  # noqa: E402
from skill_scripts.run import interpreter_of  # noqa: E402
from tests.checks.legacy_electron import MODULES  # noqa: E402
from tests.electron import check_options  # noqa: E402

LAYER = IN_CHECKOUT.name
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "venv", "node_modules", "staged*", "dist*", "__pycache__", "*.sqlite3"
)
HANG_SECONDS = 240.0
STILL_SECONDS = 5.0
SAMPLE_SECONDS = 0.1
EVERY_PIXEL = 97  # of the screen's; what is compared
LIKE = 0.97
SAID = ("window shown", "page shown")  # in shell.log
WIDTH, HEIGHT = 1280, 900


@dataclass(frozen=True)
class Launch:
    """One launch, from its start to its violent end."""

    seconds: float
    megabytes: float
    processes: int
    gone_seconds: float


def copy(project: Path, folder: Path) -> str:
    """A copy with both shells and what they import; the Python that runs it."""
    shutil.copytree(project, folder, ignore=LEFT_OUT, symlinks=True)
    settings = desktop_toml.read(folder / desktop_toml.PLACE)
    python = interpreter_of(project, settings)
    for shell in SHELLS:
        shutil.rmtree(folder / LAYER / shell, ignore_errors=True)
        shutil.copytree(IN_CHECKOUT / shell, folder / LAYER / shell, ignore=LEFT_OUT)
    (folder / LAYER / ELECTRON.name / "node_modules").symlink_to(MODULES)
    if not (folder / LAYER / PACKAGES / "toga").is_dir():
        settings["app"]["shell"] = TOGA.name
        install_runtime(folder / LAYER, Interpreter(Path(python), "", False), settings)
    return python


def commands(folder: Path, python: str) -> dict[str, list[str]]:
    """What opens the copy, by shell."""
    given = check_options()
    if not given:
        raise SystemExit("no Electron: see tests/electron.py")
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {
        ELECTRON.name: [given[1], *as_root, str(folder / LAYER / ELECTRON.name)],
        TOGA.name: [python, *interpreter_flags(), str(folder / LAYER / TOGA.name / "shell.py")],
    }


def launch(command: list[str], python: str, app_data: Path, picture: Path | None) -> Launch:
    """Start, wait for the page, look at memory, kill."""
    log = app_data / "logs" / "shell.log"
    log.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHON": python, "DESKTOP_DJANGO_APP_DATA_DIR": str(app_data)}
    said = app_data.with_name(f"{app_data.name}.log")
    output = said.open("wb")
    begun = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        seconds = _until_still(lambda: _says(log), process, begun, said)
        family = [psutil.Process(process.pid)]
        family += family[0].children(recursive=True)
        memory = sum(_memory(each) for each in family) / 1e6
        if picture:
            picture.write_bytes(_screen().png())
        killed = time.monotonic()
        process.kill()
        process.wait()
        _, left = psutil.wait_procs(family, timeout=HANG_SECONDS)
        if left:
            raise SystemExit(f"not gone: {left}")
        return Launch(seconds, memory, len(family), time.monotonic() - killed)
    finally:
        process.kill()
        output.close()


def _says(log: Path) -> bool:
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return any(each in text for each in SAID)


def _until_still(
    is_said: Callable[[], bool], process: subprocess.Popen, begun: float, said: Path
) -> float:
    """Seconds until the screen is as it stays, after the shell says that its page is shown."""
    samples: list[tuple[float, bytes]] = []
    still_since: float | None = None
    while still_since is None or time.monotonic() - still_since < STILL_SECONDS:
        now = time.monotonic()
        samples.append((now - begun, _screen().pixels[:: 4 * EVERY_PIXEL]))
        if is_said() and still_since is None:
            still_since = now
        if still_since and not _is_like(samples[-1][1], samples[-2][1]):
            still_since = now
        if process.poll() is not None or now - begun > HANG_SECONDS:
            words = said.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise SystemExit(f"{process.args} showed no page (exit {process.poll()}):\n{words}")
        time.sleep(SAMPLE_SECONDS)
    last = samples[-1][1]
    different = [at for at, each in samples if not _is_like(each, last)]
    return next(at for at, _ in samples if at > max(different))


def _is_like(one: bytes, other: bytes) -> bool:
    return sum(a == b for a, b in zip(one, other, strict=True)) >= LIKE * len(one)


def _screen() -> Picture:
    """All that is to be seen."""
    display = Display()
    root = display.screen().root
    image = root.get_image(0, 0, WIDTH, HEIGHT, X.ZPixmap, 0xFFFFFFFF)
    display.close()
    return Picture(bytes(image.data), WIDTH)


def _memory(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0


def middle(values: list[float]) -> str:
    """The median, and the middle half."""
    low, half, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{half:7.2f} ({low:.2f} to {high:.2f})"


def measure(project: Path, rounds: int, pictures: Path | None, scratch: Path) -> None:
    """Print what was measured of one project."""
    folder = scratch / project.name / "project"
    python = copy(project, folder)
    by_shell = commands(folder, python)
    found: dict[str, list[Launch]] = {name: [] for name in by_shell}
    for number in range(rounds + 1):
        for name, command in by_shell.items():
            picture = pictures / f"{project.name}-{name}.png" if pictures and not number else None
            done = launch(command, python, scratch / project.name / f"{name} data", picture)
            if number:
                found[name].append(done)
    print(f"\n{project.name}, {rounds} rounds, median (middle half)")
    for name, launches in found.items():
        seconds = middle([each.seconds for each in launches])
        memory = statistics.median(each.megabytes for each in launches)
        gone = middle([each.gone_seconds for each in launches])
        count = launches[-1].processes
        print(f"{name:9} page {seconds} s  {memory:5.0f} MB in {count:2}  gone after {gone} s")
    pairs = zip(found[TOGA.name], found[ELECTRON.name], strict=True)
    print(f"toga to electron: {middle([t.seconds / e.seconds for t, e in pairs])}", flush=True)


def main() -> None:
    """Measure each project."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("projects", nargs="*", type=Path, default=[ROOT / "reference_app"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    if "BENCH_SHELLS" not in os.environ:
        around = [
            "xvfb-run",
            "-a",
            "-s",
            f"-screen 0 {WIDTH}x{HEIGHT}x24",
            "dbus-run-session",
            "--",
        ]
        environment = {**os.environ, "BENCH_SHELLS": "inside"}
        raise SystemExit(
            subprocess.run([*around, sys.executable, *sys.argv], env=environment).returncode
        )
    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="shells-", ignore_cleanup_errors=True) as scratch:
        for project in arguments.projects:
            measure(project.resolve(), arguments.rounds, arguments.pictures, Path(scratch))


if __name__ == "__main__":
    main()
