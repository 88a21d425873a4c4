"""The only module that asks which operating system this is."""

from __future__ import annotations

import _thread
import contextlib
import errno
import os
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import IO

WINDOWS = sys.platform == "win32"
# In the environment of what this launch starts, and of nothing else.
LAUNCH = "DESKTOP_DJANGO_LAUNCH"
_mark = f"{LAUNCH}= not contained"
# For children of the project, to end when they are asked.
TERM_SECONDS = 0.5
LOCKS_REFUSED = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)

if WINDOWS:
    import ctypes
    import msvcrt
else:
    import fcntl


def listen(host: str, port: int) -> socket.socket:
    """Bind exactly this address for ourselves and listen. Raises `OSError` if it is taken.

    POSIX: SO_REUSEADDR, or a quick relaunch finds its own port in TIME_WAIT. Windows: there
    the same option lets another process share the port, so exclusive use is asked for
    (https://learn.microsoft.com/windows/win32/winsock/using-so-reuseaddr-and-so-exclusiveaddruse).
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    option = socket.SO_EXCLUSIVEADDRUSE if WINDOWS else socket.SO_REUSEADDR
    try:
        sock.setsockopt(socket.SOL_SOCKET, option, 1)
        sock.bind((host, port))
        sock.listen(1024)
    except OSError:
        sock.close()
        raise
    return sock


def keep_private(folder: Path) -> None:
    """Leave `folder`, and what this process and its children make, to this user alone.

    What an earlier version left open to others is closed; the folder last, so that a start that
    is cut off here begins again. Windows: the access list of the user's profile says all this.
    """
    if WINDOWS:
        return
    os.umask(0o077)
    folder.mkdir(parents=True, exist_ok=True)
    if not folder.stat().st_mode & 0o077:
        return
    try:
        for path in [*folder.rglob("*"), folder]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o077)
    except OSError as error:  # a file system without permissions, or a file of somebody else
        print(f"warning: other users may read {folder}: {error}", file=sys.stderr)


def lock(path: Path) -> IO[bytes] | None:
    """Hold `path` for this process until it ends; None if another process holds it.

    Raises `OSError` where the file system, as some network folders do, refuses every lock.
    """
    file = path.open("a+b")
    try:
        if WINDOWS:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            _lock(file, fcntl.F_WRLCK)
        return file
    except OSError as error:
        if error.errno in LOCKS_REFUSED:
            file.close()
            raise
        if WINDOWS or not _is_only_read(file):
            file.close()
            return None
    # A reader's descriptor is from a time when others could open the file: take a new one.
    file.close()
    path.unlink()
    return lock(path)


def _lock(file: IO[bytes], kind: int) -> None:
    """Raises `OSError` when another process holds a lock that excludes this one.

    Linux: a lock of the open file description (fcntl_locking(2)). Unlike flock it cannot be held
    by who may only read the file, and unlike lockf it is not lost when any descriptor of the file
    is closed. macOS: flock; the closed folder keeps other users away from the file.
    """
    if hasattr(fcntl, "F_OFD_SETLK"):
        whole_file = struct.pack("hhqqixxxx", kind, os.SEEK_SET, 0, 0, 0)
        fcntl.fcntl(file, fcntl.F_OFD_SETLK, whole_file)
    else:
        fcntl.flock(
            file, (fcntl.LOCK_EX if kind == fcntl.F_WRLCK else fcntl.LOCK_SH) | fcntl.LOCK_NB
        )


def _is_only_read(file: IO[bytes]) -> bool:
    """Whether those who hold the lock share it, which no backend does."""
    try:
        _lock(file, fcntl.F_RDLCK)
    except OSError:
        return False
    return True


def contain_descendants() -> None:
    """Make everything this process starts end with it, as far as the system allows.

    POSIX: lead a process group that the shell (or `end_descendants`) can end as one, and mark
    what leaves it. Windows: join a job object that ends its members when the last handle closes;
    libuv's own job does not hold grandchildren.
    """
    if WINDOWS:
        _join_job()
        return
    global _mark
    _mark = f"{LAUNCH}={os.getpid()}-{time.time_ns()}"
    os.environ[LAUNCH] = _mark.partition("=")[2]
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)


def end_descendants() -> None:
    """End what the project left running; the caller exits right afterwards.

    Linux: also what has a session of its own. Elsewhere on POSIX: what is in our group. Windows:
    closing the job handle does it.
    """
    if sys.platform == "linux":
        begun, asked = time.monotonic(), set[int]()
        while (alive := _descendants()) and (seconds := time.monotonic() - begun) < 1:
            late = seconds > TERM_SECONDS
            for pid in alive if late else alive - asked:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL if late else signal.SIGTERM)
            asked |= alive
            time.sleep(0.02)
    elif not WINDOWS and os.getpgrp() == os.getpid():
        _end_group()


def _descendants() -> set[int]:
    """Who is in our group, carries the mark of this launch, or descends from those or from us."""
    me = os.getpid()
    parents, found = {}, {me}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is somebody else's
            stat = (place / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if stat[0] in "ZX":
                continue
            parents[int(place.name)] = int(stat[1])
            marked = _mark.encode() in (place / "environ").read_bytes().split(b"\0")
            if marked or int(stat[2]) == me:
                found.add(int(place.name))
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {me}


def _end_group() -> None:
    """A group cannot be ended from inside without ending the caller, so a forked helper outside
    the group does it once the caller is gone."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    group = os.getpid()
    os.killpg(group, signal.SIGTERM)
    if os.fork():
        return
    os.closerange(0, 1024)
    os.setsid()
    deadline = time.monotonic() + TERM_SECONDS
    while os.getppid() == group and time.monotonic() < deadline:
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    os._exit(0)


