"""SIGKILL at random moments."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil

from .faults import Fault
from .project import FIRST_ROW
from .scene import REMAINS, Outcome, Scene

SUSPENDED_SECONDS = 1.0


def _after_death(scene: Scene, version: str = "first") -> Outcome:
    """Everything of the dead app must go unaided; then start again and compare."""
    left = scene.end_all(REMAINS)
    outcome = scene.again(version)
    outcome.left += left
    return outcome


def kill_backend(scene: Scene) -> Outcome:
    """While a client saves."""
    with scene.saving(1) as launch:
        time.sleep(scene.chance.uniform(0, 0.5))
        os.kill(launch.backend, signal.SIGKILL)
        left = scene.end_all(REMAINS)
    outcome = scene.again()
    outcome.left += left
    return outcome


def kill_shell(scene: Scene) -> Outcome:
    """Who holds the lifeline is gone; the backend must see it and end in order."""
    with scene.saving(1, held=True) as launch:
        time.sleep(scene.chance.uniform(0, 0.5))
        launch.kill()
        left = scene.end_all(REMAINS)
    outcome = scene.again()
    outcome.left += left
    return outcome


def kill_worker(scene: Scene) -> Outcome:
    """While it writes; the backend goes on and starts another one."""
    with scene.saving(1) as launch:
        first = _clerk_writes(scene)
        time.sleep(scene.chance.uniform(0, 0.3))
        killed = list(launch.workers())
        for worker in killed:
            worker.kill()
        if not killed:
            return Outcome("the worker did not run")
        deadline = time.monotonic() + REMAINS
        before = len(scene.clerks())
        while len(scene.clerks()) <= before and time.monotonic() < deadline:
            time.sleep(0.02)
        if len(scene.clerks()) <= before:
            return Outcome(f"the worker was not started again ({first} rows)")
        launch.stop()
        left = scene.end_all(REMAINS)
    outcome = scene.again()
    outcome.left += left
    return outcome


def _clerk_writes(scene: Scene) -> int:
    deadline = time.monotonic() + 60
    before = len(scene.clerks())
    while len(scene.clerks()) <= before and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(scene.clerks())


def kill_migrating(scene: Scene) -> Outcome:
    """In the middle of an update that only the backup can undo."""
    _kill_update(scene, "migrating", 1.1)
    return _after_death(scene, "second")


def kill_rehearsing(scene: Scene) -> Outcome:
    """While the same update is tried on a copy."""
    _kill_update(scene, "rehearsing", 1.1)
    return _after_death(scene, "second")


def kill_migrating_then_older(scene: Scene) -> Outcome:
    """The same, and the person goes back to the version before."""
    _kill_update(scene, "migrating", 0.5)
    return _after_death(scene)


def _kill_update(scene: Scene, event: str, seconds: float) -> None:
    """Within as many seconds after the first event of that name."""
    scene.saved_and_stopped(20)
    launch = scene.start("second")
    launch.wait(event, "ready", "failed")
    time.sleep(scene.chance.uniform(0, seconds))
    launch.kill()


def kill_backing_up(scene: Scene) -> Outcome:
    """Between `listening` and the first step of an update: loading, judging, backing up."""
    scene.saved_and_stopped(20)
    launch = scene.start("second")
    launch.wait("listening")
    time.sleep(scene.chance.uniform(0, scene.first_start_seconds()))
    launch.kill()
    return _after_death(scene, "second")


def kill_first_start(scene: Scene) -> Outcome:
    """Before the first run is done; the next start must do it."""
    scene.kept.add(FIRST_ROW)  # every installation is promised it
    launch = scene.start()
    launch.wait("listening")
    time.sleep(scene.chance.uniform(0, scene.first_start_seconds()))
    launch.kill()
    return _after_death(scene)


def kill_first_migration(scene: Scene) -> Outcome:
    """Around the first database file: what is planned, marked and made at a first start."""
    scene.kept.add(FIRST_ROW)
    launch = scene.start()
    deadline = time.monotonic() + 60
    while not _size(scene.database) and time.monotonic() < deadline:
        time.sleep(0.0005)
    time.sleep(scene.chance.choice((0, 0.01, 0.1)) * scene.chance.random())
    launch.kill()
    return _after_death(scene)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def suspend_migrating(scene: Scene) -> Outcome:
    """The lid is closed during an update, and somebody opens the app a second time."""
    scene.saved_and_stopped(20)
    launch = scene.start("second")
    launch.wait("migrating", "ready", "failed")
    tree = [psutil.Process(launch.backend)]
    for process in tree:
        process.suspend()
    try:
        time.sleep(SUSPENDED_SECONDS)
        second = scene.start("second")
        refused = second.wait("ready", "failed")
        second.kill()
    finally:
        for process in tree:
            process.resume()
    outcome = scene.outcome(launch)
    if not refused or refused.get("exit") != 12:
        outcome.what = f"a second backend beside a suspended one: {refused}"
    if launch.process.poll() is None:
        launch.stop()
    outcome.left += scene.end_all(REMAINS)
    return outcome


def kill_packaged(scene: Scene) -> Outcome:
    """As a packaged app: another mode, no bytecode, a bundle that is never written."""
    scene.mode = "packaged"
    return kill_backend(scene)


def kill_packaged_migrating(scene: Scene) -> Outcome:
    """An update of a packaged app."""
    scene.mode = "packaged"
    return kill_migrating(scene)


LIVING = ("served",)
UPDATED = ("served", "restored")
FAULTS = (
    Fault("backend killed while saving", LIVING, kill_backend, 90, 3, True, True),
    Fault("worker killed while writing", LIVING, kill_worker, 40, 1, True, True),
    Fault("shell killed while saving", LIVING, kill_shell, 60, 2, True, True),
    Fault("killed while trying an update on a copy", UPDATED, kill_rehearsing, 20, 0, True),
    Fault("killed while migrating", UPDATED, kill_migrating, 40, 2, True),
    Fault(
        "killed while migrating, then the older version",
        UPDATED,
        kill_migrating_then_older,
        15,
        1,
        True,
    ),
    Fault("killed while judging and backing up", UPDATED, kill_backing_up, 20, 1, True),
    Fault("killed in the first start", LIVING, kill_first_start, 30, 1, True),
    Fault("killed around the first database file", LIVING, kill_first_migration, 40, 3, True),
    Fault("packaged: killed while saving", LIVING, kill_packaged, 20, 1, True, True),
    Fault("packaged: killed while migrating", UPDATED, kill_packaged_migrating, 10, 1, True),
    Fault("suspended while migrating, opened again", UPDATED, suspend_migrating, 3, 1),
)
