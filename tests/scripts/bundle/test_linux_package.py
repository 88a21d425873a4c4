"""A shell in the bundle's own Python, packed for Linux: the folder, the .tar.gz and the .deb."""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from skill_scripts.bundle import linux_package
from skill_scripts.dependencies.platforms import PLATFORMS
from skill_scripts.errors import KitError

LIBRARY = next(Path("/").glob("lib/*-linux-gnu/libz.so.1"), None)
NAME = "herb-arium"
needs_dpkg = pytest.mark.skipif(
    not (shutil.which("dpkg-shlibdeps") and LIBRARY), reason="needs dpkg-dev and Debian's zlib"
)


@pytest.fixture
def settings(toga_settings):
    return toga_settings(
        {"homepage": "https://example.org/", "category": "Education"},
        name="Herb Arium!", version="1.2.0", author="A. Gardener <g@example.org>",
    )  # fmt: skip


@pytest.fixture
def layer(tmp_path):
    """A staged bundle whose Python only says how it was started."""
    layer = tmp_path / "desktop-app"
    python = layer / "staged/python/bin/python3"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    (layer / "staged/runtime-manifest.json").write_text("{}", encoding="utf-8")
    packages = layer / "staged/python/lib/python3.14/site-packages"
    (packages / "pycairo-1.dist-info").mkdir(parents=True)
    (packages / "pycairo-1.dist-info/METADATA").write_text("Name: pycairo\nVersion: 1\n")
    (packages / "pycairo-1.dist-info/RECORD").write_text("cairo/_cairo.so,,\n")
    if LIBRARY:
        (packages / "cairo").mkdir()
        shutil.copyfile(LIBRARY, packages / "cairo/_cairo.so")
    (layer / "icons/png").mkdir(parents=True)
    (layer / "icons/png/64x64.png").write_bytes(b"png")
    return layer


@pytest.fixture
def packed(layer, settings, tmp_path):
    """The folder of what was packed, and what a person is told."""
    output = tmp_path / "dist"
    output.mkdir()
    return output, linux_package.pack(
        layer, settings, PLATFORMS["linux-x64"], output, unpacked=False
    )


def read(*command):
    return subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout


@needs_dpkg
def test_deb_installs_below_opt_and_names_what_it_needs(packed, tmp_path):
    output, notes = packed
    deb = output / f"{NAME}-1.2.0-linux-amd64.deb"
    assert notes == []
    fields = read("dpkg-deb", "-f", deb)
    assert f"Package: {NAME}\n" in fields
    assert "Version: 1.2.0\n" in fields
    assert "Maintainer: A. Gardener <g@example.org>\n" in fields
    (depends,) = (line for line in fields.splitlines() if line.startswith("Depends:"))
    assert "libc6" in depends
    assert depends.endswith("gir1.2-webkit2-4.1, bubblewrap, xdg-dbus-proxy")

    root = tmp_path / "root"
    read("dpkg-deb", "-x", deb, root)
    assert (root / f"usr/bin/{NAME}").readlink() == Path(f"/opt/{NAME}/{NAME}")
    assert (root / f"usr/share/icons/hicolor/64x64/apps/{NAME}.png").read_bytes() == b"png"
    entry = (root / f"usr/share/applications/{NAME}.desktop").read_text()
    assert f"Exec=/opt/{NAME}/{NAME}\n" in entry
    assert "Categories=Education;" in entry
    assert "StartupWMClass=org.example.herbarium\n" in entry
    assert {line.split()[1] for line in read("dpkg-deb", "-c", deb).splitlines()} == {"root/root"}
    assert sorted(each.name for each in output.iterdir()) == [
        f"{NAME}-1.2.0-linux-amd64.deb", f"{NAME}-1.2.0-linux-x64.tar.gz", "linux-unpacked",
    ]  # fmt: skip


def test_archive_belongs_to_root_whoever_made_it(layer, settings, tmp_path, monkeypatch):
    read_info = tarfile.TarFile.gettarinfo

    def of_a_developer(*arguments):
        info = read_info(*arguments)
        info.uid, info.uname, info.gid, info.gname = 1000, "developer", 1000, "developer"
        return info

    monkeypatch.setattr(tarfile.TarFile, "gettarinfo", of_a_developer)
    monkeypatch.setattr(linux_package.shutil, "which", lambda _: None)
    linux_package.pack(layer, settings, PLATFORMS["linux-x64"], tmp_path, unpacked=False)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as opened:
        assert {(e.uid, e.uname, e.gid, e.gname) for e in opened} == {(0, "root", 0, "root")}


def test_archive_runs_from_wherever_it_is_unpacked_and_by_a_link(packed, tmp_path):
    archive = packed[0] / f"{NAME}-1.2.0-linux-x64.tar.gz"
    place = tmp_path / "sömewhere else"
    with tarfile.open(archive) as opened:
        opened.extractall(place, filter="tar")
    folder = place / f"{NAME}-1.2.0-linux-x64"
    link = tmp_path / "link"
    link.symlink_to(folder / NAME)
    for program in (folder / NAME, link):
        python, *words = read(program, "a b").splitlines()
        assert python == str(folder / "bundle/python/bin/python3")
        script = str(folder / "bundle/app/desktop-app/toga/shell.py")
        assert words == ["-I", "-B", "-u", "-X", "utf8", script, "a b"]


def test_without_debians_tools_the_archive_alone_is_made(layer, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(linux_package.shutil, "which", lambda _: None)
    notes = linux_package.pack(layer, settings, PLATFORMS["linux-x64"], tmp_path, unpacked=False)
    assert notes == [linux_package.NO_DEB]
    assert [*tmp_path.glob("*.tar.gz")]
    assert not [*tmp_path.glob("*.deb")]


@needs_dpkg
def test_what_dpkg_refuses_is_one_clear_error(layer, settings, tmp_path):
    settings["app"]["version"] = "1.2.0 beta"
    with pytest.raises(KitError, match="DDK-PKG-13") as refused:
        linux_package.pack(layer, settings, PLATFORMS["linux-x64"], tmp_path, unpacked=False)
    assert "dpkg-deb failed" in refused.value.message
