"""Each check of the PKG family fails on a bundle that is broken in exactly its point."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from checks import bundle as bundles
from tests.scripts.staging import ROOT

PROBLEM = {}


def breaks(criterion):
    def register(function):
        PROBLEM[criterion] = function
        return function

    return register


@breaks("PKG-1")
def needs_something_of_the_build_machine(bundle):
    """Its settings read a file that is only where it was made."""
    settings = bundle / "app/config/settings/base.py"
    text = f"\nopen({str(bundle / 'VERSION')!r}).close()\n"
    settings.write_text(settings.read_text(encoding="utf-8") + text, encoding="utf-8")
    shutil.rmtree(settings.parent / "__pycache__")


@breaks("PKG-2")
def writes_into_itself(bundle):
    """Its settings keep a note beside the code."""
    settings = bundle / "app/config/settings/base.py"
    text = "\nBASE = __file__\nopen(__file__ + '.started', 'w').close()\n"
    settings.write_text(settings.read_text(encoding="utf-8") + text, encoding="utf-8")
    shutil.rmtree(settings.parent / "__pycache__")


@breaks("PKG-3")
def allows_an_old_sqlite(bundle):
    """Its manifest says that the age of SQLite does not matter."""
    amend(bundle, allow_old_sqlite=True)


@breaks("PKG-4")
def has_a_file_too_many(bundle):
    """Somebody put something into it."""
    (bundle / "python" / "extra.txt").write_text("extra", encoding="utf-8")


@breaks("PKG-5")
def ships_a_key(bundle):
    """A private key lies among the sources."""
    begin = "-----BEGIN PRIVATE" + " KEY-----"
    (bundle / "app/config/deploy.txt").write_text(begin, encoding="utf-8")


@breaks("PKG-6")
def has_no_static_files(bundle):
    """They were not collected."""
    shutil.rmtree(bundle / "staticfiles")
    (bundle / "staticfiles").mkdir()


@breaks("PKG-7")
def has_bytecode_of_another_source(bundle):
    """A module was changed after it was compiled."""
    module = bundle / "app/items/models.py"
    module.write_text(module.read_text(encoding="utf-8") + "\n# later\n", encoding="utf-8")


@breaks("PKG-8")
def lists_no_parts(bundle):
    """A package is missing from the parts list."""
    file = bundle / "sbom.cdx.json"
    parts = json.loads(file.read_text(encoding="utf-8"))
    parts["components"] = [each for each in parts["components"] if each["name"] != "Django"]
    parts["components"] = [each for each in parts["components"] if each["name"] != "django"]
    file.write_text(json.dumps(parts), encoding="utf-8")


def amend(bundle, **changes):
    file = bundle / bundles.MANIFEST
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**content, **changes}), encoding="utf-8")


def verdict(root, app, criterion, report):
    """What the suite says of one criterion on a packaged application's bundle."""
    command = [sys.executable, "-m", "skill_scripts", "check", str(root), "--runtime", "packaged",
               "--app", str(app), "--only", criterion, "--report-json", str(report)]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ})
    assert done.returncode in (0, 1), done.stdout + done.stderr
    content = json.loads(report.read_text(encoding="utf-8"))
    (found,) = [each for each in content["criteria"] if each["id"] == criterion]
    return found["verdict"]


@pytest.mark.long
@pytest.mark.parametrize("criterion", PROBLEM)
def test_check_finds(criterion, staged_project, tmp_path):
    app = tmp_path / "app"
    shutil.copytree(staged_project.staged, app / "bundle")
    PROBLEM[criterion](app / "bundle")
    assert verdict(staged_project.root, app, criterion, tmp_path / "report.json") == "FAIL"


@pytest.mark.long
@pytest.mark.parametrize("change", ["changed", "new", "gone"])
def test_bundle_of_another_state_is_told(staged_project, tmp_path, change):
    root = tmp_path / "project"
    shutil.copytree(staged_project.root, root, ignore=shutil.ignore_patterns("staged"))
    assert bundles.changes_since(staged_project.staged, root) == []
    file = root / ("items/models.py" if change != "new" else "items/added.py")
    if change == "gone":
        file.unlink()
    else:
        file.write_text("# other\n", encoding="utf-8")
    assert bundles.changes_since(staged_project.staged, root) == [f"items/{file.name}"]


def test_fuses_are_read(tmp_path):
    program = tmp_path / "program"
    filler = b"\0" * bundles.SMALLEST_ELECTRON_BYTES
    program.write_bytes(filler + bundles.SENTINEL + b"\x01\x06" + b"010r01" + filler[:100])
    assert bundles.fuses(tmp_path) == {
        "RunAsNode": False,
        "EnableCookieEncryption": True,
        "EnableNodeOptionsEnvironmentVariable": False,
        "EnableEmbeddedAsarIntegrityValidation": False,
        "OnlyLoadAppFromAsar": True,
    }
    program.write_bytes(filler)
    assert bundles.fuses(tmp_path) is None
