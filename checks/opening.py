"""The first two pictures of a report: the target on its authors' own server, and as an app."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from checks.target import TargetError

NOT_ASKED = "The project's own server was not looked at: desktop-django check does that."


@dataclass(frozen=True)
class OwnPage:
    """How the first page looks on the project's own server."""

    picture: str = ""
    """A PNG in base64; empty where there is none."""
    why_not: str = NOT_ASKED


def own_page(file: Path | None) -> OwnPage:
    """What `desktop-django check` has written about it. Raises TargetError when it is something
    else."""
    if file is None:
        return OwnPage()
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not found["picture"]:
            why = f"There is no picture of the project's own server: {found['why_not']}"
            return OwnPage(why_not=why)
        content = file.with_name(found["picture"]).read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TargetError(
            13, f"{file} cannot be read: {type(error).__name__}: {error}",
            "it tells nothing about the project's own server.", "leave --own-page out.",
        ) from error  # fmt: skip
    return OwnPage(base64.b64encode(content).decode(), "")
