"""Finds out what a project is and what a desktop app of it needs, by running its settings.

Whatever stops the project from loading is taken away one thing at a time (a variable gets a
value, a module a folder or a package) until it loads or nothing known helps. What had to be done
is in the draft of desktop.toml, and as a finding.
"""

import os
import re
import time
import unicodedata
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from pathlib import Path

from skill_scripts import desktop_toml
from skill_scripts.dependencies.declarations import read_declarations
from skill_scripts.dependencies.environment import (
    PRIVATE,
    cache_folder,
    find_environment,
    has_unusable_environment,
    is_outdated,
    make_environment,
    python_in,
)
from skill_scripts.dependencies.imports import absent, imported
from skill_scripts.dependencies.mapping import candidates
from skill_scripts.dependencies.outside import find_outside, is_elsewhere
from skill_scripts.desktop_toml import ENTRY, Decision
from skill_scripts.errors import KitError
from skill_scripts.findings.choices import choose
from skill_scripts.findings.finding import BLOCKED, DECIDE, FINE, HANDLED, SEVERITIES, Finding
from skill_scripts.findings.first_data import read_preparations
from skill_scripts.findings.frontend import judge_build
from skill_scripts.findings.judge import failed_to_load, judge
from skill_scripts.findings.queues import choose_workers
from skill_scripts.findings.server import choose_server
from skill_scripts.findings.source import (
    read_old_addresses,
    read_source_findings,
    static_facts,
)
from skill_scripts.findings.surveyed import Progress, Survey
from skill_scripts.findings.web_view import judge_web_view
from skill_scripts.offline.assets import foresee
from skill_scripts.probe.facts import Failure, SignedIn
from skill_scripts.probe.run import run_probe
from skill_scripts.project.files import Project, find_project, walk
from skill_scripts.rehearsal import beforehand
from skill_scripts.rehearsal.door import SETS_UP
from skill_scripts.rehearsal.judge import judge as judge_rehearsal
from skill_scripts.rehearsal.judge import superseded
from skill_scripts.rehearsal.rehearse import Stage
from skill_scripts.rehearsal.start import OutOfTimeError
from skill_scripts.repairs import first_account, relocation
from skill_scripts.repairs.missing import missing_module
from skill_scripts.repairs.older_packages import OlderPackages
from skill_scripts.repairs.older_python import OlderPython
from skill_scripts.repairs.order import repair
from skill_scripts.repairs.package import Package, declared_elsewhere
from skill_scripts.repairs.remedy import remedy
from skill_scripts.repairs.settings_module import ignored_settings
from skill_scripts.repairs.static_files import from_packages

MOST_REPAIRS = 60
MOST_RELOCATIONS = 5


def survey(
    path: Path,
    *,
    manage: str = "",
    decisions: Sequence[Decision] = (),
    private_environment: Path | None = None,
    patience: float = 0,
    progress: Progress = lambda _: None,
) -> Survey:
    """Survey the project in folder `path`; nothing is written into it.

    A project without an environment gets one in `private_environment`, by default in the user's
    cache folder. With `patience`, in seconds, it is also rehearsed unless that takes longer. Raises
    KitError if there is no project, its declarations are malformed or its dependencies do not
    install.
    """
    begin = time.monotonic()
    result = _read(path, manage, decisions)
    project, draft = result.project, result.draft
    result.seconds["read"] = time.monotonic() - begin

    begin = time.monotonic()
    _provide_interpreter(result, private_environment, progress)
    result.findings += judge_web_view(result)
    result.findings += _add_imports(result, progress)
    result.seconds["environment"] = time.monotonic() - begin

    begin = time.monotonic()
    progress("running the project's settings")
    _load(result, progress)
    if not result.facts.error:
        result.findings += _move_writes(result, progress)
        _try_sign_in(result, progress)
    result.findings += filter(None, [ignored_settings(result)])
    result.findings += _leftovers(project)
    result.seconds["load"] = time.monotonic() - begin

    begin = time.monotonic()
    result.findings += judge(result)
    chosen = [*choose(result), *choose_server(result), *choose_workers(result)]
    for each in [*chosen, *judge_build(result)]:
        if isinstance(each, Decision):
            desktop_toml.enter(draft, each)
        else:
            result.findings.append(each)
    result.findings += read_source_findings(project)
    result.findings += read_old_addresses(project, draft["app"]["addresses"])
    result.findings += foresee(project)
    result.findings += read_preparations(result)
    result.seconds["judge"] = time.monotonic() - begin
    if patience and not result.facts.error and not result.having(BLOCKED):
        begin = time.monotonic()
        _rehearse(result, patience, progress)
        result.seconds["rehearsal"] = time.monotonic() - begin
    if not draft["frontend"]["build"] and (found := from_packages(result)):
        result.findings = [each for each in result.findings if each.id != found.id] + [found]
    result.findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return result


