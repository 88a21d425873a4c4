"""In-process stand-ins for the network services a laptop does not have.

One table: a stand-in is a local substitute, not support for the service.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

LOCAL_MEMORY_CACHE = "django.core.cache.backends.locmem.LocMemCache"
# For every cache that needs a server: it has their methods too.
STAND_IN_CACHE = "desktop_runtime.cache.LocalCache"
FILE_CACHE = "django.core.cache.backends.filebased.FileBasedCache"

# Cache backends that need no server; every other one becomes STAND_IN_CACHE.
LOCAL_CACHES = {
    LOCAL_MEMORY_CACHE,
    FILE_CACHE,
    "django.core.cache.backends.dummy.DummyCache",
    "django.core.cache.backends.db.DatabaseCache",
}


def services(settings: Any, app_data: Path) -> dict[str, Any]:
    """The values that replace the project's network services and build steps of a server."""
    values: dict[str, Any] = {}
    if hasattr(settings, "CHANNEL_LAYERS"):
        memory = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
        values["CHANNEL_LAYERS"] = dict.fromkeys(settings.CHANNEL_LAYERS, memory)
    if compresses(settings):
        folder = str(app_data / "compressed")
        # Written while pages are rendered, and served from there.
        values |= {"COMPRESS_OFFLINE": False, "COMPRESS_ROOT": folder}
        values |= {"DESKTOP_RENDERED_STATIC_ROOT": folder}
        # A storage of its own: that of the static files is the bundle, which never changes.
        values |= {"COMPRESS_STORAGE": "compressor.storage.CompressorFileStorage"}
        values |= {"COMPRESS_STORAGE_ALIAS": "compressor"}
        # It also looks there for what django-statici18n compiles.
        values |= {"STATICI18N_ROOT": folder}
    return values


def compresses(settings: Any) -> bool:
    """Whether django-compressor looks for the files a page names among the sources, where none is
    hashed."""
    return "compressor" in settings.INSTALLED_APPS
