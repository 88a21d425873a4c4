"""Brings what pages load from other hosts into desktop-app/offline, and says what is missing."""

import base64
import hashlib
import mimetypes
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin, urlsplit

import tomlkit

from skill_scripts import desktop_toml
from skill_scripts.errors import KitError
from skill_scripts.findings.finding import DECIDE, HANDLED, Finding
from skill_scripts.findings.surveyed import Progress
from skill_scripts.layer import record
from skill_scripts.layer.payload import sha256
from skill_scripts.offline import addresses, googlefonts, hosts, kept
from skill_scripts.offline.addresses import MODULE, OTHER, SCRIPT, STYLE, Named, Reference
from skill_scripts.offline.fetch import Fetched, FetchError, UnreachableError, fetch, is_page
from skill_scripts.offline.kept import PREFIX, Entry, Kept
from skill_scripts.offline.npm import Npm
from skill_scripts.project.files import PAYLOAD_FOLDER, Project, find_project

BUDGET = 40_000_000  # bytes, for all files together
MOST_FILES = 2000
TYPES = {STYLE: "text/css", SCRIPT: "text/javascript", MODULE: "text/javascript"}
FONT_TYPES = {".woff2": "font/woff2", ".woff": "font/woff", ".ttf": "font/ttf", ".otf": "font/otf",
              ".eot": "application/vnd.ms-fontobject"}  # fmt: skip
ENDINGS = {"text/css": ".css", "text/javascript": ".js"}
STRENGTHS = ("sha256", "sha384", "sha512")  # https://www.w3.org/TR/sri-2/#get-the-strongest


@dataclass(frozen=True)
class Missing:
    """An address that is not kept, and why."""

    address: str
    why: str
    place: str = ""
    is_mismatch: bool = False  # there is a file, but not the one that the page wants

    def as_dict(self) -> dict[str, str]:
        """Its entry in the document of --json."""
        return {"address": self.address, "why": self.why, "place": self.place}


class _MismatchError(FetchError):
    """Raised when a file is not the one that the page wants."""


@dataclass
class Offline:
    """What is kept for a project after a run."""

    root: Path
    entries: tuple[Entry, ...] = ()
    new: list[str] = field(default_factory=list)  # addresses
    missing: list[Missing] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)  # address → why
    size: int = 0  # bytes
    changed: bool = False

    @property
    def hosts(self) -> list[str]:
        """The hosts that pages no longer need."""
        return sorted({urlsplit(each.address).netloc for each in self.entries})

    def as_dict(self) -> dict[str, Any]:
        """The one JSON document of --json."""
        return {
            "root": str(self.root),
            "folder": str(kept.place(self.root)),
            "files": [
                {"address": each.address, "file": each.file, "from": each.source,
                 "version": each.version, "licence": each.licence} for each in self.entries
            ],
            "bytes": self.size,
            "new": self.new,
            "skipped": self.skipped,
            "missing": [each.as_dict() for each in self.missing],
            "changed": self.changed,
            "findings": [each.as_dict() for each in self.findings()],
        }  # fmt: skip

    def findings(self) -> list[Finding]:
        """What adapt and survey say about it."""
        return [*self._findings()]

    def _findings(self) -> Iterator[Finding]:
        if self.entries:
            yield Finding(
                "offline",
                HANDLED,
                f"pages load styles, scripts or fonts from {', '.join(self.hosts[:5])}",
                f"{len(self.entries)} files ({self.size / 1e6:.1f} MB) are kept in "
                f"{PAYLOAD_FOLDER}/{kept.FOLDER}, and served by the app",
            )
        for address, why in self.skipped.items():
            yield Finding("offline-skipped", HANDLED, f"{address} is not fetched", why)
        for each in self.missing:
            if each.is_mismatch:
                yield Finding(
                    "offline-integrity", DECIDE, f"{each.address} {each.why}",
                    "correct the integrity in the template: a browser refuses this file too",
                    each.place,
                )  # fmt: skip
            else:
                yield Finding(
                    "offline-missing", DECIDE, f"{each.address} {each.why}",
                    f"with a network: desktop-django offline {self.root}; or say why the app does "
                    "without it: [offline] skip in desktop.toml",
                    each.place,
                )  # fmt: skip


