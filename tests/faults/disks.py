"""Disks that are full or read-only, and other people of the same machine."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .client import Client
from .faults import Fault, linux_root
from .files import _then_served
from .project import FIRST_ROW
from .scene import Outcome, Scene

NOBODY = 65_534
# Nothing fits, the update failed, the first run failed, what was before does not fit back.
FULL = ("served", "refused 14", "refused 16", "refused 19", "refused 21")
WITHOUT_POWER = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--")


@contextlib.contextmanager
def small_disk(scene: Scene, megabytes: int) -> Iterator[Path]:
    """The app data folder on a file system of its own; yields the file that fills it."""
    scene.data.mkdir(exist_ok=True)
    size = f"size={megabytes}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(scene.data)], check=True)
    try:
        yield scene.data / "media" / "holiday.mov"
    finally:
        scene.end_all()
        subprocess.run(["umount", "--lazy", str(scene.data)], check=True)


def fill(file: Path, leave: int = 0) -> None:
    """Fill the disk of `file` up to `leave` bytes."""
    file.parent.mkdir(exist_ok=True)
    with file.open("ab", buffering=0) as stream, contextlib.suppress(OSError):
        while (free := shutil.disk_usage(file.parent).free - leave) > 0:
            stream.write(b"\0" * min(free, 1 << 20))


def full_at_first_start(scene: Scene) -> Outcome:
    """Nothing fits; with room again the first start is a first start."""
    with small_disk(scene, 4) as film:
        fill(film)
        first = scene.again()
        scene.kept.add(FIRST_ROW)
        film.unlink()
        return _full_then(scene, first)


def nearly_full_at_first_start(scene: Scene) -> Outcome:
    """The disk gets full between the first page and the last command of a first start."""
    with small_disk(scene, 4) as film:
        fill(film, leave=scene.chance.randrange(20_000, 200_000))
        first = scene.again()
        scene.kept.add(FIRST_ROW)
        film.unlink()
        return _full_then(scene, first)


def _full_then(scene: Scene, first: Outcome) -> Outcome:
    """The person is told the reason, and nothing is lost once there is room."""
    then = _then_served(scene, first, FULL)
    if then is not first and first.what != "served" and "full" not in first.notes[0]:
        return Outcome(f"{first.what}, and blames something else", notes=first.notes)
    return then


def full_while_saving(scene: Scene) -> Outcome:
    """Saves fail, nothing that was acknowledged is lost, and it goes on when there is room."""
    with small_disk(scene, 4) as film:
        with scene.saving(20) as launch:
            fill(film)
            more = Client(launch.port, launch.token, scene.kept, patient=True)
            more.start()
            more.saved(10_000, 2)
            film.unlink()
            more.saved(20, 20)
            more.stop()
            launch.kill()
            scene.end_all(10)
        return scene.again()


def full_at_stop(scene: Scene) -> Outcome:
    """The log cannot be folded into the database; the backend must end in order all the same."""
    with small_disk(scene, 4) as film:
        with scene.saving(50) as launch:
            fill(film)
            code = launch.stop()
            said = launch.wait("failed", seconds=1)
        film.unlink()
        if code != 0 and not said:
            return Outcome(f"stop ended {code} without a word", notes=[scene.log()])
        return scene.again()


def full_at_backup(scene: Scene) -> Outcome:
    """There is no room for the backup: the update must not begin."""
    with small_disk(scene, 8) as film:
        scene.saved_and_stopped(300)
        fill(film, leave=scene.database.stat().st_size // 2)
        first = scene.again("second")
        film.unlink()
        return _full_then(scene, first)


def full_while_migrating(scene: Scene) -> Outcome:
    """The backup fits, what the update writes does not."""
    with small_disk(scene, 8) as film:
        scene.saved_and_stopped(60)
        fill(film, leave=scene.database.stat().st_size * 2 + 300_000)
        first = scene.again("growing")
        film.unlink()
        return _full_then(scene, first)


def full_for_bytecode(scene: Scene) -> Outcome:
    """In development: half-written bytecode must not stop every later start."""
    with small_disk(scene, 64) as film:
        scene.cache = scene.data / "pycache"
        fill(film, leave=scene.chance.randrange(1_000_000, 6_000_000))
        first = scene.start()
        first.wait("ready", "failed")
        first.stop()
        film.unlink()
        return scene.again()


def read_only_while_running(scene: Scene) -> Outcome:
    """Somebody takes the right to write away; the backend must end in order."""
    with scene.saving(20, before=WITHOUT_POWER) as launch:
        _mode(scene.data, 0o500, 0o400)
        code = launch.stop()
        said = launch.wait("failed", seconds=1)
    _mode(scene.data, 0o700, 0o600)
    if code != 0 and not said:
        return Outcome(f"stop ended {code} without a word", notes=[scene.log()])
    return scene.again()


def read_only_at_start(scene: Scene) -> Outcome:
    """The folder cannot be written: said at once, and nothing is lost."""
    scene.saved_and_stopped(20)
    _mode(scene.data, 0o500, 0o400)
    first = scene.again(before=WITHOUT_POWER)
    _mode(scene.data, 0o700, 0o600)
    return _then_served(scene, first, ("refused 16",))


def _mode(folder: Path, folders: int, files: int) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(folders if path.is_dir() else files)
    folder.chmod(folders)


def other_user(scene: Scene) -> Outcome:
    """Somebody else of this machine reads what they can and holds the lock they can open."""
    scene.folder.chmod(0o755)
    umask = os.umask(0)
    try:
        with scene.saving(20) as launch:
            readable = _as_nobody(scene.data)
            launch.stop()
    finally:
        os.umask(umask)
    if readable:
        return Outcome("another user reads " + ", ".join(sorted(readable)[:4]))
    return scene.again()


def _as_nobody(folder: Path) -> list[str]:
    """Names of files that another user can open."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            for path in _files(folder):
                os.write(writing, path.name.encode() + b"\n")
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as found:
        return found.read().split("\n")[:-1]


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError), open(Path(parent) / name, "rb"):  # noqa: PTH123
                yield Path(name)


