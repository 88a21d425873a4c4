"""What a person sees while the checks run: how many are judged, what is at work, the time left."""

from __future__ import annotations

import time

import pytest

from checks.workers import judged

# Seconds of the longest checks with their starts, on the reference app. Only their ratios matter.
SECONDS = {
    "TSK-1": 5.0,
    "DAT-1": 4.0,
    "DAT-25": 4.0,
    "DAT-2": 3.0,
    "DAT-16": 3.0,
    "DAT-27": 3.0,
    "WEB-1": 3.0,
    "SHL-1": 3.0,
    "SHL-7": 6.0,
    "DAT-5": 2.0,
    "DAT-15": 2.0,
    "DAT-21": 2.0,
    "DAT-28": 2.0,
    "PRC-10": 2.0,
    "PRC-11": 2.0,
}
OTHER_SECONDS = 0.3
SHOWN_EVERY_SECONDS = 15.0
NAMED = 4
KNOWN_AFTER = 0.1
"""The share of the work after which the time left is told."""


class Progress:
    """A plugin that shows one line: on a terminal it is written over, elsewhere again at times."""

    def __init__(self) -> None:
        self._begun = self._shown = time.monotonic()
        self._waiting: set[str] = set()
        self._at_work: dict[str, None] = {}
        self._expected: list[str] = []
        self._reporter: pytest.TerminalReporter | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Know where to write; what xdist says of its workers is not said."""
        plugins = config.pluginmanager
        self._reporter = plugins.get_plugin("terminalreporter")
        if plugins.has_plugin("terminaldistreporter"):
            plugins.unregister(name="terminaldistreporter")
            # It also writes where no hook is asked.
            plugins.get_plugin("dsession").terminal = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know what is to be done."""
        self._expect([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Know it from a worker: each collects the same."""
        self._expect(ids)

    def _expect(self, ids: list[str]) -> None:
        self._expected, self._waiting = ids, {*ids}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A check begins."""
        self._at_work[nodeid] = None
        self._show()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A check has ended."""
        self._at_work.pop(nodeid, None)
        self._waiting.discard(nodeid)
        self._show()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Make room for the table."""
        if self._reporter and self._reporter.isatty:
            self._reporter.rewrite("", erase=True)

    def line(self) -> str:
        """The line, without its end."""
        names = [name for nodeid in self._at_work for name in judged(nodeid)]
        shown = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
        total = len(self._expected)
        parts = [f"{total - len(self._waiting)} of {total} checks"]
        parts += [shown] if shown else []
        work, rest = (sum(map(_seconds, each)) for each in (self._expected, self._waiting))
        if work - rest > work * KNOWN_AFTER:
            left = (time.monotonic() - self._begun) / (work - rest) * rest
            parts.append(f"about {max(left, 1):.0f} s left")
        return " · ".join(parts)

    def _show(self) -> None:
        reporter = self._reporter
        if reporter is None or not self._waiting:
            return
        if reporter.isatty:
            reporter.rewrite(self.line(), erase=True)
        elif time.monotonic() - self._shown > SHOWN_EVERY_SECONDS:
            self._shown = time.monotonic()
            reporter.write_line(self.line())


def _seconds(nodeid: str) -> float:
    return max((SECONDS.get(each, OTHER_SECONDS) for each in judged(nodeid)), default=0.0)
