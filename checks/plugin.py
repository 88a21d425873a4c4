"""The suite as a pytest plugin: options, verdict per criterion, table, reports, exit codes.

Registered early (`-p checks.plugin`): were `--target` an option of a conftest, pytest would read
its value as a test path and run the target's conftest.

Exit codes: 0 conform, 1 criteria failed, 2 usage (nothing to judge), 3 harness error.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from checks import criteria, processes, report, workers
from checks.opening import own_page
from checks.progress import Progress
from checks.rehearsal import own_faults
from checks.target import STAGES, Target, TargetError, open_target
from checks.verdicts import Check, NotApplicable, NotRun, NotTested, OwnFaultError, Run

HERE = Path(__file__).resolve().parent
RUN = pytest.StashKey[Run]()
TARGET = pytest.StashKey[Target]()
SHARED = pytest.StashKey[Path]()
"""The folder that the workers of xdist share."""
# The verbosity at which pytest adds no closing line of its own.
QUIET = -2


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options of the acceptance suite."""
    group = parser.getgroup("desktop-django acceptance checks")
    add = group.addoption
    add("--target", type=Path, metavar="PATH", help="the adapted project to judge")
    add(
        "--runtime", choices=STAGES, default="development", help="what of it (default: %(default)s)"
    )
    add("--app", type=Path, metavar="PATH", help="the packaged application (--runtime packaged)")
    add("--shell", action="store_true", help="a shell that cannot be opened here is an error")
    add(
        "--shell-driver",
        choices=("hooks", "outside"),
        default="hooks",
        help="judge Electron by hooks in it, or any shell, a packaged one too, by its windows and "
        "processes, as a [shell] command always is (default: %(default)s)",
    )
    add("--electron", type=Path, metavar="PROGRAM", help="open the shell with it; asks for --shell")
    add("--manifest", type=Path, metavar="FILE", help="read this instead of desktop.toml")
    add(
        "--form",
        metavar="PATH",
        help="a page with a form that saves a record (default: looked for)",
    )
    add(
        "--rehearsal",
        type=Path,
        metavar="FILE",
        help="what adapt's rehearsal saw: faults of the target's own server do not count",
    )
    add(
        "--own-page",
        type=Path,
        metavar="FILE",
        help="how the first page looks on the target's own server, for --report-html",
    )
    add(
        "--other-hosts",
        type=Path,
        metavar="FILE",
        help="write the addresses of other hosts' styles, scripts and fonts here, as JSON",
    )
    add("--spec", choices=criteria.VERSIONS, help="judge by this version (default: the target's)")
    add(
        "--only",
        action="append",
        metavar="IDS",
        help="criteria or families to judge: TOK-1,NET; repeatable",
    )
    add("--strict-should", action="store_true", help="a SHOULD that is not met fails as well")
    add("--expected-failures", type=Path, metavar="FILE", help="criteria known to fail, one a line")
    add("--report-json", type=Path, metavar="FILE", help="write the verdicts as JSON")
    add("--report-md", type=Path, metavar="FILE", help="write the verdicts as Markdown")
    add("--report-html", type=Path, metavar="FILE", help="write them as a page with screenshots")
    add("--list", action="store_true", help="list the criteria and stop")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Open the target before anything is collected; a bad one is a usage error."""
    config.addinivalue_line("markers", "criterion(*ids): the criteria of SPEC.md a check decides")
    option = config.option
    try:
        if option.list:
            print(report.listing(criteria.load()))
            return 0
        if option.target is None:
            if _names_the_suite(config):
                raise TargetError(
                    1, "no target was given", "the checks judge a project.", "give --target PATH."
                )
            return None
        target = open_target(option.target, option.runtime, option.app, option.manifest)
        run = Run.of(target, option)
        own_faults(option.rehearsal)  # so that a damaged file is noticed now
        own_page(option.own_page)
        report.make_folders(
            option.report_json, option.report_md, option.report_html, option.other_hosts
        )
    except TargetError as error:
        print(error, file=sys.stderr)
        return 2
    if getattr(option, "numprocesses", None):
        option.dist, option.loadscopereorder = "loadscope", False
        config.stash[SHARED] = Path(tempfile.mkdtemp(prefix="ddk-checks-")).resolve()
    config.stash[TARGET], config.stash[RUN] = target, run
    config.pluginmanager.register(run, "acceptance run")
    if not option.verbose:
        config.pluginmanager.register(Progress(), "progress of the acceptance run")
    if option.tbstyle == "auto":
        option.tbstyle = "no"
    option.reportchars = ""
    option.verbose = option.verbose or QUIET
    return None


def _names_the_suite(config: pytest.Config) -> bool:
    here = config.invocation_params.dir
    paths = [(here / a.split("::")[0]).resolve() for a in config.args]
    return any(p == HERE or HERE in p.parents for p in paths)


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Target:
    """The target that is judged."""
    return pytestconfig.stash[TARGET]


@pytest.fixture
def seen(record_property: Callable[[str, object], None]) -> Callable[[object], None]:
    """Say what was seen; it stands in the table beside the verdict."""
    return lambda what: record_property("seen", str(what))


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` means; xdist itself would take one for each core."""
    return workers.count()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist where it finds what all workers share."""
    if folder := node.config.stash.get(SHARED, None):
        node.workerinput[workers.SHARED] = str(folder)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let checks of the same starts share a worker."""
    return workers.Scheduling(config, log) if SHARED in config.stash else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Name a check by its criteria and its worker: xdist tells of checks by name alone."""
    ids = _criteria_of(metafunc.definition)
    if ids and RUN in metafunc.config.stash:
        metafunc.fixturenames.append("judged")
        metafunc.parametrize("judged", [ids], ids=[workers.name(ids, metafunc.fixturenames)])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this run does not ask for or cannot decide; the table says which and why."""
    run = config.stash.get(RUN, None)
    if run is None:
        return
    known = criteria.load()
    wanted, other = [], []
    for item in items:
        ids = _criteria_of(item)
        if unknown := set(ids) - known.keys():
            raise pytest.UsageError(f"{item.nodeid} names {sorted(unknown)}: not in SPEC.md")
        run.expect(ids, _title(item))
        (wanted if not ids or run.wants(ids) else other).append(item)
    ordered = _in_order_of_launches(wanted)
    items[:] = sorted(ordered, key=lambda item: workers.rank(item.fixturenames))
    if other:
        config.hook.pytest_deselected(items=other)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the outcome of a check into a verdict that travels with its report."""
    outcome = yield
    ids = _criteria_of(item)
    run = item.config.stash.get(RUN, None)
    if not ids or run is None or (call.when != "call" and not call.excinfo):
        return outcome
    verdict, said = _verdict(call)
    check = Check(
        name=getattr(item, "originalname", item.name),
        title=_title(item),
        criteria=ids,
        verdict=verdict,
        seen=next((str(v) for k, v in reversed(item.user_properties) if k == "seen"), ""),
        said=run.redact(said),
        trace=str(outcome.longrepr or "") if verdict == "error" else "",
        do=NotTested.do if call.excinfo and call.excinfo.errisinstance(NotTested) else "",
    )
    outcome.user_properties.append(("check", check.as_dict()))
    return outcome


def _verdict(call: pytest.CallInfo) -> tuple[str, str]:
    if call.excinfo is None:
        return "pass", ""
    error = call.excinfo.value
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, NotApplicable):
        return "not applicable", said
    if isinstance(error, NotRun):
        return "not run here", said
    if isinstance(error, OwnFaultError):
        return "warn", said
    if isinstance(error, AssertionError):
        return "fail", said
    return "error", f"{type(error).__name__}: {said}"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Decide the exit code and write the reports."""
    run = session.config.stash.get(RUN, None)
    if run is None or hasattr(session.config, "workerinput"):
        return
    run.finish(interrupted=session.exitstatus not in (0, 1, 5))
    session.exitstatus = run.exit_code
    option = session.config.option
    if option.report_json:
        option.report_json.write_text(report.as_json(run), encoding="utf-8")
    if option.report_html:
        option.report_html.write_text(
            report.as_html(run, own_page(option.own_page)), encoding="utf-8"
        )
    if option.report_md:
        option.report_md.write_text(report.as_markdown(run), encoding="utf-8")
    if option.other_hosts and run.other_hosts is not None:
        option.other_hosts.write_text(json.dumps(run.other_hosts), encoding="utf-8")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing of what the workers shared, and no process of it."""
    if folder := config.stash.get(SHARED, None):
        processes.remove(folder)


def pytest_report_teststatus(
    report: pytest.CollectReport | pytest.TestReport, config: pytest.Config
) -> tuple[str, str, str] | None:
    """The verdict of a check, for -v; else a line shows the progress."""
    if isinstance(report, pytest.CollectReport):
        return None
    check = next((Check(**v) for k, v in report.user_properties if k == "check"), None)
    if config.stash.get(RUN, None) is None or check is None:
        return None
    if report.when != "call" and report.passed:
        return "", "", ""
    return check.verdict, "", check.verdict


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table per criterion; its last line stands for pytest's own, which counts checks."""
    run = terminalreporter.config.stash.get(RUN, None)
    if run is None:
        return
    terminalreporter.stats.clear()
    terminalreporter.config.option.verbose = QUIET
    terminalreporter.ensure_newline()
    terminalreporter.write_line("")
    for line in report.table(run, terminalreporter.isatty):
        terminalreporter.write_line(line)


def _in_order_of_launches(items: list[pytest.Item]) -> list[pytest.Item]:
    """`items`, where each launch of the shell ends the one before: its checks keep their order,
    and those of other families come last."""
    launches = [item for item in items if "place" in item.fixturenames]

    def order(item: pytest.Item) -> tuple[bool, int]:
        return item.path.stem != "test_shl", item.function.__code__.co_firstlineno

    ordered = iter(sorted(launches, key=order))
    return [next(ordered) if item in launches else item for item in items]


def _criteria_of(item: pytest.Item) -> list[str]:
    return [i for marker in item.iter_markers("criterion") for i in marker.args]


def _title(item: pytest.Item) -> str:
    doc = getattr(getattr(item, "function", None), "__doc__", None) or item.name
    return doc.strip().splitlines()[0].rstrip(".")
