"""SHA256SUMS as people without a network use it: with the command of the how-to page."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from skill_scripts import package as packaging

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "updates.md"
SHASUM = shutil.which("sha256sum")
pytestmark = pytest.mark.skipif(not SHASUM, reason="needs sha256sum")


@pytest.fixture
def given(tmp_path):
    """What electron-builder leaves, of two kinds of processor and with files nobody is given."""
    for name in ("Stäble 1.0 x64.AppImage", "stable-1.0-linux-arm64.tar.gz", "latest-linux.yml"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
    (tmp_path / "builder-debug.yml").write_text("x", encoding="utf-8")
    (tmp_path / "stable-1.0-linux-x64.AppImage.blockmap").write_text("x", encoding="utf-8")
    (tmp_path / "linux-unpacked").mkdir()
    packaging._checksums(tmp_path)
    return tmp_path


def verify(folder):
    (words,) = re.findall(r"^    sha256sum (.+?) +#", PAGE.read_text(encoding="utf-8"), re.M)
    return subprocess.run([SHASUM, *words.split()], cwd=folder, capture_output=True, text=True)


def test_what_is_given_verifies(given):
    done = verify(given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK\n") == 3


def test_a_file_that_was_not_carried_is_not_a_failure(given):
    (given / "stable-1.0-linux-arm64.tar.gz").unlink()
    assert verify(given).returncode == 0


def test_one_that_changed_on_its_way_is_found(given):
    with (given / "stable-1.0-linux-arm64.tar.gz").open("ab") as file:
        file.write(b"x")
    done = verify(given)
    assert done.returncode == 1
    assert "stable-1.0-linux-arm64.tar.gz: FAILED" in done.stdout
