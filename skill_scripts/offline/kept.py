"""desktop-app/offline: files of other hosts by their content, and the one manifest of them."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from skill_scripts.errors import KitError
from skill_scripts.layer.payload import REHEARSAL
from skill_scripts.project.files import PAYLOAD_FOLDER

FOLDER = "offline"  # in desktop-app
MANIFEST = "manifest.json"
SCHEMA = 1
# Where the runtime serves an address: the rest of it follows, so that what a file names relative
# to itself is found.
PREFIX = "/desktop-offline/"


@dataclass(frozen=True)
class Entry:
    """One address and the file that answers for it."""

    address: str
    file: str
    sha256: str
    type: str  # media type
    source: str  # where it was fetched from
    version: str = ""
    licence: str = ""  # its name
    notice: str = ""  # the file with its text
    integrity: tuple[str, ...] = ()  # values of pages that the original was verified with
    changed: str = ""  # the integrity of the file where it is not the original's
    loads: tuple[str, ...] = ()  # addresses that it names itself


@dataclass(frozen=True)
class Part:
    """Files that came together: a release of a package, or one file of another host."""

    name: str
    version: str
    reference: str  # a package URL, or the address
    licence: str
    notice: Path | None  # the text of the licence
    hashes: tuple[str, ...]  # sha256 of its files


@dataclass(frozen=True)
class Kept:
    """What is kept for a project."""

    entries: tuple[Entry, ...] = ()
    folders: tuple[str, ...] = ()  # addresses that an import map puts before names
    seen: tuple[str, ...] = ()  # addresses that no file names; a page did when it was shown

    @property
    def names(self) -> set[str]:
        """Every file of the folder but the manifest."""
        return {name for each in self.entries for name in (each.file, each.notice) if name}

    def by_address(self) -> dict[str, Entry]:
        """The entries by their address."""
        return {each.address: each for each in self.entries}


def place(root: Path) -> Path:
    """The folder of the project in `root`."""
    return root / PAYLOAD_FOLDER / FOLDER


def note_seen(root: Path, file: Path) -> None:
    """Keep what a check of the project in `root` wrote into `file`: addresses that pages named."""
    if file.is_file():
        with suppress(OSError):  # a project that cannot be written, or is adapted by other means
            shutil.copyfile(file, _seen(root))


def seen_by_check(root: Path) -> list[str]:
    """The addresses that pages named in the last check of the project in `root`."""
    try:
        found = json.loads(_seen(root).read_text(encoding="utf-8"))
        return [each for each in found if urlsplit(each).netloc]
    except (OSError, ValueError, TypeError, AttributeError):
        return []  # there was none, or what is left of it cannot be read


def _seen(root: Path) -> Path:
    return root / PAYLOAD_FOLDER / REHEARSAL / "other-hosts.json"


def read(root: Path) -> Kept:
    """What is kept for the project in `root`; nothing if there is no manifest.

    Raises KitError DDK-OFF-02 if there is one that cannot be read.
    """
    file = place(root) / MANIFEST
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return Kept(
            tuple(_entry(each) for each in content["files"]),
            tuple(content["folders"]),
            tuple(content["seen"]),
        )
    except FileNotFoundError:
        return Kept()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KitError(
            "DDK-OFF-02", f"{file} cannot be read: {error}", file=str(file), root=str(root)
        ) from error


def write(root: Path, kept: Kept, contents: Mapping[str, bytes]) -> bool:
    """Put `contents` (by name) and the manifest in place; whether anything changed.

    The manifest comes last and names whole files only; what it no longer names goes after it.
    """
    folder = place(root)
    if not kept.entries:
        return remove(root)
    text = _text(kept)
    file = folder / MANIFEST
    before = file.read_bytes() if file.is_file() else b""
    folder.mkdir(exist_ok=True)
    for name, content in sorted(contents.items()):
        if not is_whole(folder / name, hashlib.sha256(content).hexdigest()):
            _put(folder / name, content)
    if text != before:
        _put(file, text)
    for name in _names(before) - kept.names:
        (folder / name).unlink(missing_ok=True)
    return text != before


def parts(root: Path) -> list[Part]:
    """What is kept, as a list of parts names it."""
    found: dict[str, Part] = {}
    for each in read(root).entries:
        package = re.match(r"npm:(@?[^@]+)@([^/]+)/", each.source)
        name, version = (package[1], package[2]) if package else (each.address, each.version)
        reference = f"pkg:npm/{name.replace('@', '%40')}@{version}" if package else each.address
        known = found.get(reference)
        notice = place(root) / each.notice if each.notice else None
        hashes = (*(known.hashes if known else ()), each.sha256)
        found[reference] = Part(name, version, reference, each.licence, notice, hashes)
    return [found[reference] for reference in sorted(found)]


def remove(root: Path) -> bool:
    """Take away what is kept; files that are not ours stay. Whether there was anything."""
    folder = place(root)
    names = ours(root)
    for name in names:
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    return bool(names)


def ours(root: Path) -> list[str]:
    """Names in the folder that are as they were written: the manifest, and the files it lists."""
    try:
        kept = read(root)
    except KitError:
        return []
    folder = place(root)
    whole = {each.file for each in kept.entries if is_whole(folder / each.file, each.sha256)}
    # The name of a licence's text is made of its content too.
    whole |= {
        each.notice for each in kept.entries
        if (folder / each.notice).is_file() and each.notice == notice_name(
            each.source, (folder / each.notice).read_bytes())
    }  # fmt: skip
    return sorted(whole) + ([MANIFEST] if (folder / MANIFEST).is_file() else [])


def is_whole(file: Path, sha256: str) -> bool:
    """Whether the file is there with that content."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def file_name(address: str, content: bytes, ending: str) -> str:
    """A name that tells a person what it is, and is another one for another content."""
    stem = PurePosixPath(urlsplit(address).path).name or urlsplit(address).netloc
    stem = re.sub(r"[^\w.-]+", "-", stem.removesuffix(ending)).strip(".-")[:60] or "file"
    return f"{stem}.{hashlib.sha256(content).hexdigest()[:16]}{ending}"


