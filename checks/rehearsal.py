"""What a rehearsal has seen: pages, files and forms that the target's own server cannot answer
either."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from checks.target import TargetError


def own_faults(file: Path | None) -> frozenset[str]:
    """Their paths, without a query, those that forms are sent to after `POST `; none without a
    file. Raises TargetError when it is no result of a rehearsal."""
    if file is None:
        return frozenset()
    try:
        pages = json.loads(file.read_text(encoding="utf-8"))["pages"]
        return frozenset(_named(each) for each in pages if each["is_own_fault"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TargetError(
            12, f"{file} cannot be read: {type(error).__name__}: {error}",
            "it is no result of a rehearsal.", "leave --rehearsal out, or run adapt again.",
        ) from error  # fmt: skip


def _named(page: dict[str, Any]) -> str:
    path = urlsplit(page["path"]).path
    return f"POST {path}" if page.get("form_on") else path
