"""Finds out what a project is and what a desktop app of it needs, by running its settings.

Whatever stops the project from loading is taken away one thing at a time (a variable gets a
value, a module a folder or a package) until it loads or nothing known helps. What had to be done
is in the draft of desktop.toml, and as a finding.
"""

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from skill_scripts import SPEC_VERSION, __version__, manifest, missing
from skill_scripts.declarations import Declarations, read_declarations
from skill_scripts.environment import (
    BUILT_ALTERNATIVE,
    PRIVATE,
    Interpreter,
    bytecode_flags,
    cache_folder,
    find_environment,
    install,
    make_environment,
)
from skill_scripts.errors import KitError
from skill_scripts.findings import (
    DECIDE,
    FINE,
    HANDLED,
    SEVERITIES,
    Finding,
    failed_to_load,
    judge,
)
from skill_scripts.payload import payload_folder
from skill_scripts.processes import clean_environment, run_bounded
from skill_scripts.project import Project, find_project
from skill_scripts.source import read_source_findings, static_facts

PROBE = Path(__file__).with_name("probe.py")
PROBE_LIMIT_SECONDS = 60
MOST_REPAIRS = 60

Progress = Callable[[str], None]


@dataclass
class Survey:
    """What is known about a project."""

    project: Project
    draft: manifest.Manifest
    declared: Declarations
    interpreter: Interpreter | None = None
    environment: str = ""  # own, private (in desktop-app) or cache (the user's cache folder)
    left_out: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def having(self, severity: str) -> list[Finding]:
        """The findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]

    def as_dict(self) -> dict[str, Any]:
        """The one JSON document of --json."""
        return {
            "kit": __version__,
            "spec": SPEC_VERSION,
            "project": {
                "root": str(self.project.root),
                "manage": self.project.manage,
                "files": len(self.project.files),
            },
            "python": {
                "interpreter": str(self.interpreter.python) if self.interpreter else "",
                "version": self.interpreter.version if self.interpreter else "",
                "environment": self.environment,
                "requires": self.declared.requires_python,
            },
            "dependencies": {
                "files": self.declared.files,
                "count": len(self.declared.requirements),
                "left_out": self.left_out,
                "ignored_lines": self.declared.ignored[:50],
            },
            "facts": {name: value for name, value in self.facts.items() if name != "search_path"},
            "manifest": self.draft,
            "findings": [finding.as_dict() for finding in self.findings],
            "counts": {severity: len(self.having(severity)) for severity in SEVERITIES},
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def survey(
    path: Path,
    *,
    manage: str = "",
    decisions: Iterable[str] = (),
    private_environment: Path | None = None,
    progress: Progress = lambda _: None,
) -> Survey:
    """Survey the project in folder `path`; nothing is written into it.

    `decisions` are KEY=VALUE of desktop.toml. A project without an environment gets one in
    `private_environment`, by default in the user's cache folder. Raises KitError if there is no
    project, its declarations are malformed or its dependencies do not install.
    """
    begin = time.monotonic()
    draft = manifest.defaults()
    existing = path / "desktop-app" / manifest.FILE_NAME
    if existing.is_file():
        draft = manifest.read(existing)
    for decision in decisions:
        manifest.decide(draft, decision)
    decided_manage = manage or (draft["django"]["manage"] if existing.is_file() else "")
    project = find_project(path, decided_manage, draft["django"]["settings"])
    draft["django"]["manage"] = project.manage
    if not project.manage:
        draft["django"]["settings"] = project.settings
    declared = read_declarations(
        project.root,
        project.folder,
        files=draft["python"]["requirements"],
        extras=draft["python"]["extras"],
        groups=draft["python"]["groups"],
    )
    result = Survey(project, draft, declared)
    result.seconds["read"] = time.monotonic() - begin

    begin = time.monotonic()
    _provide_interpreter(result, private_environment, progress)
    result.seconds["environment"] = time.monotonic() - begin

    begin = time.monotonic()
    progress("running the project's settings")
    _load(result, progress)
    result.seconds["load"] = time.monotonic() - begin

    begin = time.monotonic()
    result.findings += judge(result.facts, draft["django"]["health_path"])
    result.findings += read_source_findings(project)
    result.findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    result.seconds["judge"] = time.monotonic() - begin
    return result


def _provide_interpreter(result: Survey, private: Path | None, progress: Progress) -> None:
    project, declared, wanted = result.project, result.declared, result.draft["python"]
    if found := find_environment(project, wanted["interpreter"]):
        result.interpreter, result.environment = found, "private" if found.private else "own"
        relative = PurePosixPath(found.python.relative_to(project.root).as_posix())
        if len(relative.parts) != 3 and not found.private:
            wanted["interpreter"] = str(relative)
        result.findings.append(Finding("environment", FINE, f"environment {relative.parents[1]}"))
        return
    if not declared.requirements and not wanted["extra"]:
        wanted["extra"] = [_django_that_made(project)]
        result.findings.append(
            Finding(
                "no-dependencies",
                DECIDE,
                f"the project declares no dependencies; {wanted['extra'][0]} is installed",
                'add what is missing: --set \'python.extra=["django", "NAME"]\'',
            )
        )
    progress("installing the declared dependencies")
    result.interpreter, result.left_out = make_environment(
        private or cache_folder(project, declared, wanted),
        declared,
        exclude=wanted["exclude"],
        extra=wanted["extra"],
        compile_bytecode=private is not None,
    )
    result.environment = "private" if private else "cache"
    result.findings.append(
        Finding(
            "environment",
            HANDLED,
            "the project has no environment of its own",
            f"a private one is made in {PRIVATE}",
        )
    )


def _load(result: Survey, progress: Progress) -> None:
    """Run the project; repair what stops it; keep the facts of the last run."""
    repairs: dict[str, Finding] = {}
    for _ in range(MOST_REPAIRS):
        result.facts = run_probe(result)
        failure = result.facts["error"]
        if not failure:
            break
        repair = _repair(result, failure)
        if repair is None:
            result.findings.append(failed_to_load(failure, result.facts["step"], _remedy(failure)))
            if "settings" not in result.facts:
                named = result.facts.get("settings_module") or result.project.settings
                result.facts = static_facts(result.project, named) | result.facts
            break
        progress(repair.what)
        repairs[repair.what.partition(" = ")[0]] = repair
    result.findings += repairs.values()
    if result.left_out:
        names = ", ".join(result.left_out)
        result.findings.append(
            Finding("server-only", HANDLED, f"only useful on a server: {names}", "not installed")
        )


def run_probe(result: Survey) -> dict[str, Any]:
    """Load the project once in its own interpreter, with the draft's decisions.

    The facts say how far it came (`step`) and what stopped it (`error`, None if nothing).
    """
    assert result.interpreter is not None
    with tempfile.TemporaryDirectory(prefix="desktop-django-") as scratch:
        folder = Path(scratch)
        (folder / "app_data").mkdir()
        (folder / "desktop.toml").write_text(
            manifest.render(_loadable(result.draft)), encoding="utf-8"
        )
        request = {
            "project": str(result.project.root),
            "payload": str(payload_folder()),
            "manifest": str(folder / "desktop.toml"),
            "app_data": str(folder / "app_data"),
        }
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        answer = folder / "result.json"
        python = result.interpreter.python
        outcome = run_bounded(
            [python, "-I", *bytecode_flags(python), "-u", "-X", "utf8", PROBE,
             folder / "request.json", answer],
            seconds=PROBE_LIMIT_SECONDS,
            cwd=folder,
            env=clean_environment(),
        )  # fmt: skip
        try:
            facts = json.loads(answer.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            facts = {"step": "start", "error": None}
    if facts["error"] is None and facts["step"] != "done":
        if outcome.exit_code is None:
            text = f"it does not come back within {PROBE_LIMIT_SECONDS} seconds"
        else:
            last = outcome.output.strip().splitlines()[-1:]
            text = " ".join([f"it ended the process (exit code {outcome.exit_code})", *last])
        facts["error"] = {"chain": [], "file": "", "line": 0, "text": text}
    return facts


def _repair(result: Survey, failure: dict[str, Any]) -> Finding | None:
    """Change the draft, or the private environment, so that the next run comes further."""
    place = f"{failure['file']}:{failure['line']}" if failure["file"] else ""
    variables = result.draft["django"]["env"]
    name = missing.missing_variable(failure)
    if name and name not in variables:
        proposal = missing.propose_value(name)
        return _give_variable(result, name, proposal.value, proposal.certain, place)
    if module := missing.missing_module(failure):
        return (
            _other_settings(result, module)
            or _find_folder(result, module)
            or _install_module(result, module, place)
        )
    if name := missing.variable_at_fault(failure, variables):
        value = missing.next_value(variables[name])
        if value is not None:
            return _give_variable(result, name, value, False, place)
    return None


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
    base = PurePosixPath(project.manage).parent
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
    assert result.interpreter is not None
    wanted = result.draft["python"]
    spare = result.declared.spare | {
        name: BUILT_ALTERNATIVE.get(name, name) for name in result.left_out
    }
    requirement = missing.distribution_for(module, spare)
    if not result.interpreter.private or not requirement or requirement in wanted["extra"]:
        return None
    try:
        install(result.interpreter.python, [requirement], constraints=result.declared.constraints)
    except KitError:
        return None
    wanted["extra"].append(requirement)
    return Finding(
        "undeclared",
        HANDLED,
        f"{module} is imported, but its package is not installed with the project",
        f"{requirement} is added to python.extra",
        place,
    )


def _remedy(failure: dict[str, Any]) -> str:
    """What would help a project that cannot be repaired from outside."""
    if module := missing.missing_module(failure):
        name = missing.distribution_for(module, {}) or module.split(".")[0]
        return (
            f"install what provides {module} in the project's environment, or, if it is "
            f"undeclared: --set 'python.extra=[\"{name}\"]'"
        )
    if name := missing.missing_variable(failure):
        return f"give the variable a value: --set django.env.{name}=VALUE"
    return "correct it in the project, or override what it needs: --set django.set.NAME=VALUE"


def _loadable(draft: manifest.Manifest) -> manifest.Manifest:
    """The draft with an identity, which the runtime insists on."""
    return {**draft, "app": {**draft["app"], "identifier": "org.example.survey"}}


def _is_module(name: str, module: str) -> bool:
    path = module.replace(".", "/")
    return f"/{name}".endswith((f"/{path}.py", f"/{path}/__init__.py"))


def _django_that_made(project: Project) -> str:
    """Django in the release that generated the settings, where their first lines say so."""
    for name in project.python_files():
        if "settings" in name:
            match = re.search(r"using Django (\d+)\.(\d+)", project.source(name)[:2000])
            if match:
                return f"django=={match[1]}.{match[2]}.*"
    return "django"
