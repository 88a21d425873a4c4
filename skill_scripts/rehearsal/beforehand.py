"""A rehearsal before there is a layer in the project: with one that is lent from the user's cache.

Its result is kept there too, for the adapt that follows.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from skill_scripts.dependencies import environment
from skill_scripts.dependencies.runtime import PACKAGES, install_pins, runtime_requirements
from skill_scripts.findings.surveyed import Progress
from skill_scripts.layer.payload import payload_files
from skill_scripts.rehearsal import result
from skill_scripts.rehearsal.rehearse import Stage, rehearse
from skill_scripts.rehearsal.result import Rehearsal


def rehearse_beforehand(stage: Stage, progress: Progress) -> Rehearsal:
    """Rehearse with a lent layer; a result that is kept and still holds is taken instead.

    Raises KitError DDK-ENV-01 if the runtime's own packages do not install, OutOfTimeError if the
    first start is not done before the stage's deadline.
    """
    kept = place(stage.project.root)
    with lent_layer(stage) as layer:
        stage = replace(stage, layer=layer, keeps=kept)
        key = _key(stage)
        seen = result.read(kept)
        if seen and seen.key == key:
            return seen
        shutil.rmtree(kept, ignore_errors=True)
        seen = replace(rehearse(stage, progress=progress), key=key)
    if not seen.failure and not seen.is_cut_short:
        result.keep(kept, seen)
    return seen


def take(stage: Stage) -> Rehearsal | None:
    """What was seen of the same app before it was adapted, with its picture.

    None for pages that name other hosts: by now they may look different.
    """
    kept = place(stage.project.root)
    seen = result.read(kept)
    if not seen or seen.key != _key(stage) or seen.other_hosts:
        return None
    if seen.picture:
        stage.keeps.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(kept / seen.picture, stage.keeps / seen.picture)
        except OSError:
            return None
    return seen


def place(root: Path) -> Path:
    """The folder for what was seen of the project in `root`."""
    return environment.CACHE / "rehearsals" / hashlib.sha256(str(root).encode()).hexdigest()[:16]


def _key(stage: Stage) -> str:
    return f"{stage.key} {stage.home_is_decided} {stage.entry_is_decided}"


@contextmanager
def lent_layer(stage: Stage) -> Iterator[Path]:
    """The payload and what it imports, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="desktop-layer-", ignore_cleanup_errors=True) as at:
        layer = Path(at).resolve()
        for name, source in payload_files().items():
            if name == "launch.py" or name.startswith("desktop_runtime/"):
                (layer / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, layer / name)
        shutil.copytree(_packages(stage), layer / PACKAGES)
        yield layer


def _packages(stage: Stage) -> Path:
    """What the runtime imports, installed once for each Python and server."""
    own = payload_files()
    pinned = [own[name].read_bytes() for name in runtime_requirements(stage.settings)]
    wanted = b"".join(pinned) + stage.interpreter.version.encode()
    kept = environment.CACHE / "runtime" / hashlib.sha256(wanted).hexdigest()[:16]
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
            names = runtime_requirements(stage.settings)
            install_pins(Path(scratch), stage.interpreter, names)
            with suppress(OSError):  # another survey was faster
                Path(scratch, PACKAGES).rename(kept)
    return kept
