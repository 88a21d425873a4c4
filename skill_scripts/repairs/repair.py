"""Takes away what stops a project from loading, one thing at a time.

A variable gets a value, a module a folder or a package; always in the draft of desktop.toml or in
an environment of ours, never in the project.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from skill_scripts.dependencies.environment import BUILT_ALTERNATIVE, COMPLETE, make_environment
from skill_scripts.errors import KitError
from skill_scripts.findings.finding import DECIDE, HANDLED, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.project import git
from skill_scripts.project.files import Project, settings_of_server
from skill_scripts.repairs import missing
from skill_scripts.repairs.mismatch import GONE_FROM_PYTHON, Mismatch, find_mismatch

# Packages from before the first Python that our runtime knows have no wheels for it.
FIRST_WHEELS = "2022-10-24"
RECENT_DAYS = 60


def repair(result: Survey, failure: dict[str, Any]) -> Finding | None:
    """Change the draft, or the private environment, so that the next run comes further."""
    place = f"{failure['file']}:{failure['line']}" if failure["file"] else ""
    variables = result.draft["django"]["env"]
    name, module = missing.missing_variable(failure), missing.missing_module(failure)
    if not name and not module:
        name = missing.variable_meant(failure, result.facts.get("absent_variables", []))
    if name and name not in variables:
        proposal = missing.propose_value(name)
        return _give_variable(result, name, proposal.value, proposal.certain, place)
    mismatch = find_mismatch(failure, result.facts, result.project.root)
    if module:
        repaired = (
            _other_settings(result, module)
            or _find_folder(result, module)
            or _older_python(result, module)
            or _install_module(result, module, place)
        )
        if repaired or _file_that_is_not_there(result.project, module):
            return repaired
        return _go_back_in_time(result, mismatch)
    if not result.facts.get("settings_module") and result.facts["step"] == "manage":
        return _first_settings(result)
    if name := missing.variable_at_fault(failure, variables):
        value = missing.next_value(variables[name])
        if value is not None:
            return _give_variable(result, name, value, False, place)
    return _go_back_in_time(result, mismatch)


def _give_variable(result: Survey, name: str, value: str, certain: bool, place: str) -> Finding:
    result.draft["django"]["env"][name] = value
    what = f"environment variable {name} is required = {value!r}"
    if certain:
        return Finding("variable", HANDLED, what, "set in desktop.toml", place)
    return Finding(
        "variable", DECIDE, what, f"if that is wrong: --set django.env.{name}=VALUE", place
    )


def _other_settings(result: Survey, module: str) -> Finding | None:
    """Another settings module where the one that manage.py names is not in the repository."""
    named = result.facts.get("settings_module") or result.project.settings
    if not named or not (named == module or named.startswith(f"{module}.")):
        return None
    if any(_is_module(name, module) for name in result.project.files):
        return None
    candidates = _settings_modules(result.project, named)
    tried = result.draft["django"]["settings"]
    remaining = candidates[candidates.index(tried) + 1 :] if tried in candidates else candidates
    if not remaining:
        return None
    result.draft["django"]["settings"] = remaining[0]
    return Finding(
        "settings-module",
        DECIDE,
        f"{named} is not in the repository; used instead = {remaining[0]}",
        f"if another is meant: --set django.settings=NAME ({', '.join(candidates)})",
    )


def _first_settings(result: Survey) -> Finding | None:
    """Settings for a manage.py that leaves the choice to the environment."""
    project, draft = result.project, result.draft["django"]
    candidates = _settings_modules(project, "")
    chosen = settings_of_server(project.root, project.files) or next(iter(candidates), "")
    if draft["settings"] or not chosen:
        return None
    draft["settings"] = chosen
    return Finding(
        "settings-module",
        DECIDE,
        f"{project.manage} leaves the settings module to the environment; used = {chosen}",
        f"if another is meant: --set django.settings=NAME ({', '.join(candidates)})",
    )


def ignored_settings(result: Survey) -> Finding | None:
    """The finding for a settings module that git ignores: it is on this computer only."""
    project, file = result.project, Path(result.facts.get("settings_file") or "/")
    if not file.is_relative_to(project.root):
        return None
    name = file.relative_to(project.root).as_posix()
    if not git.only_on_disk(project.root, [name]):
        return None
    named = result.facts["settings_module"]
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


def _find_folder(result: Survey, module: str) -> Finding | None:
    """The folder of the project from which the module can be imported, as for a src layout."""
    top = module.split(".")[0]
    if top != module:
        return None
    project, paths = result.project, result.draft["django"]["path"]
    here = PurePosixPath(project.manage).parent.as_posix()
    folders = {
        "/".join(parts[: parts.index(top)]) or "."
        for name in project.python_files()
        if top in (parts := (*PurePosixPath(name).with_suffix("").parts,))
    } - {here, *paths}
    if not folders:
        return None
    folder = min(folders, key=lambda each: (each.count("/"), len(each)))
    paths.append(folder)
    return Finding("import-folder", HANDLED, f"module {top} is in {folder}", "added to django.path")


def _install_module(result: Survey, module: str, place: str) -> Finding | None:
    """Install what provides the module, into an environment of ours only."""
    extra = result.draft["python"]["extra"]
    spare = result.declared.spare | {
        name: BUILT_ALTERNATIVE.get(name, name) for name in result.left_out
    }
    requirement = missing.distribution_for(module, spare)
    is_there = module.partition(".")[0] in result.facts.get("packages", {})
    if not result.made or is_there or not requirement or requirement in extra:
        return None
    try:
        # A version that was asked for stays, whatever the new package brings along; its own is
        # the one that did not install.
        requirements, constraints = result.declared.amended([*extra, requirement])
        result.made.add(requirement, [*constraints, *requirements, *extra])
    except KitError:
        return None
    extra.append(requirement)
    return undeclared(requirement, place)


def _older_python(result: Survey, module: str) -> Finding | None:
    """An interpreter that still has a module of the standard library."""
    gone = module.split(".")[0]
    version = GONE_FROM_PYTHON.get(gone)
    declared, wanted = result.declared, result.draft["python"]
    if not version or not result.made or f"<{version}" in declared.requires_python:
        return None
    before = declared.requires_python
    declared.requires_python = ",".join(filter(None, [before, f"<{version}"]))
    (result.made.folder / COMPLETE).unlink()
    try:
        result.made = make_environment(
            result.made.folder, declared, exclude=wanted["exclude"], extra=wanted["extra"]
        )
    except KitError:
        return None
    declared.requires_python = before
    result.made.gone = gone
    result.made.save()
    return without_newer_python(result)


def without_newer_python(result: Survey) -> Finding:
    """Keep the project to the Pythons that have the module its environment notes as gone."""
    assert result.made is not None
    declared, version = result.declared, GONE_FROM_PYTHON[result.made.gone]
    declared.requires_python = ",".join(filter(None, [declared.requires_python, f"<{version}"]))
    result.interpreter = result.made.interpreter
    return Finding(
        "older-python",
        HANDLED,
        f"module {result.made.gone} is gone from Python {version}",
        f"Python {result.interpreter.version} runs the project",
    )


def undeclared(requirement: str, place: str = "") -> Finding:
    """The finding for a package that is imported, but not installed with the project."""
    return Finding(
        "undeclared",
        HANDLED,
        f"{requirement} is imported, but not among what is installed for the project",
        "added to python.extra",
        place,
    )


def _go_back_in_time(result: Survey, mismatch: Mismatch | None) -> Finding | None:
    """Packages as they were when the project was last changed, where today's are too new."""
    moment = git.last_change(result.project.root)
    if not result.made or result.made.as_of or moment < FIRST_WHEELS or _is_recent(moment):
        return None
    wanted = result.draft["python"]
    try:
        result.made = make_environment(
            result.made.folder,
            result.declared,
            exclude=wanted["exclude"],
            extra=wanted["extra"],
            as_of=moment,
        )
    except KitError:
        return None
    result.interpreter = result.made.interpreter
    wanted["extra"] = [*result.made.added]
    return older_packages(moment, mismatch)


