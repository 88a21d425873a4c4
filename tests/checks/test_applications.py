"""Each broken application is caught by exactly its criteria, and a sound one by none.

They are makeshift: the old Electron of the tests around a bundle with the Python of the tests.
"""

import os
import tempfile
from pathlib import Path

import pytest

from checks.processes import marked
from tests.broken.applications import APPLICATIONS, FEED, application
from tests.broken.targets import TOML, caught, judge, make

pytestmark = [
    pytest.mark.electron,
    pytest.mark.slow,
    pytest.mark.skipif(
        "SHELL_TEST_LEGACY_ELECTRON" not in os.environ,
        reason="needs the Electron that SHELL_TEST_LEGACY_ELECTRON names",
    ),
]


@pytest.mark.long
@pytest.mark.parametrize("target", APPLICATIONS, ids=[target.name for target in APPLICATIONS])
def test_exactly_the_named_criteria_fail(target, tmp_path):
    path = make(target, tmp_path / "target")
    _, verdicts = judge(path, tmp_path / "report.json", *target.options(path, whole=True))
    assert caught(verdicts) == target.caught_by


@pytest.mark.long
@pytest.mark.parametrize(
    ("feed", "undecided"),
    [("", "not applicable"), (FEED, "not run here")],
    ids=["no feed", "feed"],
)
def test_a_sound_application_passes_and_leaves_nothing(feed, undecided, tmp_path, monkeypatch):
    target = application("sound", "", (TOML, "[package]\n", f"[package]\n{feed}"))
    path = make(target, tmp_path / "target")
    options = target.options(path, whole=True)
    # Chromium's sockets have short names: pytest's own folders are too deep for them.
    with tempfile.TemporaryDirectory() as scratch:
        monkeypatch.setenv("TMPDIR", scratch)
        code, verdicts = judge(path, tmp_path / "report.json", *options)
        assert not list(Path(scratch).iterdir())
        assert not list(marked(Path(scratch)))
    assert code == 0
    rights = "not run here" if hasattr(os, "geteuid") and os.geteuid() == 0 else "pass"
    assert verdicts == {
        **dict.fromkeys(("PKG-9", "PKG-11", "UPD-1", "UPD-3"), "pass"),
        "PKG-10": rights,
        **dict.fromkeys(("UPD-2", "UPD-4"), undecided),
    }
