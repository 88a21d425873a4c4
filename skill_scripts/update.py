"""Brings an adapted project to this kit's payload and keeps what a person changed in it.

Three versions decide on each file: the one that was written, the one that is there, and the new
one. Everything is prepared beside the files and then put in place one whole file at a time; an
error takes it back, and after a power cut the next update goes on where this one ended.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from skill_scripts import SPEC_VERSION, __version__, desktop_toml
from skill_scripts.dependencies.environment import find_adapted
from skill_scripts.dependencies.runtime import (
    PACKAGES,
    install_runtime,
    layer_requirements,
)
from skill_scripts.errors import KitError
from skill_scripts.layer import record, texts
from skill_scripts.layer.payload import check_visible, payload_files
from skill_scripts.layer.shells import Shell, is_of, others, shell_of
from skill_scripts.project import git
from skill_scripts.project.files import PAYLOAD_FOLDER

WORKPLACE = ".update"  # in desktop-app while an update runs


@dataclass
class Update:
    """What update did, or with --dry-run would do; paths relative to the project."""

    root: Path
    kit: str  # that wrote what was there
    replaced: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)  # with changes of both sides
    kept: list[str] = field(default_factory=list)  # changed by a person, and left alone
    conflicts: dict[str, str] = field(default_factory=dict)  # file → where the person's version is
    steps: list[str] = field(default_factory=list)  # sentences, for a person

    def as_dict(self) -> dict[str, Any]:
        """The one JSON document of --json."""
        return {
            "root": str(self.root),
            "from": self.kit,
            "to": __version__,
            "spec": SPEC_VERSION,
            "replaced": self.replaced,
            "added": self.added,
            "removed": self.removed,
            "merged": self.merged,
            "kept": self.kept,
            "conflicts": self.conflicts,
            "steps": self.steps,
        }


def update(
    path: Path,
    *,
    decided: desktop_toml.Manifest | None = None,
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Update:
    """Update desktop-app of the project in folder `path`; desktop.toml, or what is `decided` in its
    place, says which shell belongs there and is not touched.

    Where both sides changed the same lines the new version is put in place, because only a whole
    payload is known to work, and the person's is kept beside it as NAME.yours. Raises KitError
    DDK-ADP-09 to -11 if there is nothing that can be updated, and DDK-ADP-04 or -06, with
    everything as it was, if the new files cannot be written or git would not see them.
    """
    root = path.resolve()
    folder = root / PAYLOAD_FOLDER
    existing = record.read(root)
    if existing is None:
        raise KitError("DDK-ADP-09", f"{path} is not adapted", root=str(root))
    if _is_newer(existing.kit):
        raise KitError(
            "DDK-ADP-11", f"adapted by kit {existing.kit}; this is kit {__version__}",
            kit=existing.kit,
        )  # fmt: skip
    decided = decided or desktop_toml.read(folder / desktop_toml.FILE_NAME)
    shell = shell_of(decided)
    result = Update(root, existing.kit)
    wanted = _compare(result, existing, shell)
    check_visible(root, wanted)
    digests = {name: _digest(file.read_bytes()) for name, file in payload_files(shell).items()}
    if desktop_toml.FILE_NAME in existing.files:
        digests[desktop_toml.FILE_NAME] = existing.files[desktop_toml.FILE_NAME]
    pins = {*layer_requirements(decided), *(n for each in others(shell) for n in each.requirements)}
    renewed = not pins.isdisjoint(wanted) and (folder / PACKAGES).is_dir()
    if renewed:
        result.steps.append(f"install the runtime's own packages in {PAYLOAD_FOLDER}/{PACKAGES}")
    in_shell = folder / shell.name
    if shell.locked in wanted and any((in_shell / name).is_dir() for name in shell.made):
        result.steps.append(f"left to you: {shell.install} in {PAYLOAD_FOLDER}/{shell.name}")
    unused = [folder / each.name / name for each in others(shell) for name in each.made]
    unused = [each for each in unused if each.is_dir() or each.is_symlink()]
    result.steps += [f"remove {each.relative_to(root).as_posix()}" for each in unused]
    if decided["spec"] != SPEC_VERSION:
        result.steps.append(
            f'left to you: spec = "{SPEC_VERSION}" in {desktop_toml.FILE_NAME}, to be judged by it'
        )
    recorded = (existing.kit, existing.spec, dict(existing.files), bool(existing.texts))
    is_recorded = recorded == (__version__, SPEC_VERSION, digests, True)
    if not wanted and not is_recorded:
        result.steps.append("bring the record up to date")
    if dry_run or (not wanted and is_recorded and not unused):
        return result
    with _workplace(folder) as workplace:
        new = workplace / "new"
        for name, content in wanted.items():
            if content is not None:
                _write(new / name, content, payload_files(shell).get(name))
        if renewed:
            progress("installing the runtime's own packages")
            _, interpreter = find_adapted(root, decided)
            if interpreter:
                install_runtime(new, interpreter, decided)
        progress("putting the new files in place")
        with _undone_on_error(folder, workplace / "old", list(wanted)):
            _put_in_place(folder, new, wanted, shell)
            if (new / PACKAGES).is_dir():
                (folder / PACKAGES).replace(workplace / PACKAGES)
                (new / PACKAGES).replace(folder / PACKAGES)
            record.write(folder, digests, existing.decisions, existing.workflows, existing.built)
        for each in unused:
            _take_away(each)
    return result


def _is_newer(kit: str) -> bool:
    try:
        return Version(kit) > Version(__version__)
    except InvalidVersion:
        return False


def _compare(result: Update, existing: record.Record, shell: Shell) -> dict[str, bytes | None]:
    """What each file must become, None for none; files that stay as they are do not appear."""
    folder = result.root / PAYLOAD_FOLDER
    payload = payload_files(shell)
    wanted: dict[str, bytes | None] = {}
    for name, source in payload.items():
        file, new = folder / name, source.read_bytes()
        written = existing.files.get(name)
        if not file.exists():
            wanted[name] = new
            _note(result, result.added, "add" if written is None else "restore", name)
            continue
        there = file.read_bytes()
        if _is_same(there, _digest(new)):
            continue
        if written and _is_same(there, written):
            wanted[name] = new
            _note(result, result.replaced, "replace", name)
        elif written == _digest(new) or not (texts.is_text(there) and texts.is_text(new)):
            # Binary files of the payload are icons, and changed ones are the app's own.
            _note(result, result.kept, "keep your", name)
        elif (merged := _merge(there, existing.texts.get(written or ""), new)) is not None:
            if merged != there:
                wanted[name] = merged
                _note(result, result.merged, "merge your changes of", name)
        else:
            beside = _free_name(folder, name, there)
            wanted |= {beside: there, name: new}
            result.conflicts[f"{PAYLOAD_FOLDER}/{name}"] = f"{PAYLOAD_FOLDER}/{beside}"
            result.steps.append(
                f"replace {PAYLOAD_FOLDER}/{name}, which both sides changed; yours is {beside}"
            )
    for name, written in existing.files.items():
        file = folder / name
        if name in payload or name == desktop_toml.FILE_NAME or not file.is_file():
            continue
        if _is_same(file.read_bytes(), written):
            wanted[name] = None
            _note(result, result.removed, "remove", name)
        else:
            why = (
                "of the other shell" if is_of(name, others(shell)) else "no longer part of the kit"
            )
            _note(result, result.kept, f"keep, {why},", name)
    return wanted


def _note(result: Update, names: list[str], verb: str, name: str) -> None:
    names.append(f"{PAYLOAD_FOLDER}/{name}")
    result.steps.append(f"{verb} {PAYLOAD_FOLDER}/{name}")


def _is_same(content: bytes, digest: str) -> bool:
    """Whether `content` is what was hashed, be it with the line ends of a Windows checkout."""
    return digest in (_digest(content), _digest(content.replace(b"\r\n", b"\n")))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _merge(yours: bytes, base: bytes | None, new: bytes) -> bytes | None:
    """The changes of both sides, line by line; None where they touch the same lines, or where
    the common version or git is not there."""
    if base is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        files = []
        for name, content in (("yours", yours), ("base", base), ("new", new)):
            files.append(Path(scratch, name))
            files[-1].write_bytes(content.replace(b"\r\n", b"\n"))
        merged = git.merge(*files)
    return merged.replace(b"\n", b"\r\n") if merged and b"\r\n" in yours else merged


def _free_name(folder: Path, name: str, content: bytes) -> str:
    """Where a person's version goes: beside the new one, without covering an earlier one."""
    for number in range(1, 1000):
        beside = f"{name}.yours{number if number > 1 else ''}"
        if not (folder / beside).exists() or (folder / beside).read_bytes() == content:
            return beside
    raise KitError("DDK-ADP-04", f"{name}.yours cannot be written: there are too many")


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    workplace = folder / WORKPLACE
    try:
        shutil.rmtree(workplace, ignore_errors=True)  # of an update that was cut off
        workplace.mkdir()
        yield workplace
    except OSError as error:
        raise KitError("DDK-ADP-04", f"writing into {folder} failed: {error}") from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def _write(file: Path, content: bytes, source: Path | None) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    file.chmod(0o755 if source and os.access(source, os.X_OK) else 0o644)


