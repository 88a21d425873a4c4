"""desktop-app/.kit.json: what adapt added to a project, so that it can be taken out again."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skill_scripts import SPEC_VERSION, __version__
from skill_scripts.errors import KitError
from skill_scripts.layer import texts
from skill_scripts.layer.payload import payload_files, sha256
from skill_scripts.layer.shells import among
from skill_scripts.project.files import PAYLOAD_FOLDER

FILE_NAME = ".kit.json"


@dataclass(frozen=True)
class Record:
    """What was added, by which kit, on which decisions."""

    kit: str
    spec: str
    files: Mapping[str, str]  # path in desktop-app → sha256 of what was written
    decisions: tuple[str, ...]
    workflows: Mapping[str, str] = field(default_factory=dict)  # the same of --ci's, by name
    built: Mapping[str, str] | None = None  # by path in the project; None: no build has run
    # What was written, by its sha256; a record of an early kit has none of it.
    texts: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def changed(self, folder: Path) -> list[str]:
        """Files that are there but no longer as they were written."""
        return [
            name
            for name, written in self.files.items()
            if (folder / name).is_file() and sha256(folder / name) != written
        ]

    def absent(self, folder: Path) -> list[str]:
        """Files that are no longer there."""
        return [name for name in self.files if not (folder / name).is_file()]


def write(
    folder: Path,
    files: Mapping[str, str],
    decisions: Iterable[str],
    workflows: Mapping[str, str] | None = None,
    built: Mapping[str, str] | None = None,
) -> None:
    """Record that `files` (name to sha256) were written in `folder` from this kit's payload."""
    payload = {name: file.read_bytes() for name, file in payload_files(among(files)).items()}
    content = {
        "kit": __version__,
        "spec": SPEC_VERSION,
        "decisions": list(decisions),
        "workflows": dict(workflows or {}),
        **({} if built is None else {"built": dict(built)}),
        "files": dict(sorted(files.items())),
        "texts": texts.pack(payload),
    }
    _save(folder, content)


def amend(folder: Path, files: Mapping[str, str], decisions: Iterable[str]) -> None:
    """Change what is recorded of some files, and add decisions; the rest stays."""
    content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    content["files"] |= files
    content["decisions"] += list(decisions)
    _save(folder, content)


def note_workflow(folder: Path, name: str, digest: str) -> None:
    """Record a workflow that was written for --ci."""
    content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    content["workflows"] = {**_workflows(content), name: digest}
    content.pop("workflow", None)
    _save(folder, content)


def note_built(folder: Path, files: Mapping[str, str]) -> None:
    """Record what the project's own build brought into it, by path relative to the project."""
    content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
    content["built"] = dict(sorted(files.items()))
    _save(folder, content)


def _workflows(content: Mapping) -> dict[str, str]:
    if digest := content.get("workflow"):  # of an early kit, which had one
        return {"desktop-django.yml": str(digest)}
    return {str(name): str(value) for name, value in content.get("workflows", {}).items()}


def _built(content: Mapping) -> dict[str, str] | None:
    if "built" not in content:
        return None
    return {str(name): str(value) for name, value in content["built"].items()}


def _save(folder: Path, content: dict) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    partial = folder / f"{FILE_NAME}.partial"
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(folder / FILE_NAME)


def read(root: Path) -> Record | None:
    """The record of the project in `root`, None if it has none.

    Raises KitError DDK-ADP-10 if there is one that cannot be read.
    """
    folder = root / PAYLOAD_FOLDER
    file = folder / FILE_NAME
    if not file.exists():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        files = {str(name): str(value) for name, value in content["files"].items()}
        record = Record(
            str(content["kit"]),
            str(content["spec"]),
            files,
            tuple(content["decisions"]),
            _workflows(content),
            _built(content),
            texts.unpack(content["texts"]) if "texts" in content else {},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KitError(
            "DDK-ADP-10", f"{file} cannot be read: {error}", file=str(file), folder=str(folder)
        ) from error
    inside = {folder.resolve(): files, root.resolve(): record.built or {}}
    if outside := [
        name
        for base, names in inside.items()
        for name in names
        if not (base / name).resolve().is_relative_to(base)
    ]:
        raise KitError(
            "DDK-ADP-10", f"{file} names files outside its folder: {outside[0]}",
            file=str(file), folder=str(folder),
        )  # fmt: skip
    return record
