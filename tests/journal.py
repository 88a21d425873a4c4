"""A pytest plugin: says which tests were running when a run is ended before they were."""

import pytest

RUNNING = pytest.StashKey[dict[str, None]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUNNING] = {}
    config.pluginmanager.register(Journal(config.stash[RUNNING]))


class Journal:
    """Follows the tests of all workers: xdist passes their beginnings and ends on."""

    def __init__(self, running: dict[str, None]) -> None:
        self.running = running

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.running[nodeid] = None

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.running.pop(nodeid, None)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    running = config.stash[RUNNING]
    if running:
        terminalreporter.section("still running")
        for nodeid in running:
            terminalreporter.line(nodeid)
