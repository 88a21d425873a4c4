"""One thing about a project that matters on a desktop, and how much it matters."""

from dataclasses import asdict, dataclass

FINE, HANDLED, DECIDE, BLOCKED = "fine", "handled", "decide", "blocked"
SEVERITIES = (BLOCKED, DECIDE, HANDLED, FINE)  # as they are shown


@dataclass(frozen=True)
class Finding:
    """One thing about the project that matters on a desktop."""

    id: str
    severity: str
    what: str
    do: str = ""  # what was done about it, or the exact option that decides it
    place: str = ""  # file:line in the project

    def as_dict(self) -> dict[str, str]:
        """The finding as --json prints it."""
        return asdict(self)
