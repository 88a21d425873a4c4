"""Which variables and settings may move to app data what a project writes into its own folder."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from skill_scripts.desktop_toml import Decision
from skill_scripts.probe.facts import Facts
from skill_scripts.project.files import Project

SAYS_FOLDER = frozenset({"DIR", "DIRECTORY", "FOLDER", "HOME", "PATH", "ROOT"})
SAYS_FILES = frozenset(
    {"CACHE", "DATA", "FILES", "INDEX", "LOG", "LOGS", "MEDIA", "STATIC", "STORAGE"}
)
NEVER = re.compile(r"(PYTHON|XDG_|LC_|VIRTUAL_ENV|DJANGO_SETTINGS_MODULE|HOME$|PATH$|TMPDIR$).*")


def proposals(project: Project, facts: Facts) -> Iterator[tuple[str, str, str]]:
    """What to try, as table of [django], name and value: the project's variables first.

    A variable counts if the project's source names it and it was asked for in vain; a setting, or a
    place within one, if its value is a path that was written to.
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
    for name, folder in _folders(project, facts):
        if any(PurePosixPath(each).is_relative_to(folder) for each in facts.writes):
            yield "set", name, "{app_data}/" + folder.name


def attempts(project: Project, facts: Facts, writes: Sequence[str]) -> Iterator[list[Decision]]:
    """Decisions that may move what a start wrote, to be tried in turn: the settings that name it
    all together, then each of the project's variables."""
    proposed = [*proposals(project, facts.also(writes=tuple(writes)))]
    settings_named = {*named(project, facts, writes).values()}
    if settings := [each for each in proposed if each[0] == "set" and each[1] in settings_named]:
        yield [Decision(("django", *each[:2]), each[2]) for each in settings]
    for table, name, value in proposed:
        if table == "env":
            yield [Decision(("django", table, name), value)]


def named(project: Project, facts: Facts, writes: Iterable[str]) -> dict[str, str]:
    """What was written, each with the setting, or the place within one, that names its path; ""
    where none does."""
    folders = _folders(project, facts)

    def setting_of(written: str) -> str:
        path = PurePosixPath(written)
        return next((name for name, folder in folders if path.is_relative_to(folder)), "")

    return {each: setting_of(each) for each in writes}


def _folders(project: Project, facts: Facts) -> list[tuple[str, PurePosixPath]]:
    """Settings that name a path in the project, not that of its code; the deepest path first."""
    settings = Path(facts.settings_file or project.root)
    found = [
        (name, PurePosixPath(Path(value).relative_to(project.root).as_posix()))
        for name, value in facts.folders.items()
        if Path(value).is_relative_to(project.root) and not settings.is_relative_to(value)
    ]
    return sorted(found, key=lambda each: -len(each[1].parts))


def _likeliness(variable: str, written: set[str]) -> int:
    """How much the words of a variable's name speak for it: SHOP_DATA_DIR for data/ most."""
    words = {*variable.split("_")}
    return 2 * bool(words & written) + bool(words & SAYS_FOLDER) + bool(words & SAYS_FILES)


def _folder_name(variable: str) -> str:
    return re.sub(r"_(DIR|PATH|ROOT|FOLDER)$", "", variable).lower().replace("_", "-")
