"""What a staged bundle and a packaged application say and hold, read from their files."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
MANIFEST = "runtime-manifest.json"
PAYLOAD = "desktop-app"
# Before the fuses of an Electron program: https://www.electronjs.org/docs/latest/tutorial/fuses
SENTINEL = b"dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX"
FUSES = (
    "RunAsNode",
    "EnableCookieEncryption",
    "EnableNodeOptionsEnvironmentVariable",
    "EnableNodeCliInspectArguments",
    "EnableEmbeddedAsarIntegrityValidation",
    "OnlyLoadAppFromAsar",
)
MACHO = (0xFEEDFACE, 0xFEEDFACF, 0xCEFAEDFE, 0xCFFAEDFE)
UNIVERSAL = 0xCAFEBABE
SMALLEST_ELECTRON_BYTES = 20_000_000


def read_manifest(bundle: Path) -> dict[str, Any]:
    """The bundle's own list. Raises ValueError when there is none or it is torn."""
    try:
        content = json.loads((bundle / MANIFEST).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{MANIFEST} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{MANIFEST} is not an object")
    return content


def manifest_schema() -> dict[str, Any]:
    """The published JSON Schema of runtime-manifest.json."""
    return json.loads((HERE / "bundle.schema.json").read_text(encoding="utf-8"))


def sha256(file: Path) -> str:
    """Digest of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def contents(bundle: Path) -> dict[str, str]:
    """sha256 of every file of the bundle but its manifest, by relative path."""
    found = {
        path.relative_to(bundle).as_posix(): sha256(path)
        for path in bundle.rglob("*")
        if path.is_file()
    }
    found.pop(MANIFEST, None)
    return found


def is_macho(file: Path) -> bool:
    """Whether it is a program or library of macOS, thin or universal: signing changes those."""
    with file.open("rb") as stream:
        start = stream.read(8)
    magic, following = int.from_bytes(start[:4]), int.from_bytes(start[4:])
    # Java's classes begin as universal files do, and go on with a larger number.
    return magic in MACHO or (magic == UNIVERSAL and 0 < following < 40)


def changes_since(bundle: Path, root: Path) -> list[str]:
    """Files of the project that are not as they were when the bundle was made.

    Raises ValueError when the bundle does not say what it is.
    """
    manifest = read_manifest(bundle)
    try:
        staged = {
            name.removeprefix("app/"): digest
            for name, digest in manifest["files"].items()
            if name.startswith("app/") and "__pycache__" not in name.split("/")
        }
        left_out = set(manifest["left_out"])
    except (KeyError, AttributeError) as error:
        raise ValueError(f"{MANIFEST} lacks {error}") from error
    changed = [
        name
        for name, digest in staged.items()
        if not (root / name).is_file() or sha256(root / name) != digest
    ]
    new = set(_seen_by_git(root)) - staged.keys() - left_out
    return sorted([*changed, *new])


def _seen_by_git(root: Path) -> Iterator[str]:
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others"]
    done = subprocess.run([*command, "--exclude-standard", "--", "."], capture_output=True)
    for name in done.stdout.decode("utf-8", "surrogateescape").split("\0"):
        if name and not name.startswith(f"{PAYLOAD}/") and (root / name).is_file():
            yield name


def fuses(app: Path) -> dict[str, bool] | None:
    """The fuses of a packaged application by name; None when its program has none."""
    for program in _programs(app):
        content = program.read_bytes()
        start = content.find(SENTINEL)
        if start >= 0:
            start += len(SENTINEL)
            length = content[start + 1]
            wire = content[start + 2 : start + 2 + length]
            # "r": taken out of this version, so that it has no effect
            return {
                name: state == ord("1")
                for name, state in zip(FUSES, wire, strict=False)
                if state != ord("r")
            }
    return None


def _programs(app: Path) -> Iterator[Path]:
    """Files that may be the Electron program: the one that is large."""
    framework = "Contents/Frameworks/Electron Framework.framework/Electron Framework"
    for path in [*app.glob(f"*.app/{framework}"), app / framework, *sorted(app.iterdir())]:
        if path.is_file() and path.stat().st_size > SMALLEST_ELECTRON_BYTES:
            yield path
