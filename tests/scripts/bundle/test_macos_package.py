"""A shell in the bundle's own Python, packed for macOS, with stand-ins for macOS's own programs."""

import os
import plistlib
import stat
import subprocess
import zipfile
from pathlib import Path

import pytest

from skill_scripts import package
from skill_scripts.bundle import macos_package
from skill_scripts.dependencies.platforms import PLATFORMS
from skill_scripts.errors import KitError
from tests.scripts import projects

MACHO = b"\xcf\xfa\xed\xfe" + b"\0" * 28
NAME = "herb-rium-home-1.2.0rc1-mac-arm64"
STAND_IN = """#!/bin/sh
for word in "$(basename "$0")" "$@"; do printf '%s\\037' "$word"; done >> "{log}"
echo >> "{log}"
[ "$(basename "$0")" != hdiutil ] || for file in "$@"; do :; done
[ "$(basename "$0")" != hdiutil ] || {{ ls "$5" > "{volume}"; echo dmg > "$file"; }}
"""
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins begin with #!")


@pytest.fixture
def pack(odd_layer, odd_settings, tmp_path, monkeypatch):
    """Pack; the application, what a person is told, and the calls of macOS's programs."""
    log, programs = tmp_path / "calls", tmp_path / "programs"
    programs.mkdir()
    for name in ("codesign", "hdiutil", "xcrun"):
        text = STAND_IN.format(log=log, volume=tmp_path / "volume")
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    (odd_layer / "icons/icon.icns").write_bytes(b"icns")
    (odd_layer / "staged/python/bin/tool").write_bytes(MACHO)

    def pack(**options):
        odd_settings["package"] = options
        (tmp_path / "dist").mkdir()
        notes = macos_package.pack(
            odd_layer, odd_settings, PLATFORMS["macos-arm64"], tmp_path / "dist", unpacked=False
        )
        (app,) = (tmp_path / "dist/mac-arm64").iterdir()
        calls = [line.split("\x1f")[:-1] for line in log.read_text("utf-8").splitlines()]
        return app, notes, calls

    return pack


def test_application_says_what_it_is(pack):
    app, notes, _ = pack()
    assert app.name == "Herb -Ärium- $HOME.app"
    facts = plistlib.loads((app / "Contents/Info.plist").read_bytes())
    assert facts["CFBundleName"] == 'Herb "Ärium": $HOME'
    assert facts["CFBundleIdentifier"] == "org.example.herbarium"
    assert (facts["CFBundleVersion"], facts["CFBundleShortVersionString"]) == ("1.2.0", "1.2.0rc1")
    assert facts["LSArchitecturePriority"] == ["arm64"]
    assert (app / "Contents/Resources" / facts["CFBundleIconFile"]).read_bytes() == b"icns"
    assert [each.name for each in (app / "Contents/MacOS").iterdir()] == [
        facts["CFBundleExecutable"]
    ]
    assert [note.partition(":")[0] for note in notes] == ["not proven"]


def test_it_starts_from_the_unpacked_zip_as_a_process_of_the_application(pack, tmp_path):
    app, _, _ = pack()
    place = tmp_path / "sömewhere else"
    with zipfile.ZipFile(tmp_path / "dist" / f"{NAME}.zip") as archive:
        for each in archive.infolist():
            unpacked = Path(archive.extract(each, place))
            if mode := stat.S_IMODE(each.external_attr >> 16):
                unpacked.chmod(mode)
    contents = place / app.name / "Contents"
    done = subprocess.run(
        [contents / "MacOS/herb-rium-home", "a b"], check=True, capture_output=True, text=True
    )
    identity, python, *words = done.stdout.splitlines()
    assert os.path.realpath(identity) == str(contents / "MacOS/herb-rium-home")
    assert python == str(contents / "Resources/bundle/python/bin/python3")
    script = str(contents / "Resources/bundle/app/desktop-app/toga/shell.py")
    assert words == ["-I", "-B", "-u", "-X", "utf8", script, "a b"]


def test_disk_image_holds_the_application_and_where_it_goes(pack, tmp_path):
    app, _, _ = pack()
    listed = (tmp_path / "volume").read_text("utf-8").splitlines()
    assert sorted(listed) == sorted(["Applications", app.name])
    assert sorted(each.name for each in (tmp_path / "dist").iterdir()) == [
        f"{NAME}.dmg", f"{NAME}.zip", "mac-arm64",
    ]  # fmt: skip


def test_every_program_is_signed_ad_hoc_before_the_application(pack):
    app, _, calls = pack()
    tool = app / "Contents/Resources/bundle/python/bin/tool"
    assert [call for call in calls if call[0] == "codesign"] == [
        ["codesign", "--force", "--sign", "-", str(tool)],
        ["codesign", "--force", "--sign", "-", str(app)],
        ["codesign", "--verify", "--deep", "--strict", str(app)],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        ({}, []),
        (
            {"APPLE_API_KEY": "key.p8", "APPLE_API_KEY_ID": "1", "APPLE_API_ISSUER": "2"},
            ["--key", "key.p8", "--key-id", "1", "--issuer", "2"],
        ),
        (
            {"APPLE_ID": "a@b", "APPLE_APP_SPECIFIC_PASSWORD": "p", "APPLE_TEAM_ID": "T"},
            ["--apple-id", "a@b", "--password", "p", "--team-id", "T"],
        ),
    ],
    ids=["not notarised", "key", "password"],
)
def test_where_sign_is_set_the_certificate_is_taken(variables, asked, pack, monkeypatch, tmp_path):
    (tmp_path / "key.p8").touch()
    monkeypatch.chdir(tmp_path)
    for name, value in {"CSC_NAME": "Example GmbH (T1)", **variables}.items():
        monkeypatch.setenv(name, value)
    app, notes, calls = pack(sign=True)
    signed = next(call for call in calls if call[-1] == str(app))
    assert signed[2:8] == [
        "--sign", "Developer ID Application: Example GmbH (T1)", "--options", "runtime",
        "--timestamp", "--entitlements",
    ]  # fmt: skip
    submitted = [call[5:] for call in calls if call[1:2] == ["notarytool"]]
    assert submitted == ([asked] if asked else [])
    assert (macos_package.NOT_NOTARISED in notes) is not bool(asked)
    assert (["xcrun", "stapler", "staple", str(app)] in calls) is bool(asked)


def test_a_certificate_that_is_not_in_the_keychain_is_refused(tmp_path, monkeypatch):
    monkeypatch.delenv("CSC_NAME", raising=False)
    monkeypatch.setenv("CSC_LINK", "certificate.p12")
    text = f'{projects.TOML}shell = "toga"\n[package]\nsign = true\n'
    (tmp_path / "desktop.toml").write_text(text, encoding="utf-8")
    with pytest.raises(KitError, match="DDK-PKG-06") as refused:
        package._settings(tmp_path, PLATFORMS["macos-arm64"])
    assert refused.value.details["variables"] == "CSC_NAME"
