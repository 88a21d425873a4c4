"""The desktop layers: which settings a desktop app needs, given what the project has.

Pure values: everything is computed from the project's loaded settings, the installation and
desktop.toml. Never reads `django.conf.settings`, which is still loading.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import django
from django.core.exceptions import ImproperlyConfigured

from . import queues
from .aliases import file_names
from .contract import Installation
from .data import secret_key
from .environment import fill
from .manifest import Manifest
from .redisserver import address as redis_address
from .standins import FILE_CACHE, LOCAL_CACHES, STAND_IN_CACHE, compresses, services

SQLITE = "django.db.backends.sqlite3"
FILE_STORAGE = "django.core.files.storage.FileSystemStorage"
STATIC_STORAGE = "django.contrib.staticfiles.storage.StaticFilesStorage"
COLLECTED_STORAGE = "desktop_runtime.collected.CollectedStorage"

# Write-ahead logging and immediate transactions let threads and workers share one file. No
# mmap_size: with several processes it has corrupted databases (SPEC.md, DAT-3).
PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
LOCK_TIMEOUT_SECONDS = 20
COOKIE = re.compile("^[A-Z0-9_]*COOKIE_(SECURE|DOMAIN|PATH|SAMESITE|NAME)$")
CORS = re.compile("CORS_(ALLOW_ALL|ALLOWED_ORIGIN|ORIGIN_)")
KEPT_OF_CACHES = {"KEY_PREFIX", "KEY_FUNCTION", "VERSION", "TIMEOUT"}
KEPT_OF_DATABASES = {"ATOMIC_REQUESTS", "AUTOCOMMIT", "TIME_ZONE", "DISABLE_SERVER_SIDE_CURSORS"}


def layers(settings: Any, installation: Installation, manifest: Manifest) -> dict[str, Any]:
    """All settings that differ from the project's own, `[django.set]` last."""
    values = {
        **_local_web(settings, manifest),
        **_secrets(settings, installation),
        **_databases(settings, installation),
        **_files(settings, installation),
        **_caches(settings, installation),
        **_mail(settings, installation),
        **services(settings, installation.app_data),
        **queues.values(settings, manifest.programs, installation.app_data),
        **_sign_in(settings, installation, manifest),
    }
    if address := manifest.redis_workers and redis_address(installation.app_data):
        from .redisclients import on_server

        values |= on_server(settings, values, address)
    # A name with dots is a place within a setting, whose rest stays.
    for name, value in sorted(fill(manifest.overrides, installation).items()):
        setting, *keys = name.split(".")
        values[setting] = _put(values.get(setting, getattr(settings, setting, {})), keys, value)
    if installation.packaged:
        values["DEBUG"] = False
    return values


def _local_web(settings: Any, manifest: Manifest) -> dict[str, Any]:
    """Plain http on 127.0.0.1 instead of https behind a proxy. CSRF protection stays."""
    return {
        "ALLOWED_HOSTS": ["127.0.0.1", "localhost"],
        "SECURE_SSL_REDIRECT": False,
        "SECURE_HSTS_SECONDS": 0,
        "SECURE_PROXY_SSL_HEADER": None,
        "USE_X_FORWARDED_HOST": False,
        "USE_X_FORWARDED_PORT": False,
        "FORCE_SCRIPT_NAME": None,
        **_without_script_name(settings),
        **_cookies(settings),
        # No other origin, under any name that django-cors-headers has had for it.
        **{name: type(getattr(settings, name))() for name in dir(settings) if CORS.match(name)},
        # Nobody is there to get a mail for every error.
        "ADMINS": [],
        "MANAGERS": [],
        "PREPEND_WWW": False,
        # Cookies on 127.0.0.1 are shared by every port (RFC 6265, 8.5): a name of our own.
        "SESSION_COOKIE_NAME": f"{manifest.slug}_sessionid",
    }


def _without_script_name(settings: Any) -> dict[str, Any]:
    """Addresses that begin with the prefix under which a server had the project."""
    if not settings.FORCE_SCRIPT_NAME:
        return {}
    prefix = f"{settings.FORCE_SCRIPT_NAME.rstrip('/')}/"
    return {
        name: value.replace(prefix, "/", 1)
        for name, value in vars(settings).items()
        if name.endswith("_URL") and isinstance(value, str) and value.startswith(prefix)
    }


def _cookies(settings: Any) -> dict[str, Any]:
    """What a browser keeps on plain http and one origin, for every cookie that settings name.

    One without Secure may have no prefixed name and no `SameSite=None` (RFC 6265bis, 4.1.3, 5.7).
    """
    values: dict[str, Any] = {}
    for name in filter(COOKIE.search, dir(settings)):
        own = getattr(settings, name)
        match name.rpartition("_")[2]:
            case "SECURE":
                values[name] = False
            case "DOMAIN":
                values[name] = None
            case "PATH":
                values[name] = "/"
            case "SAMESITE" if str(own).lower() == "none":
                values[name] = "Lax"
            case "NAME" if isinstance(own, str):
                values[name] = re.sub("^__(Secure|Host)-", "", own)
    return values


