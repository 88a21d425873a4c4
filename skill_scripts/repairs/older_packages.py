"""Takes packages as they were when the project was last changed, where today's are too new."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from skill_scripts.dependencies.environment import make_environment
from skill_scripts.findings.finding import DECIDE, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import Failure
from skill_scripts.project import git
from skill_scripts.repairs import settings_module
from skill_scripts.repairs.mismatch import Mismatch, find_mismatch
from skill_scripts.repairs.missing import missing_module
from skill_scripts.repairs.remedy import file_that_is_not_there

# Packages from before the first Python that our runtime knows have no wheels for it.
FIRST_WHEELS = "2022-10-24"
RECENT_DAYS = 60


@dataclass(frozen=True)
class OlderPackages:
    """No package is newer than this moment."""

    moment: str
    mismatch: Mismatch | None = None  # what shows that today's are too new

    def apply(self, survey: Survey) -> None:
        """Make the environment again with them, and pin them."""
        assert survey.made is not None
        wanted = survey.draft["python"]
        survey.made = make_environment(
            survey.made.folder,
            survey.declared,
            exclude=wanted["exclude"],
            extra=wanted["extra"],
            as_of=self.moment,
        )
        survey.interpreter = survey.made.interpreter
        wanted["extra"] = [*survey.made.added]

    def finding(self, survey: Survey) -> Finding:
        """From when the packages are."""
        reason = f" ({self.mismatch.what})" if self.mismatch else ""
        instead = f"; or {self.mismatch.do}" if self.mismatch else ""
        return Finding(
            "too-new",
            DECIDE,
            f"today's versions of its packages do not work{reason}; "
            f"those of {self.moment[:10]} are taken",
            f"python.extra pins them; pin them in the project, or bring it up to date{instead}",
        )


def take(survey: Survey, failure: Failure) -> OlderPackages | None:
    """The packages of the day on which the project was last changed."""
    module = missing_module(failure)
    if module and file_that_is_not_there(survey.project, module):
        return None
    if not survey.made or survey.made.as_of or settings_module.is_open(survey, failure):
        return None
    moment = git.last_change(survey.project.root)
    if moment < FIRST_WHEELS or _is_recent(moment):
        return None
    return OlderPackages(moment, find_mismatch(failure, survey.facts, survey.project.root))


def _is_recent(moment: str) -> bool:
    """Whether packages have hardly changed since."""
    age = datetime.now(UTC) - datetime.fromisoformat(moment)
    return age < timedelta(days=RECENT_DAYS)
