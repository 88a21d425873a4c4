"""Executed by the project's own interpreter, within a rehearsal: what a start spends on imports.

Standard library only; imports nothing of the kit.
"""

from __future__ import annotations

import importlib._bootstrap as machinery
import importlib._bootstrap_external as files
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

UNAVOIDABLE = {"django", "desktop_runtime", "waitress", "whitenoise", "uvicorn", "__main__"}
MOST = 5


class ImportTimes:
    """Milliseconds of processor by what the project could import later, or do later.

    That is a package with all that it brings along, or a module of the project itself. Processor,
    because other work on the machine says nothing about the project; without what compiling takes,
    which happens once.
    """

    def __init__(self, is_own: Callable[[Path], bool]) -> None:
        self.is_own = is_own
        self.milliseconds: dict[str, float] = {}
        self.by: dict[str, str] = {}  # the module of the project that imported it first
        self._stack: list[tuple[str, str]] = []  # of modules that are being imported: name, kind
        self._apart = 0.0  # spent within the current one, and not by it

    def watch(self) -> None:
        """From now on. The two functions are of CPython, all versions that Django supports."""
        load, compiled = machinery._load_unlocked, files.SourceLoader.source_to_code

        def noting_load(spec: Any) -> Any:
            outer, self._apart = self._apart, 0.0
            self._stack.append((spec.name, self._kind(spec)))
            begin = time.thread_time()
            try:
                return load(spec)
            finally:
                whole = time.thread_time() - begin
                self._note(whole - self._apart)
                self._stack.pop()
                self._apart = outer + whole

        def noting_compile(loader: Any, *given: Any, **named: Any) -> Any:
            begin = time.thread_time()
            try:
                return compiled(loader, *given, **named)
            finally:
                self._apart += time.thread_time() - begin

        machinery._load_unlocked = noting_load
        files.SourceLoader.source_to_code = noting_compile

    def _kind(self, spec: Any) -> str:
        if spec.origin and self.is_own(Path(spec.origin)):
            return "own"
        top = spec.name.partition(".")[0]
        return "" if top in UNAVOIDABLE or top in sys.stdlib_module_names else "foreign"

    def _note(self, seconds: float) -> None:
        foreign = next((n for n, (_, kind) in enumerate(self._stack) if kind == "foreign"), None)
        above = self._stack if foreign is None else self._stack[:foreign]
        own = [name for name, kind in above if kind == "own"]
        if foreign is not None:
            name, by = self._stack[foreign][0].partition(".")[0], own[-1] if own else ""
        elif own:
            name, by = own[-1], own[-2] if own[1:] else ""
        else:
            return
        self.milliseconds[name] = self.milliseconds.get(name, 0.0) + seconds * 1000
        self.by.setdefault(name, by)

    def slowest(self) -> list[dict[str, Any]]:
        """The first few, the slowest of them first."""
        order = sorted(self.milliseconds, key=lambda name: -self.milliseconds[name])
        return [
            {"name": name, "milliseconds": round(self.milliseconds[name]), "by": self.by[name]}
            for name in order[:MOST]
        ]
