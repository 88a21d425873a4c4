"""A pytest plugin: the checks in another order at each run; CHECKS_ORDER repeats one of them."""

import os
import random

import pytest

ORDER = os.environ.get("CHECKS_ORDER") or str(random.randrange(10**6))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    random.Random(ORDER).shuffle(items)


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"CHECKS_ORDER={ORDER}")
