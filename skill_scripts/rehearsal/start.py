"""One start of an adapted project on scratch app data, as its shell would start it."""

import json
import math
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from skill_scripts import desktop_toml
from skill_scripts.backend import PORT_TAKEN, Backend, contract, interpreter_flags
from skill_scripts.dependencies.environment import (
    Interpreter,
    bytecode_cache,
)
from skill_scripts.findings.surveyed import Progress
from skill_scripts.probe import undo
from skill_scripts.processes import MARK, clean_environment, end_all, json_lines

INSIDE = Path(__file__).with_name("inside.py")
START_SECONDS = 300  # hundreds of migrations on a slow machine
ATTEMPTS = 5
KEPT_OUTPUT = 4000  # characters


@dataclass(frozen=True)
class Raised:
    """An exception of the project, and where it comes from."""

    text: str
    file: str = ""  # of the project's own source, relative to its root
    line: int = 0
    page: str = ""  # whose answer it spoiled
    migration: str = ""
    statement: str = ""  # of SQL

    @property
    def place(self) -> str:
        """The project's own line, "" if it is not known."""
        return f"{self.file}:{self.line}" if self.file else ""


@dataclass(frozen=True)
class Failure:
    """Why a start did not become ready."""

    code: str  # of the runtime, "" where it said nothing
    message: str
    raised: Raised | None = None


class OutOfTimeError(Exception):
    """Raised when a start takes longer than somebody wants to wait."""


@dataclass(frozen=True)
class Import:
    """What a start spends on importing something."""

    name: str  # a package with what it brings along, or a module of the project
    milliseconds: int  # of processor
    by: str = ""  # the module of the project that imports it first; "" for Django


@dataclass
class State:
    """How the project was when it became ready."""

    seconds: float = 0.0
    migrations: int = 0
    accounts: tuple[str, ...] = ()  # that one may sign in to with a password
    pointers: Mapping[str, str] = field(default_factory=dict)  # who names a first page → path
    groups: tuple[str, ...] = ()
    imports: tuple[Import, ...] = ()  # the slowest ones


class Start:
    """A running backend, in a `with` block; afterwards it is gone and the project as before."""

    def __init__(
        self,
        root: Path,
        settings: desktop_toml.Manifest,
        interpreter: Interpreter,
        layer: Path,
        scratch: Path,
        progress: Progress,
        deadline: float = math.inf,
    ) -> None:
        self.root, self.settings, self.interpreter = root, settings, interpreter
        self.layer, self.scratch, self.progress = layer, scratch, progress
        self.deadline = deadline  # of time.monotonic()
        self.failure: Failure | None = None
        self.state = State()
        self.writes: list[str] = []
        self._mark = secrets.token_hex(16)
        self._backend: Backend | None = None

    @property
    def origin(self) -> str:
        """Where it answers."""
        assert self._backend
        return self._backend.origin

    @property
    def token(self) -> str:
        """What it asks of every request."""
        assert self._backend
        return self._backend.token

    @property
    def raised(self) -> Sequence[Raised]:
        """The exceptions so far, those of pages in the order of the visits."""
        return [Raised(**note) for note in self._notes("raised")]

    def __enter__(self) -> Self:
        """Raises OutOfTimeError."""
        for name in ("app_data", "copies"):
            (self.scratch / name).mkdir(parents=True, exist_ok=True)
        manifest = self.scratch / "desktop.toml"
        manifest.write_text(desktop_toml.render(self.settings), encoding="utf-8")
        request = {
            "launch": str(self.layer / "launch.py"),
            "manifest": str(manifest),
            "project": str(self.root),
            **{name: str(self.scratch / name) for name in ("journal", "copies", "notes")},
        }
        (self.scratch / "request.json").write_text(json.dumps(request), encoding="utf-8")
        try:
            for _ in range(ATTEMPTS):
                if self._come_up():
                    break
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._backend:
            self._backend.stop()
            end_all(self._backend.process, self._mark)
        self.writes = undo.restore(self.root, self.scratch / "journal")

    def _come_up(self) -> bool:
        """Start it and follow what it says; whether another port would not help."""
        python, begin = self.interpreter.python, time.monotonic()
        app_data, log = self.scratch / "app_data", self.scratch / "log"
        command = [
            str(python), *interpreter_flags(bytecode=bytecode_cache(python)), str(INSIDE),
            str(self.scratch / "request.json"),
        ]  # fmt: skip
        env = clean_environment({**contract(app_data, self.root, "development"), MARK: self._mark})
        backend = self._backend = Backend(command, env, self.root, log)
        is_late = threading.Event()

        def give_up() -> None:
            is_late.set()
            end_all(backend.process, self._mark)

        left = self.deadline - begin
        limit = threading.Timer(max(min(START_SECONDS, left), 0), give_up)
        limit.start()
        try:
            for event in backend.events():
                match event["event"]:
                    case "migrating":
                        self.state.migrations = max(self.state.migrations, event["total"])
                        done, total, name = (event[key] for key in ("done", "total", "name"))
                        self.progress(f"rehearsing the first start: {done}/{total} {name}")
                    case "ready":
                        self._note_state(time.monotonic() - begin)
                        return True
                    case "failed" if event["exit"] == PORT_TAKEN:
                        backend.stop()
                        return False
                    case "failed":
                        self.failure = Failure(event["code"], event["message"], self._last())
                        return True
        except ValueError:  # something else than an event
            pass
        finally:
            limit.cancel()
        if is_late.is_set() and left < START_SECONDS:
            raise OutOfTimeError
        if is_late.is_set():
            said = f"the first start takes more than {START_SECONDS} seconds"
        else:
            last = log.read_text(encoding="utf-8", errors="replace")[-KEPT_OUTPUT:].strip()
            said = f"it ended without a word: {(last.splitlines() or ['no output'])[-1]}"
        self.failure = Failure("", said, self._last())
        return True

    def _note_state(self, seconds: float) -> None:
        self.state.seconds = seconds
        for note in self._notes("ready"):
            self.state.accounts = tuple(note["accounts"])
            self.state.pointers = note["pointers"]
            self.state.groups = tuple(note["groups"])
        for note in self._notes("imports"):
            self.state.imports = tuple(Import(**each) for each in note["slowest"])

    def _last(self) -> Raised | None:
        found = self.raised
        return found[-1] if found else None

    def _notes(self, kind: str) -> Iterator[dict[str, Any]]:
        for note in json_lines(self.scratch / "notes"):
            if note.pop("kind") == kind:
                yield note
