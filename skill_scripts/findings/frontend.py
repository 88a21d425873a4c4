"""What is to be done about a front end that the repository does not hold."""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from skill_scripts.dependencies.packages import PACKAGES
from skill_scripts.desktop_toml import Decision
from skill_scripts.findings.finding import DECIDE, HANDLED, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.project.files import DEMONSTRATIONS, NOT_THE_PROJECT, Project

# App whose manifest is written by a build → finding.
LOADERS = {each.modules[0]: each.front_end for each in PACKAGES.values() if each.front_end}
# Lock file → the command that installs exactly what it names.
INSTALL = {
    "package-lock.json": ["npm", "ci", "--no-audit", "--no-fund"],
    "npm-shrinkwrap.json": ["npm", "ci", "--no-audit", "--no-fund"],
    "yarn.lock": ["yarn", "install", "--frozen-lockfile"],
    "pnpm-lock.yaml": ["pnpm", "install", "--frozen-lockfile"],
}
# A window has its own icon: a page without one looks as it should.
OTHER_PAGES = "other pages"  # the key of a finding about them, until they are seen
ICON = re.compile(r"favicon|apple-touch-icon|mstile|browserconfig|\.webmanifest$", re.IGNORECASE)
INSTALL_WITHOUT_LOCK = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]


def judge_build(survey: Survey) -> Iterator[Finding | Decision]:
    """What is to be done about a front end that the repository does not hold.

    The commands of the project's own build are decided on where the pages need its result.
    """
    project, facts = survey.project, survey.facts
    if survey.draft["frontend"]["build"] or ("frontend", "build") in survey.decided:
        return
    missing = [name for name in facts.static_missing if not ICON.search(name)]
    apps = facts.installed_apps
    loader = next((name for name in LOADERS if any(app.startswith(name) for app in apps)), "")
    served = [name for name in facts.static_packages if not (project.root / name).exists()]
    file = _package_file(project, served)
    if not file:
        if loader:
            what = f"{loader} reads the result of a build that no package.json declares"
            yield Finding(LOADERS[loader], DECIDE, what, "build it before the app is started")
        elif missing:
            names = ", ".join(missing[:3]) + (" …" if len(missing) > 3 else "")
            what = f"the first page wants {names}: not there, and no package.json declares a build"
            do = 'if something makes it: --set \'frontend.build=[["COMMAND", "WORD"]]\''
            yield Finding("frontend-build", DECIDE, what, do)
        return
    commands = _commands(project, file)
    option = f"--set 'frontend.build={json.dumps(commands)}'"
    if served:
        option += f" --set 'frontend.packages={json.dumps(served)}'"
    declares = f"{file} declares {'packages' if len(commands) == 1 else 'a build'}"
    if not missing and not loader:
        what = f"{declares}; the first page has all its files without it"
        do = f"if other pages need its result: {option}"
        yield Finding("frontend-build", DECIDE, what, do, file, key=OTHER_PAGES)
        return
    why = f"{missing[0]} is not there" if missing else f"{loader} reads its result"
    what = f"{declares}, and {why}"
    if absent := sorted({words[0] for words in commands if not shutil.which(words[0])}):
        do = f"install {', '.join(absent)}, then adapt again: {option}"
        yield Finding("frontend-build", DECIDE, what, do, file)
        return
    yield Decision(("frontend", "build"), commands)
    yield Decision(("frontend", "packages"), served)
    shown = "; ".join(" ".join(words) for words in commands)
    do = f"adapt runs it in a copy of the project and brings over what it makes: {shown}"
    yield Finding("frontend-build", HANDLED, what, do, file)


def _package_file(project: Project, served: Sequence[str]) -> str:
    """The shallowest package.json with a build of its own or with packages that are `served`.

    "" if there is none.
    """
    needed = {(PurePosixPath(name).parent / "package.json").as_posix() for name in served}
    found = sorted(package_files(project), key=lambda name: name not in needed)
    return next((name for name in found if name in needed or _declares_build(project, name)), "")


def package_files(project: Project) -> list[str]:
    """The package.json of the project, the shallowest first."""
    found = [
        name
        for name in project.files
        if PurePosixPath(name).name == "package.json"
        and (NOT_THE_PROJECT | DEMONSTRATIONS).isdisjoint(PurePosixPath(name).parts)
        and name.count("/") <= 2
    ]
    return sorted(found, key=lambda name: (name.count("/"), name))


def _declares_build(project: Project, file: str) -> bool:
    try:
        scripts = json.loads(project.source(file)).get("scripts")
    except (ValueError, AttributeError, RecursionError):
        return False
    return isinstance(scripts, dict) and bool(scripts.get("build"))


def _commands(project: Project, file: str) -> list[list[str]]:
    """How the packages are installed and the build is run, for [frontend] build."""
    install = install_command(project, file)
    if not _declares_build(project, file):
        return [install]
    return [install, [install[0], *_where(install[0], file), "run", "build"]]


def install_command(project: Project, file: str) -> list[str]:
    """How the packages of a package.json are installed."""
    folder, files = PurePosixPath(file).parent, frozenset(project.files)
    lock = next((name for name in INSTALL if (folder / name).as_posix() in files), "")
    install = INSTALL.get(lock, INSTALL_WITHOUT_LOCK)
    if not shutil.which(install[0]):
        install = INSTALL_WITHOUT_LOCK
    return [install[0], *_where(install[0], file), *install[1:]]


def _where(tool: str, file: str) -> list[str]:
    folder = PurePosixPath(file).parent
    return [] if folder == PurePosixPath() else _in_folder(tool, folder)


def _in_folder(tool: str, folder: PurePosixPath) -> list[str]:
    option = {"npm": "--prefix", "yarn": "--cwd", "pnpm": "--dir"}[tool]
    return [option, folder.as_posix()]
