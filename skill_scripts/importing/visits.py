"""A look at the app's pages on the data that were brought in: on a copy, which is thrown away."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from skill_scripts.desktop_toml import Decision
from skill_scripts.errors import KitError
from skill_scripts.findings.surveyed import Progress
from skill_scripts.rehearsal.rehearse import Stage
from skill_scripts.rehearsal.start import Start
from skill_scripts.rehearsal.visitor import Visitor

MOST_PAGES = 12
SECONDS = 60
UPLOADS = "media"


@dataclass(frozen=True)
class Visit:
    """What a page answered."""

    page: str
    status: int  # 0: nothing came in time
    error: str  # of the project's own, "" without one

    @property
    def is_good(self) -> bool:
        """Whether a person sees what was meant."""
        return 0 < self.status < 500


def visit(
    root: Path, data: Path, scratch: Path, person: str, progress: Progress
) -> tuple[Visit, ...]:
    """Start the app on a copy of `data` and open its first page and those that it leads to.

    `person` is signed in without a password, where the app lets somebody be. Raises KitError
    DDK-IMP-13 if it does not start on the data.
    """
    failures = []
    for number, who in enumerate(dict.fromkeys([person, ""])):
        progress("visiting the app's pages")
        place = scratch / str(number)
        _copy(data, place / "app_data")
        stage = Stage.of(root).deciding(
            Decision(("login", "user"), who),
            Decision(("login", "create"), False),
            Decision(("login", "first_account"), False),
            Decision(("data", "first_run"), []),
            Decision(("workers",), []),  # a task that waits in the data is not done on a copy
        )
        with stage.start(place, progress) as start:
            if not start.failure:
                return _visited(start, stage.settings["app"]["home"])
            failures.append(start.failure.message)
    raise KitError("DDK-IMP-13", f"the app does not start on them: {failures[-1]}")


def _copy(data: Path, copy: Path) -> None:
    def uploads(folder: str, _: list[str]) -> list[str]:
        return [UPLOADS] if Path(folder) == data else []

    shutil.copytree(data, copy, ignore=uploads)
    if (data / UPLOADS).is_dir():
        shutil.copytree(data / UPLOADS, copy / UPLOADS, copy_function=_link)


def _link(source: str, target: str) -> None:
    """An upload takes no room twice; storages write new files and do not change what is there."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _visited(start: Start, home: str) -> tuple[Visit, ...]:
    visitor = Visitor(start.origin, start.token, SECONDS)
    try:
        first = visitor.open(home)
        paths = [each for each in visitor.linked(visitor.document(first)) if each != home]
        answers = [first]
        answers += [visitor.open(each) for each in paths[: MOST_PAGES - 1] if visitor.has_time]
    finally:
        visitor.close()
    raised = {each.page: each.text for each in start.raised}
    return tuple(Visit(each.path, each.status, raised.get(each.place, "")) for each in answers)
