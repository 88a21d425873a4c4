"""A shell in the bundle's own Python, packed for Windows: NSIS makes the same files on Linux."""

import os
import shutil
import subprocess
import time
import zipfile
from pathlib import Path

import pytest

from skill_scripts.bundle import windows_package
from skill_scripts.dependencies.platforms import PLATFORMS
from skill_scripts.errors import KitError

ICON = Path(__file__).parents[3] / "reference_app/desktop-app/icons/icon.ico"
TITLE = "Herb -Ärium- $HOME"
NAME = "herb-rium-home-1.2.0rc1-win-x64"
needs_nsis = pytest.mark.skipif(
    not shutil.which("makensis"), reason="needs makensis (Debian: nsis; Windows: NSIS.NSIS)"
)
needs_7z = pytest.mark.skipif(
    not shutil.which("7z"), reason="needs 7z to look into an installer (Debian: p7zip-full)"
)


@pytest.fixture
def packed(odd_layer, odd_settings, tmp_path, monkeypatch):
    """The folder of what was packed."""
    monkeypatch.setenv("DESKTOP_DJANGO_COMPRESSION", "store")
    shutil.copyfile(ICON, odd_layer / "icons/icon.ico")
    output = tmp_path / "dist"
    output.mkdir()
    notes = windows_package.pack(
        odd_layer, odd_settings, PLATFORMS["windows-x64"], output, unpacked=False
    )
    assert [note.partition(":")[0] for note in notes] == ["not proven"]
    return output


def files(folder):
    return {
        each.relative_to(folder).as_posix(): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file()
    }


@needs_nsis
def test_folder_and_zip_hold_the_bundle_and_a_program(packed, odd_layer, tmp_path):
    assert sorted(each.name for each in packed.iterdir()) == [
        f"{NAME}.exe", f"{NAME}.zip", "win-unpacked",
    ]  # fmt: skip
    folder = packed / "win-unpacked"
    assert files(folder / "bundle") == files(odd_layer / "staged")
    assert [each.name for each in folder.glob("*.exe")] == [f"{TITLE}.exe"]
    with zipfile.ZipFile(packed / f"{NAME}.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    assert files(tmp_path / "unpacked") == files(folder)
    assert (tmp_path / "unpacked/bundle/staticfiles").is_dir()


@needs_nsis
@needs_7z
def test_installer_carries_every_file_of_the_folder(packed, tmp_path):
    target = tmp_path / "inside"
    command = ["7z", "x", "-y", f"-o{target}", str(packed / f"{NAME}.exe")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    carried = files(target)
    for name, content in files(packed / "win-unpacked").items():
        # 7z shows NSIS's own escape of a dollar.
        assert carried.get(name, carried.get(name.replace("$", "$$"))) == content, name


@needs_nsis
def test_what_nsis_refuses_is_one_clear_error(odd_layer, odd_settings, tmp_path):
    (odd_layer / "icons/icon.ico").write_text("no icon")
    with pytest.raises(KitError, match="DDK-PKG-13") as refused:
        windows_package.pack(
            odd_layer, odd_settings, PLATFORMS["windows-x64"], tmp_path, unpacked=True
        )
    assert "makensis failed" in refused.value.message


@pytest.mark.parametrize(
    ("platform", "sign", "program", "code"),
    [
        ("windows-arm64", False, "makensis", "DDK-PKG-12"),
        ("windows-x64", True, "makensis", "DDK-PKG-15"),
        ("windows-x64", False, "", "DDK-PKG-14"),
    ],
)
def test_what_is_refused_is_refused_before_anything_is_made(
    platform, sign, program, code, odd_layer, odd_settings, tmp_path, monkeypatch
):
    odd_settings["package"]["sign"] = sign
    monkeypatch.setattr(windows_package.shutil, "which", lambda *_, **__: program or None)
    (tmp_path / "dist").mkdir()
    with pytest.raises(KitError, match=code):
        windows_package.pack(
            odd_layer, odd_settings, PLATFORMS[platform], tmp_path / "dist", unpacked=False
        )
    assert not [*(tmp_path / "dist").iterdir()]


# --- the installer itself, under Wine -------------------------------------------------------------

WINE = shutil.which("wine64") or shutil.which("wine64", path="/usr/lib/wine")
# In the place of pythonw.exe: waits, and says in its exit code that it was run.
PROGRAM = """Target amd64-unicode
Unicode true
OutFile "{file}"
SilentInstall silent
RequestExecutionLevel user
Section
Sleep 6000
SetErrorLevel 7
SectionEnd
"""


@pytest.fixture
def wine(tmp_path, monkeypatch):
    """Run a program of Windows in a prefix of its own; its exit code."""
    environment = {**os.environ, "WINEPREFIX": str(tmp_path / "prefix"), "WINEDEBUG": "-all"}
    environment["DISPLAY"] = ""

    def start(*words):
        return subprocess.Popen([WINE, *map(str, words)], env=environment)

    try:
        assert start("wineboot", "-i").wait(120) == 0
        yield start
    finally:
        server = Path(WINE).resolve().with_name("wineserver64")
        subprocess.run([server, "-k"], env=environment, timeout=60)


@pytest.mark.long
@needs_nsis
@pytest.mark.skipif(not WINE, reason="needs wine64 to run an installer (Debian: wine64)")
def test_it_installs_for_one_user_replaces_and_leaves_the_data(
    odd_layer, odd_settings, tmp_path, monkeypatch, wine
):
    run = windows_package.run
    # Wine has no 32 bits here; NSIS's own build has no others.
    monkeypatch.setattr(
        windows_package, "run",
        lambda words, folder: run([words[0], "-XTarget amd64-unicode", *words[1:]], folder),
    )  # fmt: skip
    odd_settings["app"]["name"] = "Herb Ärium"
    shutil.copyfile(ICON, odd_layer / "icons/icon.ico")
    (tmp_path / "program.nsi").write_text(
        PROGRAM.format(file=odd_layer / "staged/python/pythonw.exe")
    )
    subprocess.run(["makensis", "-V1", tmp_path / "program.nsi"], check=True)
    windows_package.pack(
        odd_layer, odd_settings, PLATFORMS["windows-x64"], tmp_path, unpacked=False
    )
    (setup,) = tmp_path.glob("*-win-x64.exe")
    drive = tmp_path / "prefix/drive_c"
    (home,) = (each for each in (drive / "users").iterdir() if each.name != "Public")
    data = home / "AppData/Local/org.example.herbarium/db.sqlite3"
    data.parent.mkdir(parents=True)
    data.touch()

    assert wine(setup, "/S", r"/D=C:\apps\one").wait(120) == 0
    installed = drive / "apps/one"
    assert files(installed / "bundle") == files(odd_layer / "staged")
    (shortcut,) = home.glob("AppData/**/Herb Ärium.lnk")
    assert "pythonw.exe".encode("utf-16-le") in shortcut.read_bytes()

    # It replaces an older version where that is, but never one that runs.
    (installed / "bundle/app/old.py").touch()
    opened = wine(installed / "Herb Ärium.exe")
    time.sleep(2)
    assert wine(setup, "/S").wait(120) == 2
    assert (installed / "bundle/app/old.py").exists()
    assert opened.wait(60) == 7
    assert wine(setup, "/S").wait(120) == 0
    assert files(installed / "bundle") == files(odd_layer / "staged")

    # It copies itself away and ends before it is done.
    wine(installed / "Uninstall Herb Ärium.exe", "/S").wait(120)
    deadline = time.monotonic() + 60
    while installed.exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not installed.exists()
    assert not shortcut.exists()
    assert data.exists()
