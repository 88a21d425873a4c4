"""What the facts about a project mean for a desktop app: findings with a severity."""

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.version import InvalidVersion, Version

from skill_scripts.dependencies.packages import PACKAGES
from skill_scripts.desktop_toml import ENTRY
from skill_scripts.findings.finding import BLOCKED, DECIDE, FINE, HANDLED, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import Facts, Failure, SignedIn
from skill_scripts.versions import OLDEST_DJANGO

LOCAL_CACHES = ("locmem", "filebased", "dummy", "DatabaseCache")
LOCAL_MAIL = ("console", "filebased", "locmem", "dummy")
REMOTE_STORAGES = ("storages.backends.", "s3boto", "gcloud", "azure", "cloudinary", "dropbox")
LOGIN_MIDDLEWARE = ("LoginRequiredMiddleware", "login_required", "GlobalLoginRequired")


def judge(survey: Survey) -> Iterator[Finding]:
    """The findings that follow from what the probe saw under the draft of desktop.toml."""
    facts, settings = survey.facts, survey.facts.settings
    yield from _versions(facts)
    yield from _databases(facts)
    yield from _services(facts, settings)
    yield from _integrations(facts)
    yield from _web(survey)
    if facts.migrations:
        count = facts.migrations.count
        yield Finding("migrations", FINE, f"{count} migrations at the first start")
        for label in facts.migrations.apps_without:
            yield Finding(
                "no-migrations",
                HANDLED,
                f"app {label} has models and no migrations",
                "its tables are made as the models are now; before they change: "
                f"`manage.py makemigrations {label}`, and commit the result",
            )


def _tried(signed_in: SignedIn | None) -> str:
    """What came of signing a user in, in words."""
    if signed_in is None or (signed_in.status or 0) >= 500:  # what a page lacks without its rows
        return ""
    if signed_in.error:
        return f" (tried, and it fails: {signed_in.error})"
    if signed_in.login:
        return " (tried, and the page still asks: the project signs in by other means)"
    return f" (tried: {signed_in.path} then answers {signed_in.status})"


def failed_to_load(failure: Failure, step: str, remedy: str) -> Finding:
    """The finding for a project that does not come up; shows the project's own error."""
    what = f"the project fails at step '{step}': {failure.text or 'no message'}"
    place = ":".join(str(part) for part in (failure.file, failure.line) if part)
    return Finding("load", BLOCKED, what, remedy, place)


def _versions(facts: Facts) -> Iterator[Finding]:
    yield Finding("python", FINE, f"Python {facts.python}")
    if facts.settings_module:
        yield Finding("settings", FINE, f"settings module {facts.settings_module}")
    try:
        version = Version(facts.django)
    except InvalidVersion:
        return
    if version < OLDEST_DJANGO:
        yield Finding(
            "django",
            DECIDE,
            f"Django {version} is older than {OLDEST_DJANGO}, the oldest that is supported",
            "it may work; upgrading Django is the sure way",
        )
    else:
        yield Finding("django", FINE, f"Django {version}")


def _databases(facts: Facts) -> Iterator[Finding]:
    for alias, database in facts.databases.items():
        if not database.engine:
            continue
        if database.sqlite:
            yield Finding(
                "database", FINE, f"database {alias}: SQLite, moved to the app data folder"
            )
        else:
            name = database.engine.rpartition(".")[2]
            yield Finding(
                "database",
                HANDLED,
                f"database {alias}: {name}",
                "SQLite in the app data folder replaces it; data is not carried over",
            )
    for field in facts.models.engine_bound if facts.models else ():
        yield Finding(
            "engine-bound-field",
            DECIDE,
            f"{field.model}.{field.field} is a {field.kind} of {field.module}",
            "adapt tries its table on SQLite; pages that save or filter by it may fail: change the "
            "field in the project (JSONField holds lists), with a migration",
            f"{field.file}:{field.line}",
        )