def lock_of_another_user(scene: Scene) -> Outcome:
    """An installation of before, readable by all: another user's lock must not hold the app."""
    scene.saved_and_stopped(20)
    scene.folder.chmod(0o755)
    _mode(scene.data, 0o755, 0o644)
    ready, go = os.pipe()
    done, end = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            with contextlib.suppress(OSError), open(scene.data / "backend.lock", "rb") as held:  # noqa: PTH123
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.write(go, b".")
                os.close(end)
                os.read(done, 1)
        finally:
            os._exit(0)
    os.close(go)
    os.read(ready, 1)
    try:
        return scene.again()
    finally:
        os.close(end)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(done)


def staged_full(scene: Scene) -> Outcome:
    """The prebuilt data of a bundle does not fit."""
    scene.mode = "staged"
    return full_at_first_start(scene)


def staged_read_only(scene: Scene) -> Outcome:
    """A bundle on an app data folder that cannot be written any more."""
    scene.mode = "staged"
    return read_only_at_start(scene)


SERVED = ("served",)
FAULTS = (
    Fault("disk full at the first start", SERVED, full_at_first_start, needs=linux_root),
    Fault(
        "disk full in the first start", SERVED, nearly_full_at_first_start, 5, 0, needs=linux_root
    ),
    Fault("disk full while saving", SERVED, full_while_saving, 3, 0, needs=linux_root),
    Fault("disk full at a clean stop", SERVED, full_at_stop, 2, 1, needs=linux_root),
    Fault("disk full for the backup", SERVED, full_at_backup, 2, 0, needs=linux_root),
    Fault(
        "disk full while migrating",
        ("served", "restored"),
        full_while_migrating,
        2,
        0,
        needs=linux_root,
    ),
    Fault("disk full for bytecode", SERVED, full_for_bytecode, 5, 1, needs=linux_root),
    Fault("app data read-only at the start", SERVED, read_only_at_start, 1, 0, needs=linux_root),
    Fault(
        "app data read-only while running", SERVED, read_only_while_running, 1, 0, needs=linux_root
    ),
    Fault("staged: disk full at the first start", SERVED, staged_full, 1, 0, needs=linux_root),
    Fault("staged: app data read-only", SERVED, staged_read_only, 1, 0, needs=linux_root),
    Fault("another user looks", SERVED, other_user, needs=linux_root),
    Fault("another user holds the lock", SERVED, lock_of_another_user, 1, 0, needs=linux_root),
)
