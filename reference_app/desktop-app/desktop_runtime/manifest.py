"""Reads desktop.toml, the one file of `desktop-app/` that belongs to the project."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from .contract import BackendError, Exit

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Worker(NamedTuple):
    """A program that runs beside the backend: a management command, or what `python -m` runs."""

    command: tuple[str, ...] = ()
    module: str = ""
    args: tuple[str, ...] = ()
    skip_missed: tuple[str, ...] = ()
    queue: str = ""
    redis: bool = False

    @classmethod
    def read(cls, table: dict[str, Any]) -> Worker:
        """From an entry of `[[workers]]`."""
        module = table.get("module", "")
        return cls(
            command=() if module else tuple(table["command"]),
            module=module,
            args=tuple(table.get("args", [])),
            skip_missed=tuple(table.get("skip_missed", [])),
            queue=table.get("queue", ""),
            redis=table.get("redis", False),
        )

    @property
    def program(self) -> str:
        """The first word of what it runs."""
        return self.module or self.command[0]


class Manifest(NamedTuple):
    """What the runtime needs of desktop.toml; other tables are for the shell and the kit."""

    identifier: str
    name: str = "this app"
    version: str = ""
    home: str = "/"
    addresses: tuple[str, ...] = ()
    manage: str = "manage.py"
    settings: str = ""
    argv: tuple[str, ...] = ("desktop",)
    server: str = "wsgi"
    health_path: str = "/health/"
    path: tuple[str, ...] = ()
    environment: Mapping[str, str] = NOTHING
    overrides: Mapping[str, Any] = NOTHING
    seed: tuple[dict[str, str], ...] = ()
    first_run: tuple[tuple[str, ...], ...] = ()
    first_run_after_login: tuple[tuple[str, ...], ...] = ()
    retired_migrations: frozenset[str] = frozenset()
    rehearse: str = "auto"
    backups: Mapping[str, int] = NOTHING
    login_user: str = ""
    login_create: bool = False
    first_account: bool = False
    login_groups: tuple[str, ...] = ()
    workers: Mapping[str, Worker] = NOTHING

    @property
    def asks_for_first_account(self) -> bool:
        """Whether a new installation asks for it; a user who is named needs no asking."""
        return self.first_account and not self.login_user

    @property
    def programs(self) -> set[str]:
        """What its workers run."""
        return {worker.program for worker in self.workers.values()}

    @property
    def redis_workers(self) -> list[str]:
        """The names of those for which a Redis server is started."""
        return [name for name, worker in self.workers.items() if worker.redis]

    @property
    def slug(self) -> str:
        """The identifier as a name for cookies."""
        return "".join(c if c.isalnum() else "_" for c in self.identifier).lower()


def _policy(table: dict[str, Any]) -> dict[str, int]:
    """How many scheduled backups are kept, by period. Raises `ValueError`."""
    for name, count in table.items():
        if name not in ("hourly", "daily", "weekly", "monthly") or not isinstance(count, int):
            raise ValueError(f"[data] backups: {name} is no period, or has no number")
    return {name: count for name, count in table.items() if count > 0}


def read_manifest(file: Path) -> Manifest:
    """Raises `BackendError` with `Exit.CONFIGURATION` when the file is absent or not usable."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        django, data = document.get("django", {}), document.get("data", {})
        login = document.get("login", {})
        return Manifest(
            identifier=document["app"]["identifier"],
            name=document["app"].get("name") or "this app",
            version=document["app"].get("version", ""),
            home=document["app"].get("home", "/"),
            addresses=tuple(document["app"].get("addresses", [])),
            manage=django.get("manage", "manage.py"),
            settings=django.get("settings", ""),
            argv=tuple(django.get("argv", ["desktop"])),
            server=django.get("server", "wsgi"),
            health_path=django.get("health_path", "/health/"),
            path=tuple(django.get("path", [])),
            environment={key: str(value) for key, value in django.get("env", {}).items()},
            overrides=django.get("set", {}),
            seed=tuple(data.get("seed", [])),
            first_run=tuple(map(tuple, data.get("first_run", []))),
            first_run_after_login=tuple(map(tuple, data.get("first_run_after_login", []))),
            retired_migrations=frozenset(data.get("retired_migrations", [])),
            rehearse=data.get("rehearse", "auto"),
            backups=_policy(data.get("backups", {})),
            login_user=login.get("user", ""),
            login_create=login.get("create", False),
            first_account=login.get("first_account", False),
            login_groups=tuple(login.get("groups", [])),
            workers={w["name"]: Worker.read(w) for w in document.get("workers", [])},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackendError(
            Exit.CONFIGURATION,
            f"{file.name} cannot be used: {type(error).__name__}: {error}",
            "Correct desktop-app/desktop.toml; `desktop-django check` names the entry.",
        ) from error
