"""A PostgreSQL of this test alone: on a socket, without a port, ended by its process id."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 30
MISSING = "PostgreSQL is not installed (Debian and Ubuntu: apt install postgresql)"


def programs() -> Path | None:
    """The folder of the newest server on this machine, None without one."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return folders[-1] if folders else None


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A server with an empty database `library`; yields the folder of its socket."""
    found = programs()
    assert found, MISSING
    as_user = []
    if os.name == "posix" and os.geteuid() == 0:  # it refuses to run as root
        shutil.chown(folder, "postgres")
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    data = folder / "data"
    options = ["-U", "app", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(
        [*as_user, found / "initdb", "-D", data, *options], check=True, capture_output=True, cwd="/"
    )
    with (folder / "log").open("wb") as log:
        command = [*as_user, found / "postgres", "-D", data, "-k", folder, "-h", "", "-F"]
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
    try:
        make = [found / "createdb", "-h", folder, "-U", "app", "library"]
        deadline = time.monotonic() + START_SECONDS
        while subprocess.run(make, capture_output=True).returncode:
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
        yield str(folder)
    finally:
        server.terminate()
        server.wait()
