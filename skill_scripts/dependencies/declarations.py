"""Which packages a project declares, read from its files; nothing of the project runs."""

from __future__ import annotations

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from skill_scripts.errors import KitError
from skill_scripts.project.files import distribution_name

# Most general first: the first that exists is installed, the others are asked for single
# packages that turn out to be needed (a debug toolbar in the settings, for example).
REQUIREMENT_FILES = (
    "requirements.txt", "requirements/base.txt", "requirements/common.txt",
    "requirements/requirements.txt", "requirements/main.txt", "requirements/default.txt",
    "requirements.in", "requirements/base.in", "requirements/production.txt",
    "requirements/prod.txt", "requirements-prod.txt", "requirements_prod.txt",
    "requirements/local.txt", "requirements/dev.txt", "requirements/development.txt",
    "requirements-dev.txt", "requirements_dev.txt", "dev-requirements.txt",
)  # fmt: skip
LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock")
# Lines of a requirement file that say where packages come from; the machine decides that.
SOURCE_OPTIONS = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--trusted-host",
                  "--no-index", "--no-binary", "--only-binary", "--prefer-binary", "--pre",
                  "--use-feature")  # fmt: skip
# Files in which people write how to install something, and how.
MENTIONS = re.compile(r"(dockerfile|containerfile|readme)", re.IGNORECASE)
INSTALLS = re.compile(r"\bpip[\d.]*\s+install\s+([^\n&|;#`]+)")
NO_PACKAGE = re.compile(r"^-|\.(txt|in|toml|whl|gz)\W*$")
LARGEST_FILE = 20_000_000  # bytes
LARGEST_LIST = 200_000  # bytes
MOST_LINES = 10_000
LONGEST_ADDRESS = 2_000  # characters


@dataclass
class Declarations:
    """What the project says it needs."""

    files: list[str] = field(default_factory=list)  # that were read, relative to the project
    requirements: list[str] = field(default_factory=list)  # as uv and pip read them
    constraints: list[str] = field(default_factory=list)  # versions from lock files and -c
    spare: dict[str, str] = field(default_factory=dict)  # declared for other purposes, by name
    local_paths: list[str] = field(default_factory=list)  # packages inside the project
    ignored: list[str] = field(default_factory=list)  # lines that were not understood
    requires_python: str = ""

    def names(self) -> set[str]:
        """The normalised names of all declared distributions, spare ones included."""
        return {name for line in self.requirements if (name := requirement_name(line))} | set(
            self.spare
        )

    def amended(self, extra: Iterable[str]) -> tuple[list[str], list[str]]:
        """Requirements and constraints without those whose distribution `extra` names."""
        named = {requirement_name(line) for line in extra}
        requirements, constraints = (
            [line for line in lines if requirement_name(line) not in named]
            for lines in (self.requirements, self.constraints)
        )
        return requirements, constraints


def read_declarations(
    root: Path,
    folder: Path,
    *,
    files: Iterable[str] = (),
    extras: Iterable[str] = (),
    groups: Iterable[str] = (),
) -> Declarations:
    """The declarations next to manage.py and in the folders above it, until they name Django.

    If nothing at all is declared there, the first requirement file that names Django within two
    folders below is taken.

    `files`, `extras` and `groups` are the user's decisions of [python] in desktop.toml.
    Raises KitError DDK-SUR-05 if a file is malformed.
    """
    reader = _Reader(root)
    if chosen := list(files):
        for name in chosen:
            reader.requirement_file(root / name)
        return reader.result
    upwards = [folder, *folder.parents]
    for here in upwards[: upwards.index(root) + 1]:
        reader.read_folder(here, set(extras), set(groups))
        if "django" in map(requirement_name, reader.result.requirements):
            return reader.result
    if not reader.result.requirements and not reader.result.spare:
        reader.read_mentions(dict.fromkeys((folder, root)))
    below_both = () if reader.result.requirements else _requirement_files_below(folder, root)
    for file in below_both:
        below = _Reader(root)
        below.requirement_file(file)
        if "django" in map(requirement_name, below.result.requirements):
            return below.result
    return reader.result


