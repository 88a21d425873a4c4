"""Which page is the first, and what is bundled: findings, with decisions that work."""

import re
from collections.abc import Iterator, Sequence

from packaging.specifiers import SpecifierSet

from skill_scripts.dependencies.declarations import requirement_name
from skill_scripts.dependencies.environment import SERVER_ONLY
from skill_scripts.desktop_toml import Decision
from skill_scripts.findings.finding import DECIDE, HANDLED, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import Page, Pages
from skill_scripts.versions import PYTHONS


def choose(survey: Survey) -> Iterator[Finding | Decision]:
    """What a survey decides unless somebody else does."""
    yield from _first_page(survey)
    yield from _packages(survey)
    yield from _python(survey)
    yield from _pythons(survey)


def _first_page(survey: Survey) -> Iterator[Finding | Decision]:
    pages = survey.facts.urls
    landing = survey.facts.landing or Page(404, "/", login=False)
    # Without a page of its own at /, Django shows its welcome page there, or a middleware leads on.
    unserved = pages and (landing.status == 404 or (pages.root is None and landing.path == "/"))
    if landing.status >= 500:
        yield Finding(
            "landing",
            DECIDE,
            f"the first page fails on empty tables: {landing.error or landing.status}",
            "if migrations or data.first_run bring what it lacks, nothing; else name another: "
            "--set app.home=PATH",
        )
    candidates = _usable_pages(pages) if pages and unserved else ()
    if candidates and ("app", "home") not in survey.decided:
        yield Decision(("app", "home"), candidates[0])
        yield Finding(
            "first-page",
            DECIDE,
            f"nothing is served at /; the app opens {candidates[0]}",
            f"if another page is meant: --set app.home=PATH ({', '.join(candidates[:8])})",
        )


def _packages(survey: Survey) -> Iterator[Finding | Decision]:
    wanted = survey.draft["python"]
    unused = [
        name
        for name in sorted(survey.declared.names() & SERVER_ONLY.keys())
        if SERVER_ONLY[name] not in survey.facts.modules
    ]
    replaced = {requirement_name(line) for line in wanted["extra"]}
    left_out = {*survey.left_out} - replaced
    exclude = sorted({*wanted["exclude"], *left_out, *unused})
    yield Decision(("python", "exclude"), exclude)
    if unused:
        names = ", ".join(unused)
        yield Finding("server-only", HANDLED, f"only useful on a server: {names}", "left out")
    if unbuilt := sorted(left_out - {*SERVER_ONLY, *wanted["exclude"]}):
        names = ", ".join(unbuilt)
        yield Finding(
            "unbuilt",
            DECIDE,
            f"cannot be built or fetched on this machine: {names}",
            "left out; if a page uses it, install what its build needs, or name a release: "
            "--set 'python.extra=[\"NAME\"]'",
        )


def _python(survey: Survey) -> Iterator[Finding | Decision]:
    if ("python", "version") in survey.decided:
        return
    allowed = SpecifierSet(survey.declared.requires_python)
    bundled = survey.draft["python"]["version"]
    fitting = [each for each in PYTHONS if allowed.contains(f"{each}.99")]
    if allowed.contains(f"{bundled}.0") or allowed.contains(f"{bundled}.99") or not fitting:
        return
    yield Decision(("python", "version"), fitting[0])
    yield Finding(
        "bundled-python",
        DECIDE,
        f"the project asks for Python {allowed}; {fitting[0]} is bundled, not {bundled}",
        f"support Python {bundled}, or keep it: --set python.version={fitting[0]}",
    )


def _pythons(survey: Survey) -> Iterator[Finding]:
    """Where the project runs on one Python here and on another in its bundle."""
    here = ".".join(survey.interpreter.version.split(".")[:2]) if survey.interpreter else ""
    bundled = survey.draft["python"]["version"]
    if not here or bundled.startswith(here):
        return
    same = f"; or bundle the same: --set python.version={here}" if here in PYTHONS else ""
    yield Finding(
        "pythons",
        HANDLED,
        f"Python {here} runs the project here, {bundled} is bundled",
        f"run and check use the first; `check --runtime staged` judges it on the second{same}",
    )


def _usable_pages(pages: Pages) -> Sequence[str]:
    """Candidates for a first page: those that answer, then those that want a signed-in user, then
    what describes an interface to programs, then those where one signs in."""
    answers = pages.answers or {}
    good = [page for page, answer in answers.items() if answer.status < 400]
    walls = {answer.path for answer in answers.values() if answer.login}
    good.sort(
        key=lambda page: (
            page in walls or "login" in page,
            re.search(r"swagger|redoc|schema|openapi", page) is not None,
            answers[page].login,
        )
    )
    return good or pages.pages
