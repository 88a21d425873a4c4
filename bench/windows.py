"""How long it takes from the launch of a shell until a person sees something, and the app.

Floor: a bare window of the same Electron. The moments are taken inside Electron by watch.cjs, which
knows nothing of any shell: something is visible (a splash, if there is one), the page is painted,
the window with the painted page is visible. A peer is the folder of another Electron app.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from operator import itemgetter
from pathlib import Path

import psutil

from bench import timeline
from bench.launching import NotReadyError, memory
from bench.measuring import Piece, Row, take_turns
from bench.subjects import Subject, copy_app, given, made
from checks.display import display
from tests.checks.legacy_electron import transpiled
from tests.electron import MODULE, legacy_binary

HERE = Path(__file__).parent
HANG_SECONDS = 60
LOOK_SECONDS = 0.003
END_SECONDS = 10
SETTLED_SECONDS = 2  # by then its processes have loaded what they need
TRACE, TRACED = "DESKTOP_DJANGO_TRACE", 3  # launches of each kind
BARE, WHOLE = "bare window", "shell and backend"
MOMENTS = {"visible": "something visible", "painted": "page painted", "shown": "window shown"}


@dataclass(frozen=True)
class Shell:
    """A program for Electron, and what counts as its page."""

    command: list[str]
    page: str = "http://127.0.0.1"
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Opened:
    """A shell whose window is shown, when it was launched, and the seconds until each moment."""

    process: psutil.Process
    begun: float  # since 1970
    moments: dict[str, float]

    def family(self) -> list[psutil.Process]:
        """The program and everything it started."""
        return [self.process, *self.process.children(recursive=True)]


def electron() -> tuple[Path, bool]:
    """Electron's program, and whether it is the old one of the tests.

    Raises NotReadyError without any.
    """
    if (MODULE / "path.txt").is_file():
        return MODULE / "dist" / (MODULE / "path.txt").read_text().strip(), False
    if found := legacy_binary():
        return found, True
    raise NotReadyError("there is no Electron here: python3 kit.py install")


def bare() -> Shell:
    """The floor."""
    program, _ = electron()
    return Shell([str(program), *watched(), str(HERE / "bare.cjs")], "data:")


def shell(folder: Path, *arguments: str, main: str = "main.js", **environment: str) -> Shell:
    """The Electron app in `folder`, which for the old Electron is transpiled into it."""
    program, is_old = electron()
    if not is_old:
        return Shell([str(program), *watched(), str(folder), *arguments], environment=environment)
    built = transpiled(folder, main)
    command = [str(program), *watched(), "-r", str(built / "prelude.cjs"), str(built / "main.cjs")]
    source = {"SHELL_TEST_SOURCE": str(folder / main)}
    return Shell([*command, *arguments], environment={**environment, **source})


def watched() -> list[str]:
    """What loads watch.cjs; without a sandbox where the system has none for this user."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [*(["--no-sandbox"] if is_root else []), "-r", str(HERE / "watch.cjs")]


def own_shell(subject: Subject, app_data: Path, *, is_staged: bool = False) -> Shell:
    """The kit's shell on a project or on its bundle."""
    if is_staged:
        assert subject.bundle.is_dir()
    return shell(
        subject.root / "desktop-app" / "electron",
        *(["--staged"] if is_staged else []),
        PYTHON=str(subject.python),
        DESKTOP_DJANGO_APP_DATA_DIR=str(made(app_data)),
    )


def peer_shell(peer: Path, scratch: Path) -> Shell:
    """The Electron app in a folder, or that of an adapted project; with data of its own.

    Raises NotReadyError if there is no app.
    """
    inside = peer / "desktop-app" / "electron"
    if inside.is_dir():
        subject = given("peer", peer, scratch / "peer", inside)
        return own_shell(subject, scratch / "peer-data")
    if not (peer / "package.json").is_file():
        raise NotReadyError(f"{peer} has neither package.json nor desktop-app/electron")
    about = json.loads((peer / "package.json").read_text(encoding="utf-8"))
    home = str(made(scratch / "peer-data"))
    folder = copy_app(peer, scratch / "peer")
    return shell(folder, main=about.get("main", "index.js"), HOME=home, XDG_CONFIG_HOME=home)


