"""What the tests of the kit share: one place where the interpreters they start keep bytecode."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest

from tests.bytecode import VARIABLE


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder once; the workers of a parallel run inherit its name."""
    if VARIABLE not in os.environ:
        folder = os.environ[VARIABLE] = tempfile.mkdtemp(prefix="ddk-bytecode-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        config.add_cleanup(lambda: os.environ.pop(VARIABLE, None))


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """The payload closes to others what its process makes; what later tests make stays open."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)
