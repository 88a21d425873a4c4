"""[package] sign = true: unsigned installers are refused, and an earlier result stays."""

import sys

import pytest

from skill_scripts import package as packaging
from skill_scripts.errors import KitError
from skill_scripts.platforms import PLATFORMS

DESKTOP = """spec = "1.0"
[app]
name = "App"
identifier = "org.example.app"
version = "1.0.0"
[package]
sign = true
"""
CERTIFICATES = ("CSC_LINK", "CSC_NAME", "WIN_CSC_LINK")
# As electron-builder ends when a certificate is there and does not sign.
UNSIGNED = "print('App is not signed and \"forceCodeSigning\" is set to true'); raise SystemExit(1)"


@pytest.fixture
def staged(tmp_path, monkeypatch):
    """A project whose stage is taken for finished, with an earlier result; signing demanded."""
    folder = tmp_path / "desktop-app"
    (folder / "electron").mkdir(parents=True)
    (folder / "dist").mkdir()
    (folder / "dist" / "earlier.exe").write_text("earlier", encoding="utf-8")
    (folder / "desktop.toml").write_text(DESKTOP, encoding="utf-8")
    for name in CERTIFICATES:
        monkeypatch.delenv(name, raising=False)
    bundle = {"allow_old_sqlite": False, "interpreter": {"sqlite": "3.53.0"}}
    monkeypatch.setattr(packaging, "current", lambda _: bundle)
    return tmp_path


@pytest.mark.parametrize("platform", ["windows-x64", "windows-arm64", "macos-x64", "macos-arm64"])
@pytest.mark.parametrize("certificate", [False, True], ids=["no certificate", "does not sign"])
def test_unsigned_where_signing_was_demanded(platform, certificate, staged, monkeypatch):
    monkeypatch.setattr(packaging, "this_platform", lambda: PLATFORMS[platform])
    builder = [sys.executable, "-c", UNSIGNED]
    monkeypatch.setattr(packaging, "_builder", lambda *_: builder)
    if certificate:
        monkeypatch.setenv("CSC_LINK", "certificate.p12")

    with pytest.raises(KitError) as refusal:
        packaging.package(staged)

    assert refusal.value.code == "DDK-PKG-06"
    assert "CSC_LINK" in refusal.value.remedy
    kept = sorted(each.name for each in (staged / "desktop-app").iterdir())
    assert kept == ["desktop.toml", "dist", "electron"]
    assert [each.name for each in (staged / "desktop-app/dist").iterdir()] == ["earlier.exe"]


def test_linux_has_nothing_that_signs(staged):
    assert packaging._settings(staged / "desktop-app", PLATFORMS["linux-x64"])["sign"] is True