def foresee(project: Project) -> Iterator[Finding]:
    """The finding of a survey: which hosts pages load from."""
    named = addresses.find(project)
    wanted = [each for each in named if not hosts.why_not(each.address)]
    if names := sorted({urlsplit(each.address).netloc for each in wanted}):
        yield Finding(
            "other-hosts",
            HANDLED,
            f"pages load styles, scripts or fonts from {', '.join(names[:5])}",
            f"adapt fetches them into {PAYLOAD_FOLDER}/{kept.FOLDER}, and the app serves them",
            wanted[0].place,
        )


def offline(
    path: Path,
    *,
    seen: Iterable[str] = (),
    refresh: bool = False,
    progress: Progress = lambda _: None,
) -> Offline:
    """Keep what pages of the adapted project in `path` load from other hosts.

    `seen` are addresses that pages named when they were shown, beside those of the last check.
    What is kept already stays as it is unless `refresh`. Raises KitError DDK-ADP-09 if the project
    is not adapted, DDK-OFF-01 if the files are too large together, with nothing changed.
    """
    root = path.resolve()
    if record.read(root) is None:
        raise KitError("DDK-ADP-09", f"{path} is not adapted", root=str(root))
    file = root / PAYLOAD_FOLDER / desktop_toml.FILE_NAME
    settings = desktop_toml.read(file)
    project = find_project(root, settings["django"]["manage"], settings["django"]["settings"])
    before = kept.read(root)
    progress("looking for addresses of other hosts")
    named = addresses.find(project)
    known = {each.address for each in named}
    shown = map(addresses.plain, (*seen, *kept.seen_by_check(root)))
    unnamed = sorted({*before.seen, *shown} - known)
    forced = [addresses.plain(each) for each in settings["offline"]["add"]]
    named += [Named(each, addresses.kind_of(each)) for each in (*unnamed, *forced)]
    work = _Collection(root, before, settings["offline"]["skip"], {*forced}, refresh, progress)
    work.collect(named)
    result = work.result(tuple(unnamed))
    _note_skipped(root, work.refused)
    return result


