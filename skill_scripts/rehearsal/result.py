"""What a rehearsal saw, as it is kept beside the layer for later commands."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from skill_scripts import __version__, desktop_toml
from skill_scripts.dependencies.environment import Interpreter
from skill_scripts.layer.payload import REHEARSAL, sha256
from skill_scripts.project.files import PAYLOAD_FOLDER, Project
from skill_scripts.rehearsal.start import Failure, Import

KIT = Path(__file__).parents[1]
FILE_NAME = "rehearsal.json"
PICTURE = "first-page.png"


@dataclass(frozen=True)
class Seen:
    """A page that was opened."""

    path: str
    status: int
    place: str = ""  # where it led
    is_part: bool = False  # a style, script or picture of a page
    form_on: str = ""  # the page with the form that was sent there; "" for a page that was opened
    error: str = ""  # what it raised
    source: str = ""  # file:line in the project
    is_own_fault: bool = False  # the project's own server answers no better

    @property
    def is_broken(self) -> bool:
        """Whether it is something that a person would miss."""
        return self.status >= (400 if self.is_part else 500)


@dataclass(frozen=True)
class Rehearsal:
    """What came of one first start that was thrown away."""

    key: str = ""  # of what it was made of
    home: str = "/"
    home_why: str = ""  # "" where the app opens / or what was decided
    root_status: int = 0
    other_pages: tuple[str, ...] = ()  # that could be the first one too
    start_seconds: float = 0.0  # until ready, all migrations included
    seconds: float = 0.0  # the whole rehearsal
    migrations: int = 0
    imports: tuple[Import, ...] = ()  # the slowest ones, until ready
    failure: Failure | None = None  # why it did not start
    pages: tuple[Seen, ...] = ()
    not_compared: str = ""  # why broken pages were not looked for on the project's own server
    rows: tuple[str, ...] = ()  # the command of the project without which the first page fails
    rows_are_examples: bool = False  # then it is not decided that they are made
    without_rows: str = ""  # what the first page says then
    other_hosts: tuple[str, ...] = ()  # addresses of styles, scripts and fonts
    writes: tuple[str, ...] = ()  # into the project's own folder
    written_by: dict[str, str] = field(default_factory=dict)  # those, and the setting that names it
    moves: tuple[str, ...] = ()  # decisions, KEY=VALUE, with which less is written there
    moved: tuple[str, ...] = ()  # what is written elsewhere by them
    accounts: tuple[str, ...] = ()  # with a password that every installation has
    groups: tuple[str, ...] = ()  # that a user may be put into
    wall: str = ""  # the page that asks to sign in
    shut: str = ""  # why it stays closed to somebody without an account
    shut_with: str = ""  # why it stays closed to somebody with one
    enters: tuple[str, ...] = ()  # decisions, KEY=VALUE, with which the first person gets in
    picture: str = ""  # a file beside this one
    no_picture: str = ""  # why there is none
    is_cut_short: bool = False  # for want of time, so that it is no result for others

    @property
    def broken(self) -> list[Seen]:
        """The pages and their parts that fail."""
        return [each for each in self.pages if each.is_broken]

    @property
    def first(self) -> Seen | None:
        """The first page, as it was seen."""
        return next((each for each in self.pages if each.path == self.home), None)


def place(root: Path) -> Path:
    """The folder of what is kept; git and a bundle leave it out."""
    return root / PAYLOAD_FOLDER / REHEARSAL


def key_of(
    project: Project, settings: desktop_toml.Manifest, interpreter: Interpreter, layer: Path
) -> str:
    """What a rehearsal is made of: this kit, whose version stays while it is worked on, the
    decisions, the environment, the files of the layer and those of the project, by size and time
    of their last change.

    An environment of ours follows from the decisions and the project, wherever it lies.
    """
    environment = "ours" if interpreter.private else str(interpreter.python)
    parts: list[Any] = [__version__, _hash_of_kit(), settings, environment]
    own = [*(layer / "offline").rglob("*"), *(layer / "desktop_runtime").rglob("*.py")]
    parts += sorted((each.relative_to(layer).as_posix(), sha256(each))
                    for each in own if each.is_file())  # fmt: skip
    parts += _stamps(project.root, (project.root / name for name in project.files))
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _hash_of_kit() -> str:
    """One hash over the kit's modules."""
    digest = hashlib.sha256()
    for file in sorted(KIT.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _stamps(base: Path, files: Iterable[Path]) -> Iterable[str]:
    for file in files:
        try:
            state = file.stat()
        except OSError:
            continue
        yield f"{file.relative_to(base).as_posix()} {state.st_size} {state.st_mtime_ns}"


def keep(folder: Path, result: Rehearsal) -> None:
    """Write the result into `folder`; one of before is replaced whole."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{FILE_NAME}.partial"
    text = json.dumps(asdict(result), indent=1, ensure_ascii=False) + "\n"
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(folder / FILE_NAME)


def read(folder: Path) -> Rehearsal | None:
    """What is kept in `folder`; None if there is nothing, or nothing that can be read."""
    try:
        content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        pages = tuple(Seen(**each) for each in content.pop("pages"))
        content["imports"] = [Import(**each) for each in content["imports"]]
        lists = {name: tuple(each) for name, each in content.items() if isinstance(each, list)}
        # One that failed is not taken for granted: it is made again.
        return None if content["failure"] else Rehearsal(**{**content, **lists, "pages": pages})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