def name_app(draft: desktop_toml.Manifest, project: Project) -> None:
    """Give the app a name and an identifier derived from the project, unless decided."""
    app, name = draft["app"], project.root.name
    app["name"] = app["name"] or re.sub(r"[\s_-]+", " ", name).strip().title() or "Desktop App"
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-") or "app"
    app["identifier"] = app["identifier"] or f"org.desktop-django.{slug}"


def _rehearse(result: Survey, patience: float, progress: Progress) -> None:
    """Start the app once before there is one; what is seen takes the place of predictions."""
    project, facts, settings = result.project, result.facts, deepcopy(result.draft)
    name_app(settings, project)
    assert result.interpreter is not None
    place = beforehand.place(project.root)
    stage = Stage(
        project, settings, result.interpreter, layer=place, keeps=place,
        home_is_decided=("app", "home") in result.decided,
        entry_is_decided=not result.decided.isdisjoint(ENTRY),
        facts=facts,
        deadline=time.monotonic() + patience,
    )  # fmt: skip
    try:
        seen = beforehand.rehearse_beforehand(stage, progress)
    except (OutOfTimeError, KitError) as error:
        late = f"the first start takes more than {patience:.0f} s"
        why = error.message if isinstance(error, KitError) else late
        do = "adapt does it, or survey with --rehearse"
        result.findings.append(Finding("rehearsal", FINE, f"not rehearsed: {why}", do))
        return
    found = [*judge_rehearsal(seen)]
    left = [each for each in result.findings if not superseded(each, seen, found)]
    result.findings = left + found
    result.rehearsal = asdict(seen)
    result.picture = str(place / seen.picture) if seen.picture else ""
    if not seen.failure:
        said = f"ready after {seen.start_seconds:.1f} s, {len(seen.pages)} pages and parts seen"
        result.findings.append(Finding("rehearsal", FINE, f"started once: {said}"))
        result.draft["app"]["home"] = seen.home
        if seen.rows and not seen.rows_are_examples:
            result.draft["data"]["first_run"] = [[*seen.rows]]
        for each in (*seen.enters, *seen.moves):
            desktop_toml.enter(result.draft, Decision.parse(each))


def _read(path: Path, manage: str, decisions: Sequence[Decision]) -> Survey:
    """What lies on disk, under what was decided earlier and is now."""
    draft = desktop_toml.defaults()
    existing = path / desktop_toml.PLACE
    decided = {each.path for each in decisions}
    if existing.is_file():
        draft = desktop_toml.read(existing)
        decided |= desktop_toml.single_values()
    for decision in decisions:
        desktop_toml.decide(draft, decision)
    decided_manage = draft["django"]["manage"] if ("django", "manage") in decided else None
    project = find_project(path, manage or decided_manage, draft["django"]["settings"])
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
    return Survey(project, draft, declared, decided=frozenset(decided))


