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

    `person` is signed in without a password, nobody if "". Raises KitError DDK-IMP-13 if the app
    does not start on the data.
    """
    progress("visiting the app's pages")
    shutil.copytree(
        data, scratch / "app_data", ignore=lambda at, _: [UPLOADS] if Path(at) == data else []
    )
    if (data / UPLOADS).is_dir():
        shutil.copytree(data / UPLOADS, scratch / "app_data" / UPLOADS, copy_function=_link)
    stage = Stage.of(root).deciding(
        Decision(("login", "user"), person),
        Decision(("login", "create"), False),
        Decision(("login", "first_account"), False),
        Decision(("data", "first_run"), []),
    )
    with stage.start(scratch, progress) as start:
        if start.failure:
            text = f"the app does not start on them: {start.failure.message}"
            raise KitError("DDK-IMP-13", text)
        return _visited(start, stage.settings["app"]["home"])


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