class _Collection:
    """One run: from addresses to files."""

    def __init__(
        self, root: Path, before: Kept, skip: Mapping[str, str], forced: set[str], refresh: bool,
        progress: Progress,
    ) -> None:  # fmt: skip
        self.root, self.before, self.skip = root, before.by_address(), skip
        self.forced, self.refresh, self.progress = forced, refresh, progress
        self.npm = Npm()
        self.fetched: dict[str, Fetched] = {}
        self.kinds: dict[str, str] = {}
        self.integrity: dict[str, set[str]] = {}
        self.references: dict[str, list[Reference]] = {}
        self.same: dict[str, Entry] = {}  # kept as it was
        self.folders: set[str] = set()
        self.missing: list[Missing] = []
        self.skipped: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.unreachable: dict[str, str] = {}  # host → why
        self.size = 0

    def collect(self, named: Iterable[Named]) -> None:
        """Have everything that is named, and what that loads."""
        queue = deque(named)
        for each in queue:
            if each.integrity:
                self.integrity.setdefault(each.address, set()).add(each.integrity)
        done: set[str] = set()
        while queue:
            each = queue.popleft()
            if each.address in done:
                continue
            done.add(each.address)
            queue += self._take(each)
            if len(done) > MOST_FILES:
                raise KitError("DDK-OFF-01", f"pages load more than {MOST_FILES} files")

    def _take(self, named: Named) -> Iterator[Named]:
        """Have one address; what it loads comes next."""
        address = named.address
        if entry := kept.covers(self.skip, address):
            self.skipped[address] = self.skip[entry]
            return
        if address not in self.forced and (why := hosts.why_not(address)):
            self.skipped[address] = self.refused[address.partition("?")[0]] = why
            return
        if addresses.TEMPLATE_MARK.search(address):
            why = "is put together by the template: [offline] add names what it becomes"
            self.missing.append(Missing(address, why, named.place))
            return
        if named.kind == addresses.FOLDER:
            self.folders.add(address)
            return
        self.kinds[address] = named.kind
        wanted = self.integrity.get(address, set())
        old = self.before.get(address)
        if old and not self.refresh and wanted <= {*old.integrity} and self._is_there(old):
            self.same[address] = old
            self._count(address, (kept.place(self.root) / old.file).stat().st_size)
            loads = [Named(each, addresses.kind_of(each)) for each in old.loads]
        else:
            loads = self._have(named, wanted)
        if address in self.forced:
            self.forced |= {each.address for each in loads}
        yield from loads

    def _have(self, named: Named, wanted: set[str]) -> list[Named]:
        """Fetch one address; what it loads."""
        address = named.address
        self.progress(f"fetching {address}")
        try:
            fetched = self._fetch(address, named.kind)
            for value in wanted:
                _verify(fetched.content, value)
        except FetchError as error:
            is_mismatch = isinstance(error, _MismatchError)
            self.missing.append(Missing(address, str(error), named.place, is_mismatch))
            return []
        self._count(address, len(fetched.content))
        self.fetched[address] = fetched
        self.references[address] = [*self._read(address, fetched, named.kind)]
        return [
            Named(each.address, each.kind, place=named.place) for each in self.references[address]
        ]

    def _fetch(self, address: str, kind: str) -> Fetched:
        host = urlsplit(address).netloc
        why = self.unreachable.get(host, "")
        wanted = hosts.packaged(address)
        if not why:
            try:
                found = fetch(address, kind)
                return self.npm.described(found, wanted) if wanted else found
            except UnreachableError as error:
                why = self.unreachable[host] = str(error)
            except FetchError as error:
                why = str(error)
        try:
            if googlefonts.is_style(address):
                return googlefonts.compose(address, self.npm)
            if wanted:
                found = self.npm.file(wanted)
                if kind != OTHER and is_page(found.content):
                    raise FetchError("npm has a page under this name")
                return found
        except FetchError as error:
            raise FetchError(f"{why}; {error}") from error
        raise FetchError(why)

    def _read(self, address: str, fetched: Fetched, kind: str) -> Iterator[Reference]:
        """What the file loads, relative to where it really was."""
        is_web = fetched.source.startswith(("http://", "https://"))
        base = fetched.source if is_web else address
        text = fetched.content.decode("utf-8", "replace")
        if kind == STYLE or fetched.type == "text/css":
            found = addresses.style_references(text, base)
        elif kind == MODULE:
            found = addresses.module_references(text, base)
        else:
            return
        yield from (each for each in found if each.address.startswith(("http://", "https://")))

    def _is_there(self, entry: Entry) -> bool:
        folder = kept.place(self.root)
        is_licensed = not entry.notice or (folder / entry.notice).is_file()
        return is_licensed and kept.is_whole(folder / entry.file, entry.sha256)

    def _count(self, address: str, size: int) -> None:
        self.size += size
        if self.size > BUDGET:
            largest = sorted(self.fetched, key=lambda each: -len(self.fetched[each].content))[:3]
            raise KitError(
                "DDK-OFF-01",
                f"with {address} the files of other hosts are {self.size / 1e6:.0f} MB, at most "
                f"{BUDGET / 1e6:.0f} MB are kept; the largest: {', '.join(largest)}",
                root=str(self.root),
            )

    def result(self, seen: tuple[str, ...]) -> Offline:
        """Write what was collected."""
        contents: dict[str, bytes] = {}
        entries = [*self.same.values()]
        for address, fetched in self.fetched.items():
            content = self._with_own_addresses(address)
            kind = self._type(address, fetched)
            ending = ENDINGS.get(kind, PurePosixPath(urlsplit(address).path).suffix[:8])
            name = kept.file_name(address, content, ending)
            contents[name] = content
            notice = kept.notice_name(fetched.source, fetched.notice) if fetched.notice else ""
            if notice:
                contents[notice] = fetched.notice
            loads = sorted({each.address for each in self.references[address]} & self._had)
            is_changed = content != fetched.content
            entries.append(
                Entry(
                    address,
                    name,
                    hashlib.sha256(content).hexdigest(),
                    kind,
                    fetched.source,
                    fetched.version,
                    fetched.licence,
                    notice,
                    tuple(sorted(self.integrity.get(address, ()))),
                    _integrity(content, "sha384") if is_changed else "",
                    tuple(loads),
                )
            )
        keep = Kept(tuple(entries), tuple(self.folders), seen)
        changed = kept.write(self.root, keep, contents)
        folder = kept.place(self.root)
        size = sum((folder / name).stat().st_size for name in keep.names)
        return Offline(
            self.root, tuple(sorted(entries, key=lambda each: each.address)),
            sorted(self.fetched), self.missing, self.skipped, size, changed,
        )  # fmt: skip

    @property
    def _had(self) -> set[str]:
        return {*self.fetched, *self.same}

    def _with_own_addresses(self, address: str) -> bytes:
        """The file as it is served: what it names elsewhere leads to the app.

        A name relative to the file is left: the app serves the same tree. So most files, and
        their hashes, stay as they are.
        """
        content = self.fetched[address].content
        for each in self.references[address]:
            is_found_here = addresses.plain(urljoin(address, each.written)) == each.address
            is_relative = not each.written.startswith("/") and "//" not in each.written
            if each.address not in self._had or (is_relative and is_found_here):
                continue
            own = f"{PREFIX}{each.address.partition('//')[2]}".encode()
            written = re.escape(each.written.encode())
            content = re.sub(rb"(?<=[\"'(`\s])" + written + rb"(?=[\"')`\s;])", own, content)
        return content

    def _type(self, address: str, fetched: Fetched) -> str:
        kind = self.kinds[address]
        ending = PurePosixPath(urlsplit(address).path).suffix.lower()
        if kind in TYPES:
            return TYPES[kind]
        guessed = mimetypes.guess_type(f"x{ending}")[0]
        return FONT_TYPES.get(ending) or fetched.type or guessed or "application/octet-stream"


