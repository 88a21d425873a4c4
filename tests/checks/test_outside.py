"""The outside driver: a sound shell, one that guards nothing, and the broken ones of the table."""

import contextlib
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from checks import display
from checks.foreign import Foreign
from checks.shell import until
from checks.starts import launches
from checks.target import Target
from checks.verdicts import NotRun
from tests import drivers
from tests.broken.applications import application
from tests.broken.shells import SHELLS
from tests.broken.targets import APPLICATION, caught, copy_reference_app, judge, make
from tests.checks.test_shl_broken import FAMILY, electron
from tests.drivers import (
    GUARD,
    OUTSIDE,
    SECOND_POLICY,
    NotHereError,
    replace_in,
    webview_command,
    with_command,
)

# As root Chromium has no sandbox that could be seen; only hooks see that it was asked for.
BY_HOOKS_ALONE = {"SHL-10"}
JUDGED = [target for target in SHELLS if not target.caught_by & BY_HOOKS_ALONE]
REPORT_ADDRESS = ('f"report-uri {REFUSALS_PATH}"', '""')


def test_the_command_of_a_shell_is_filled_in(tmp_path):
    manifest = {"shell": {"command": ["{python}", "shell.py", "{project}"]}}
    target = Target(tmp_path, manifest, "development", Path("py"), tmp_path, tmp_path / "project")
    assert target.shell_command == ["py", "shell.py", str(tmp_path / "project")]


@pytest.mark.parametrize("runtime", ["development", "staged"])
def test_a_shell_in_the_projects_python_is_opened_by_it_and_judged_from_outside(tmp_path, runtime):
    manifest = {"app": {"shell": "toga"}}
    target = Target(tmp_path, manifest, runtime, Path("py"), tmp_path, tmp_path / "project")
    python, *flags, script = target.shell_command[:7]
    assert (python, flags) == ("py", ["-I", "-B", "-u", "-X", "utf8"])
    assert script == str(tmp_path / "project/desktop-app/toga/shell.py")
    assert ("--staged" in target.shell_command) == (runtime == "staged")


def test_no_flag_says_that_it_is_judged_from_outside(tmp_path, monkeypatch):
    displays = []

    @contextlib.contextmanager
    def display(own):
        displays.append(own)
        raise NotRun("seen enough")
        yield

    monkeypatch.setattr(launches, "display", display)
    target = Target(
        tmp_path, {"app": {"shell": "toga"}}, "packaged", Path("py"), tmp_path, tmp_path
    )
    with pytest.raises(NotRun), launches.prepared(target, "hooks", None, None, tmp_path):
        pass
    assert displays == [True]


def test_elsewhere_than_on_linux_it_is_not_run(monkeypatch):
    monkeypatch.setattr(display, "LINUX", False)
    with pytest.raises(NotRun, match="needs Linux"), display.display(own=True):
        pass


def test_pixels_are_read():
    x11 = pytest.importorskip("checks.x11", reason="windows are seen by X11")
    green, red, white = b"\x77\xbb\x00\xff", b"\x00\x00\xff\xff", b"\xff\xff\xff\xff"
    menu = x11.Picture(red + white * 9 + green * 90, 10)
    assert menu.is_blank
    assert menu.share(0x00, 0xBB, 0x77) == 0.9
    assert menu.red == 1
    assert not x11.Picture(green * 50 + white * 50, 10).is_blank


def test_a_connection_without_a_request_is_none():
    server = Foreign()
    host, _, port = server.address.partition(":")
    for sent in (b"", b"GET /asked HTTP/1.1\r\n\r\n"):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(sent)
    assert until(lambda: server.heads, 5) == ["GET /asked HTTP/1.1"]
    server.close()


def test_the_page_of_judged_shells_is_of_its_data():
    kept = json.loads(drivers.DATA.read_text(encoding="utf-8"))
    assert drivers.PAGE.read_text(encoding="utf-8") == drivers.page(kept)
    assert not drivers.disagreements(kept)
    assert not drivers.received(kept)


@pytest.mark.electron
@pytest.mark.long
def test_both_drivers_agree_on_a_sound_shell(tmp_path):
    path = copy_reference_app(tmp_path / "target")
    options = (*electron(), *OUTSIDE)
    code, verdicts = judge(path, tmp_path / "report.json", "--only", "SHL,TOK-10", *options)
    assert verdicts.pop("SHL-10") in {"pass", "not run here"}
    assert verdicts == dict.fromkeys(FAMILY - {"SHL-10"} | {"TOK-10"}, "pass")
    assert code == 0


@pytest.mark.electron
@pytest.mark.long
@pytest.mark.parametrize("target", JUDGED, ids=[target.name for target in JUDGED])
def test_broken_shells_are_seen_from_outside(target, tmp_path):
    options = (*electron(), *OUTSIDE, "--only", ",".join(sorted({*target.caught_by, "SHL-3"})))
    path = make(target, tmp_path / "target")
    _, verdicts = judge(path, tmp_path / "report.json", *options)
    assert caught(verdicts) == target.caught_by


@pytest.mark.electron
@pytest.mark.long
@pytest.mark.parametrize("name", ["", "a second launch runs"], ids=["sound", "runs twice"])
def test_a_packaged_application_is_judged_as_it_is(name, tmp_path):
    electron()
    path, edits, expected = tmp_path / "target", (), set()
    if name:
        broken = next(each for each in SHELLS if each.name == name)
        edits, expected = broken.edits, broken.caught_by
    make(replace(application("packaged", ""), edits=edits), path)
    options = ("--runtime", "packaged", "--app", str(path / APPLICATION), *OUTSIDE)
    _, verdicts = judge(path, tmp_path / "report.json", *options, "--only", "SHL-1,SHL-2,SHL-6")
    assert caught(verdicts) == expected
    assert "not run here" not in verdicts.values()


@pytest.fixture(scope="module")
def webview(tmp_path_factory):
    """The command of the unguarded shell; a skip where the system has no web view."""
    try:
        return webview_command(tmp_path_factory.mktemp("pywebview"))
    except NotHereError as reason:
        pytest.skip(str(reason))


@pytest.mark.long
@pytest.mark.network
@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (None, {"SHL-3", "SHL-4"}),
        (REPORT_ADDRESS, {"SHL-3", "SHL-4", "SHL-12"}),
        (SECOND_POLICY, {"SHL-2", "SHL-3", "SHL-4", "SHL-12"}),
    ],
    ids=["as it comes", "and the runtime has no report address", "and it names no origin either"],
)
def test_an_unguarded_web_view_fails(taken, expected, webview, tmp_path):
    path = tmp_path / "target"
    with_command(path, webview)
    if taken:
        replace_in(path / GUARD, *taken)
    _, verdicts = judge(path, tmp_path / "report.json", "--only", "SHL-2,SHL-3,SHL-4,SHL-12")
    assert caught(verdicts) == expected
