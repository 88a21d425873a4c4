"""Reads a project's own failure to start: what is missing, by name, and what would help."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from skill_scripts.dependencies.mapping import package_of
from skill_scripts.dependencies.packages import OF_MODULE
from skill_scripts.probe.facts import Failure, Frame

NAME = r"[A-Z][A-Z0-9_]{2,}"
# How libraries say that a variable is not set; each pattern has the name as its group.
SAYS_VARIABLE = tuple(
    re.compile(pattern)
    for pattern in (
        rf"[Ss]et the ['\"]?({NAME})['\"]? env",  # django-environ
        rf"^({NAME}) not found\. Declare it",  # python-decouple
        rf"[Ee]nvironment variable:? ['\"`]?({NAME})",  # environs, django-configurations
        rf"env(?:ironment)?(?: var(?:iable)?)? ['\"`]?({NAME})",
        rf"['\"`]?({NAME})['\"`]? (?:env|environment variable|must be set|is not set|is required)",
        rf"(?:[Mm]issing|[Pp]lease set|[Dd]efine|[Rr]equired).{{0,40}}?\b({NAME})\b",
    )
)
READS_VARIABLE = re.compile(
    rf"(?:environ|getenv|env|config|get_env\w*|env_\w+)[\w.]*\s*[\[(]\s*['\"]({NAME})['\"]"
)


class Proposal(NamedTuple):
    """A value for a missing variable."""

    value: str
    certain: bool  # right for any desktop app; else somebody should look at it


# First match counts. {app_data} is replaced at run time, generate:secret by a secret of the
# installation.
KNOWN_KINDS: tuple[tuple[str, Proposal], ...] = (
    (r"(DJANGO_)?SECRET_KEY|.*_SECRET_KEY|.*SALT", Proposal("generate:secret", True)),
    (r"(.*_)?DEBUG(_.*)?", Proposal("False", True)),
    (r".*HOSTS?_?ALLOWED|.*ALLOWED_HOSTS?", Proposal("127.0.0.1,localhost", True)),
    (r"(.*_)?(DATABASE|DB|POSTGRES\w*|MYSQL)_UR[LI]",
     Proposal("sqlite:///{app_data}/db.sqlite3", True)),
    (r"(.*_)?(DB|DATABASE|SQL)_ENGINE", Proposal("django.db.backends.sqlite3", True)),
    (r"(.*_)?(DB|DATABASE|POSTGRES\w*|PG|MYSQL|SQL)_?(NAME|DB|USER|USERNAME|PASS|PASSWORD|DATABASE)",
     Proposal("desktop", True)),
    (r"(.*_)?(DB|DATABASE|POSTGRES\w*|PG|MYSQL|SQL)_?HOST", Proposal("127.0.0.1", True)),
    (r"(.*_)?(DB|DATABASE|POSTGRES\w*|PG|MYSQL|SQL)_?PORT", Proposal("5432", True)),
    (r".*CACHE_URL", Proposal("locmemcache://", True)),
    (r".*(REDIS|BROKER|CELERY).*UR[LI]", Proposal("redis://127.0.0.1:6379/0", True)),
    (r".*(EMAIL|MAIL)_URL", Proposal("consolemail://", True)),
    (r"(.*_)?(EMAIL|MAIL|SMTP)_?HOST", Proposal("127.0.0.1", True)),
    (r"(.*_)?(EMAIL|MAIL|SMTP)_?PORT", Proposal("25", True)),
    (r"(.*_)?(EMAIL|MAIL|SMTP)_?\w*(USER|PASSWORD)\w*", Proposal("desktop", True)),
    (r".*(DSN)", Proposal("", True)),
    (r".*(SECRET|TOKEN|PASSWORD|API_?KEY|ACCESS_KEY|_KEY)\w*", Proposal("generate:secret", False)),
    (r"(DEFAULT_FROM|SERVER|ADMIN)_?E?MAIL\w*", Proposal("desktop@localhost", True)),
    (r"ADMINS|MANAGERS", Proposal("desktop", True)),
    (r".*(EMAIL|MAIL|FROM)\w*", Proposal("desktop@localhost", False)),
    (r".*(ORIGINS?|UR[LI]|ENDPOINT)", Proposal("http://127.0.0.1", False)),
    (r".*(HOST|DOMAIN|SERVER)(NAME)?", Proposal("localhost", False)),
    (r".*(PORT|TIMEOUT|COUNT|SIZE|MAX|MIN|LIMIT|DAYS|HOURS|MINUTES|SECONDS|_ID)",
     Proposal("1", False)),
    (r"(USE|IS|HAS|ENABLE|DISABLE)_.*|.*(ENABLED?|DISABLED?|SSL|TLS)", Proposal("False", False)),
    (r".*(DIR|PATH|ROOT|FOLDER)", Proposal("{app_data}/project", False)),
)  # fmt: skip
ANY_KIND = Proposal("desktop", False)
# Tried one after the other when the settings cannot make sense of a proposed value.
OTHER_VALUES = ("1", "False", "http://127.0.0.1", "[]", "{}", "")


def missing_variable(failure: Failure) -> str | None:
    """The environment variable whose absence made a project fail, None if it was something else."""
    for error in failure.chain:
        frames = error.frames
        last = frames[-1] if frames else Frame("", 0, "")
        if error.type == "KeyError" and last.file.endswith(("os.py", "<frozen os>")):
            return error.message.strip("'\"")
        if error.type in ("ValidationError", "EnvError", "EnvValidationError") and (
            names := re.findall(rf"^({NAME}|[a-z][a-z0-9_]+)$", error.message, re.MULTILINE)
        ):
            return names[0].upper()
        for pattern in SAYS_VARIABLE:
            if match := pattern.search(error.message):
                return match[1]
        # int(os.getenv("X")), os.environ.get("X").split(","): the absence shows one step later.
        if error.type in ("AttributeError", "TypeError") and "None" in error.message:
            for frame in reversed(frames):
                if match := READS_VARIABLE.search(frame.code):
                    return match[1]
    return None


def variable_meant(failure: Failure, absent: Sequence[str]) -> str | None:
    """The variable that was asked for in vain and whose name ends with one in the message: a
    project that reads SHOP_SECRET_KEY says that SECRET_KEY cannot be determined."""
    for error in failure.chain:
        words = re.findall(rf"\b{NAME}\b", error.message)
        for name in reversed(absent):
            if any(name == word or name.endswith(f"_{word}") for word in words):
                return name
    return None


def variable_at_fault(failure: Failure, proposed: Mapping[str, str]) -> str | None:
    """The variable with a proposed value that the failing line reads."""
    lines = [frame.code for error in failure.chain for frame in error.frames]
    return next((name for name in reversed(proposed) if any(name in line for line in lines)), None)


def missing_module(failure: Failure) -> str | None:
    """The module that could not be imported, None if the failure was something else."""
    for error in failure.chain:
        if error.type in ("ModuleNotFoundError", "ImportError"):
            match = re.search(r"No module named '?([\w.]+)", error.message)
            if match or (error.name and error.type == "ModuleNotFoundError"):
                return match[1] if match else error.name
        # Libraries say it in their own words: Error loading psycopg2 or psycopg module.
        if match := re.search(
            r"Error loading (\w+)|requires the installation of '(\w+)'", error.message
        ):
            return match[1] or match[2].lower()
    return None


def propose_value(variable: str) -> Proposal:
    """A value with which a desktop app can start."""
    for pattern, proposal in KNOWN_KINDS:
        if re.fullmatch(pattern, variable):
            return proposal
    return ANY_KIND


def next_value(tried: str) -> str | None:
    """The value to try after `tried` did not do, None if there is none left."""
    position = OTHER_VALUES.index(tried) + 1 if tried in OTHER_VALUES else 0
    return OTHER_VALUES[position] if position < len(OTHER_VALUES) else None


def distribution_for(module: str, declared: Mapping[str, str]) -> str | None:
    """What to install for a module: as declared for another purpose, else if it is known by our
    notes on packages or by a public mapping."""
    top = module.split(".")[0]
    package = OF_MODULE.get(top)
    known = package.install if package else package_of(top)
    for name in (known or "", top, f"django-{top}", f"python-{top}"):
        normalised = re.sub(r"[-_.]+", "-", name).lower()
        if normalised and normalised in declared:
            return declared[normalised]
    # sorl is in sorl-thumbnail: the first part of the name says whose it is.
    related = (line for name, line in declared.items() if name.startswith(f"{top.lower()}-"))
    return (package and package.install) or next(related, None) or known or None