def _secrets(settings: Any, installation: Installation) -> dict[str, Any]:
    """A key of this installation, also wherever the project copied its own one."""
    own, key = settings.__dict__.get("SECRET_KEY"), secret_key(installation.app_data)
    values: dict[str, Any] = {"SECRET_KEY": key}
    if not own:
        return values

    def is_own(value: Any) -> bool:
        # Comparing a lazy value, such as reverse_lazy(), would evaluate it and load the settings.
        return isinstance(value, str) and value == own

    for name, value in vars(settings).items():
        if name.isupper() and is_own(value):
            values[name] = key
        elif name.isupper() and isinstance(value, dict) and any(map(is_own, value.values())):
            values[name] = {k: key if is_own(v) else v for k, v in value.items()}
    return values


def _databases(settings: Any, installation: Installation) -> dict[str, Any]:
    """Every alias on an SQLite file of its own in app data; replicas share their original."""
    files: dict[tuple[str, ...], Path] = {}
    databases: dict[str, Any] = {}
    shipped_databases = {}
    names = file_names(settings.DATABASES or (), installation.app_data)
    for alias, database in (settings.DATABASES or {"default": {}}).items():
        engine = database.get("ENGINE", "")
        identity = tuple(str(database.get(key, "")) for key in ("ENGINE", "HOST", "PORT", "NAME"))
        if identity[-1] in ("", ":memory:"):  # each alias has its own
            identity = (alias,)
        file = files.setdefault(identity, installation.app_data / names[alias])
        options: dict[str, Any] = {"timeout": LOCK_TIMEOUT_SECONDS}
        if django.VERSION >= (5, 1):
            options |= {"transaction_mode": "IMMEDIATE", "init_command": PRAGMAS}
        # A second SQLite file that comes with the project holds data the app reads.
        shipped = Path(str(database.get("NAME", "")))
        if alias != "default" and is_sqlite(engine) and shipped.is_file():
            shipped_databases[alias] = str(shipped.resolve())
        databases[alias] = {
            **{key: value for key, value in database.items() if key in KEPT_OF_DATABASES},
            "ENGINE": engine if is_sqlite(engine) else SQLITE,
            "NAME": _like(database.get("NAME"), file),
            "OPTIONS": options,
        }
    main = {"ENGINE": SQLITE, "NAME": str(installation.app_data / "db.sqlite3")}
    databases.setdefault("default", main)
    return {"DATABASES": databases, "DESKTOP_SHIPPED_DATABASES": shipped_databases}


def set_pragmas_on_connect() -> None:
    """Before 5.1 Django has no option for them (release notes 5.1, "init_command")."""
    from django.db.backends.signals import connection_created

    def set_pragmas(connection: Any, **_: Any) -> None:
        with connection.cursor() as cursor:
            for pragma in PRAGMAS.split(";")[:-1]:
                cursor.execute(pragma)

    if django.VERSION < (5, 1):
        connection_created.connect(set_pragmas, weak=False)


def is_sqlite(engine: str) -> bool:
    """Whether a backend, or a wrapper of one, writes SQLite files."""
    if "sqlite" in engine or not engine or engine.startswith("django."):
        return "lite" in engine  # sqlite3, spatialite
    try:
        return import_module(f"{engine}.base").DatabaseWrapper.vendor == "sqlite"
    except (ImportError, AttributeError, ImproperlyConfigured):
        return False


def _files(settings: Any, installation: Installation) -> dict[str, Any]:
    """Uploads, sessions and logs in app data; static files where they were collected."""
    data = installation.app_data
    collected = (installation.bundle if installation.packaged else data) / "staticfiles"
    values: dict[str, Any] = {
        "MEDIA_ROOT": _like(settings.MEDIA_ROOT, data / "media"),
        "STATIC_ROOT": _like(settings.STATIC_ROOT, collected),
        "DESKTOP_OWN_STATIC_ROOT": settings.STATIC_ROOT,
        "SESSION_FILE_PATH": str(data / "sessions"),
        "FILE_UPLOAD_TEMP_DIR": None,
        # Django sets 0o644 itself, whatever the umask.
        "FILE_UPLOAD_PERMISSIONS": 0o600,
        "FILE_UPLOAD_DIRECTORY_PERMISSIONS": None,
        # The files are served before the project's own WhiteNoise, which would scan them all.
        "WHITENOISE_AUTOREFRESH": True,
    }
    if not _is_local_path(settings.MEDIA_URL):
        values["MEDIA_URL"] = "/media/"
    if not _is_local_path(settings.STATIC_URL):
        values["STATIC_URL"] = "/static/"
    values |= _below_uploads(settings, data / "media")
    hashed = installation.packaged and not compresses(settings)
    static = COLLECTED_STORAGE if hashed else STATIC_STORAGE
    storages = {name: dict(value) for name, value in getattr(settings, "STORAGES", {}).items()}
    for name, storage in storages.items():
        local = storage.get("BACKEND") == FILE_STORAGE or "filesystem" in storage["BACKEND"].lower()
        if name != "staticfiles" and not local:
            storages[name] = {"BACKEND": FILE_STORAGE}
        elif "location" in storage.get("OPTIONS", {}):
            storage["OPTIONS"] = {**storage["OPTIONS"], "location": str(data / "media" / name)}
    storages.setdefault("default", {"BACKEND": FILE_STORAGE})
    storages["staticfiles"] = {"BACKEND": static}
    values["STORAGES"] = storages
    if logging := _log_handlers(settings.LOGGING, data / "logs"):
        values["LOGGING"] = logging
    return values