def notice_name(source: str, content: bytes) -> str:
    """The name of the file with the text of a licence."""
    package = re.match(r"npm:(@?[^@]+)@", source)
    name = re.sub(r"[^\w.-]+", "-", package[1]).strip("-") if package else "file"
    return f"{name}.{hashlib.sha256(content).hexdigest()[:16]}.licence.txt"


def covers(skip: Iterable[str], address: str) -> str:
    """The entry of [offline] skip that covers an address, "" if none does.

    An entry is an address, with or without its query, the beginning of addresses if it ends with
    a slash, or a host.
    """
    whole = _without_scheme(address)
    bare = whole.partition("?")[0]
    names = {whole, bare, bare.partition("/")[0]}
    for each in skip:
        entry = _without_scheme(each)
        if entry in names or (entry.endswith("/") and bare.startswith(entry)):
            return each
    return ""


def _without_scheme(address: str) -> str:
    return address.removeprefix("https://").removeprefix("http://")


def _entry(given: Mapping[str, Any]) -> Entry:
    entry = Entry(**given)
    for name in filter(None, (entry.file, entry.notice)):
        if PurePosixPath(name).name != name or name.startswith("."):
            raise ValueError(f"{name} is not the name of a file")
    return Entry(
        **{**asdict(entry), "integrity": tuple(entry.integrity), "loads": tuple(entry.loads)}
    )


def _text(kept: Kept) -> bytes:
    content = {
        "schema": SCHEMA,
        "files": [
            {key: value for key, value in asdict(each).items() if value}
            for each in sorted(kept.entries, key=lambda each: each.address)
        ],
        "folders": sorted(kept.folders),
        "seen": sorted(kept.seen),
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _names(manifest: bytes) -> set[str]:
    """Names of files in a manifest that may be an unreadable one."""
    try:
        return Kept(tuple(_entry(each) for each in json.loads(manifest)["files"])).names
    except (ValueError, KeyError, TypeError):
        return set()


def _put(file: Path, content: bytes) -> None:
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