@contextlib.contextmanager
def opened(asked: Shell, scratch: Path) -> Iterator[Opened]:
    """Launch, wait until the app's page can be seen, yield, end it and all it started.

    Raises NotReadyError if it ends before, or hangs.
    """
    marks = scratch / "marks"
    marks.unlink(missing_ok=True)
    given = {"BENCH_MARKS": str(marks), "BENCH_PAGE": asked.page}
    with (scratch / "shell-stderr.log").open("wb") as log:
        begun = time.time()
        child = subprocess.Popen(
            asked.command,
            env={**os.environ, **asked.environment, **given},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    process = psutil.Process(child.pid)
    try:
        while "shown" not in (found := read(marks, begun)):
            if child.poll() is not None or time.time() - begun > HANG_SECONDS:
                last = log_end(scratch / "shell-stderr.log")
                raise NotReadyError(f"no window was shown: {last}")
            time.sleep(LOOK_SECONDS)
        yield Opened(process, begun, found)
    finally:
        end(child, process)


def read(marks: Path, begun: float) -> dict[str, float]:
    """Seconds until each moment so far."""
    if not marks.exists():
        return {}
    lines = (line.split() for line in marks.read_text(encoding="utf-8").splitlines())
    return {name: float(at) / 1000 - begun for name, at in lines}


def log_end(file: Path) -> str:
    """The last words of a log."""
    return " ".join(file.read_text(encoding="utf-8", errors="replace").split())[-150:]


def end(child: subprocess.Popen[bytes], process: psutil.Process) -> None:
    """Ask it to end, and end what is left."""
    family = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = process.children(recursive=True)
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(END_SECONDS)
    _, left = psutil.wait_procs(family, timeout=END_SECONDS / 2)
    for each in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    child.kill()
    child.wait()


def launches(subject: Subject) -> dict[str, Callable[[], Shell]]:
    """Every kind of launch of the subject's shell."""
    warm, installed = subject.fresh(), subject.fresh()
    return {
        "warm": lambda: own_shell(subject, warm),
        "staged, warm": lambda: own_shell(subject, installed, is_staged=True),
        "staged, first": lambda: own_shell(subject, subject.fresh(), is_staged=True),
    }


def measure(subject: Subject, rounds: int, peer: Path | None = None) -> list[Row | Piece]:
    """Every kind of launch of the subject's shell, and of the peer's; then where its time goes."""
    scratch = made(subject.scratch / "windows")
    own = launches(subject)
    contestants = {BARE: bare, **own}
    if peer:
        contestants["peer, warm"] = cache(partial(peer_shell, peer, scratch))
    with shown_somewhere():
        turns = take_turns(
            {name: partial(moments, make, scratch) for name, make in contestants.items()}, rounds
        )
        pieces = [
            piece for name, make in own.items() if name not in turns.failures
            for piece in traced(name, make, scratch)
        ]  # fmt: skip
    rows = [turns.row(BARE, "shown", "s", label=f"{BARE}: {MOMENTS['shown']}")]
    most = {("warm", "shown"): 1.5, ("staged, warm", "shown"): 1.5, ("staged, first", "shown"): 2}
    for name in [*contestants][1:]:
        for part, label in MOMENTS.items():
            rows.append(turns.row(name, part, "s", BARE, label=f"{name}: {label}",
                                  most=most.get((name, part))))  # fmt: skip
    return [*rows, *pieces]


def moments(make: Callable[[], Shell], scratch: Path) -> dict[str, float]:
    """One launch."""
    with opened(make(), scratch) as window:
        return window.moments


def traced(name: str, make: Callable[[], Shell], scratch: Path) -> list[Piece]:
    """The pieces of the median of some launches; none of a shell that draws no timeline."""
    file = scratch / "trace.json"
    found = []
    for _ in range(TRACED):
        file.unlink(missing_ok=True)
        asked = make()
        asked = replace(asked, environment={**asked.environment, TRACE: str(file)})
        with opened(asked, scratch) as window:
            pass
        if not file.is_file():
            return []
        found.append((window.moments["shown"], timeline.pieces(file, name, window.begun)))
    shown, pieces = sorted(found, key=itemgetter(0))[TRACED // 2]
    return [piece for piece in pieces if piece.begin < shown]


@contextlib.contextmanager
def shown_somewhere() -> Iterator[None]:
    """A display, one of our own where the machine has none."""
    with display() as variables:
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def measure_memory(subject: Subject, rounds: int) -> list[Row]:
    """The whole app with its window open, beside a bare window."""
    scratch = made(subject.scratch / "windows")
    data = subject.fresh()

    def weigh(make: Callable[[], Shell]) -> dict[str, float]:
        with opened(make(), scratch) as window:
            time.sleep(SETTLED_SECONDS)
            family = window.family()
            return {"processes": len(family), **memory(family)}

    with shown_somewhere():
        turns = take_turns({
            BARE: lambda: weigh(bare),
            WHOLE: lambda: weigh(lambda: own_shell(subject, data, is_staged=True)),
        }, rounds)  # fmt: skip
    return [
        turns.row(WHOLE, part, unit, *([BARE] if unit else []), label=f"{WHOLE}: {part}")
        for part, unit in (("processes", ""), ("RSS", "MiB"), ("PSS", "MiB"))
    ]
