"""Takes another settings module where manage.py names none, or one that is not there."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from skill_scripts.findings.finding import DECIDE, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import Failure
from skill_scripts.project import git
from skill_scripts.project.files import Project, settings_of_server
from skill_scripts.repairs.missing import missing_module


@dataclass(frozen=True)
class SettingsModule:
    """A settings module, and why it is taken."""

    name: str
    why: str
    candidates: tuple[str, ...]

    def apply(self, survey: Survey) -> None:
        """Enter it into [django] settings."""
        survey.draft["django"]["settings"] = self.name

    def finding(self, survey: Survey) -> Finding:
        """What is used."""
        return Finding(
            "settings-module",
            DECIDE,
            f"{self.why} = {self.name}",
            f"if another is meant: --set django.settings=NAME ({', '.join(self.candidates)})",
            key=self.why,
        )


def take_another(survey: Survey, failure: Failure) -> SettingsModule | None:
    """Another settings module where the one that manage.py names is not in the repository."""
    if survey.draft["django"]["settings"] and ("django", "settings") in survey.decided:
        return None
    module = missing_module(failure)
    named = survey.facts.settings_module or survey.project.settings
    if not module or not named or not (named == module or named.startswith(f"{module}.")):
        return None
    if any(_is_module(name, module) for name in survey.project.files):
        return None
    candidates = _settings_modules(survey.project, named)
    tried = survey.draft["django"]["settings"]
    remaining = candidates[candidates.index(tried) + 1 :] if tried in candidates else candidates
    if not remaining:
        return None
    why = f"{named} is not in the repository; used instead"
    return SettingsModule(remaining[0], why, tuple(candidates))


def is_open(survey: Survey, failure: Failure) -> bool:
    """Whether manage.py leaves the choice of settings to the environment."""
    facts = survey.facts
    return not facts.settings_module and facts.step == "manage" and not missing_module(failure)


def choose(survey: Survey, failure: Failure) -> SettingsModule | None:
    """Settings for a manage.py that leaves the choice to the environment."""
    if not is_open(survey, failure) or survey.draft["django"]["settings"]:
        return None
    project = survey.project
    candidates = _settings_modules(project, "")
    chosen = settings_of_server(project.root, project.files) or next(iter(candidates), "")
    if not chosen:
        return None
    why = f"{project.manage} leaves the settings module to the environment; used"
    return SettingsModule(chosen, why, tuple(candidates))


def ignored_settings(survey: Survey) -> Finding | None:
    """The finding for a settings module that git ignores: it is on this computer only."""
    project, file = survey.project, Path(survey.facts.settings_file or "/")
    if not file.is_relative_to(project.root):
        return None
    name = file.relative_to(project.root).as_posix()
    if not git.only_on_disk(project.root, [name]):
        return None
    named = survey.facts.settings_module
    others = [each for each in _settings_modules(project, named) if each != named]
    return Finding(
        "settings-module",
        DECIDE,
        f"{named} is a file that git ignores: it is in no clone and in no bundle",
        f"choose one that is committed: --set django.settings=NAME ({', '.join(others)})",
        name,
    )


def _settings_modules(project: Project, named: str) -> list[str]:
    """Settings modules near the missing one, most likely first."""
    package = named.rpartition(".")[0].replace(".", "/")
    order = (
        "desktop",
        "local",
        "dev",
        "development",
        "base",
        "settings",
        "common",
        "production",
        "prod",
    )
    found = []
    for name in project.python_files():
        path = PurePosixPath(name)
        near = package and (name.startswith(f"{package}/") or f"/{package}/" in name)
        if path.stem in order and (near or path.stem == "settings" or "settings" in path.parts):
            found.append(path)
    found.sort(key=lambda path: (order.index(path.stem), len(path.parts)))
    base, files = PurePosixPath(project.manage).parent, frozenset(project.files)
    while base.name and (base / "__init__.py").as_posix() in files:  # manage.py in the package
        base = base.parent
    return [
        ".".join(
            (path.relative_to(base) if path.is_relative_to(base) else path).with_suffix("").parts
        )
        for path in found
    ]


def _is_module(name: str, module: str) -> bool:
    path = module.replace(".", "/")
    return f"/{name}".endswith((f"/{path}.py", f"/{path}/__init__.py"))
