"""What is bundled: findings, with decisions that work."""

from collections.abc import Iterator

from packaging.specifiers import SpecifierSet

from skill_scripts.dependencies.declarations import requirement_name
from skill_scripts.dependencies.packages import PACKAGES, SERVER_ONLY
from skill_scripts.desktop_toml import Decision
from skill_scripts.findings.finding import DECIDE, HANDLED, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.versions import PYTHONS


def choose(survey: Survey) -> Iterator[Finding | Decision]:
    """What a survey decides unless somebody else does."""
    yield from _packages(survey)
    yield from _python(survey)
    yield from _pythons(survey)


def _packages(survey: Survey) -> Iterator[Finding | Decision]:
    wanted = survey.draft["python"]
    unused = [
        name
        for name in sorted(survey.declared.names() & SERVER_ONLY)
        if not {*PACKAGES[name].modules} & {*survey.facts.modules}
    ]
    replaced = {requirement_name(line) for line in wanted["extra"]}
    left_out = {*survey.left_out} - replaced
    exclude = sorted({*wanted["exclude"], *left_out, *unused})
    yield Decision(("python", "exclude"), exclude)
    if unused:
        names = ", ".join(unused)
        yield Finding(
            "server-only",
            HANDLED,
            f"these are only useful on a server: {names}",
            "they are left out",
        )
    if unbuilt := sorted(left_out - {*SERVER_ONLY, *wanted["exclude"]}):
        names = ", ".join(unbuilt)
        yield Finding(
            "unbuilt",
            DECIDE,
            f"these cannot be built or fetched on this machine: {names}",
            "they are left out; if a page uses one, install what its build needs, or name a "
            "release: --set 'python.extra=[\"NAME\"]'",
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
