"""A kill, a restart on the same port, and a clean stop; records are saved before and after."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from checks import database, records
from checks.backend import NO_TLS, Backend, TargetFailedError, free_port, new_token
from checks.limits import ANSWER_SECONDS, KILLED_SHELL_SECONDS
from checks.pages import bootstrap_cookies, new_text
from checks.records import Way
from checks.starts.first_run import FirstRun
from checks.target import Target
from checks.verdicts import NotTested


@dataclass
class Restarts:
    """Three starts on one folder: one is killed, one stopped, and one looks at what is left."""

    way: Way | None
    same_port: int
    reason: str = ""
    """Why there is no way to save a record."""
    saved: list[str] = field(default_factory=list)
    after_kill: list[str] = field(default_factory=list)
    integrity: str = ""
    """Complaints of integrity_check after the kill."""
    rebound: str = ""
    """Why the start on the same port failed; empty when it did not."""
    old_header: int | None = None
    old_cookie: int | None = None
    new_header: int | None = None
    new_backups: list[str] = field(default_factory=list)
    kept: str = ""
    """The record saved before a clean stop."""
    kept_on_disk: bool = False
    kept_after_start: bool = False
    unmerged: list[str] = field(default_factory=list)
    killed_data: Path = Path()

    def needs_a_way(self) -> None:
        """Raise NotTested where no record could be saved for want of a form."""
        if self.way is None:
            raise NotTested(self.reason)


@dataclass(frozen=True)
class _Former:
    """What the start that was killed was known by."""

    token: str
    cookies: dict[str, str]


def restart(target: Target, app_data: Path, first_run: FirstRun, killed_data: Path) -> Restarts:
    """Save, kill, start on the same port, save, stop, start.

    The folder as the kill left it is copied to `killed_data`.
    """
    result = Restarts(way=first_run.way, same_port=free_port())
    former = _save_and_kill(result, target, app_data)
    stored = database.files(app_data)
    result.integrity = "; ".join(i for i in map(database.integrity, stored) if i != "ok")
    result.after_kill = [t for t in result.saved if records.is_kept(app_data, t)]
    result.killed_data = Path(shutil.copytree(app_data, killed_data))
    old_backups = database.backups(app_data)
    _start_again(result, target, app_data, former, first_run.patience)
    result.new_backups = sorted(p.name for p in database.backups(app_data) - old_backups)
    result.unmerged = [
        p.name for p in app_data.rglob("*-wal") if p.stat().st_size and "backups" not in p.parts
    ]
    result.kept_on_disk = records.is_kept(app_data, result.kept)
    with Backend(target, app_data) as backend, contextlib.suppress(TargetFailedError):
        backend.ready()
        result.kept_after_start = records.is_kept(app_data, result.kept)
    return result


def _save_and_kill(result: Restarts, target: Target, app_data: Path) -> _Former:
    admin = ""
    if result.way is None:
        try:
            admin = records.open_admin(target, app_data)
        except NotTested as error:
            result.reason = str(error)
    token = new_token()
    with Backend(target, app_data, port=result.same_port, token=token) as backend:
        backend.ready()
        cookies = bootstrap_cookies(backend)
        if admin:
            try:
                result.way = records.find_in_admin(backend, admin)
            except NotTested as error:
                result.reason = str(error)
        if result.way:
            # Not looked for before the kill: what counts is that it was acknowledged.
            for text in (new_text(), new_text(), new_text()):
                if records.send(backend, result.way, text):
                    result.saved = [*(result.saved if result.way.creates else ()), text]
        # A connection that is open when the process dies leaves its port in TIME_WAIT, but only
        # one that it has accepted: hence an answer first.
        with httpx.Client(trust_env=False, verify=NO_TLS) as client:
            with contextlib.suppress(httpx.HTTPError):
                address = f"{backend.origin}{target.health_path}"
                client.get(address, headers={target.header: token}, timeout=ANSWER_SECONDS)
            backend.kill()
            backend.tree.gone_within(KILLED_SHELL_SECONDS)
    return _Former(token, cookies)


def _start_again(
    result: Restarts, target: Target, app_data: Path, former: _Former, patience: float
) -> None:
    with Backend(target, app_data, port=result.same_port) as backend:
        try:
            backend.ready()
        except TargetFailedError as error:
            result.rebound = str(error)
    port = None if result.rebound else result.same_port
    with Backend(target, app_data, port=port) as backend:
        backend.ready()
        home = target.home
        result.new_header = backend.get(target.health_path).status
        result.old_header = backend.get(home, token=former.token).status
        if former.cookies:
            result.old_cookie = backend.get(home, token=None, cookies=former.cookies).status
        if result.way:
            text = new_text()
            result.kept = text if records.save(backend, result.way, text) else ""
        backend.stop(patience)
