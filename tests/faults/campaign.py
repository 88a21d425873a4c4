"""All faults in one table, and what came of each."""

from __future__ import annotations

import random
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import disks, files, killing, windows
from .faults import Fault
from .scene import Outcome, Places, Scene

FAULTS: tuple[Fault, ...] = (*killing.FAULTS, *windows.FAULTS, *files.FAULTS, *disks.FAULTS)


@dataclass
class Row:
    """What the campaign found about one fault."""

    fault: str
    right: str
    times: int = 0
    survived: int = 0
    lost: int = 0
    left: int = 0
    worst: float = 0.0
    kills: int = 0
    wrong: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    not_run: str = ""

    def add(self, fault: Fault, outcome: Outcome) -> None:
        """Count one more time."""
        self.times += 1
        self.kills += fault.kills
        self.lost += outcome.lost
        self.left += outcome.left
        self.worst = max(self.worst, round(outcome.seconds, 1))
        if outcome.what in fault.right and not outcome.lost and not outcome.left:
            self.survived += 1
            return
        what = outcome.what if outcome.what not in fault.right else "rows lost or left over"
        self.wrong = dict(Counter(self.wrong) + Counter([what]))
        if outcome.notes and len(self.notes) < 3:
            self.notes.append(" ".join(outcome.notes).strip()[-600:])

    @property
    def good(self) -> bool:
        """Whether every time was right."""
        return self.survived == self.times


def run(
    payload: Path,
    faults: Iterable[Fault],
    times: Callable[[Fault], int],
    *,
    seed: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Do every fault as often as `times` says; returns one row for each."""
    chance = random.Random(seed)
    rows = []
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        root.chmod(0o755)  # another user must fail at the app data folder, not above it
        places = Places(root, payload)
        for number, fault in enumerate(faults):
            rows.append(judge(fault, times(fault), places, root / f"scene-{number}", chance))
            say(said(rows[-1]))
    return rows


def judge(fault: Fault, times: int, places: Places, folder: Path, chance: random.Random) -> Row:
    """Do one fault that often."""
    row = Row(fault.name, " or ".join(fault.right), not_run=fault.needs())
    scene = None
    for number in range(0 if row.not_run else times):
        if scene is None or not fault.same_folder:
            scene = Scene(places, folder / str(number), chance)
        row.add(fault, _outcome(fault, scene))
    return row


def said(row: Row) -> str:
    """One line of progress."""
    if row.not_run:
        return f"{row.fault}: not run here: {row.not_run}"
    found = "right" if row.good else f"WRONG {row.wrong}"
    return f"{row.fault}: {row.survived} of {row.times}, {found}"


def _outcome(fault: Fault, scene: Scene) -> Outcome:
    try:
        return fault.inject(scene)
    except Exception as error:  # a fault that breaks the campaign is a finding of its own
        return Outcome(f"{type(error).__name__}", notes=[traceback.format_exc()[-500:]])
    finally:
        scene.end_all()


def as_json(rows: Iterable[Row]) -> list[dict[str, object]]:
    """The rows for a file."""
    return [asdict(row) for row in rows]


def from_json(rows: Iterable[dict[str, object]]) -> list[Row]:
    """The rows of a file."""
    return [Row(**row) for row in rows]  # type: ignore[arg-type]
