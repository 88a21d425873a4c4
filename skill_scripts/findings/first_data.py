"""What a project brings for a new installation: fixtures, setup commands, translations."""

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from skill_scripts.findings.finding import DECIDE, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.project import git
from skill_scripts.project.files import DEMONSTRATIONS, NOT_THE_PROJECT, Project

FIXTURE_ENDINGS = (".json", ".jsonl", ".xml", ".yaml", ".yml")
FIRST_DATA = re.compile(r"(initial|default|seed|base|demo|sample|setup|start)", re.IGNORECASE)
GROUPS = "auth.group"  # what the first user may be put into
SETS_UP = re.compile(
    r"(setup|init|bootstrap|seed|populate)(_|$|data|db)"
    r"|(create|load|import|install)_(default|initial|demo|seed|sample)"
)
DEMONSTRATES = re.compile(r"demo|sample|example|fake|dummy|test|populate|seed", re.IGNORECASE)


class Preparation(NamedTuple):
    """A fixture or command that the project has for a new database."""

    command: tuple[str, ...]  # as in [data] first_run; () for nothing
    place: str

    @property
    def is_demonstration(self) -> bool:
        """Whether its name says that it brings rows to play with."""
        return any(map(DEMONSTRATES.search, self.command[-1:]))


def preparations(project: Project) -> list[Preparation]:
    """What the project has for a new database, fixtures first."""
    fixtures, commands = [], []
    for path in _own_paths(project):
        if path.parent.name == "fixtures" and path.suffix in FIXTURE_ENDINGS:
            if FIRST_DATA.match(path.stem) or GROUPS in project.source(path.as_posix()):
                fixtures.append(Preparation(("loaddata", path.stem), path.as_posix()))
        elif path.parent.parts[-2:] == ("management", "commands") and SETS_UP.match(path.stem):
            commands.append(Preparation((path.stem,), path.as_posix()))
    return fixtures + commands


def _own_paths(project: Project) -> Iterator[PurePosixPath]:
    for path in map(PurePosixPath, project.files):
        if (NOT_THE_PROJECT | DEMONSTRATIONS).isdisjoint(path.parts):
            yield path


def read_preparations(survey: Survey) -> Iterator[Finding]:
    """Findings on what belongs into [data] first_run, and on what must be built before."""
    project, facts = survey.project, survey.facts
    files = frozenset(project.files)
    catalogues = [
        path
        for path in _own_paths(project)
        if path.suffix == ".po" and path.with_suffix(".mo").as_posix() not in files
    ]
    found = preparations(project)
    wanted = [[*each.command] for each in found]
    yield from _hidden_migrations(project)
    installed = facts.installed_apps
    if any(name.split(".")[0] == "statici18n" for name in installed):
        wanted.append(["compilejsi18n"])
    is_decided = survey.draft["data"]["first_run"] or ("data", "first_run") in survey.decided
    if wanted and not is_decided:
        names = ", ".join(" ".join(command) for command in wanted[:5])
        yield Finding(
            "first-run-commands",
            DECIDE,
            f"for a new database the project brings: {names}",
            "if a new installation needs them (in this order): "
            f"--set 'data.first_run={json.dumps(wanted)}'; those that need a user: "
            "data.first_run_after_login",
            next((each.place for each in found), ""),
        )
    if catalogues:
        yield Finding(
            "translations",
            DECIDE,
            f"{len(catalogues)} translations are not compiled, so pages are in the source language",
            "run `manage.py compilemessages` (needs gettext); if git ignores the .mo files, ship "
            "them: --set 'stage.include=[\"FOLDER/locale\"]'",
            catalogues[0].as_posix(),
        )


def _hidden_migrations(project: Project) -> Iterator[Finding]:
    """Migrations that git ignores: the developer has them, a clone and a bundle do not."""
    migrations = [
        name
        for name in project.python_files()
        if PurePosixPath(name).parent.name == "migrations" and not name.endswith("__init__.py")
    ]
    if hidden := git.only_on_disk(project.root, migrations):
        folders = sorted({PurePosixPath(name).parent.as_posix() for name in hidden})
        yield Finding(
            "no-migrations",
            DECIDE,
            f"git ignores migrations in {', '.join(folders)}: a bundle would make these tables as "
            "the models are now, and never change them",
            f"commit them, or ship them: --set 'stage.include={json.dumps(folders)}'",
            hidden[0],
        )
