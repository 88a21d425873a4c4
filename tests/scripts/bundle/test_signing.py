"""Certificates and keys: what is refused, what the builder gets, what a signature changes."""

import base64
import hashlib
import json
import stat
import sys
from pathlib import Path

import pytest

from skill_scripts import package as packaging
from skill_scripts.bundle import signing
from skill_scripts.dependencies.platforms import PLATFORMS
from skill_scripts.errors import KitError

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


@pytest.mark.parametrize("system", ["macos", "windows", "linux and macos"])
def test_installers_of_another_system_are_refused(system, staged, monkeypatch):
    monkeypatch.setattr(packaging, "this_platform", lambda: PLATFORMS["linux-x64"])
    with pytest.raises(KitError) as refusal:
        packaging.package(staged, system=system)
    assert refusal.value.code == "DDK-PKG-11"
    assert "linux" in refusal.value.meaning


def test_linux_has_nothing_that_signs(staged):
    assert packaging._settings(staged / "desktop-app", PLATFORMS["linux-x64"])["sign"] is True


# --- what electron-builder is given ---------------------------------------------------------------

KEY = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"
# Ends with what it was given, because a failing builder's words are shown.
SHOWS = """
import json, os, sys
key = os.environ.get("APPLE_API_KEY")
print(json.dumps([sorted(n for n in os.environ if n.startswith(("CSC", "WIN_CSC", "APPLE"))),
                  key and open(key).read()]))
raise SystemExit(1)
"""


def test_a_text_that_is_not_a_key_is_refused():
    with (
        pytest.raises(KitError) as refusal,
        signing.environment({"APPLE_API_KEY": "neither a file nor a key"}),
    ):
        pass
    assert refusal.value.code == "DDK-PKG-10"


@pytest.mark.parametrize("value", [KEY, base64.b64encode(KEY.encode()).decode()])
def test_a_key_given_as_text_becomes_a_private_file_for_the_time_of_the_build(value):
    with signing.environment({"APPLE_API_KEY": value, "PATH": "/bin"}) as given:
        file = Path(given["APPLE_API_KEY"])
        assert "BEGIN PRIVATE KEY" in file.read_text()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600 or sys.platform == "win32"
        assert given["PATH"] == "/bin"
    assert not file.exists()


def test_a_key_given_as_a_path_stays_one(tmp_path):
    file = tmp_path / "AuthKey_1.p8"
    file.write_text(KEY)
    with signing.environment({"APPLE_API_KEY": str(file)}) as given:
        assert given == {"APPLE_API_KEY": str(file)}


def test_the_builder_does_not_get_an_empty_variable(staged, monkeypatch):
    """To electron-builder an empty CSC_LINK is the path of a certificate, and a wrong one."""
    for name in ("CSC_LINK", "CSC_KEY_PASSWORD", "WIN_CSC_LINK", "APPLE_ID", "APPLE_API_ISSUER"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("CSC_NAME", "somebody")
    monkeypatch.setenv("APPLE_API_KEY", KEY)
    monkeypatch.setattr(packaging, "this_platform", lambda: PLATFORMS["macos-arm64"])
    monkeypatch.setattr(packaging, "_builder", lambda *_: [sys.executable, "-c", SHOWS])

    with pytest.raises(KitError) as refusal:
        packaging.package(staged)

    shown = next(line for line in refusal.value.message.splitlines() if "[[" in line)
    names, key = json.loads(shown)
    assert names == ["APPLE_API_KEY", "CSC_NAME"]
    assert key == f"{KEY}\n"


# --- what a signature changes ---------------------------------------------------------------------

MACHO = b"\xcf\xfa\xed\xfe\0\0\0\1"
JAVA_CLASS = b"\xca\xfe\xba\xbe\0\0\0\x41"


def application(output, name, content, app="mac-arm64/My App.app/Contents/Resources"):
    """An application whose bundle holds `name`; it was staged with other content."""
    bundle = output / app / "bundle"
    (bundle / name).parent.mkdir(parents=True)
    (bundle / name).write_bytes(content)
    (bundle / "runtime-manifest.json").write_text("{}")
    return {"files": {name: hashlib.sha256(b"as it was staged").hexdigest()}}


@pytest.mark.parametrize("name", ["python/lib/site-packages/x/bin/tool", "python/lib/x.so"])
def test_a_program_of_macos_may_be_changed_by_its_signature(name, tmp_path):
    staged = application(tmp_path, name, MACHO)
    assert packaging._application(tmp_path, staged) == tmp_path / "mac-arm64"


@pytest.mark.parametrize(
    ("name", "content"),
    [("python/bin/activate", b"a script"), ("x.dylib", b"no library"), ("A.class", JAVA_CLASS)],
)
def test_nothing_else_may_be_changed(name, content, tmp_path):
    with pytest.raises(KitError) as refusal:
        packaging._application(tmp_path, application(tmp_path, name, content))
    assert refusal.value.code == "DDK-PKG-05"


def test_no_program_may_be_changed_elsewhere(tmp_path):
    staged = application(tmp_path, "python/bin/x", MACHO, app="linux-unpacked/resources")
    with pytest.raises(KitError) as refusal:
        packaging._application(tmp_path, staged)
    assert refusal.value.code == "DDK-PKG-05"
