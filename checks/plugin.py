"""Command line options of the acceptance suite, registered before any conftest is looked for."""

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register `--target` here, where pytest does not mistake its value for a test path."""
    group = parser.getgroup("desktop-django acceptance checks")
    group.addoption("--target", type=Path, metavar="PATH", help="the adapted project to judge")
