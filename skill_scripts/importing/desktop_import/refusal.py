"""Why nothing is imported, and the rows that are the reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MOST_SHOWN = 20


class RefusedError(Exception):
    """Raised when the import cannot be whole; `code` is one of the kit's."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details


@dataclass(frozen=True)
class Problem:
    """A row that cannot be carried over; never with the value, which may be private."""

    model: str
    key: str
    field: str  # "" where the database does not say which
    value: str  # the class of the value
    why: str

    def __str__(self) -> str:
        field = f".{self.field}" if self.field else ""
        value = f" ({self.value})" if self.value else ""
        return f"{self.model}{field}, key {self.key}{value}: {self.why}"


class Problems:
    """The problems so far: all are counted, the first are shown."""

    def __init__(self) -> None:
        self.count = 0
        self.shown: list[Problem] = []

    def add(self, problem: Problem) -> None:
        """Note one more."""
        self.count += 1
        if len(self.shown) < MOST_SHOWN:
            self.shown.append(problem)

    def refuse(self, code: str, what: str) -> None:
        """Raise RefusedError if there are any."""
        if self.count:
            raise RefusedError(code, listed(what, self.shown, self.count),
                          rows=[asdict(each) for each in self.shown], count=self.count)  # fmt: skip


def listed(what: str, shown: list[Any], count: int) -> str:
    """One message of several lines."""
    lines = [f"{count} {what}", *(f"  {each}" for each in shown[:MOST_SHOWN])]
    if count > len(shown[:MOST_SHOWN]):
        lines.append(f"  and {count - MOST_SHOWN} more")
    return "\n".join(lines)