def _provide_interpreter(result: Survey, private: Path | None, progress: Progress) -> None:
    project, declared, wanted = result.project, result.declared, result.draft["python"]
    found = find_environment(project, wanted["interpreter"])
    if found is None and not wanted["interpreter"]:
        progress("looking for the project's environment")
        found = find_outside(project, declared, wanted["exclude"])
    if found and not is_outdated(found, wanted):
        result.interpreter, result.environment = found, "private" if found.private else "own"
        shown = os.path.relpath(found.python.parent.parent, project.root)
        if is_elsewhere(project, wanted["interpreter"], found):
            result.environment, wanted["interpreter"] = "elsewhere", ""
            shown = f"{found.python.parent.parent}, which is used and never written into"
        result.findings.append(Finding("environment", FINE, f"environment {shown}"))
        return
    if not declared.requirements and not wanted["extra"]:
        wanted["extra"] = [declared.spare.get("django") or _django_that_made(project)]
        result.findings.append(
            Finding(
                "no-dependencies",
                DECIDE,
                f"the project declares no dependencies; {wanted['extra'][0]} is installed",
                'add what is missing: --set \'python.extra=["django", "NAME"]\'',
            )
        )
    progress("installing the declared dependencies")
    result.made = make_environment(
        private or cache_folder(project, declared, wanted),
        declared,
        exclude=wanted["exclude"],
        extra=wanted["extra"],
        compile_bytecode=private is not None,
    )
    result.interpreter = result.made.interpreter
    result.environment = "private" if private else "cache"
    if result.made.gone:  # found by an earlier survey, as is what it added
        older = OlderPython(result.made.gone)
        older.narrow(result)
        result.findings.append(older.finding(result))
    wanted["extra"] += result.made.added
    if result.made.as_of:
        result.findings.append(OlderPackages(result.made.as_of).finding(result))
    else:
        result.findings += (Package(each).finding(result) for each in result.made.added)
    if has_unusable_environment(project):
        wanted["interpreter"] = python_in(Path(PRIVATE)).as_posix()
    result.findings.append(
        Finding(
            "environment",
            HANDLED,
            "the project has no environment of its own",
            f"a private one is made in {PRIVATE}",
        )
    )


def _add_imports(result: Survey, progress: Progress) -> Iterator[Finding]:
    """Install in an environment of ours what the project's own modules import and it declares
    nowhere; a package that would only be called so is left to a person."""
    if not result.made or result.made.as_of:
        return
    places = imported(result.project)
    unknown = []
    for module in sorted(absent(result.made.interpreter.python, places)):
        package = declared_elsewhere(result, module)
        if package is None:
            unknown.append(module)
            continue
        progress(f"installing {package}")
        found = Package(package, places[module])
        try:
            found.apply(result)
        except KitError:
            unknown.append(module)
            continue
        yield found.finding(result)
    for module in unknown:
        names = candidates(module)
        meant = f"it may be of {' or '.join(names)}" if names else "if it is one of that name"
        yield Finding(
            "undeclared",
            DECIDE,
            f"{module} is imported, and nothing says which package has it",
            f"{meant}: --set 'python.extra=[\"{names[0] if names else module}\"]'; if it is a file "
            "of the project that is in no clone, ship it: --set 'stage.include=[\"FILE\"]'",
            places[module],
        )


def _load(result: Survey, progress: Progress) -> None:
    """Run the project; repair what stops it; keep the facts of the last run."""
    assert result.interpreter is not None
    repaired: dict[tuple[str, str], Finding] = {}
    for _ in range(MOST_REPAIRS):
        result.facts = run_probe(result.project, result.draft, result.interpreter)
        failure = result.facts.error
        if not failure:
            # Without its data a project may fail here; a module that is missing is real.
            failure = result.facts.tables_error
            if not failure or not missing_module(failure):
                break
        elif result.facts.step == "landing" and not missing_module(failure):
            result.facts = result.facts.also(error=None)  # the rehearsal sees it on real data
            break
        found = repair(result, failure)
        if found:
            progress(found.what)
            repaired[found.id, found.key or found.what] = found
            continue
        if result.facts.error:
            # Older packages that did not help are no decision to take.
            repaired = {key: each for key, each in repaired.items() if each.id != "too-new"}
            result.findings = [each for each in result.findings if each.id != "too-new"]
            result.findings.append(_give_up(result, failure))
        break
    result.findings += repaired.values()


