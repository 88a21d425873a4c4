"""What is served, and by which server: the project, with our layers around it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from django.apps import apps
from django.urls import get_resolver

from . import atomic, lateready, passwords, streams
from .contract import Address, Installation
from .entry import application, asgi_application
from .files import Files
from .guard import Application, Guard, Rules
from .manifest import Manifest

if TYPE_CHECKING:
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
    around = [*_rewriting(payload, manifest, address)]
    if manifest.server == "asgi":
        from .asgi import Served, passed
        from .asgiserver import AsgiServer

        streams.install_asgi()
        files = Files(passed, installation.packaged)
        front = _in_front(files, installation, manifest)
        rules = Rules(address, manifest.health_path)
        layers = [layer(passed) for layer in around]
        return AsgiServer(Served(rules, front, files, layers, asgi_application()), sock)
    from .server import WsgiServer

    streams.install()
    served = _in_front(Files(application(), installation.packaged), installation, manifest)
    for layer in around:
        served = layer(served)
    return WsgiServer(Guard(served, address, manifest.health_path), sock)


def _in_front(served: Application, installation: Installation, manifest: Manifest) -> Application:
    """With what asks for the first account, or a new password, where that is wanted."""
    asked = (installation.app_data / passwords.MARKER).exists()
    if (asked or manifest.asks_for_first_account) and apps.is_installed(AUTH):
        from .entrance import in_front

        return in_front(served, installation, manifest)
    return served


def _rewriting(
    payload: Path, manifest: Manifest, address: Address
) -> list[Callable[[Application], Rewriting]]:
    """What changes answers on their way out, the inner layer first."""
    layers: list[Callable[[Application], Rewriting]] = []
    kept = payload / "offline"
    if (kept / "manifest.json").is_file():
        from .offline import Offline

        layers.append(partial(Offline, folder=kept))
    if manifest.addresses:
        from .addresses import OwnAddresses

        here = f"{address.host}:{address.port}"
        layers.append(partial(OwnAddresses, addresses=manifest.addresses, here=here))
    return layers
