"""Environment variables the project reads, with safe defaults from desktop.toml."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import sys
from pathlib import Path
from typing import Any

from . import system
from .contract import Installation
from .data import secret_key
from .manifest import Manifest

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def set_defaults(installation: Installation, manifest: Manifest) -> None:
    """Give the variables of `[django.env]` to the project.

    In development a variable that the developer exported wins; a packaged app hears nobody's
    environment.
    """
    for name, value in manifest.environment.items():
        if value == "generate:secret":
            key = secret_key(installation.app_data).encode()
            value = hmac.new(key, name.encode(), hashlib.sha256).hexdigest()
        if installation.packaged or not os.environ.get(name):
            os.environ[name] = fill(value, installation)


def keep_loopback_direct() -> None:
    """No proxy is asked for this computer: it could not reach it, and would learn of it."""
    for name in ("no_proxy", "NO_PROXY"):
        own = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
        missing = [host for host in LOOPBACK if host not in own.split(",")]
        os.environ[name] = ",".join([*filter(None, [own]), *missing])


def bring_certificates() -> None:
    """Whom to trust on a computer that does not say it, as a small Linux: the bundle's own list."""
    if not system.finds_certificates():
        with contextlib.suppress(ImportError):
            import certifi

            os.environ["SSL_CERT_FILE"] = certifi.where()


def another_launch(*words: str) -> list[str]:
    """The command of another process of launch.py, with the options of this one."""
    flags = ["-I", "-u", "-X", "utf8"]
    if sys.dont_write_bytecode:
        flags.append("-B")
    if sys.pycache_prefix:
        flags += ["-X", f"pycache_prefix={sys.pycache_prefix}"]
    return [sys.executable, *flags, str(Path(__file__).parents[1] / "launch.py"), *words]


def fill(value: Any, installation: Installation) -> Any:
    """Replace {app_data} and {bundle} in strings, also inside lists and tables."""
    if isinstance(value, str):
        return value.replace("{app_data}", str(installation.app_data)).replace(
            "{bundle}", str(installation.bundle)
        )
    if isinstance(value, dict):
        return {key: fill(item, installation) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, installation) for item in value]
    return value
