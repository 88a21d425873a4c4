"""The starts of `checks/starts/` as fixtures, and the folders they happen in."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright import sync_api as playwright

from checks import database, processes, scratch_copy, workers
from checks.application import Opened, open_once
from checks.backend import Backend, manage
from checks.starts import browser as browsers
from checks.starts import launches
from checks.starts.app_data import Copies, copier, open_to_everybody, settle
from checks.starts.chatty import Chatty, start_chatty
from checks.starts.first_run import FirstRun, start_first
from checks.starts.killed import Killed, kill_shell
from checks.starts.probed import Probed, probe
from checks.starts.queued import Queued, work_off
from checks.starts.restarts import Restarts, restart
from checks.starts.second_install import SecondInstall, install_again
from checks.starts.updates import Migrated, start_newer
from checks.target import Target
from checks.verdicts import NotApplicable, NotRun, PrerequisiteError


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder for everything the suite writes; nothing in it and no process of it remains."""
    folder = Path(tempfile.mkdtemp(prefix="ddk-checks-")).resolve()
    try:
        yield folder
    finally:
        processes.remove(folder)


# -- the target itself ------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shared(scratch: Path, pytestconfig: pytest.Config) -> Path:
    """The folder of what all workers share."""
    return workers.shared_folder(pytestconfig, scratch)


@pytest.fixture(scope="session")
def target(target: Target, shared: Path) -> Target:
    """The target, whose code is compiled once for all of its starts."""
    return replace(target, bytecode=shared / "bytecode")


@pytest.fixture(scope="session")
def first_run(target: Target, shared: Path, pytestconfig: pytest.Config) -> FirstRun:
    """The start of a new user."""
    form = pytestconfig.option.form
    return workers.once(shared, "first run", lambda: start_first(target, shared / "first", form))


@pytest.fixture(scope="session")
def copies(first_run: FirstRun, scratch: Path) -> Copies:
    """Make app data folders that have had their first run: `copies("name")`."""
    return copier(first_run.app_data, scratch)


@pytest.fixture(scope="session")
def untouched(first_run: FirstRun, scratch: Path) -> Copies:
    """The same as the first start left it: nobody has been there yet."""
    return copier(first_run.untouched, scratch)


@pytest.fixture(scope="session")
def settled_copies(target: Target, first_run: FirstRun, shared: Path, scratch: Path) -> Copies:
    """The same after another start."""

    def make() -> Path:
        return settle(target, copier(first_run.app_data, shared)("settled"))

    return copier(workers.once(shared, "settled", make), scratch)


@pytest.fixture(scope="session")
def has_database(target: Target, first_run: FirstRun) -> bool:
    """Whether there should be one: a few projects keep nothing, and have no migration."""
    with contextlib.suppress(AssertionError):
        return bool(database.main_file(first_run.app_data))
    plan = manage(target, first_run.app_data, "showmigrations", "--plan", environment={})
    return plan is None or "(no migrations)" not in plan


@pytest.fixture(scope="session")
def needs_database(has_database: bool) -> None:
    """Let a criterion on databases be none for a target without migrations."""
    if not has_database:
        raise NotApplicable("the target has no migrations, so it has no database")


@pytest.fixture(scope="session")
def live(target: Target, copies: Copies) -> Iterator[Backend]:
    """A backend that serves while checks talk to it."""
    with Backend(target, copies("live")) as backend:
        yield backend.ready()


@pytest.fixture(scope="session")
def restarts(target: Target, copies: Copies, first_run: FirstRun, scratch: Path) -> Restarts:
    """Save, kill, start on the same port, save, stop, start."""
    return restart(target, copies("restarts"), first_run, scratch / "killed")


# -- its scratch copy -------------------------------------------------------------------------


@pytest.fixture(scope="session")
def probe_target(target: Target, scratch: Path) -> Target:
    """A scratch copy of the target that answers under `/ddk-probe/`."""
    return scratch_copy.make(target, scratch / "project")


@pytest.fixture(scope="session")
def opened(probe_target: Target, copies: Copies) -> Iterator[Backend]:
    """A copy of the target that serves from a folder which everybody could read before."""
    with Backend(probe_target, open_to_everybody(copies("opened"))) as backend:
        yield backend.ready()


@pytest.fixture(scope="session")
def probed(probe_target: Target, copies: Copies, first_run: FirstRun) -> Probed:
    """A start of the copy that is asked about itself and then stopped while it is busy."""
    return probe(probe_target, copies("probed"), first_run)


@pytest.fixture(scope="session")
def chatty(probe_target: Target, copies: Copies, first_run: FirstRun) -> Chatty:
    """A start of the copy that prints and reads at import."""
    return start_chatty(probe_target, copies("chatty"), first_run)


@pytest.fixture(scope="session")
def shell_killed(probe_target: Target, copies: Copies) -> Killed:
    """A start held by another process, which is killed while a child of the target runs."""
    return kill_shell(probe_target, copies("held"))


@pytest.fixture(scope="session")
def queued(target: Target, scratch: Path, request: pytest.FixtureRequest) -> Queued:
    """Tasks in the target's own queue, with a kill in between."""
    if not target.workers:
        raise NotApplicable("it declares no [[workers]]")
    copy: Target = request.getfixturevalue("probe_target")
    copies: Copies = request.getfixturevalue("copies")
    return work_off(copy, copies("queued"), scratch / "tasks")


@pytest.fixture(scope="session")
def unstarted(scratch: Path) -> Copies:
    """Name folders for a first start: they do not exist."""
    return scratch.joinpath


@pytest.fixture(scope="session")
def second_install(probe_target: Target, unstarted: Copies, shared: Path) -> SecondInstall:
    """Another installation, whose first start is stopped at once."""

    def make() -> SecondInstall:
        return install_again(probe_target, unstarted("second"))

    return workers.once(shared, "second install", make)


@pytest.fixture(scope="session")
def migrated(probe_target: Target, settled_copies: Copies) -> Migrated:
    """Two pending migrations that work."""
    return start_newer(probe_target, settled_copies("migrated"))


# -- windows ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser() -> Iterator[playwright.Browser]:
    """Chromium."""
    with browsers.started() as browser:
        yield browser


@pytest.fixture(scope="session")
def place(
    target: Target, scratch: Path, request: pytest.FixtureRequest
) -> Iterator[launches.Place]:
    """The shell's surroundings."""
    option = request.config.option
    packaged = option.app and request.getfixturevalue("application")
    with contextlib.ExitStack() as stack:
        with _possible(asked_for=bool(option.shell or option.electron)):
            place = stack.enter_context(
                launches.prepared(target, option.shell_driver, option.electron, packaged, scratch)
            )
        yield place


@pytest.fixture(scope="session")
def application(pytestconfig: pytest.Config) -> Path:
    """The folder of the packaged application."""
    app = pytestconfig.option.app
    return (app if app.is_dir() else app.parent).resolve()


@pytest.fixture(scope="session")
def opened_application(
    target: Target, application: Path, scratch: Path, pytestconfig: pytest.Config
) -> Opened:
    """The packaged application, opened once from a copy."""
    with _possible(asked_for=pytestconfig.option.shell):
        return open_once(target, application, scratch / "application")


@contextlib.contextmanager
def _possible(asked_for: bool) -> Iterator[None]:
    """What this machine cannot open is not run here; it is an error where it was asked for."""
    try:
        yield
    except NotRun as error:
        if asked_for:
            raise PrerequisiteError(f"--shell: {error}") from None
        raise