def _verify(content: bytes, integrity: str) -> None:
    """Raises _MismatchError with both hashes if the content is not what a page wants."""
    wanted = [each for each in integrity.split() if each.partition("-")[0] in STRENGTHS]
    if not wanted:
        return
    strongest = max((each.partition("-")[0] for each in wanted), key=STRENGTHS.index)
    found = _integrity(content, strongest)
    if found not in {each.partition("?")[0] for each in wanted if each.startswith(strongest)}:
        raise _MismatchError(f"is not the file that the page wants: {integrity}, but it is {found}")


def _integrity(content: bytes, algorithm: str) -> str:
    return f"{algorithm}-{base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def _note_skipped(root: Path, refused: Mapping[str, str]) -> None:
    """Enter in desktop.toml what is known to need its own server, so that everybody sees it."""
    folder = root / PAYLOAD_FOLDER
    file = folder / desktop_toml.FILE_NAME
    if not refused or not file.is_file():
        return
    document = tomlkit.parse(file.read_text(encoding="utf-8"))
    table = document.setdefault("offline", tomlkit.table())
    skip = table.setdefault("skip", tomlkit.inline_table())
    for address, why in sorted(refused.items()):
        skip[address] = why
    existing = record.read(root)
    is_ours = existing is not None and file.name not in existing.changed(folder)
    file.write_text(tomlkit.dumps(document), encoding="utf-8", newline="\n")
    record.amend(folder, {file.name: sha256(file)} if is_ours else {}, [])
