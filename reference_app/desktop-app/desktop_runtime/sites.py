"""The Sites framework: this app is at its own address, not at `example.com`."""

from __future__ import annotations

import os
from copy import copy
from typing import Any

from django.apps import apps
from django.conf import settings

from .contract import PREFIX


def install(name: str) -> None:
    """After `django.setup()`; the rows stay as they are."""
    port = os.environ.get(f"{PREFIX}PORT")
    if not port or not apps.is_installed("django.contrib.sites"):
        return
    from django.contrib.sites.models import Site, SiteManager

    current = SiteManager.get_current

    def get_current(manager: SiteManager, request: Any = None) -> Site:
        if getattr(settings, "SITE_ID", ""):
            site = current(manager, request)
        elif (site := manager.order_by("pk").first()) is None:
            raise Site.DoesNotExist
        here = copy(site)  # Django keeps the original for others
        here.domain = f"127.0.0.1:{port}"
        here.name = name if site.name == "example.com" else site.name
        return here

    SiteManager.get_current = get_current
