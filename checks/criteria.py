"""The numbered criteria, read from SPEC.md: the document is the only list of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

VERSIONS = ("1.0", "1.1")
HEADING = re.compile(r"^### (?P<id>[A-Z]{3}-\d+) · (?P<level>MUST|SHOULD) · (?P<profile>\w+)$")
FIELD = re.compile(r"^- (?P<name>Why|Source|Check|Stage|Platforms|Since): (?P<value>.+)$")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One numbered sentence of the specification."""

    id: str
    level: str
    profile: str
    text: str
    why: str
    how: str
    stages: tuple[str, ...]
    platforms: tuple[str, ...]
    source: str = ""
    since: str = VERSIONS[0]

    @property
    def docs(self) -> str:
        """Where a person reads more, relative to the kit."""
        return f"docs/reference/criteria.md#{self.id.lower()}"


def spec_path() -> Path:
    """SPEC.md: beside this module in an installed kit, else at the root of the checkout."""
    here = Path(__file__).resolve().parent
    packaged = here / "SPEC.md"
    return packaged if packaged.is_file() else here.parent / "SPEC.md"


def load(path: Path | None = None) -> dict[str, Criterion]:
    """The criteria by id, in the order of the document.

    Raises ValueError when a criterion is incomplete or given twice.
    """
    criteria: dict[str, Criterion] = {}
    for heading, lines in _sections((path or spec_path()).read_text(encoding="utf-8")):
        fields = {m["name"]: m["value"] for line in lines if (m := FIELD.match(line))}
        text = " ".join(line for line in lines if line and not line.startswith(("- ", "#")))
        missing = {"Why", "Check", "Stage", "Platforms"} - fields.keys()
        if missing or not text:
            raise ValueError(f"{heading['id']} lacks {', '.join(sorted(missing)) or 'its text'}")
        if heading["id"] in criteria:
            raise ValueError(f"{heading['id']} is given twice")
        criteria[heading["id"]] = Criterion(
            id=heading["id"],
            level=heading["level"],
            profile=heading["profile"],
            text=text,
            why=fields["Why"],
            how=fields["Check"],
            stages=tuple(fields["Stage"].split(", ")),
            platforms=tuple(fields["Platforms"].split(", ")),
            source=fields.get("Source", ""),
            since=fields.get("Since", VERSIONS[0]),
        )
    return criteria


def _sections(text: str) -> list[tuple[re.Match[str], list[str]]]:
    sections: list[tuple[re.Match[str], list[str]]] = []
    inside = False
    for line in text.splitlines():
        if heading := HEADING.match(line):
            sections.append((heading, []))
            inside = True
        elif line.startswith("#"):
            inside = False
        elif inside:
            sections[-1][1].append(line)
    return sections
