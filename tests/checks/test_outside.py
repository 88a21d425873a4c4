"""The outside driver: a sound shell, one that guards nothing, and the broken ones of the table."""

import json
import subprocess
from pathlib import Path

import pytest

from checks import display
from checks.target import Target
from checks.verdicts import NotRun
from tests.broken.shells import SHELLS
from tests.broken.targets import caught, copy_reference_app, judge, make
from tests.checks.test_shl_broken import FAMILY, electron

OUTSIDE = ("--shell-driver", "outside")
# As root Chromium has no sandbox that could be seen; only hooks see that it was asked for.
BY_HOOKS_ALONE = {"SHL-10"}
JUDGED = [target for target in SHELLS if not target.caught_by & BY_HOOKS_ALONE]
WEBVIEW = Path(__file__).with_name("webview_shell.py")
SYSTEM_PYTHON = "/usr/bin/python3"
GUARD = "desktop-app/desktop_runtime/guard.py"
SECOND_POLICY = ("if environ[BY_COOKIE] else []", "if False else []")
REPORT_ADDRESS = ('f"report-uri {REFUSALS_PATH}"', '""')
NEEDS = "import gi; gi.require_version('WebKit2', '4.1'); from gi.repository import WebKit2"


def test_the_command_of_a_shell_is_filled_in(tmp_path):
    manifest = {"shell": {"command": ["{python}", "shell.py", "{project}"]}}
    target = Target(tmp_path, manifest, "development", Path("py"), tmp_path, tmp_path / "project")
    assert target.shell_command == ["py", "shell.py", str(tmp_path / "project")]


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


@pytest.mark.electron
@pytest.mark.long
def test_both_drivers_agree_on_a_sound_shell(tmp_path):
    path = copy_reference_app(tmp_path / "target")
    options = (*electron(), *OUTSIDE)
    code, verdicts = judge(path, tmp_path / "report.json", "--only", "SHL", *options)
    assert {verdicts.pop(each) for each in {"SHL-10"}} <= {"pass", "not run here"}
    assert verdicts == dict.fromkeys(FAMILY - {"SHL-10"}, "pass")
    assert code == 0


@pytest.mark.electron
@pytest.mark.long
@pytest.mark.parametrize("target", JUDGED, ids=[target.name for target in JUDGED])
def test_broken_shells_are_seen_from_outside(target, tmp_path):
    options = (*electron(), *OUTSIDE, "--only", ",".join(sorted({*target.caught_by, "SHL-3"})))
    path = make(target, tmp_path / "target")
    _, verdicts = judge(path, tmp_path / "report.json", *options)
    assert caught(verdicts) == target.caught_by


@pytest.fixture(scope="module")
def webview(tmp_path_factory):
    """The command of the unguarded shell; a skip where the system has no web view."""
    if subprocess.run([SYSTEM_PYTHON, "-c", NEEDS], capture_output=True).returncode:
        pytest.skip("no web view: needs python3-gi and gir1.2-webkit2-4.1 of the system")
    folder = tmp_path_factory.mktemp("pywebview")
    command = ["uv", "pip", "install", "--quiet", "--python", SYSTEM_PYTHON, "--target", folder]
    if subprocess.run([*command, "pywebview==6.2.1"], capture_output=True).returncode:
        pytest.skip("no web view: pywebview cannot be installed")
    return ["/usr/bin/env", f"PYTHONPATH={folder}", SYSTEM_PYTHON, str(WEBVIEW), "{project}"]


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
    path = copy_reference_app(tmp_path / "target")
    with (path / "desktop-app" / "desktop.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[shell]\ncommand = {json.dumps(webview)}\n")
    if taken:
        guard = path / GUARD
        source = guard.read_text(encoding="utf-8")
        assert taken[0] in source
        guard.write_text(source.replace(*taken), encoding="utf-8")
    _, verdicts = judge(path, tmp_path / "report.json", "--only", "SHL-2,SHL-3,SHL-4,SHL-12")
    assert caught(verdicts) == expected
