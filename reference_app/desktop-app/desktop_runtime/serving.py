"""What is served, and by which server: the project, with our layers around it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from django.apps import apps
from django.urls import get_resolver

from . import atomic, lateready, passwords, streams, trace
from .contract import Address, Installation
from .entry import application, asgi_application
from .files import Files
from .guard import Application, Guard, Rules
from .manifest import Manifest
from .refusals import Refusals

if TYPE_CHECKING:
    from .offline import Kept
    from .rewriting import Rewriting

AUTH = "django.contrib.auth"


class Server(Protocol):
    """waitress or uvicorn on the socket that has been listening since the start."""

    def run(self) -> None:
        """Serve on this thread until `stop`; returns when drained, or when its time is over."""

    def stop(self) -> None:
        """End `run`; callable from any thread."""


def make_server(
    payload: Path,
    sock: socket.socket,
    address: Address,
    installation: Installation,
    manifest: Manifest,
) -> Server:
    """The server that [django] server names. Raises what the project raises."""
    atomic.install()
    lateready.call_waiting()
    get_resolver().url_patterns  # noqa: B018 - loads the URLs, and fails before ready
    kept = _kept(payload / "offline")
    around = [*_rewriting(kept, manifest, address)]
    if manifest.server == "asgi":
        from .asgi import Served, passed
        from .asgiserver import AsgiServer

        streams.install_asgi()
        files = Files(passed, installation.packaged)
        front = _in_front(files, kept, installation, manifest)
        rules = Rules(address, manifest.health_path)
        layers = [layer(passed) for layer in around]
        project = trace.first_request(asgi_application())
        return AsgiServer(Served(rules, front, files, layers, project), sock)
    from .server import WsgiServer

    streams.install()
    files = Files(trace.first_request(application()), installation.packaged)
    served = _in_front(files, kept, installation, manifest)
    for layer in around:
        served = layer(served)
    return WsgiServer(Guard(served, address, manifest.health_path), sock)


def _in_front(
    served: Application, kept: Kept | None, installation: Installation, manifest: Manifest
) -> Application:
    """With what answers before the project: reports of refused requests, and where they are wanted
    the kept files of other hosts, and what asks for the first account or a new password."""
    asked = (installation.app_data / passwords.MARKER).exists()
    if (asked or manifest.asks_for_first_account) and apps.is_installed(AUTH):
        from .entrance import in_front

        served = in_front(served, installation, manifest)
    return Refusals(kept.in_front(served) if kept else served)


def _kept(folder: Path) -> Kept | None:
    if not (folder / "manifest.json").is_file():
        return None
    from .offline import Kept

    return Kept(folder)


def _rewriting(
    kept: Kept | None, manifest: Manifest, address: Address
) -> list[Callable[[Application], Rewriting]]:
    """What changes answers on their way out, the inner layer first."""
    layers: list[Callable[[Application], Rewriting]] = []
    if kept:
        from .offline import Offline

        layers.append(partial(Offline, kept=kept))
    if manifest.addresses:
        from .addresses import OwnAddresses

        here = f"{address.host}:{address.port}"
        layers.append(partial(OwnAddresses, addresses=manifest.addresses, here=here))
    return layers
