"""The Toga shell in real windows, judged from outside: sound, and with one guard taken away."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.broken.targets import ROOT, caught, copy_reference_app, judge
from tests.checks.test_shl_broken import FAMILY
from tests.drivers import SECOND_POLICY, TOGA_PROXY, NotHereError, toga_command, with_command
from tests.drivers import TOGA as SHELL

GUARD = "../desktop_runtime/guard.py"


@dataclass(frozen=True)
class Broken:
    """A shell that lacks one thing, and the criteria that must notice."""

    name: str
    caught_by: set[str]
    edits: tuple[tuple[str, str, str], ...]
    """File of the shell, what is in it, and what stands there instead."""


BROKEN = (
    Broken(
        "there is no splash",
        {"SHL-1"},
        (
            ("window.py", "splash.box)\n        self.main_window.show()\n", "splash.box)\n"),
            (
                "window.py",
                "_show(self.view)\n",
                "_show(self.view)\n            self.main_window.show()\n",
            ),
        ),
    ),
    Broken(
        "neither the runtime nor the shell keeps pages from neighbours",
        {"SHL-2", "SHL-12"},
        ((GUARD, *SECOND_POLICY), TOGA_PROXY),
    ),
    Broken(
        "the runtime does not keep pages from neighbours: the shell does, and no log tells",
        {"SHL-12"},
        ((GUARD, *SECOND_POLICY),),
    ),
    Broken(
        "a script of the shell is in every page",
        {"SHL-3"},
        (
            (
                "guard_gtk.py",
                "        settings = view.get_settings()\n",
                "        settings = view.get_settings()\n"
                "        from gi.repository import WebKit2 as W\n"
                "        view.get_user_content_manager().add_script(W.UserScript.new('shell = {}', "
                "W.UserContentInjectedFrames.TOP_FRAME, "
                "W.UserScriptInjectionTime.START, None, None))\n",
            ),
        ),
    ),
    Broken(
        "pages go anywhere",
        {"SHL-4"},
        (("policies.py", 'if _is_external(to) else "deny"', 'if _is_external(to) else "allow"'),),
    ),
    Broken("permissions are given", {"SHL-5"}, (("guard_gtk.py", "deny()", "allow()"),)),
    Broken("every launch is the first", {"SHL-6"}, (("instance.py", "_lock is not None", "True"),)),
    Broken(
        "a backend dies once", {"SHL-7"}, (("contract.py", "MAX_RESTARTS = 3", "MAX_RESTARTS = 0"),)
    ),
    Broken(
        "a process of the shell outlives it",
        {"SHL-8"},
        (
            (
                "launching.py",
                "        self.backend.start()\n",
                "        __import__('subprocess').Popen(['sleep', '3600'])\n"
                "        self.backend.start()\n",
            ),
        ),
    ),
    Broken(
        "the end waits for no request",
        {"SHL-9"},
        (("contract.py", "GRACE_SECONDS = 10.0", "GRACE_SECONDS = 0.0"),),
    ),
    Broken(
        "pages are not confined",
        {"SHL-10"},
        (("guard_gtk.py", "set_sandbox_enabled(True)", "set_sandbox_enabled(False)"),),
    ),
    Broken(
        "the port is forgotten",
        {"SHL-11", "SHL-14"},
        (("kept.py", '[state.get("port"), state.get("otherPort")]', "[]"),),
    ),
    Broken(
        "the latest port is the app's own",
        {"SHL-14"},
        (("kept.py", '"otherPort" if is_other else "port"', '"port"'),),
    ),
    Broken(
        "pages leave unasked",
        {"SHL-13"},
        (("policies.py", "< INPUT_SECONDS:", "< float('inf') or True:"),),
    ),
    Broken(
        "proxies are not handed on",
        {"SHL-15"},
        (("places.py", "ALL_PROXY NO_PROXY", "ALL_PROXY"),),
    ),
    Broken(
        "no window is empty",
        {"SHL-16"},
        (("policies.py", '"allow" if to in EMPTY', '"deny" if to in EMPTY'),),
    ),
    Broken(
        "the cookie outlives its backend",
        {"TOK-10"},
        (
            (
                "guard_gtk.py",
                "        self._reach(None)\n        if self._cookie:",
                "        if False:",
            ),
        ),
    ),
)


@pytest.fixture(scope="session")
def command(tmp_path_factory):
    """What opens the shell; a skip where this machine cannot."""
    try:
        return toga_command(tmp_path_factory.mktemp("toga") / "python")
    except NotHereError as reason:
        pytest.skip(str(reason))


def target(path: Path, command: list[str], broken: Broken | None = None) -> Path:
    """A reference app that `command` opens, with the edits of `broken`."""
    with_command(path, command)
    for name, old, new in broken.edits if broken else ():
        file = path / SHELL / name
        file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize("broken", BROKEN, ids=[each.name for each in BROKEN])
def test_every_edit_is_of_the_shell_as_it_is(broken):
    for name, old, _ in broken.edits:
        assert old in (ROOT / "reference_app" / SHELL / name).read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.network
def test_a_sound_shell_passes(command, tmp_path):
    path = target(tmp_path / "target", command)
    code, verdicts = judge(path, tmp_path / "report.json", "--only", "SHL,TOK-10")
    assert verdicts == dict.fromkeys(FAMILY | {"TOK-10"}, "pass")
    assert code == 0


@pytest.mark.long
@pytest.mark.network
@pytest.mark.parametrize("broken", BROKEN, ids=[each.name for each in BROKEN])
def test_broken_shells_are_caught(broken, command, tmp_path):
    path = target(tmp_path / "target", command, broken)
    only = ",".join(sorted(broken.caught_by | {"SHL-3"}))
    _, verdicts = judge(path, tmp_path / "report.json", "--only", only)
    assert caught(verdicts) == broken.caught_by


@pytest.mark.parametrize("folder", ["/dev/null/data", "/proc/data"])
def test_a_folder_that_cannot_be_used_is_named(folder, tmp_path):
    shell = ROOT / "reference_app" / SHELL / "shell.py"
    environment = {"HOME": str(tmp_path), "DESKTOP_DJANGO_APP_DATA_DIR": folder}
    done = subprocess.run(
        [sys.executable, str(shell)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("The folder for the data cannot be used:")
    assert "Traceback" not in done.stderr


def test_without_a_web_view_it_says_what_to_install(tmp_path):
    shell = copy_reference_app(tmp_path / "target") / SHELL / "shell.py"
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "gi.py").write_text("raise ImportError('No module named gi')\n")
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(tmp_path / "hidden"),
        "DESKTOP_DJANGO_APP_DATA_DIR": str(tmp_path / "data"),
    }
    done = subprocess.run(
        [sys.executable, str(shell)], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "apt install gir1.2-webkit2-4.1" in done.stderr
    assert "Traceback" not in done.stderr