def _requirement_files_below(*folders: Path) -> Iterator[Path]:
    """In the settings package, or beside the files a server is set up with."""
    for folder in folders:
        for name in REQUIREMENT_FILES:
            for file in sorted([*folder.glob(f"*/{name}"), *folder.glob(f"*/*/{name}")]):
                inside = file.relative_to(folder).parts
                if not any(part.startswith(".") or part == "node_modules" for part in inside):
                    yield file
    for folder in folders:  # beside a Dockerfile in a folder of its own
        yield from filter(_is_list, sorted(folder.glob("*/*.txt")))


def requirement_name(line: str) -> str:
    """The normalised distribution name of a requirement, "" if it names none.

    An address without a name is called after its file or repository.
    """
    if egg := re.search(r"#egg=([A-Za-z0-9._-]+)", line):
        return distribution_name(egg[1])
    match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:$|[\[;@=<>!~ ,(])", line)
    address = requirement_address(line)
    match = match or re.search(r"/([\w.-]+?)-\d[^/]*\.(?:whl|tar\.gz)$", address)
    match = match or re.search(r"/([\w.-]+?)(?:\.git)?(?:/(?:archive|[tz]\w+ball)/.*)?$", address)
    return distribution_name(match[1]) if match else ""


def requirement_address(line: str) -> str:
    """Where a requirement is fetched from, without its revision; "" if an index says so."""
    before, _, rest = line.partition("://")
    rest = re.split(r"[\s#;]", rest, maxsplit=1)[0]
    path, _, revision = rest.rpartition("@")
    if "/" in path and "/" not in revision:
        rest = path
    if not rest or len(rest) > LONGEST_ADDRESS:
        return ""
    return f"{re.split(r'[^a-z]', before[-10:])[-1]}://{rest}"


def _refusing_other_forms(read: Callable[..., None]) -> Callable[..., None]:
    """Let a method of the reader say of a file that tables and lists are not where they belong."""

    @wraps(read)
    def reading(self: _Reader, file: Path, *arguments: Any) -> None:
        try:
            read(self, file, *arguments)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise self._malformed(file, error) from error

    return reading


class _Reader:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.result = Declarations()
        self._seen: set[Path] = set()

    def read_folder(self, folder: Path, extras: set[str], groups: set[str]) -> None:
        """Read what one folder declares; the first kind of declaration that is there counts."""
        known, others = self._requirement_files(folder)
        if known:
            self.requirement_file(known[0])
        self._pyproject(folder / "pyproject.toml", extras, groups)
        if not self.result.requirements:
            self._pipfile(folder / "Pipfile")
        if not self.result.requirements:
            self._setup_cfg(folder / "setup.cfg", extras)
        if not self.result.requirements:
            self._setup_py(folder / "setup.py", extras)
        for name in LOCK_FILES:
            if (folder / name).is_file() and not known:
                self._lock_file(folder / name)
        if others and not self.result.requirements:
            self.requirement_file(others[0])
        for file in [*known, *others]:
            spare = _Reader(self.root)
            spare._seen |= self._seen
            spare.requirement_file(file)
            self._spare(spare.result.requirements)

    def read_mentions(self, folders: Iterable[Path]) -> None:
        """What is installed by a line of a Dockerfile or a README; it says which version."""
        for folder in folders:
            for file in sorted(each for each in folder.glob("*") if MENTIONS.match(each.name)):
                text = self._text(file) if file.is_file() else ""
                words = [word for line in INSTALLS.findall(text) for word in line.split()]
                words = [word.strip("\"'`") for word in words if not NO_PACKAGE.search(word)]
                if lines := [*filter(None, map(_as_requirement, words))]:
                    self.result.files.append(self._relative(file))
                    self._spare(lines)

    def requirement_file(self, file: Path, *, constraints: bool = False) -> None:
        """Read a requirement file and those it includes; an include cycle ends."""
        if file.resolve() in self._seen:
            return
        self._seen.add(file.resolve())
        lines = list(_logical_lines(self._text(file)))
        if len(lines) > MOST_LINES:
            raise self._malformed(file, ValueError(f"it has more than {MOST_LINES} requirements"))
        for line in lines:
            option, _, value = line.partition(
                "=" if line.startswith("--") and "=" in line.split()[0] else " "
            )
            value = value.strip()
            if option in ("-r", "--requirement") or line.startswith("-r"):
                self._include(file, value or line[2:].strip(), constraints)
            elif option in ("-c", "--constraint") or line.startswith("-c"):
                self._include(file, value or line[2:].strip(), True)
            elif option in ("-e", "--editable"):
                self._requirement(value, file.parent)
            elif option in SOURCE_OPTIONS:
                self.result.ignored.append(line)
            elif constraints:
                self.result.constraints.append(line)
            else:
                self._requirement(line, file.parent)

    def _include(self, file: Path, name: str, constraints: bool) -> None:
        included = (file.parent / name.strip("\"'")).resolve()
        if included.is_file() and included.is_relative_to(self.root):
            self.requirement_file(included, constraints=constraints)
        else:
            where = self._relative(file)
            self.result.ignored.append(f"{name} (included by {where}, not in the project)")

    def _requirement(self, line: str, base: Path) -> None:
        line = re.sub(r"\s--(hash|config-settings|global-option|install-option)[= ]\S+", "", line)
        line = line.strip()
        if re.match(r"(git|hg|svn|bzr)\+|https?://", line) or (
            " @ " in line and "file:" not in line
        ):
            self.result.requirements.append(line)
        elif line.startswith((".", "/", "file:")) or (
            "/" in line and (base / line.split("[")[0]).exists()
        ):
            self._local(line, base)
        else:
            try:
                Requirement(line)
            except InvalidRequirement:
                self.result.ignored.append(line[:200])
            else:
                self.result.requirements.append(line)

    def _local(self, line: str, base: Path) -> None:
        """A package inside the project: its folder is imported from, nothing is built there."""
        path = (base / line.removeprefix("file:").split("[")[0]).resolve()
        if not path.is_relative_to(self.root) or not path.is_dir():
            self.result.ignored.append(line)
            return
        self.result.local_paths.append(self._relative(path))
        extras = set(re.findall(r"[\w.-]+", line.partition("[")[2]))
        self._pyproject(path / "pyproject.toml", extras, set())
        self._setup_cfg(path / "setup.cfg", extras)
        self._setup_py(path / "setup.py", extras)

    @_refusing_other_forms
    def _pyproject(self, file: Path, extras: set[str], groups: set[str]) -> None:
        document = self._toml(file)
        project, tool = document.get("project", {}), document.get("tool", {})
        already = bool(self.result.requirements)
        if not already:
            for line in _texts(project.get("dependencies", [])):
                self._requirement(
                    _with_source(line, tool.get("uv", {}).get("sources", {})), file.parent
                )
        for name, lines in project.get("optional-dependencies", {}).items():
            self._chosen_or_spare(name in extras, _texts(lines))
        for name in document.get("dependency-groups", {}):
            lines = _group(document["dependency-groups"], name)
            self._chosen_or_spare(name in groups, lines)
        self._chosen_or_spare(False, tool.get("uv", {}).get("dev-dependencies", []))
        if poetry := tool.get("poetry", {}):
            lines = list(_poetry(poetry.get("dependencies", {}), self.result))
            self._chosen_or_spare(not already and not project.get("dependencies"), lines)
            for name, group in poetry.get("group", {}).items():
                lines = list(_poetry(group.get("dependencies", {}), self.result))
                self._chosen_or_spare(name in groups, lines)
            self._chosen_or_spare(False, _poetry(poetry.get("dev-dependencies", {}), self.result))
        self._python(project.get("requires-python", ""))

    @_refusing_other_forms
    def _pipfile(self, file: Path) -> None:
        document = self._toml(file)
        for line in _poetry(document.get("packages", {}), self.result):
            self._requirement(line, file.parent)
        self._spare(_poetry(document.get("dev-packages", {}), self.result))
        if version := document.get("requires", {}).get("python_version"):
            self._python(f">={version}")

    @_refusing_other_forms
    def _setup_cfg(self, file: Path, extras: set[str]) -> None:
        if not file.is_file():
            return
        config = configparser.ConfigParser(interpolation=None)
        try:
            config.read_string(self._text(file))
        except configparser.Error as error:
            raise self._malformed(file, error) from error
        options = config["options"] if config.has_section("options") else {}
        self._chosen_or_spare(True, _lines(options.get("install_requires", "")))
        if config.has_section("options.extras_require"):
            for name, text in config["options.extras_require"].items():
                self._chosen_or_spare(name in extras, _lines(text))
        self._python(options.get("python_requires", ""))

    @_refusing_other_forms
    def _setup_py(self, file: Path, extras: set[str]) -> None:
        if not file.is_file():
            return
        try:
            tree = ast.parse(self._text(file))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._malformed(file, error) from error
        arguments = _setup_arguments(tree)
        self._chosen_or_spare(True, arguments.get("install_requires", []))
        for name, lines in dict(arguments.get("extras_require", {})).items():
            self._chosen_or_spare(name in extras, lines)
        self._python(arguments.get("python_requires", ""))

    @_refusing_other_forms
    def _lock_file(self, file: Path) -> None:
        """Versions that are known to work together; they constrain, they do not require."""
        if file.name == "Pipfile.lock":
            try:
                packages = json.loads(self._text(file)).get("default", {})
            except (ValueError, AttributeError) as error:
                raise self._malformed(file, error) from error
            pins = [f"{name}{pin.get('version', '')}" for name, pin in packages.items()]
        else:
            packages = self._toml(file).get("package", [])
            pins = [f"{each['name']}=={each['version']}" for each in packages if "version" in each]
        self.result.constraints += [pin for pin in pins if "==" in pin]
        self.result.files.append(self._relative(file))

    def _chosen_or_spare(self, chosen: bool, lines: Iterable[str]) -> None:
        if not chosen:
            self._spare(lines)
            return
        for line in lines if isinstance(lines, list) else list(lines):
            self._requirement(str(line), self.root)

    def _spare(self, lines: Iterable[str]) -> None:
        for line in lines:
            if name := requirement_name(str(line)):
                self.result.spare.setdefault(name, str(line))

    def _python(self, specifier: Any) -> None:
        try:
            SpecifierSet(str(specifier))
        except InvalidSpecifier:
            return
        self.result.requires_python = self.result.requires_python or str(specifier)

    def _requirement_files(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Requirement files under the usual names, and under other ones."""
        known = [folder / name for name in REQUIREMENT_FILES if (folder / name).is_file()]
        others = {*folder.glob("*requirements*.txt"), *folder.glob("requirements/*.txt")}
        if not known and not others:
            others = {*filter(_is_list, (*folder.glob("*.txt"), *folder.glob("*.pip")))}
        return known, sorted(file for file in others - {*known} if file.is_file())

    def _toml(self, file: Path) -> dict[str, Any]:
        if not file.is_file():
            return {}
        try:
            document = tomllib.loads(self._text(file))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise self._malformed(file, error) from error
        if file.name == "pyproject.toml" and set(document) & {
            "project",
            "tool",
            "dependency-groups",
        }:
            self.result.files.append(self._relative(file))
        return document

    def _text(self, file: Path) -> str:
        """The text of a declaration: UTF-8, UTF-16 if it is marked, else Latin-1."""
        try:
            if file.stat().st_size > LARGEST_FILE:
                raise self._malformed(file, ValueError("it is larger than 20 MB"))
            content = file.read_bytes()
        except OSError as error:
            raise self._malformed(file, error) from error
        if file.suffix in (".txt", ".in"):
            self.result.files.append(self._relative(file))
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16", errors="replace")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
        if "\0" in text:
            raise self._malformed(file, ValueError("it is binary"))
        return text

    def _malformed(self, file: Path, error: Exception) -> KitError:
        name = self._relative(file)
        return KitError("DDK-SUR-05", f"{name} cannot be read: {error}", file=name)

    def _relative(self, file: Path) -> str:
        return PurePosixPath(file.relative_to(self.root)).as_posix()


def _is_list(file: Path) -> bool:
    """Whether a file of any name holds requirements and nothing else, Django among them."""
    try:
        if file.stat().st_size > LARGEST_LIST:
            return False
        lines = [*_logical_lines(file.read_text(encoding="utf-8-sig"))]
    except (OSError, UnicodeDecodeError):
        return False
    names = [requirement_name(_as_requirement(line)) for line in lines]
    return all(names) and "django" in names


def _as_requirement(line: str) -> str:
    """A requirement as it stands, "" for anything else."""
    try:
        return str(Requirement(line))
    except InvalidRequirement:
        return ""


def _logical_lines(text: str) -> Iterator[str]:
    joined = re.sub(r"\\\r?\n", " ", text)
    for line in joined.splitlines():
        line = re.sub(r"(^|\s)#(?!egg=).*$", "", line).strip()
        if line:
            yield line


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _texts(lines: Any) -> list[str]:
    """Raises TypeError for what is not a list of texts."""
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise TypeError(f"{str(lines)[:80]!r} is not a list of texts")
    return lines


def _group(groups: dict[str, Any], name: str, seen: frozenset[str] = frozenset()) -> list[str]:
    """A dependency group with the groups it includes (PEP 735); a cycle ends."""
    lines: list[str] = []
    for entry in groups.get(name, []):
        if isinstance(entry, str):
            lines.append(entry)
        elif isinstance(entry, dict) and (other := entry.get("include-group")) not in seen:
            lines += _group(groups, str(other), seen | {name})
    return lines


def _with_source(line: str, sources: dict[str, Any]) -> str:
    """A requirement with its git source of [tool.uv.sources]; other sources are for uv alone."""
    by_name = {distribution_name(name): source for name, source in sources.items()}
    source = by_name.get(requirement_name(line))
    if not isinstance(source, dict) or "git" not in source:
        return line
    revision = next((f"@{source[key]}" for key in ("rev", "tag", "branch") if key in source), "")
    return f"{requirement_name(line)} @ git+{source['git']}{revision}"


def _poetry(table: dict[str, Any], result: Declarations) -> Iterator[str]:
    """Requirements of a Poetry or Pipfile table, in the form everyone reads."""
    for name, wanted in table.items():
        wanted = wanted[0] if isinstance(wanted, list) and wanted else wanted
        entry = wanted if isinstance(wanted, dict) else {"version": wanted}
        version = _caret(str(entry.get("version", "*")))
        if name == "python":
            result.requires_python = result.requires_python or version
        elif entry.get("optional"):
            result.spare.setdefault(distribution_name(name), f"{name}{version}")
        elif "git" in entry:
            keys = ("rev", "tag", "branch", "ref")
            revision = next((f"@{entry[key]}" for key in keys if key in entry), "")
            yield f"{name} @ git+{entry['git']}{revision}"
        elif "path" in entry or "url" in entry:
            result.ignored.append(f"{name} ({entry.get('path', entry.get('url'))})")
        else:
            extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
            marker = f" ; {entry['markers']}" if entry.get("markers") else ""
            yield f"{name}{extras}{version}{marker}"


def _caret(version: str) -> str:
    """A Poetry version such as ^4.2 or ~4.2 as PEP 440 specifiers."""
    parts = []
    for part in re.split(r"\s*(?:,|\|\|)\s*", version.strip()):
        match = re.fullmatch(r"([~^])\s*=?\s*(\d+(?:\.\d+)*)\S*", part)
        if part in ("*", ""):
            continue
        if match and not part.startswith("~="):
            numbers = [int(number) for number in match[2].split(".")]
            if match[1] == "^":
                place = next((i for i, number in enumerate(numbers) if number), len(numbers) - 1)
            else:
                place = min(1, len(numbers) - 1)
            upper = [*numbers[:place], numbers[place] + 1]
            parts.append(f">={match[2]},<{'.'.join(map(str, upper))}")
        else:
            parts.append(f"=={part}" if part[0].isdigit() else part)
    return ",".join(parts)


def _setup_arguments(tree: ast.Module) -> dict[str, Any]:
    """The literal arguments of the call of setup(), names of literals resolved."""
    names: dict[str, Any] = {}
    arguments: dict[str, Any] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=value):
                names[name] = _literal(value, names)
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("setup") | ast.Attribute(attr="setup"), keywords=keywords):
                for keyword in keywords:
                    value = _literal(keyword.value, names)
                    if keyword.arg and value is not None:
                        arguments[keyword.arg] = value
    return arguments


def _literal(node: ast.expr, names: dict[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