def _put_in_place(
    folder: Path, new: Path, wanted: Mapping[str, bytes | None], shell: Shell
) -> None:
    payload = payload_files(shell)
    # A person's version is beside the new one before that covers it.
    for name in sorted(wanted, key=lambda name: name in payload):
        target = folder / name
        if wanted[name] is None:
            target.unlink()
            _drop_empty(target.parent, folder)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            (new / name).replace(target)


def _take_away(made: Path) -> None:
    """What a shell that was left had fetched, and its folder if nothing else is in it."""
    if made.is_symlink():
        made.unlink()
    else:
        shutil.rmtree(made)
    _drop_empty(made.parent, made.parent.parent)


def _drop_empty(folder: Path, top: Path) -> None:
    """Remove the folder and those around it below `top`, as far as nothing is in them."""
    with suppress(OSError):  # not empty
        while folder != top:
            folder.rmdir()
            folder = folder.parent


@contextmanager
def _undone_on_error(folder: Path, old: Path, names: Iterable[str]) -> Iterator[None]:
    """Copies of the files `names`, which come back if anything goes wrong."""
    existed = [name for name in names if (folder / name).exists()]
    for name in existed:
        (old / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(folder / name, old / name)
    try:
        yield
    except BaseException:
        for name in set(names) - set(existed):
            (folder / name).unlink(missing_ok=True)
        for name in existed:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(old / name, folder / name)
        raise