def _services(facts: Facts, settings: Mapping[str, Any]) -> Iterator[Finding]:
    for alias, backend in (settings.get("CACHES") or {}).items():
        if not any(local in backend for local in LOCAL_CACHES):
            do = "it is kept in the memory of the backend"
            if "redis" in backend:
                do += ", or on the app's Redis server where a worker brings one"
            yield Finding("cache", HANDLED, f"cache {alias}: {backend}", do)
        elif backend.endswith("DatabaseCache"):
            yield Finding(
                "cache-table",
                HANDLED,
                f"cache {alias} is kept in the database",
                "its table is made at the first start",
            )
    if "cache" in str(settings.get("SESSION_ENGINE")).rpartition(".")[2]:
        yield Finding(
            "sessions",
            HANDLED,
            "sessions live in the cache",
            "they are kept so that they survive a restart",
        )
    mail = str(settings.get("EMAIL_BACKEND") or "")
    if (
        mail
        and not any(local in mail for local in LOCAL_MAIL)
        and "EMAIL_BACKEND" in facts.explicit
    ):
        yield Finding(
            "mail", HANDLED, f"mail goes out by {mail}", "it is written to the folder outbox"
        )
    storages = {**facts.storages, "default": settings.get("DEFAULT_FILE_STORAGE") or
                facts.storages.get("default", "")}  # fmt: skip
    for alias, backend in storages.items():
        if any(mark in str(backend).lower() for mark in REMOTE_STORAGES):
            yield Finding(
                "storage",
                HANDLED,
                f"files of {alias} are kept by {backend}",
                "they are kept in app data",
            )
    for name in ("SENTRY_DSN", "ROLLBAR", "NEW_RELIC"):
        if name in facts.explicit:
            yield Finding(
                "phone-home", HANDLED, f"{name} reports to a service", "it is off by default"
            )


def _integrations(facts: Facts) -> Iterator[Finding]:
    for notice in (package.notice for package in PACKAGES.values() if package.notice):
        if any(f"{name}.".startswith(f"{notice.app}.") for name in facts.installed_apps):
            yield Finding(notice.id, notice.severity, notice.what, notice.do)


def _web(survey: Survey) -> Iterator[Finding]:
    facts, settings, draft = survey.facts, survey.facts.settings, survey.draft
    is_decided = not survey.decided.isdisjoint(ENTRY)
    health_path, signs_in = draft["django"]["health_path"], draft["login"]["user"]
    middleware = settings.get("MIDDLEWARE") or []
    walls = [name for name in middleware if any(mark in name for mark in LOGIN_MIDDLEWARE)]
    landing, pages = facts.landing, facts.urls
    asks = ""
    if walls:
        asks = f"the first page asks to sign in ({walls[0]})"
    elif landing and landing.login:
        asks = f"the first page asks to sign in ({landing.path})"
    elif pages and (pages.guarded or pages.walled) and not pages.sign_up:
        plain = [each for each in pages.guarded if each in pages.pages]
        inner = plain or pages.walled or pages.guarded
        asks = (
            f"pages ask to sign in ({', '.join(inner[:5])}) and there is no page to "
            "sign up: nobody gets into a new installation"
        )
    if asks and draft["login"]["first_account"] and not signs_in:
        yield Finding(
            "login-wall",
            HANDLED,
            asks,
            "the first launch asks for the first account"
            + _tried(facts.signed_in)
            + "; off: --set login.first_account=false; without a question: --set login.user=NAME "
            "--set login.create=true",
        )
    elif asks and not signs_in:
        do = "stay with it, or sign the one user in: --set login.user=NAME --set login.create=true"
        do += _tried(facts.signed_in)
        if is_decided:
            yield Finding("login-wall", HANDLED, asks, do)
        else:
            yield Finding("login-wall", DECIDE, asks, do)
    if view := pages and pages.health:
        yield Finding(
            "health",
            DECIDE,
            f"{health_path} leads to a page of the project, {view}, which the desktop layer covers",
            "if the app needs it, move ours away: --set django.health_path=/desktop-health/",
        )
    if settings.get("FORCE_SCRIPT_NAME"):
        yield Finding("script-name", HANDLED, "FORCE_SCRIPT_NAME is set", "the app is served at /")
    if settings.get("SECURE_SSL_REDIRECT") or settings.get("SECURE_HSTS_SECONDS"):
        yield Finding(
            "https", HANDLED, "pages insist on https", "the app speaks plain http on 127.0.0.1"
        )
    if any(value for name, value in settings.items() if name.startswith("CORS_")):
        yield Finding(
            "cors",
            HANDLED,
            "pages of other origins may read answers",
            "the desktop layer allows none",
        )
