"""Each broken shell is caught by exactly its criteria, and the checks of a sound one pass.

`kit.py test --all` judges each broken one by its own criteria and those of the first launch,
`python -m tests.broken` by the whole family.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from checks import criteria
from tests.broken.shells import SHELLS
from tests.broken.targets import ROOT, broken, caught, copy_reference_app, judge, make
from tests.checks.again import IN_RANDOM_ORDER
from tests.electron import check_options

FAMILY = {i for i in criteria.load() if i.startswith("SHL-")}
MINIMAL = Path(__file__).with_name("minimal_target")
# As a busy machine would have it: longer than a fixed wait of a check.
SLOWLY = """wsgi = get_wsgi_application()


def application(environ, start_response):
    __import__("time").sleep(0.5)
    return wsgi(environ, start_response)
"""


def electron() -> list[str]:
    """The options with which the checks open a shell here; a skip where nothing can."""
    if not (options := check_options()):
        pytest.skip("no Electron: neither npm ci nor SHELL_TEST_LEGACY_ELECTRON gives one")
    return options


def test_every_criterion_of_the_shell_has_a_broken_one():
    assert {i for target in SHELLS for i in target.caught_by} == {*FAMILY, "TOK-10"}


@pytest.mark.electron
@pytest.mark.long
@pytest.mark.parametrize("target", SHELLS, ids=[target.name for target in SHELLS])
def test_exactly_the_named_criteria_fail(target, tmp_path):
    electron()
    path = make(target, tmp_path / "target")
    _, verdicts = judge(path, tmp_path / "report.json", *target.options(path, whole=False))
    assert "not run here" not in verdicts.values()
    assert caught(verdicts) == target.caught_by


@pytest.mark.electron
@pytest.mark.long
def test_a_sound_shell_passes_and_leaves_nothing(tmp_path, monkeypatch):
    options = electron()
    path = copy_reference_app(tmp_path / "target")
    before = {p.name for p in path.rglob("*")}
    # Chromium's sockets have short names: pytest's own folders are too deep for them.
    with tempfile.TemporaryDirectory() as scratch:
        monkeypatch.setenv("TMPDIR", scratch)
        options = (*options, *IN_RANDOM_ORDER)
        code, verdicts = judge(path, tmp_path / "report.json", "--only", "SHL", *options)
        assert verdicts == dict.fromkeys(FAMILY, "pass")
        assert not list(Path(scratch).iterdir())
    assert code == 0
    assert {p.name for p in path.rglob("*")} == before
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(path) in str(p.info)]


@pytest.mark.electron
@pytest.mark.long
def test_who_answers_slowly_passes(tmp_path):
    options = electron()
    edit = ("config/wsgi.py", "application = get_wsgi_application()\n", SLOWLY)
    path = make(broken("slow", "", edit, shell=True), tmp_path / "target")
    asked = ("--only", "SHL-2,SHL-4,SHL-12,SHL-16")
    _, verdicts = judge(path, tmp_path / "report.json", *asked, *options)
    assert set(verdicts.values()) == {"pass"}


@pytest.mark.parametrize(
    ("options", "code", "verdict"),
    [((), 0, "not run here"), (("--shell",), 3, "harness error")],
    ids=["by default", "asked for"],
)
@pytest.mark.slow
def test_a_shell_that_cannot_be_opened(options, code, verdict, tmp_path):
    path = Path(shutil.copytree(MINIMAL, tmp_path / "target"))
    found, verdicts = judge(path, tmp_path / "report.json", "--only", "SHL", *options)
    assert found == code
    assert set(verdicts.values()) == {verdict}


@pytest.mark.slow
def test_what_is_missing_is_named(tmp_path):
    path = copy_reference_app(tmp_path / "target")
    command = [sys.executable, "-m", "pytest", "checks", "-p", "no:cacheprovider"]
    command += ["--target", str(path), "--only", "SHL-1", "--electron", str(tmp_path / "none")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 3
    assert "needs Electron: npm ci and npx install-electron in desktop-app/electron" in done.stdout
