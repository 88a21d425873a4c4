"""Packs a shell that runs in the bundle's own Python, for macOS: NAME.app, a .zip and a .dmg.

The bundle is among the resources, as beside Electron; `Contents/MacOS` holds the script that
starts it. macOS's own programs sign and make the .dmg.
"""

import os
import plistlib
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skill_scripts.bundle import signing
from skill_scripts.bundle.application import (
    BUNDLE,
    NOT_PROVEN,
    App,
    run,
    write_launcher,
    write_zip,
)
from skill_scripts.bundle.macho import is_macho
from skill_scripts.dependencies.platforms import Platform

UNPACKED = {"x64": "mac", "arm64": "mac-arm64"}  # as electron-builder names them
PROCESSORS = {"x64": "x86_64", "arm64": "arm64"}
OLDEST = "13.3"  # has all that the guard of the web view uses
# For a process outside of Contents/MacOS: which application it is of. Name, menu, the web view's
# folder and the rules of Info.plist go by it.
BEGINNING = """\
here=$(dirname "$(dirname "$(readlink -f "$0")")")/Resources
export CFProcessPath="$here/../MacOS/{program}\""""
ENTITLEMENTS = {"com.apple.security.cs.allow-unsigned-executable-memory": True}
CERTIFICATE = "Developer ID Application"
AD_HOC = "-"
NOT_NOTARISED = "not notarised: neither APPLE_API_KEY nor APPLE_APP_SPECIFIC_PASSWORD is given"


def pack(
    layer: Path, settings: Mapping[str, Any], platform: Platform, output: Path, *, unpacked: bool
) -> list[str]:
    """Make the packages of `layer`/staged in `output`; returns what to tell a person.

    `unpacked` makes the application's folder only. Raises KitError DDK-PKG-10 and -13.
    """
    app = App(layer, settings, platform)
    folder = output / UNPACKED[app.processor]
    application = folder / f"{app.title}.app"
    _lay_out(app, application / "Contents")
    notes = [NOT_PROVEN.format(system="macOS")]
    with tempfile.TemporaryDirectory(dir=output) as scratch:
        notes += _sign(app, application, Path(scratch))
        if not unpacked:
            write_zip(folder, output / app.file_name("mac", "zip"))
            _make_dmg(app, folder, Path(scratch), output / app.file_name("mac", "dmg"))
    return notes


def _lay_out(app: App, contents: Path) -> None:
    resources = contents / "Resources"
    shutil.copytree(app.bundle, resources / BUNDLE)
    shutil.copyfile(app.icons / "icon.icns", resources / "icon.icns")
    write_launcher(contents / "MacOS" / app.program, app, BEGINNING.format(program=app.program))
    (contents / "Info.plist").write_bytes(plistlib.dumps(_information(app)))


def _information(app: App) -> dict[str, Any]:
    """https://developer.apple.com/documentation/bundleresources/information-property-list"""
    numbers = re.match(r"\d+(?:\.\d+){0,2}", app.version)
    return {
        "CFBundleDevelopmentRegion": "en",
        "CFBundleDisplayName": app.name,
        "CFBundleExecutable": app.program,
        "CFBundleIconFile": "icon.icns",
        "CFBundleIdentifier": app.identifier,
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleName": app.name,
        "CFBundlePackageType": "APPL",
        "CFBundleShortVersionString": app.version,
        "CFBundleVersion": numbers[0] if numbers else "0",
        # For a script macOS would ask for Rosetta.
        "LSArchitecturePriority": [PROCESSORS[app.processor]],
        "LSMinimumSystemVersion": OLDEST,
        "NSAppTransportSecurity": {"NSAllowsLocalNetworking": True},
        "NSHighResolutionCapable": True,
        "NSHumanReadableCopyright": app.author,
    }


def _sign(app: App, application: Path, scratch: Path) -> list[str]:
    """Every program and library, from the inside out: by the certificate where `sign` is set, else
    ad hoc, without which no program runs on Apple's processors. Returns what to tell a person.
    """
    identity, hardened = AD_HOC, []
    if app.settings.get("package", {}).get("sign"):
        name = os.environ["CSC_NAME"].removeprefix(f"{CERTIFICATE}: ")
        identity = f"{CERTIFICATE}: {name}"
        entitlements = scratch / "entitlements.plist"
        entitlements.write_bytes(plistlib.dumps(ENTITLEMENTS))
        hardened = ["--options", "runtime", "--timestamp", "--entitlements", str(entitlements)]
    files = sorted(each for each in application.rglob("*") if each.is_file() and is_macho(each))
    for group in (files, [application]):
        if group:
            run(["codesign", "--force", "--sign", identity, *hardened, *map(str, group)], scratch)
    run(["codesign", "--verify", "--deep", "--strict", str(application)], scratch)
    return [] if identity == AD_HOC or _notarise(application, scratch) else [NOT_NOTARISED]


def _notarise(application: Path, scratch: Path) -> bool:
    """Ask Apple's notary service, by the variables that electron-builder takes too."""
    with signing.environment(os.environ) as given:
        if given.get(signing.API_KEY):
            options = {"--key": signing.API_KEY, "--key-id": "APPLE_API_KEY_ID",
                       "--issuer": "APPLE_API_ISSUER"}  # fmt: skip
        elif given.get("APPLE_APP_SPECIFIC_PASSWORD"):
            options = {"--apple-id": "APPLE_ID", "--password": "APPLE_APP_SPECIFIC_PASSWORD",
                       "--team-id": "APPLE_TEAM_ID"}  # fmt: skip
        else:
            return False
        words = [word for name, value in options.items() for word in (name, given.get(value, ""))]
        sent = scratch / "sent.zip"
        write_zip(application.parent, sent)
        run(["xcrun", "notarytool", "submit", str(sent), "--wait", *words], scratch)
    run(["xcrun", "stapler", "staple", str(application)], scratch)
    return True


def _make_dmg(app: App, folder: Path, scratch: Path, file: Path) -> None:
    """A volume with the application beside the folder that it is drawn to."""
    volume = scratch / "volume"
    shutil.copytree(folder, volume, symlinks=True, copy_function=os.link)
    (volume / "Applications").symlink_to("/Applications")
    run(
        ["hdiutil", "create", "-volname", app.title, "-srcfolder", str(volume), "-format", "UDZO",
         str(file)], scratch,
    )  # fmt: skip
