"""A shell in the bundle's own Python, packed for Windows: NSIS makes the same files on Linux."""

import shutil
import subprocess
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
