"""Which file in app data belongs to which database alias."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from . import first_run, versions
from .data import read_json
from .recovery import DEFAULT_DATABASE


def file_names(aliases: Iterable[str], app_data: Path) -> dict[str, str]:
    """A file name for each alias, no two alike where upper and lower case are the same.

    What an installation has stays: as the last good start noted it, or, before 1.1, by the alias
    alone, although `a-b` and `a_b` then share a file.
    """
    record = read_json(app_data / versions.RECORD)
    noted = (record or {}).get("databases", {})
    is_old = record is None and (app_data / DEFAULT_DATABASE).exists()
    is_old = is_old and not os.path.lexists(app_data / first_run.MARKER)
    names = {"default": DEFAULT_DATABASE}
    for alias in aliases:
        if alias == "default":
            continue
        plain = re.sub(r"\W", "_", alias) + ".sqlite3"
        own = f"{plain[:-8]}-{hashlib.sha256(alias.encode()).hexdigest()[:8]}.sqlite3"
        taken = {name.lower() for name in [*names.values(), *noted.values()]}
        shares = is_old and not (app_data / own).exists()
        names[alias] = noted.get(alias) or (plain if shares or plain.lower() not in taken else own)
    return names
