"""Files of npm packages, had through npm itself: its registry, its proxy and its cache count."""

import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from skill_scripts.offline.fetch import Fetched, FetchError, UnreachableError
from skill_scripts.offline.hosts import Packaged

LIMIT_SECONDS = 120
LARGEST_PACKAGE = 200_000_000  # bytes, unpacked
LICENCE_NAME = re.compile(r"(?i)^(licen[cs]e|copying|ofl)[^/]*$")
# npm is there, and says that there is no such package.
ANSWERED = ("E404", "ETARGET", "ENOVERSIONS", "EINVALIDPACKAGENAME", "E401", "E403")


@dataclass(frozen=True)
class Package:
    """A released package, unpacked."""

    name: str
    version: str
    licence: str
    repository: str
    main: tuple[str, ...]  # what it calls its file for a page, most telling first
    files: dict[str, bytes] = field(repr=False)

    @property
    def notice(self) -> bytes:
        """The text of its licence."""
        return b"\n".join(
            self.files[name] for name in sorted(self.files) if LICENCE_NAME.match(name)
        )


class Npm:
    """Packages of this run, each fetched once."""

    def __init__(self) -> None:
        self._packages: dict[tuple[str, str], Package | FetchError] = {}
        self._unreachable: UnreachableError | None = None

    def package(self, name: str, version: str) -> Package:
        """The newest release that fits `version`. Raises FetchError."""
        key = (name, version)
        if key not in self._packages:
            try:
                if self._unreachable:
                    raise self._unreachable
                self._packages[key] = _pack(name, version)
            except FetchError as error:
                if isinstance(error, UnreachableError):
                    self._unreachable = error
                self._packages[key] = error
        found = self._packages[key]
        if isinstance(found, FetchError):
            raise found
        return found

    def file(self, wanted: Packaged) -> Fetched:
        """The file of a package that `wanted` names. Raises FetchError."""
        package = self.package(wanted.package, wanted.version)
        if wanted.repository and package.repository.lower() != wanted.repository.lower():
            raise FetchError(f"npm's {package.name} does not come from {wanted.repository}")
        path = _choose(package, wanted.paths)
        if path is None:
            shown = wanted.paths[0] if wanted.paths else "a main file"
            raise FetchError(f"npm's {package.name} {package.version} has no {shown}")
        source = f"npm:{package.name}@{package.version}/{path}"
        return Fetched(
            package.files[path], "", source, package.version, package.licence, package.notice
        )

    def described(self, found: Fetched, wanted: Packaged) -> Fetched:
        """A file from its own address, with what its package says of version and licence."""
        try:
            package = self.package(wanted.package, wanted.version)
        except FetchError:
            return found
        if wanted.repository and package.repository.lower() != wanted.repository.lower():
            return found
        version = found.version or package.version
        return replace(found, version=version, licence=package.licence, notice=package.notice)


def _choose(package: Package, paths: Sequence[str]) -> str | None:
    wanted = [*(paths or package.main)]
    # jsDelivr minifies a file where the package has only the long form.
    wanted += [re.sub(r"\.min(\.m?js|\.css)$", r"\1", each) for each in wanted]
    for path in wanted:
        for each in (path, f"{path}.js", f"{path}/index.js"):
            if each in package.files:
                return each
    # cdnjs leaves out folders that only some packages have.
    same = {each for each in package.files for path in wanted if each.endswith(f"/{path}")}
    return same.pop() if paths and len(same) == 1 else None


def _pack(name: str, version: str) -> Package:
    npm = shutil.which("npm")
    if npm is None:
        raise UnreachableError("npm is not installed")
    if not re.fullmatch(r"(@[\w.~-]+/)?[\w.~-]+", name) or version.startswith("-"):
        raise FetchError(f"{name}@{version} is not an npm package")
    wanted = f"{name}@{version or 'latest'}"
    with tempfile.TemporaryDirectory(prefix="desktop-npm-") as scratch:
        command = [npm, "pack", wanted, "--json", "--ignore-scripts", "--fetch-retries=0",
                   "--loglevel=error", "--no-update-notifier"]  # fmt: skip
        try:
            done = subprocess.run(
                command, cwd=scratch, stdin=subprocess.DEVNULL, capture_output=True,
                timeout=LIMIT_SECONDS,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnreachableError(f"npm brings nothing ({type(error).__name__})") from error
        if done.returncode:
            reason = _reason(done.stdout)
            if reason not in ANSWERED:
                raise UnreachableError(f"npm reaches no registry ({reason})")
            raise FetchError(f"npm has no {wanted} ({reason})")
        archives = [*Path(scratch).glob("*.tgz")]
        if len(archives) != 1:
            raise FetchError(f"npm did not bring {wanted}")
        try:
            return _unpack(archives[0], wanted)
        except (OSError, tarfile.TarError, ValueError, EOFError) as error:
            raise FetchError(f"npm's archive of {wanted} is damaged ({error})") from error


def _unpack(archive: Path, wanted: str) -> Package:
    files, size = {}, 0
    with tarfile.open(archive) as tar:
        for member in tar:
            if not member.isfile():
                continue
            size += member.size
            if size > LARGEST_PACKAGE:
                raise FetchError(f"npm's {wanted} is larger than {LARGEST_PACKAGE / 1e6:.0f} MB")
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:]).as_posix()
            files[path] = tar.extractfile(member).read()
    about = json.loads(files["package.json"])
    licence, repository = about.get("license") or "", about.get("repository") or ""
    main = [about.get(key) for key in ("jsdelivr", "unpkg", "browser", "main")]
    return Package(
        about["name"],
        about["version"],
        licence if isinstance(licence, str) else str(licence.get("type", "")),
        _on_github(repository if isinstance(repository, str) else repository.get("url", "")),
        tuple(each.removeprefix("./") for each in main if isinstance(each, str)) or ("index.js",),
        files,
    )


def _on_github(repository: str) -> str:
    match = re.search(r"(?:github\.com[/:]|^github:|^)([\w.-]+/[\w.-]+?)(?:\.git)?$", repository)
    return match[1] if match else ""


def _reason(output: bytes) -> str:
    try:
        return str(json.loads(output)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return "no answer"
