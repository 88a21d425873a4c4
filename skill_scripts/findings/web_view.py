"""Whether the chosen shell finds what it needs of the system, before anything is added."""

from skill_scripts.dependencies import web_view
from skill_scripts.findings.finding import BLOCKED, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.layer.shells import shell_of


def judge_web_view(survey: Survey) -> list[Finding]:
    """Debian's packages that are missing, in one finding."""
    shell = shell_of(survey.draft)
    lacking = web_view.missing(shell, survey.interpreter.python) if survey.interpreter else []
    if not lacking:
        return []
    names = " ".join(lacking)
    what = f"the {shell.name} shell needs packages of the system that are not here: {names}"
    do = f"sudo apt-get install {names}; or --set app.shell=electron"
    return [Finding("web-view", BLOCKED, what, do)]
