"""Bytecode that outlives a backend: most of a first start is spent on compiling Django."""

import os
from pathlib import Path

VARIABLE = "DESKTOP_DJANGO_TESTS_BYTECODE"


def shared(otherwise: Path) -> Path:
    """The folder that all tests of a run share; `otherwise` outside of one."""
    return Path(os.environ.get(VARIABLE) or otherwise)
