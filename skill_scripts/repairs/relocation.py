"""Which variables and settings may move to app data what a project writes into its own folder."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from skill_scripts.probe.facts import Facts
from skill_scripts.project.files import Project

SAYS_FOLDER = frozenset({"DIR", "DIRECTORY", "FOLDER", "HOME", "PATH", "ROOT"})
SAYS_FILES = frozenset(
    {"CACHE", "DATA", "FILES", "INDEX", "LOG", "LOGS", "MEDIA", "STATIC", "STORAGE"}
)
NEVER = re.compile(r"(PYTHON|XDG_|LC_|VIRTUAL_ENV|DJANGO_SETTINGS_MODULE|HOME$|PATH$|TMPDIR$).*")


def proposals(project: Project, facts: Facts) -> Iterator[tuple[str, str, str]]:
    """What to try, as table of [django], name and value: the project's variables first.

    A variable counts if the project's source names it and it was asked for in vain; a setting
    if its value is a path that was written to.
    """
    if not facts.writes:
        return
    written = set(re.findall(r"[A-Z0-9]+", " ".join(facts.writes).upper()))
    wanted = [
        name
        for name in facts.absent_variables
        if name.isupper() and not NEVER.match(name) and _likeliness(name, written)
    ]
    wanted.sort(key=lambda name: -_likeliness(name, written))
    if wanted:
        named = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in wanted))
        texts = map(project.source, project.python_files())
        found = {name for text in texts for name in named.findall(text)}
        for name in filter(found.__contains__, wanted):
            yield "env", name, "{app_data}/" + _folder_name(name)
    settings = Path(facts.settings_file or project.root)
    for name, value in facts.folders.items():
        path = Path(value)
        if not path.is_relative_to(project.root) or settings.is_relative_to(path):
            continue
        relative = PurePosixPath(path.relative_to(project.root).as_posix())
        if any(PurePosixPath(each).is_relative_to(relative) for each in facts.writes):
            yield "set", name, "{app_data}/" + path.name


def _likeliness(variable: str, written: set[str]) -> int:
    """How much the words of a variable's name speak for it: SHOP_DATA_DIR for data/ most."""
    words = {*variable.split("_")}
    return 2 * bool(words & written) + bool(words & SAYS_FOLDER) + bool(words & SAYS_FILES)


def _folder_name(variable: str) -> str:
    return re.sub(r"_(DIR|PATH|ROOT|FOLDER)$", "", variable).lower().replace("_", "-")
