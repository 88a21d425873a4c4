"""How a packaged application is found and opened on macOS; the program ends at once."""

import os
from types import SimpleNamespace

import pytest

from checks import application

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the program begins with #!")
PROGRAM = """#!/bin/sh
env > "$HOME/environment"
exit 7
"""


@pytest.fixture
def mac(tmp_path, monkeypatch):
    """dist/mac-arm64 with one application in it, on a system that is taken for macOS."""
    monkeypatch.setattr(application, "MACOS", True)
    monkeypatch.setattr(application, "LINUX", False)
    monkeypatch.setattr("checks.display.LINUX", False)
    folder = tmp_path / "mac-arm64" / "Flying Stable.app" / "Contents" / "MacOS"
    folder.mkdir(parents=True)
    (folder / "Flying Stable").write_text(PROGRAM)
    (folder / "Flying Stable").chmod(0o755)
    return tmp_path / "mac-arm64"


def test_a_folder_without_a_program_is_said(mac, tmp_path):
    (mac / "Flying Stable.app/Contents/MacOS/Flying Stable").unlink()
    opened = application.open_once(SimpleNamespace(manifest={}), mac, tmp_path / "scratch")
    assert opened.problem == "mac-arm64 has no program to open"


@pytest.mark.parametrize("inside", ["", "Flying Stable.app"])
def test_the_application_is_opened_with_a_home_folder_of_its_own(inside, mac, tmp_path):
    opened = application.open_once(SimpleNamespace(manifest={}), mac / inside, tmp_path / "scratch")
    assert "exit 7" in opened.problem
    given = dict(
        line.split("=", 1)
        for line in (opened.home / "environment").read_text().splitlines()
        if "=" in line
    )
    assert given["HOME"] == given["CFFIXED_USER_HOME"] == str(opened.home)
