"""The first page as the project's authors see it: their settings, `runserver`, a picture."""

import json
from contextlib import suppress
from pathlib import Path

from skill_scripts.errors import KitError
from skill_scripts.findings.surveyed import Progress
from skill_scripts.rehearsal import result
from skill_scripts.rehearsal.own_server import NotStartedError, OwnServer
from skill_scripts.rehearsal.picture import DrawingError, draw_own
from skill_scripts.rehearsal.rehearse import Stage

FILE_NAME = "own-page.json"
PICTURE = "own-page.png"


def own_page(root: Path, progress: Progress) -> Path | None:
    """The file that tells how the adapted project in `root` looks on its own server: "path",
    "picture" (a PNG beside it) and, where that is empty, "why_not". Made anew unless nothing has
    changed; None for a project that is not adapted, or where nothing can be written."""
    try:
        stage = Stage.of(root)
    except KitError:
        return None
    file, key = stage.keeps / FILE_NAME, stage.key
    with suppress(OSError, ValueError, AttributeError):
        if json.loads(file.read_text(encoding="utf-8")).get("key") == key:
            return file
    found = {"key": key, "path": stage.settings["app"]["home"], "picture": PICTURE, "why_not": ""}
    progress("looking at the first page on the project's own server")
    try:
        stage.keeps.mkdir(exist_ok=True)
        (stage.keeps / PICTURE).unlink(missing_ok=True)
        _draw(stage, stage.keeps / PICTURE)
    except (NotStartedError, DrawingError) as error:
        found |= {"picture": "", "why_not": str(error)}
    except OSError:
        return None
    file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8", newline="\n")
    return file


def _draw(stage: Stage, file: Path) -> None:
    kept = result.read(stage.keeps)
    rows = [kept.rows] if kept and kept.rows and not kept.rows_are_examples else []
    commands = stage.settings["data"]["first_run"] or rows
    with OwnServer(stage.project, stage.settings, stage.interpreter, commands) as own:
        draw_own(own.origin + stage.settings["app"]["home"], file)