def older_packages(moment: str, mismatch: Mismatch | None = None) -> Finding:
    """The finding for an environment with packages as they were at that moment."""
    reason = f" ({mismatch.what})" if mismatch else ""
    instead = f"; or {mismatch.do}" if mismatch else ""
    return Finding(
        "too-new",
        DECIDE,
        f"today's versions of its packages do not work{reason}; those of {moment[:10]} are taken",
        f"python.extra pins them; pin them in the project, or bring it up to date{instead}",
    )


def _is_recent(moment: str) -> bool:
    """Whether packages have hardly changed since."""
    age = datetime.now(UTC) - datetime.fromisoformat(moment)
    return age < timedelta(days=RECENT_DAYS)


def remedy(result: Survey, failure: dict[str, Any]) -> str:
    """What would help a project that cannot be repaired from outside."""
    if mismatch := find_mismatch(failure, result.facts, result.project.root):
        where = "" if result.made else " (its environment is the project's own: install it there)"
        return f"{mismatch.what}; {mismatch.do}{where}"
    if module := missing.missing_module(failure):
        if its_own := _file_that_is_not_there(result.project, module):
            return its_own
        name = missing.distribution_for(module, {}) or "NAME"
        return (
            f"install what provides {module} in the project's environment, or, if it is "
            f"undeclared, name its package: --set 'python.extra=[\"{name}\"]'"
        )
    if name := missing.missing_variable(failure):
        return f"give the variable a value: --set django.env.{name}=VALUE"
    # Settings that do not load cannot be overridden.
    table = "env" if result.facts["step"] in ("manage", "settings") else "set"
    return f"correct it in the project, or give what it needs: --set django.{table}.NAME=VALUE"


def _file_that_is_not_there(project: Project, module: str) -> str:
    """What to do where the missing module is a file of the project itself; "" where it is not."""
    package, _, name = module.rpartition(".")
    folder = package.replace(".", "/")
    example = re.compile(rf"{re.escape(name)}[._-].*(example|sample|template|tmpl|dist|default)")
    models = [each for each in project.files if example.match(PurePosixPath(each).name)]
    if not models and not (folder and any(f"/{folder}/" in f"/{each}" for each in project.files)):
        return ""
    shown = f"; {models[0]} shows what it holds" if models else ", as its own documentation says"
    return (
        f"{module} is a file of the project that is not in its repository: make it{shown}. If git "
        "ignores it, --set 'stage.include=[\"FILE\"]' brings it into the bundle"
    )


def _is_module(name: str, module: str) -> bool:
    path = module.replace(".", "/")
    return f"/{name}".endswith((f"/{path}.py", f"/{path}/__init__.py"))
