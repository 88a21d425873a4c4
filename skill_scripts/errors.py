"""Every error a person can meet: one table of codes, one exception."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Text(NamedTuple):
    """What an error means and what helps; both may use the fields of the error's details."""

    meaning: str
    remedy: str


ERRORS: dict[str, Text] = {
    # SUR: reading a project
    "DDK-SUR-01": Text(
        "The path must be the folder of a Django project.",
        "Give the folder of the project: desktop-django survey FOLDER",
    ),
    "DDK-SUR-02": Text(
        "There is no manage.py here, and no wsgi.py or asgi.py that names a settings module.",
        "Give the folder of a Django project, or name the settings: --set django.settings=NAME",
    ),
    "DDK-SUR-03": Text(
        "Several manage.py could be the project's own, and guessing would adapt the wrong one.",
        "Name it: --manage {first}",
    ),
    "DDK-SUR-04": Text(
        "The path given with --manage is not a file inside the project.",
        "Give it relative to the project folder, for example --manage backend/manage.py",
    ),
    "DDK-SUR-05": Text(
        "A declaration of dependencies cannot be read, so its packages are unknown.",
        "Repair {file}, or name other files: --set 'python.requirements=[\"FILE\"]'",
    ),
    # ENV: interpreters and environments
    "DDK-ENV-01": Text(
        "The declared dependencies do not install on this machine.",
        "Leave a package out (--set 'python.exclude=[\"NAME\"]'), install what its build needs, "
        "or make an environment yourself in the project's .venv",
    ),
    "DDK-ENV-02": Text(
        "The desktop runtime needs Python 3.11 or newer, and the project does not run on one.",
        "Let the project run on Python 3.11 or newer (its declaration or its environment), "
        "then try again",
    ),
    "DDK-ENV-03": Text(
        "uv, which makes environments and installs packages, is missing or does not start.",
        "Install the kit again so that its dependency uv comes with it",
    ),
    "DDK-ENV-04": Text(
        "The interpreter that was named cannot be started.",
        "Give one relative to the project folder: --set python.interpreter=PATH",
    ),
    "DDK-ENV-05": Text(
        "No Python on this machine fits the project, and uv could not provide one.",
        "Install a Python that the project asks for, or make an environment in the project's .venv",
    ),
    # ADP: changing a project
    "DDK-ADP-01": Text(
        "Uncommitted changes would mix with what adapt adds.",
        "Commit or stash them, or say that it is fine: --allow-dirty",
    ),
    "DDK-ADP-02": Text(
        "This project carries the desktop layer of another version of the kit.",
        "Take it out and adapt again: desktop-django remove {root}, then desktop-django adapt "
        "{root} (desktop.toml stays if you changed it)",
    ),
    "DDK-ADP-03": Text(
        "A folder desktop-app is there already, but adapt did not make it.",
        "Rename or delete {folder}, then try again",
    ),
    "DDK-ADP-04": Text(
        "Nothing can be added to this project.",
        "Make the folder writable, or work on a copy",
    ),
    "DDK-ADP-05": Text(
        "The survey found something that the desktop layer cannot handle.",
        "Decide on each finding as it says, then try again",
    ),
    "DDK-ADP-06": Text(
        "Git would not see these files of the desktop layer, so a commit would lose them.",
        "Change the rule in {rule}, then try again",
    ),
    "DDK-ADP-07": Text(
        "A decision given with --set is not one that desktop.toml knows.",
        "Write KEY=VALUE with a key of desktop.toml and a TOML value, for example "
        "--set app.home=/start/",
    ),
    "DDK-ADP-08": Text(
        "desktop.toml does not have the form the runtime expects.",
        "Repair {file}; the reference page 'desktop.toml' lists every key",
    ),
    "DDK-ADP-09": Text(
        "There is no desktop layer of this kit here.",
        "Adapt the project first: desktop-django adapt {root}",
    ),
    "DDK-ADP-10": Text(
        "The record of what adapt added cannot be read, so nothing is removed by guess.",
        "Restore {file} from version control, or delete {folder} yourself",
    ),
    # STA: starting an adapted project
    "DDK-STA-01": Text(
        "The backend ended before it could serve.",
        "Read the project's own message above; its log files are in {app_data}/logs",
    ),
}


class KitError(Exception):
    """Raised when the work cannot be done for a reason the user can act on; nothing was written.

    `message` says what happened, `details` are machine-readable facts.
    The meaning and the remedy come from ERRORS, filled in from the details.
    """

    def __init__(self, code: str, message: str, remedy: str = "", **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details: Mapping[str, Any] = details
        text = ERRORS[code]
        self.meaning = text.meaning.format_map(_Fields(details))
        self.remedy = remedy or text.remedy.format_map(_Fields(details))

    def as_dict(self) -> dict[str, Any]:
        """The error as --json prints it."""
        return {
            "code": self.code,
            "message": self.message,
            "meaning": self.meaning,
            "remedy": self.remedy,
            "details": dict(self.details),
        }

    def __str__(self) -> str:
        return f"error {self.code}: {self.message}\n  means: {self.meaning}\n  do: {self.remedy}"


class _Fields(dict[str, Any]):
    """Details for a text; a field that is missing shows its own name instead of failing."""

    def __missing__(self, key: str) -> str:
        return key.upper()
