"""A MariaDB of this test alone: on a socket, without a port, ended by its process id."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60
SERVER, INSTALL, CLIENT = "mariadbd", "mariadb-install-db", "mariadb"
MISSING = "MariaDB is not installed (Debian and Ubuntu: apt install mariadb-server-core)"
# Whoever imports may read, and nothing else.
USERS = """
    CREATE DATABASE `library` CHARACTER SET utf8mb4;
    CREATE USER app@localhost;
    GRANT ALL ON *.* TO app@localhost;
    CREATE USER reader@localhost IDENTIFIED BY 'pass/word';
    GRANT SELECT ON `library`.* TO reader@localhost;
"""


def program(name: str) -> str | None:
    """Where a program of MariaDB is; the server is in no person's PATH."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin")


def is_there() -> bool:
    """Whether this machine has all that a server needs."""
    return all(map(program, (SERVER, INSTALL, CLIENT)))


@contextmanager
def running(folder: Path, *options: str) -> Iterator[str]:
    """A server with an empty database `library`; yields its socket."""
    data, socket = folder / "data", folder / "socket"
    as_root = ["--user=root"] if os.name == "posix" and os.geteuid() == 0 else []
    begin = ["--no-defaults", f"--datadir={data}", *as_root]
    small = ["--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0"]
    make = [program(INSTALL), *begin, "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run([*make, *options], check=True, capture_output=True, cwd="/")
    with (folder / "log").open("wb") as log:
        command = [program(SERVER), *begin, *small, f"--socket={socket}", "--skip-networking"]
        server = subprocess.Popen([*command, *options], stdout=log, stderr=log, cwd="/")
    try:
        speak = [program(CLIENT), "--no-defaults", f"--socket={socket}", "--user=root"]
        deadline = time.monotonic() + START_SECONDS
        while subprocess.run([*speak, "-e", "SELECT 1"], capture_output=True).returncode:
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
        subprocess.run(speak, input=USERS, check=True, text=True)
        yield str(socket)
    finally:
        server.terminate()
        server.wait()