def _give_up(result: Survey, failure: Failure) -> Finding:
    """The finding for a project that does not load; of its settings, what their source says."""
    step = result.facts.step
    if step == "manage":
        failure = replace(failure, file=failure.file or result.project.manage)
        result.facts = result.facts.also(error=failure)
    found = failed_to_load(failure, step, remedy(result, failure))
    if "settings" not in result.facts.reported:
        named = result.facts.settings_module or result.project.settings
        result.facts = result.facts.over(static_facts(result.project, named))
    return found


def _move_writes(result: Survey, progress: Progress) -> Iterator[Finding]:
    """Point to app data what the project writes into its own folder, where that can be done.

    Each proposal is tried: what counts is that the project then writes less, and still loads.
    """
    proposals = relocation.proposals(result.project, result.facts)
    for table, name, value in list(proposals)[:MOST_RELOCATIONS]:
        if not result.facts.writes:
            return
        assert result.interpreter is not None
        progress(f"trying {name}")
        if ("django", table, name) in result.decided:
            continue
        entered = result.draft["django"][table]
        entered[name] = value
        facts = run_probe(result.project, result.draft, result.interpreter)
        moved = [each for each in result.facts.writes if each not in facts.writes]
        if facts.error or not set(facts.writes) < set(result.facts.writes):
            del entered[name]
            continue
        result.facts = facts
        yield Finding(
            "writes",
            HANDLED,
            f"the project writes into its own folder when it starts: {', '.join(moved[:5])}",
            f"moved to app data by {name} in [django.{table}]",
        )
    if left := result.facts.writes:
        yield Finding(
            "writes",
            DECIDE,
            f"the project writes into its own folder when it starts: {', '.join(left[:5])}",
            "an installed app cannot; point it to app data, for example "
            "--set django.set.NAME={app_data}/FOLDER",
        )


def _leftovers(project: Project) -> Iterator[Finding]:
    """What programs that the project started left behind: it cannot be told whose it is."""
    new = set(walk(project.root)) - set(project.entries)
    # Our own: adapt makes the environment in the folder that becomes desktop-app.
    if appeared := sorted(name for name in new if not name.startswith(".desktop-app-")):
        names = ", ".join(appeared[:5])
        yield Finding(
            "leftovers",
            DECIDE,
            f"appeared in the project's folder during the survey: {names}",
            "nobody else uses them: delete them; then see why the project makes them as it starts",
        )


def _try_sign_in(result: Survey, progress: Progress) -> None:
    """Find out what gets the one person of a desktop app past a login wall."""
    landing, pages = result.facts.landing, result.facts.urls
    home = result.draft["app"]["home"]
    if not (landing and landing.login):
        inner: set[str] = set()
        if pages and not pages.sign_up and not (landing and SETS_UP.search(landing.path)):
            inner = {*pages.guarded} & {*pages.pages} or {*pages.walled}
        home = min(inner, default="")
    if not (home or result.draft["login"]["first_account"]) or result.draft["login"]["user"]:
        return
    assert result.interpreter is not None
    progress("trying to sign in")
    if first_account.offer(result, home) or not home:
        return
    tried = {
        **result.draft,
        "app": {**result.draft["app"], "home": home},
        "login": {
            **result.draft["login"],
            "user": "desktop",
            "create": True,
            "first_account": False,
        },
    }
    signed_in = SignedIn.seen(run_probe(result.project, tried, result.interpreter))
    result.facts = result.facts.also(signed_in=signed_in)


def _django_that_made(project: Project) -> str:
    """Django in the release that generated the settings, where their first lines say so."""
    for name in project.python_files():
        if "settings" in name:
            match = re.search(r"using Django (\d+)\.(\d+)", project.source(name)[:2000])
            if match:
                return f"django=={match[1]}.{match[2]}.*"
    return "django"
