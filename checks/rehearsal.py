"""What a rehearsal has seen: pages and files that the target's own server cannot answer either."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

from checks.target import TargetError


def own_faults(file: Path | None) -> frozenset[str]:
    """Their paths, without a query; none without a file. Raises TargetError when it is no result
    of a rehearsal."""
    if file is None:
        return frozenset()
    try:
        pages = json.loads(file.read_text(encoding="utf-8"))["pages"]
        return frozenset(urlsplit(each["path"]).path for each in pages if each["is_own_fault"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TargetError(
            12, f"{file} cannot be read: {type(error).__name__}: {error}",
            "it is no result of a rehearsal.", "leave --rehearsal out, or run adapt again.",
        ) from error  # fmt: skip
