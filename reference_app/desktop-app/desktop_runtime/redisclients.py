"""The settings with which a project talks to Redis, on the app's own server (redisserver.py).

Only while that runs. Queues share database 0, whose keys they name apart; channel layers have
number 1 and each cache one of its own, since clearing a cache empties its database.
"""

from __future__ import annotations

import importlib.util
from typing import Any

# Where django-rq and Dramatiq find a server, in whichever way: the address takes their place.
PLACES = {
    "URL", "HOST", "PORT", "DB", "USERNAME", "PASSWORD", "UNIX_SOCKET_PATH", "USE_REDIS_CACHE",
    "SENTINELS", "MASTER_NAME", "SENTINEL_KWARGS", "CONNECTION_KWARGS", "SOCKET_TIMEOUT", "SSL",
    "SSL_CERT_REQS", "REDIS_CLIENT_KWARGS", "CLIENT", "CONNECTION_POOL", "PARAMETERS",
}  # fmt: skip
# Setting, name of the class in it, name of that class's options.
DRAMATIQ = (
    ("DRAMATIQ_BROKER", "BROKER", "OPTIONS", "dramatiq.brokers.redis.RedisBroker"),
    ("DRAMATIQ_RESULT_BACKEND", "BACKEND", "BACKEND_OPTIONS",
     "dramatiq.results.backends.redis.RedisBackend"),
    ("DRAMATIQ_RATE_LIMITER_BACKEND", "BACKEND", "BACKEND_OPTIONS",
     "dramatiq.rate_limits.backends.redis.RedisBackend"),
)  # fmt: skip
# The broker where the settings name none: as django-dramatiq has it, apart from RabbitMQ.
DRAMATIQ_BROKER = {
    "MIDDLEWARE": [
        "dramatiq.middleware.AgeLimit", "dramatiq.middleware.TimeLimit",
        "dramatiq.middleware.Callbacks", "dramatiq.middleware.Retries",
        "django_dramatiq.middleware.AdminMiddleware",
        "django_dramatiq.middleware.DbConnectionsMiddleware",
    ]
}  # fmt: skip
# It would serve figures to every network, on a fixed port.
PROMETHEUS = "prometheus"
# What a worker had in hand when it was killed is taken up once its broker has been silent for a
# minute. Dramatiq looks for that at one command in a thousand: a long time where there are few.
LOOKS_EVERY_TIME = {"maintenance_chance": 1_000_000}
# What of a cache's OPTIONS says how values are kept, not where.
KEPT_OPTIONS = {"SERIALIZER", "COMPRESSOR", "PICKLE_VERSION", "REVERSE_KEY_FUNCTION"}


def on_server(settings: Any, layered: dict[str, Any], address: str) -> dict[str, Any]:
    """The values that lead everything of the project that is on Redis to `address`.

    `layered` is what takes the place of the other layers and caches.
    """
    return {
        **_queues(settings, address),
        **_channel_layers(settings, layered, address),
        "CACHES": {**layered["CACHES"], **_caches(settings.CACHES, address)},
    }


def _queues(settings: Any, address: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if queues := getattr(settings, "RQ_QUEUES", None):
        values["RQ_QUEUES"] = {
            name: {**_elsewhere(queue), "URL": f"{address}/0"} for name, queue in queues.items()
        }
    for setting, kind, options, backend in DRAMATIQ:
        if own := getattr(settings, setting, None):
            kept = _elsewhere(own.get(options, {})) if own.get(kind) == backend else {}
            values[setting] = {**own, kind: backend, options: {**kept, "url": f"{address}/0"}}
    if "django_dramatiq" in settings.INSTALLED_APPS:
        _, kind, options, backend = DRAMATIQ[0]
        default = {**DRAMATIQ_BROKER, kind: backend, options: {"url": f"{address}/0"}}
        broker = values.setdefault(DRAMATIQ[0][0], default)
        broker[options] |= LOOKS_EVERY_TIME
        middleware = broker.get("MIDDLEWARE", [])
        broker["MIDDLEWARE"] = [each for each in middleware if PROMETHEUS not in each.lower()]
    return values


def _channel_layers(settings: Any, layered: dict[str, Any], address: str) -> dict[str, Any]:
    if not (layers := getattr(settings, "CHANNEL_LAYERS", None)):
        return {}
    on_redis = {
        name: {**layer, "CONFIG": {**layer.get("CONFIG", {}), "hosts": [f"{address}/1"]}}
        for name, layer in layers.items()
        if _is_there(layer.get("BACKEND", ""))
    }
    return {"CHANNEL_LAYERS": {**layered["CHANNEL_LAYERS"], **on_redis}}


def _caches(caches: dict[str, Any], address: str) -> dict[str, Any]:
    on_redis = {alias: cache for alias, cache in caches.items() if _is_there(cache["BACKEND"])}
    return {
        alias: {
            **cache,
            "LOCATION": f"{address}/{number}",
            "OPTIONS": {k: v for k, v in cache.get("OPTIONS", {}).items() if k in KEPT_OPTIONS},
        }
        for number, (alias, cache) in enumerate(on_redis.items(), start=2)
    }


def _is_there(backend: str) -> bool:
    """Whether it speaks to Redis, and is installed here: some are for the server only."""
    packages = ("redis", backend.partition(".")[0])
    return "redis" in backend and all(map(importlib.util.find_spec, packages))


def _elsewhere(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name.upper() not in PLACES}
