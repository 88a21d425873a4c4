"""Hosts of the tests, closed at their end."""

from collections.abc import Iterator

import pytest

from tests.scripts.offline.host import Host


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.close()


@pytest.fixture
def registry(host, tmp_path_factory, monkeypatch) -> Host:
    """A registry of packages on this machine, which npm is told to use."""
    cache = tmp_path_factory.mktemp("npm")
    monkeypatch.setenv("npm_config_registry", f"{host.origin}/")
    monkeypatch.setenv("npm_config_cache", str(cache))
    return host