def finds_certificates() -> bool:
    """Whether Python finds a list of whom to trust; on Windows it asks the system."""
    if WINDOWS:
        return True
    import ssl

    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).glob("*.0"))))


def leave_within(seconds: float, code: int) -> None:
    """End with `code` even if a thread or an exit handler of the project does not."""
    timer = threading.Timer(seconds, os._exit, (code,))
    timer.daemon = True
    timer.start()


def interrupt_main() -> None:
    """What Ctrl-C does, from another thread: KeyboardInterrupt or the handler of SIGINT."""
    if WINDOWS:
        _thread.interrupt_main(signal.SIGINT)
    else:
        # Unlike the above this wakes a main thread that sleeps.
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)


def sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` durable (Windows has no such call and needs none)."""
    if WINDOWS:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Make every file in `folder` durable: one call for all, where the system has one.

    A call for each of 20,000 small files took a minute longer.
    """
    if not WINDOWS:
        os.sync()
        return
    for file in filter(Path.is_file, folder.rglob("*")):
        with file.open("rb+") as stream:
            os.fsync(stream.fileno())


def _join_job() -> None:
    """Put this process into a job with JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE.

    https://learn.microsoft.com/windows/win32/procthread/job-objects. The handle is never
    closed by us: the system closes it when this process ends, however it ends.
    """

    class Basic(ctypes.Structure):
        _fields_ = [
            ("PerProcessUserTimeLimit", ctypes.c_int64),
            ("PerJobUserTimeLimit", ctypes.c_int64),
            ("LimitFlags", ctypes.c_uint32),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", ctypes.c_uint32),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", ctypes.c_uint32),
            ("SchedulingClass", ctypes.c_uint32),
        ]

    class Extended(ctypes.Structure):
        _fields_ = [
            ("BasicLimitInformation", Basic),
            ("IoInfo", ctypes.c_uint64 * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        ]

    kill_on_job_close, extended_limit_information = 0x2000, 9
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.CreateJobObjectW.restype = ctypes.c_void_p
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    job = kernel.CreateJobObjectW(None, None)
    limits = Extended()
    limits.BasicLimitInformation.LimitFlags = kill_on_job_close
    kernel.SetInformationJobObject(
        ctypes.c_void_p(job),
        extended_limit_information,
        ctypes.byref(limits),
        ctypes.sizeof(limits),
    )
    kernel.AssignProcessToJobObject(
        ctypes.c_void_p(job), ctypes.c_void_p(kernel.GetCurrentProcess())
    )
