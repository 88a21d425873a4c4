"""TSK: tasks that the target's own worker works off."""

from __future__ import annotations

import pytest

from checks.starts.queued import QUICK, WAITING, Queued
from checks.verdicts import NotApplicable, NotRun, Seen


def _need_tasks(queued: Queued) -> None:
    if not queued.has_tasks:
        raise NotApplicable("its worker runs the jobs of cron, and no page sends any")


@pytest.mark.criterion("TSK-1")
def test_outside_the_request(queued: Queued, seen: Seen) -> None:
    """Runs a sent task elsewhere, and keeps its result."""
    _need_tasks(queued)
    begun = {name: queued.processes(name) for name in QUICK}
    missing = [name for name, pids in begun.items() if not pids]
    assert not missing, f"{len(missing)} of {len(QUICK)} tasks that a page sent did not begin"
    inside = [name for name, pids in begun.items() if queued.backend in pids]
    assert not inside, f"{len(inside)} tasks ran in the process that serves pages"
    if queued.result == "disabled":
        seen(f"{queued.queue}: {len(QUICK)} tasks in a worker; the project keeps no results")
        return
    expected = f"kept {QUICK[0]}"
    assert queued.result == expected, f"its result is {queued.result!r}, not {expected!r}"
    seen(f"{queued.queue}: {len(QUICK)} tasks in a worker, the result is kept")


@pytest.mark.criterion("TSK-2")
def test_scheduled(queued: Queued, seen: Seen) -> None:
    """Runs what is scheduled without a request."""
    if not queued.has_schedule:
        raise NotApplicable("no worker declares Celery's beat or RQ's scheduler: nothing is due")
    pids = queued.processes("scheduled")
    assert pids, "a task that was due was not run"
    assert queued.backend not in pids, "a scheduled task ran in the process that serves pages"
    seen(f"{queued.queue}: ran {queued.count('begin', 'scheduled')} times")


@pytest.mark.criterion("TSK-3")
def test_once(queued: Queued, seen: Seen) -> None:
    """Runs each task once."""
    _need_tasks(queued)
    counts = {name: queued.count("begin", name) for name in QUICK}
    often = {name: count for name, count in counts.items() if count > 1}
    assert not often, f"{len(often)} of {len(QUICK)} tasks ran more than once: {often}"
    if not any(counts.values()):
        raise NotRun("no task ran at all, as TSK-1 says")
    seen(f"{sum(counts.values())} tasks, none twice, a kill in between")


@pytest.mark.criterion("TSK-4")
def test_survives(queued: Queued, seen: Seen) -> None:
    """Runs after a kill what waited in the queue."""
    _need_tasks(queued)
    lost = [name for name in WAITING if not queued.count("end", name)]
    assert not lost, f"{len(lost)} of {len(WAITING)} waiting tasks were lost by a kill"
    seen(f"{len(WAITING)} waiting tasks ran after the kill")


@pytest.mark.criterion("TSK-5")
def test_ends(queued: Queued, seen: Seen) -> None:
    """Leaves no process when stopped during a task."""
    if not queued.was_busy:
        raise NotRun("no task was running at the stop, as TSK-1 and TSK-4 say")
    assert queued.exit is not None, "it still runs after the stop"
    assert queued.exit == 0, f"exit {queued.exit}, expected 0"
    assert not queued.left, f"left running: {', '.join(queued.left)}"
    seen("stopped while a task ran, exit 0, nothing left")