def _below_uploads(settings: Any, media: Path) -> dict[str, Any]:
    """Folders that the project has below its uploads go where those go."""
    old = Path(settings.MEDIA_ROOT)
    if not old.is_absolute() or Path.cwd().is_relative_to(old):
        return {}
    return {
        name: _like(value, media / Path(value).relative_to(old))
        for name, value in vars(settings).items()
        if isinstance(value, str | Path)
        and not name.endswith("_URL")
        and Path(value).is_relative_to(old)
    }


def _like(own: object, path: Path) -> Path | str:
    """A path of the type the project uses: some join with `/`, others with `+`."""
    return path if isinstance(own, Path) else str(path)


def _put(own: Any, keys: list[str], value: Any) -> Any:
    """`own` with `value` at the place that `keys` name; a number is one of a list."""
    if not keys:
        return Path(value) if isinstance(own, Path) and isinstance(value, str) else value
    key, *rest = keys
    if isinstance(own, list | tuple):
        items = [_put(each, rest, value) if str(number) == key else each
                 for number, each in enumerate(own)]  # fmt: skip
        return type(own)(items)
    own = own if isinstance(own, dict) else {}
    return {**own, key: _put(own.get(key), rest, value)}


def _is_local_path(url: str | None) -> bool:
    return bool(url) and url != "/" and "//" not in url


def _log_handlers(logging: dict[str, Any], folder: Path) -> dict[str, Any]:
    handlers = logging.get("handlers", {})
    moved = {
        name: {**handler, "filename": str(folder / Path(str(handler["filename"])).name)}
        for name, handler in handlers.items()
        if "filename" in handler
    }
    return {**logging, "handlers": {**handlers, **moved}} if moved else {}


def _caches(settings: Any, installation: Installation) -> dict[str, Any]:
    caches = {}
    for alias, cache in settings.CACHES.items():
        if cache["BACKEND"] not in LOCAL_CACHES:
            kept = {key: value for key, value in cache.items() if key in KEPT_OF_CACHES}
            # 300 are LocMemCache's own limit; a server knows none.
            options = {"MAX_ENTRIES": 10_000}
            cache = {**kept, "BACKEND": STAND_IN_CACHE, "LOCATION": alias, "OPTIONS": options}
        elif cache["BACKEND"] == FILE_CACHE:
            cache = {**cache, "LOCATION": str(installation.app_data / "cache" / alias)}
        caches[alias] = cache
    values: dict[str, Any] = {"CACHES": caches}
    # A cache in memory forgets its sessions at every start.
    volatile = settings.SESSION_ENGINE == "django.contrib.sessions.backends.cache"
    if volatile or "redis" in settings.SESSION_ENGINE:
        stored = "db" if "django.contrib.sessions" in settings.INSTALLED_APPS else "file"
        values["SESSION_ENGINE"] = f"django.contrib.sessions.backends.{stored}"
    return values


def _mail(settings: Any, installation: Installation) -> dict[str, Any]:
    """Mail is written to files; Django 6.1 renamed the settings, never both are set."""
    backend = "django.core.mail.backends.filebased.EmailBackend"
    outbox = str(installation.app_data / "outbox")
    if hasattr(settings, "MAILERS"):  # an empty one forbids the old names too
        mailers = {"BACKEND": backend, "OPTIONS": {"file_path": outbox}}
        return {"MAILERS": dict.fromkeys(settings.MAILERS, mailers)}
    return {"EMAIL_BACKEND": backend, "EMAIL_FILE_PATH": outbox}


def _sign_in(settings: Any, installation: Installation, manifest: Manifest) -> dict[str, Any]:
    if not (manifest.login_user or manifest.asks_for_first_account):
        return {}
    middleware = [*settings.MIDDLEWARE]
    after = "django.contrib.auth.middleware.AuthenticationMiddleware"
    position = middleware.index(after) + 1 if after in middleware else len(middleware)
    middleware.insert(position, "desktop_runtime.login.SingleUserMiddleware")
    return {
        "MIDDLEWARE": middleware,
        "DESKTOP_LOGIN_USER": manifest.login_user,
        "DESKTOP_JUST_ME": str(installation.app_data / "just-me.json"),
    }
