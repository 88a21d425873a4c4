"""A MySQL of this test alone: on a socket, without a port, ended by its process id.

One that is installed, else the one of Debian unstable, unpacked into a cache with its own C
library: Debian's releases have MariaDB alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from .mariadb import USERS

START_SECONDS = 60
CACHE = Path.home() / ".cache" / "desktop-django-kit" / "mysql"
READY = "ready for connections"  # it listens before it has made the users
MISSING = "MySQL is not installed, and there is none of Debian unstable here"
LIBRARIES = "usr/lib/x86_64-linux-gnu"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# A second apt, which knows unstable alone and installs nothing.
OWN_APT = """
Dir::State::lists "{0}/lists"; Dir::State::status "{0}/status"; Dir::Cache "{0}";
Dir::Etc::sourcelist "{0}/unstable.list"; Dir::Etc::sourceparts "-";
"""


@cache
def command() -> list[str] | None:
    """What starts the server, None where there is none. Takes some seconds the first time."""
    installed = shutil.which("mysqld") or shutil.which("mysqld", path="/usr/sbin")
    if installed and "MariaDB" not in _said([installed, "--version"]):
        return [installed]
    server = CACHE / "usr" / "sbin" / "mysqld"
    try:
        if not server.exists():
            _unpack()
    except (OSError, subprocess.CalledProcessError):
        return None
    libraries = CACHE / LIBRARIES
    loader = str(libraries / "ld-linux-x86-64.so.2")
    paths = f"{libraries}:{libraries / 'mysql' / 'private'}"
    return [loader, "--library-path", paths, str(server)]


def _said(words: list[str]) -> str:
    return subprocess.run(words, capture_output=True, text=True).stdout


def _unpack() -> None:
    """Raises OSError without Debian's programs, CalledProcessError where apt gets nothing."""
    folder = CACHE.with_name(f"mysql-{os.getpid()}")
    apt = folder / "apt"
    (apt / "lists" / "partial").mkdir(parents=True)
    try:
        (apt / "status").touch()
        source = f"deb [signed-by={KEYRING}] {_mirror()} sid main\n"
        (apt / "unstable.list").write_text(source, encoding="utf-8")
        (apt / "apt.conf").write_text(OWN_APT.format(apt), encoding="utf-8")
        env = {**os.environ, "APT_CONFIG": str(apt / "apt.conf")}
        get = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root"]
        subprocess.run([*get, "update"], check=True, env=env, capture_output=True)
        only = ["--yes", "--download-only", "--no-install-recommends"]
        subprocess.run([*get, "install", *only, "mysql-server-core"], check=True, env=env,
                       capture_output=True)  # fmt: skip
        for package in (apt / "archives").glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        shutil.rmtree(apt)
        folder.replace(CACHE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _mirror() -> str:
    """Where this system has Debian's packages from. Raises OSError on another one."""
    asked = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"]
    found = [line.split() for line in _said(asked).splitlines()]
    if not (places := [site for origin, site in found if origin == "Debian"]):
        raise OSError("this system has no packages of Debian")
    return places[0]


@contextmanager
def running(folder: Path, *options: str) -> Iterator[str]:
    """A server with an empty database `library`; yields its socket."""
    place, begin = folder / "socket", folder / "begin.sql"
    lines = (line.strip() for line in USERS.splitlines())
    begin.write_text("\n".join(filter(None, lines)), encoding="utf-8")
    as_root = ["--user=root"] if os.name == "posix" and os.geteuid() == 0 else []
    words = [*command(), "--no-defaults", f"--datadir={folder / 'data'}", *as_root, *options]
    with (folder / "log").open("wb") as log:
        told = {"stdout": log, "stderr": log, "cwd": "/"}
        subprocess.run([*words, "--initialize-insecure"], check=True, **told)
        words += [f"--init-file={begin}", f"--socket={place}", f"--pid-file={folder / 'pid'}"]
        words += ["--skip-networking", "--mysqlx=OFF", "--secure-file-priv=NULL"]
        words += ["--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0"]
        server = subprocess.Popen(words, **told)
    try:
        deadline = time.monotonic() + START_SECONDS
        while READY not in (said := (folder / "log").read_text(encoding="utf-8")):
            assert server.poll() is None and time.monotonic() < deadline, said
            time.sleep(0.2)
        yield str(place)
    finally:
        server.terminate()
        server.wait()
