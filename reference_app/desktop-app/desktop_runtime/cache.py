"""A cache in memory that can be asked for what those of Redis can (django-redis, "Extra API")."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache


class LocalCache(LocMemCache):
    """Takes the place of a cache on a server."""

    def set(
        self,
        key: str,
        value: Any,
        timeout: float | None = DEFAULT_TIMEOUT,
        version: int | None = None,
        *,
        nx: bool = False,
        xx: bool = False,
        **_: Any,
    ) -> bool:
        if nx:
            return self.add(key, value, timeout, version)
        if xx and not self.has_key(key, version):
            return False
        super().set(key, value, timeout, version)
        return True

    def iter_keys(self, pattern: str, version: int | None = None, **_: Any) -> Iterator[str]:
        """Keys like `pattern`, with the wildcards of file names, as the project names them."""
        start, pattern = self.make_key("", version), self.make_key(pattern, version)
        with self._lock:
            found = [k for k in self._cache if fnmatchcase(k, pattern) and not self._has_expired(k)]
        return (key.removeprefix(start) for key in found)

    def keys(self, pattern: str, version: int | None = None, **_: Any) -> list[str]:
        """What `iter_keys` finds."""
        return [*self.iter_keys(pattern, version)]

    def delete_pattern(self, pattern: str, version: int | None = None, **_: Any) -> int:
        """Delete the keys like `pattern`; how many they were."""
        return sum(self.delete(key, version) for key in self.keys(pattern, version))

    def ttl(self, key: str, version: int | None = None, **_: Any) -> int | None:
        """Seconds left; None for one that stays, 0 for one that is not there."""
        if not self.has_key(key, version):
            return 0
        expires = self._expire_info.get(self.make_key(key, version))
        return None if expires is None else round(expires - time.time())

    def expire(self, key: str, timeout: float | None, version: int | None = None, **_: Any) -> bool:
        """Whether there is such a key, which now has `timeout` seconds left."""
        return self.touch(key, timeout, version)

    def persist(self, key: str, version: int | None = None, **_: Any) -> bool:
        """Whether there is such a key, which now stays."""
        return self.touch(key, None, version)

    def lock(
        self,
        key: str,
        version: int | None = None,
        timeout: float | None = None,
        sleep: float = 0.1,
        blocking_timeout: float | None = None,
        blocking: bool = True,
        **_: Any,
    ) -> Lock:
        """A lock of this process, which is let go after `timeout` seconds."""
        patience = blocking_timeout if blocking else 0
        return Lock(self, key, version, timeout, sleep, patience)


class Lock:
    """Held by whoever put its key into the cache; as redis-py's."""

    def __init__(
        self,
        cache: LocalCache,
        key: str,
        version: int | None,
        timeout: float | None,
        sleep: float,
        patience: float | None,
    ) -> None:
        self.cache, self.key, self.version, self.timeout = cache, key, version, timeout
        self.sleep, self.patience, self.token = sleep, patience, uuid.uuid4().hex

    def acquire(
        self, blocking: bool = True, blocking_timeout: float | None = None, **_: Any
    ) -> bool:
        """Take it; False where another kept it until patience ended (None: never ends)."""
        patience = self.patience if blocking_timeout is None else blocking_timeout
        begun = time.monotonic()
        while not self.cache.add(self.key, self.token, self.timeout, self.version):
            if not blocking or (patience is not None and time.monotonic() - begun >= patience):
                return False
            time.sleep(self.sleep)
        return True

    def release(self) -> None:
        """Let it go, if it is still held."""
        if self.owned():
            self.cache.delete(self.key, self.version)

    def locked(self) -> bool:
        """Whether anybody holds it."""
        return self.cache.has_key(self.key, self.version)

    def owned(self) -> bool:
        """Whether it is held through this object."""
        return self.cache.get(self.key, version=self.version) == self.token

    def __enter__(self) -> Lock:
        if not self.acquire():
            raise RuntimeError(f"The lock {self.key!r} was not let go in time.")
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
