"""Executed by the project's own interpreter: loads the project as the desktop runtime does.

    <python> -I -B -X utf8 inside.py REQUEST RESULT

REQUEST is a JSON file: {"project", "payload", "manifest", "app_data", "journal", "copies"}, all
absolute paths; the last two are for `journal`.
RESULT is written again after every step, so that it tells how far a project came that hangs,
crashes or ends the process. Standard library and the payload only; imports nothing of the kit.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import sys
import traceback
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

PLAIN = (str, int, float, bool, type(None))
# Settings as the project has them, before the desktop layers.
SETTINGS = (
    "ASGI_APPLICATION", "AUTHENTICATION_BACKENDS", "AUTH_USER_MODEL", "CACHES",
    "CHANNEL_LAYERS", "CORS_ALLOWED_ORIGINS", "CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL",
    "CORS_ORIGIN_WHITELIST", "CSP_DEFAULT_SRC", "DATABASE_ROUTERS", "DEBUG",
    "DEFAULT_FILE_STORAGE", "EMAIL_BACKEND",
    "FORCE_SCRIPT_NAME", "INSTALLED_APPS", "LOGIN_URL", "MEDIA_ROOT", "MEDIA_URL", "MIDDLEWARE",
    "ROOT_URLCONF", "SECURE_HSTS_SECONDS", "SECURE_SSL_REDIRECT", "SESSION_ENGINE", "SITE_ID",
    "STATICFILES_STORAGE", "STATIC_ROOT", "STATIC_URL", "TASKS", "USE_I18N", "WSGI_APPLICATION",
)  # fmt: skip
QUEUE_SETTINGS = (
    "BROKER_URL", "CELERY_BROKER_URL", "CHANNEL_LAYERS", "CRONJOBS", "CRON_CLASSES",
    "DRAMATIQ_BROKER", "HUEY", "Q_CLUSTER", "RQ_QUEUES", "TASKS",
)  # fmt: skip


MOST_ROUTES = 20  # that are named in the facts
REDIRECTS = (301, 302, 303, 307, 308)
NO_PLAIN_PATH = "<([*+?\\"  # characters of a route that takes arguments
SIGN_UP = re.compile(r"sign[-_]?up|(\b|_)register|create[-_]?account", re.IGNORECASE)
ADMINS = re.compile(r"admin|back-?office|cms|console|dashboard|manage|panel|staff")
ANYTHING = ("me", "me@localhost", "1", "2001-02-03", "+12025550100")  # for a field that wants some
NO_FIRST_PAGE = (
    ".", "404", "500", "api", "health", "i18n", "logout", "media/", "static/", "webhook",
)  # fmt: skip


SAYS_PATH = re.compile(r"(^|[._])(DIR|DIRECTORY|FOLDER|LOCATION|PATH|ROOT)$", re.IGNORECASE)
# The layers see to these, or Django only reads there.
MOVED = frozenset(
    {"CACHES", "DATABASES", "FIXTURE_DIRS", "LOCALE_PATHS", "LOGGING", "STATICFILES_DIRS",
     "STORAGES", "TEMPLATES"}
)  # fmt: skip


class Report:
    """What is known so far; saved after every step."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.process = os.getpid()
        self.facts: dict[str, Any] = {"step": "start", "error": None}

    def step(self, name: str) -> None:
        self.facts["step"] = name
        self.save()

    def save(self) -> None:
        if os.getpid() != self.process:
            os._exit(0)  # a copy that the project forked off must not go on as a second probe
        partial = self.file.with_suffix(".partial")
        partial.write_text(json.dumps(self.facts), encoding="utf-8")
        partial.replace(self.file)


def main(request_file: str, result_file: str) -> None:
    request = json.loads(Path(request_file).read_text(encoding="utf-8"))
    report = Report(Path(result_file))
    project = Path(request["project"])
    report.facts["python"] = sys.version.split()[0]
    journal().watch(request["project"], request["journal"], request["copies"])
    report.facts["absent_variables"] = note_absent_variables()
    sys.path.insert(0, request["payload"])
    try:
        look(report, project, request)
    except (Exception, SystemExit) as error:
        wrapped = type(error).__module__.startswith("desktop_runtime") and error.__cause__
        report.facts["error"] = describe(wrapped or error, project)
        report.facts |= describe_packages()
        report.save()
    else:
        report.step("done")
    # Threads that the project started must not keep the process.
    os._exit(0)


def journal() -> Any:
    """The module beside this one; its folder has others that must not get in the project's way."""
    file = Path(__file__).with_name("journal.py")
    spec = importlib.util.spec_from_file_location("desktop_journal", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def note_absent_variables() -> list[str]:
    """Grows by each environment variable that somebody asks for and that is not set."""
    absent: list[str] = []
    kind = type(os.environ)
    get, contains = kind.__getitem__, kind.__contains__

    def note(name: object) -> None:
        if isinstance(name, str) and name not in absent:
            absent.append(name)

    def noting_get(environ: Any, name: Any) -> Any:
        try:
            return get(environ, name)
        except KeyError:
            note(name)
            raise

    def noting_contains(environ: Any, name: object) -> bool:
        if not contains(environ, name):
            note(name)
            return False
        return True

    kind.__getitem__, kind.__contains__ = noting_get, noting_contains
    return absent


def look(report: Report, project: Path, request: dict[str, Any]) -> None:
    """Go as far as the project lets us; what is found is in the report at any time."""
    report.step("django")
    import django
    from desktop_runtime import entry, overlay
    from desktop_runtime.contract import Installation
    from desktop_runtime.data import FOLDERS
    from desktop_runtime.manifest import read_manifest

    report.facts["django"] = django.get_version()
    manifest = read_manifest(Path(request["manifest"]))
    app_data = Path(request["app_data"])
    record_own_settings(report.facts, app_data)
    for name in FOLDERS:
        (app_data / name).mkdir(parents=True, exist_ok=True)
    overlay.install(Installation(app_data, project, packaged=False), manifest)

    report.step("manage")
    entry.enter(project, manifest)
    report.facts["settings_module"] = os.environ["DJANGO_SETTINGS_MODULE"]

    report.step("settings")
    overlay.verify()

    report.step("setup")
    django.setup()
    overlay.verify()
    report.facts["models"] = describe_models(project)

    report.step("urls")
    report.facts["urls"] = describe_urls(manifest.health_path)

    report.step("migrations")
    report.facts["migrations"] = describe_migrations(project)
    report.facts["modules"] = sorted({name.partition(".")[0] for name in sys.modules})

    report.step("tables")
    try:
        make_tables()
    except Exception as error:
        report.facts["tables_error"] = describe(error, project)
        report.facts |= describe_packages()

    report.step("landing")
    if manifest.login_create:
        from desktop_runtime import migrations

        migrations._create_user(manifest._replace(first_run_after_login=(), login_groups=()))
    if manifest.asks_for_first_account:
        make_first_account()
    report.facts["landing"] = describe_landing(manifest.home)
    if report.facts["urls"]:
        is_bare = report.facts["landing"]["status"] >= 400
        report.facts["urls"]["walled"] = walled_areas(manifest.home, project, is_bare)
    report.facts["static_missing"] = missing_static(report.facts["landing"]["path"])
    report.facts["static_packages"] = static_packages(project)
    report.facts["static_folders"] = static_folders(project)


def record_own_settings(facts: dict[str, Any], app_data: Path) -> None:
    """Keep the project's own values: the desktop layers are put on after this class has loaded."""
    from django import conf

    class Settings(conf.Settings):
        def __init__(self, settings_module: str) -> None:
            super().__init__(settings_module)
            facts["settings"] = {name: plain(getattr(self, name, None)) for name in SETTINGS}
            facts["queues"] = [name for name in QUEUE_SETTINGS if getattr(self, name, None)]
            if queues := getattr(self, "RQ_QUEUES", None):
                worker_class = (getattr(self, "RQ", None) or {}).get("WORKER_CLASS", "")
                facts["rq"] = {"queues": [*queues], "worker_class": str(worker_class)}
            broker = getattr(self, "DRAMATIQ_BROKER", None) or {}
            facts["dramatiq_broker"] = str(broker.get("BROKER", ""))
            facts["databases"] = describe_databases(self.DATABASES, app_data)
            facts["storages"] = {
                alias: str(storage.get("BACKEND", ""))
                for alias, storage in (getattr(self, "STORAGES", None) or {}).items()
            }
            facts["folders"] = {
                place: path
                for name in dir(self)
                if name.isupper() and name not in MOVED
                for place, path in paths_in(name, getattr(self, name, None))
            }
            facts["explicit"] = sorted(name for name in dir(self) if self.is_overridden(name))
            facts["settings_file"] = getattr(sys.modules.get(settings_module), "__file__", None)

    conf.Settings = Settings


def paths_in(name: str, value: Any, depth: int = 4) -> Iterator[tuple[str, str]]:
    """Absolute paths in a setting, each with its place: HAYSTACK_CONNECTIONS.default.PATH."""
    if isinstance(value, (str, Path)):
        # A relative one counts where its name says what it is: index is many things.
        if Path(value).is_absolute() or (value and SAYS_PATH.search(name)):
            yield name, str(Path(value).resolve())
    elif depth and isinstance(value, dict):
        for key, each in value.items():
            if isinstance(key, str) and "." not in key:
                yield from paths_in(f"{name}.{key}", each, depth - 1)
    elif depth and isinstance(value, (list, tuple)):
        for number, each in enumerate(value):
            yield from paths_in(f"{name}.{number}", each, depth - 1)


def plain(value: Any) -> Any:
    """A setting as JSON, without values that may be secret (only names and backends matter)."""
    from django.utils.functional import Promise

    if isinstance(value, Promise):
        return ""  # reverse_lazy would ask for the settings that are being loaded
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, (list, tuple)):
        return [each if isinstance(each, PLAIN) else str(each) for each in value]
    if isinstance(value, dict):
        return {
            str(alias): str(each.get("BACKEND", "")) if isinstance(each, dict) else ""
            for alias, each in value.items()
        }
    return str(value)


def describe_databases(databases: dict[str, Any], app_data: Path) -> dict[str, dict[str, Any]]:
    """Engine and name of each; a file in app data is named as desktop.toml names it."""
    from desktop_runtime.layers import is_sqlite

    return {
        alias: {
            "engine": (engine := str(each.get("ENGINE", ""))),
            "name": str(each.get("NAME", "")).replace(str(app_data), "{app_data}"),
            "sqlite": is_sqlite(engine),
        }
        for alias, each in databases.items()
    }


def describe_models(project: Path) -> dict[str, Any]:
    """Fields that SQLite cannot hold, with their place in the source."""
    from django.apps import apps

    special = []
    for model in apps.get_models(include_auto_created=False):
        for field in model._meta.local_fields:
            kind = type(field)
            origin = next((each.__module__ for each in kind.__mro__ if _is_engine_bound(each)), "")
            if origin:
                file, line = _place(model, field.name, project)
                special.append(
                    {"model": model._meta.label, "field": field.name, "kind": kind.__name__,
                     "module": origin, "file": file, "line": line}
                )  # fmt: skip
    from django.contrib.auth import get_user_model

    user = "django.contrib.auth" in [config.name for config in apps.get_app_configs()]
    return {
        "count": len(apps.get_models()),
        "apps": [config.name for config in apps.get_app_configs()],
        "engine_bound": special,
        "user": get_user_model()._meta.label if user else "",
    }


def _is_engine_bound(kind: type) -> bool:
    return kind.__module__.startswith(
        ("django.contrib.postgres.", "django.contrib.gis.db.", "django_mysql.", "pgvector.")
    )


def _place(model: type, name: str, project: Path) -> tuple[str, int]:
    """File (relative to the project where possible) and line where a field is written."""
    file = getattr(sys.modules.get(model.__module__), "__file__", "") or ""
    line = 0
    try:
        for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name == model.__name__:
                line = node.lineno
                for child in node.body:
                    targets = getattr(child, "targets", [getattr(child, "target", None)])
                    if any(getattr(target, "id", "") == name for target in targets):
                        line = child.lineno
    except (OSError, ValueError, SyntaxError):
        pass
    return _relative(file, project), line


def describe_urls(health_path: str) -> dict[str, Any]:
    """What answers at the root, which other pages there are, what is at our health path."""
    from django.urls import Resolver404, get_resolver, resolve

    def view_at(path: str) -> str | None:
        try:
            return resolve(path)._func_path
        except Resolver404:
            return None

    health = view_at(health_path)
    # A pattern that takes every path is no page of its own.
    takes_all = health is not None and view_at("/no-such-page/at/all/") == health
    return {
        "root": view_at("/"),
        "health": None if takes_all else health,
        "pages": plain_pages(get_resolver().url_patterns)[:MOST_ROUTES],
        **describe_accounts(get_resolver().url_patterns),
    }


def plain_pages(patterns: list[Any], prefix: str = "/") -> list[str]:
    """Paths that need no arguments, as candidates for a first page; the admin comes last."""
    found = []
    for pattern in patterns:
        route = str(pattern.pattern)
        if any(mark in route for mark in NO_PLAIN_PATH) or prefix.count("/") > 4:
            continue
        if any(word in route for word in NO_FIRST_PAGE) or route.lstrip("^").startswith("_"):
            continue
        path = prefix + route.removeprefix("^").removesuffix("$")
        if hasattr(pattern, "url_patterns"):
            is_admin = getattr(pattern, "app_name", "") == "admin"
            found += [path] if is_admin else plain_pages(pattern.url_patterns, path)
        else:
            found.append(path)
    return sorted(dict.fromkeys(found), key=lambda path: "admin" in path)


def walled_areas(home: str, project: Path, is_bare: bool) -> list[str]:
    """Those parts of the site, by the first word of their path, that are called like an admin and
    lead to where one signs in; an admin of Django counts if it shows a model of the project, or if
    the site `is_bare` at its first page and has nothing else to open."""
    from django.urls import get_resolver

    pages = plain_pages(get_resolver().url_patterns)
    tops = (f"/{page.split('/')[1]}/" for page in pages)
    is_all = is_bare and all(map(is_admin, pages))
    found = []
    for path in dict.fromkeys(tops):
        if path == home or not (ADMINS.search(path) or is_admin(path)):
            continue
        try:
            leads = describe_landing(path)
        except Exception:  # an error on empty tables tells nothing
            continue
        if leads["login"] and (is_all or not is_admin(path) or shows_models_of(project)):
            found.append(path)
    return found


def is_admin(path: str) -> bool:
    from django.urls import Resolver404, resolve

    try:
        return "admin" in resolve(path).app_names
    except Resolver404:
        return False


def shows_models_of(project: Path) -> bool:
    """Whether an admin of Django has more than what packages bring."""
    from django.contrib import admin

    folders = {Path(model._meta.app_config.path).resolve() for model in admin.site._registry}
    return any(
        each.is_relative_to(project) and "site-packages" not in each.parts for each in folders
    )


def describe_accounts(patterns: list[Any]) -> dict[str, Any]:
    """Routes that Django's own decorators and mixins keep for signed-in users, and whether there
    is a page to sign up; the admin and the pages for passwords are left out."""
    guarded, sign_up = [], False
    for route, pattern in flat(patterns):
        view = pattern.callback
        view_class = getattr(view, "view_class", None)
        if str(getattr(view, "__module__", "")).startswith("django.contrib."):
            continue
        sign_up = sign_up or bool(SIGN_UP.search(f"{route} {pattern.name}"))
        mixins = {each.__module__ for each in getattr(view_class, "__mro__", ())}
        if "django.contrib.auth.mixins" in mixins or any(
            asks_for_account(each)
            for each in (view, *(getattr(view_class, name, None) for name in ("dispatch", "get")))
        ):
            guarded.append(route)
    # Those that can be opened as they are come first.
    guarded.sort(key=lambda route: any(mark in route for mark in NO_PLAIN_PATH))
    return {"guarded": guarded[:MOST_ROUTES], "sign_up": sign_up}


def flat(patterns: list[Any], prefix: str = "/") -> Iterator[tuple[str, Any]]:
    """Every route with its pattern, those of the admin left out."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^").removesuffix("$")
        if not hasattr(pattern, "url_patterns"):
            yield route, pattern
        elif getattr(pattern, "app_name", "") != "admin":
            yield from flat(pattern.url_patterns, route)


def asks_for_account(view: Any, depth: int = 6) -> bool:
    """Whether a decorator of django.contrib.auth is around the view."""
    code = getattr(view, "__code__", None)
    if code is None or not depth:
        return False
    if Path(code.co_filename).parts[-3:] == ("contrib", "auth", "decorators.py"):
        return True
    for cell in getattr(view, "__closure__", None) or ():
        try:
            held = cell.cell_contents
        except ValueError:  # not filled yet
            continue
        for each in held if isinstance(held, (list, tuple)) else [held]:
            if asks_for_account(each, depth - 1):
                return True
    return False


def make_tables() -> None:
    """All tables at once, without the migrations: enough for signal handlers and a first page.

    What goes wrong here may be for want of the data that migrations bring.
    """
    from django.apps import apps
    from django.conf import settings
    from django.core.management import call_command

    settings.MIGRATION_MODULES = {config.label: None for config in apps.get_app_configs()}
    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False, skip_checks=True)
    call_command("createcachetable", verbosity=0)


def make_first_account() -> None:
    """As the first launch does it for somebody who uses the computer alone."""
    from desktop_runtime import accounts, login
    from django.core.exceptions import ValidationError

    def anything(field: Any) -> Any:
        for value in ANYTHING:
            try:
                return field.clean(value, None)
            except ValidationError:
                continue
        return None

    accounts.named_form()()
    known = accounts.own_values()
    values = {field.name: known.get(field.name) for field in accounts.asked_fields()}
    for field in accounts.asked_fields():
        if field.name not in known:
            values[field.name] = anything(field)
    accounts.make(values, None, login.keep)


def describe_landing(path: str) -> dict[str, Any]:
    """Where the first page leads without a signed-in user, on empty tables."""
    from django.conf import settings
    from django.core.signals import got_request_exception
    from django.shortcuts import resolve_url

    errors: list[str] = []

    def note(**_: Any) -> None:
        kind, error, _ = sys.exc_info()
        errors.append(f"{kind.__name__ if kind else ''}: {error}"[:500])

    got_request_exception.connect(note)
    login = resolve_url(settings.LOGIN_URL)
    for _ in range(5):
        response = get(path)
        location = response.get("Location", "")
        if not location or response.status_code not in REDIRECTS:
            break
        path, _, query = location.partition("?")
        if path == login or "next=" in query:
            return {"status": response.status_code, "path": path, "login": True}
        if not path.startswith("/"):
            break
    found = {"status": response.status_code, "path": path, "login": False}
    return found | {"error": errors[-1]} if errors else found


def get(path: str) -> Any:
    """The project's answer to a request for `path`."""
    from django.core.handlers.wsgi import WSGIHandler, WSGIRequest

    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "20000", "REMOTE_ADDR": "127.0.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http", "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr, "wsgi.version": (1, 0), "wsgi.run_once": False,
        "wsgi.multithread": True, "wsgi.multiprocess": False,
    }  # fmt: skip
    return WSGIHandler().get_response(WSGIRequest(environ))


def missing_static(path: str) -> list[str]:
    """Static files that the page at `path` wants and the project does not have."""
    from django.conf import settings
    from django.contrib.staticfiles import finders
    from django.templatetags.static import static

    try:
        response = get(path)
        if response.status_code in REDIRECTS:  # the slash that is missing at the end of LOGIN_URL
            response = get(response["Location"].partition("?")[0])
        text = getattr(response, "content", b"").decode("utf-8", "replace")
        prefix = static("")
    except Exception:
        return []
    root = Path(settings.STATIC_ROOT or "")
    wanted = re.findall(rf"""(?:src|href)=["']?{re.escape(prefix)}([^"'?#\s>]+)""", text)
    return [
        name for name in map(unquote, dict.fromkeys(wanted))
        if not finders.find(name) and not (settings.STATIC_ROOT and (root / name).is_file())
    ]  # fmt: skip


def static_folders(project: Path) -> list[str]:
    """Where the project keeps static files: those of STATICFILES_DIRS first, then those of apps."""
    from django.apps import apps
    from django.conf import settings

    given = [Path(each) for each in settings.STATICFILES_DIRS if isinstance(each, (str, Path))]
    given += [Path(each.path, "static") for each in apps.get_app_configs()]
    found = [each.resolve() for each in given if each.is_dir() or each in given[:1]]
    inside = [each.relative_to(project) for each in found if each.is_relative_to(project)]
    return [
        each.as_posix() for each in dict.fromkeys(inside)
        if not {"node_modules", "site-packages"} & {*each.parts}
    ]  # fmt: skip


def static_packages(project: Path) -> list[str]:
    """Folders of npm packages below the project from which static files are served."""
    from django.conf import settings

    given = [each[1] if isinstance(each, (list, tuple)) else each
             for each in settings.STATICFILES_DIRS]  # fmt: skip
    folders = [Path(each).resolve() for each in given]
    # A package of its own may be named, but npm makes the folder as a whole.
    tops = [each for folder in folders for each in (folder, *folder.parents)
            if each.name == "node_modules" and each.is_relative_to(project)]  # fmt: skip
    return sorted({each.relative_to(project).as_posix() for each in tops})


def describe_migrations(project: Path) -> dict[str, Any]:
    """How many migrations a first run applies, and the project's own apps that ship none: no
    package for them, or one that is empty because git ignores what is in it."""
    from django.apps import apps
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(None, ignore_no_migrations=True)
    shipping = {label for label, _ in loader.disk_migrations}
    without = [
        config.label
        for config in apps.get_app_configs()
        if config.label not in shipping
        and any(config.get_models())
        and Path(config.path).is_relative_to(project)
    ]
    return {"count": len(loader.disk_migrations), "apps_without": without}


def describe(error: BaseException, project: Path) -> dict[str, Any]:
    """An exception with its causes, so that the kit can tell what would help."""
    chain = []
    current: BaseException | None = error
    while current is not None and len(chain) < 8:
        chain.append(
            {
                "type": type(current).__name__,
                "module": type(current).__module__,
                "message": str(current)[:2000],
                "name": getattr(current, "name", None),
                "frames": [
                    {"file": frame.filename, "line": frame.lineno, "code": frame.line or ""}
                    for frame in traceback.extract_tb(current.__traceback__)[-40:]
                ],
            }
        )
        current = current.__cause__ or current.__context__
    own = [frame for frame in chain[0]["frames"] if Path(frame["file"]).is_relative_to(project)]
    place = own[-1] if own else None
    if isinstance(error, SyntaxError) and error.filename:
        place = {"file": error.filename, "line": error.lineno or 0, "code": ""}
    return {
        "chain": chain,
        "file": _relative(place["file"], project) if place else "",
        "line": place["line"] if place else 0,
        "text": f"{type(error).__name__}: {error}"[:2000],
    }


def describe_packages() -> dict[str, Any]:
    """From where modules are imported, and to which distribution each belongs."""
    from importlib import metadata

    found = metadata.packages_distributions()
    return {
        "search_path": [entry for entry in sys.path if isinstance(entry, str)],
        "packages": {
            top: (names[0], metadata.version(names[0])) for top, names in found.items() if names[0]
        },
    }


def _relative(file: str, project: Path) -> str:
    path = Path(file)
    return path.relative_to(project).as_posix() if path.is_relative_to(project) else str(file)


if __name__ == "__main__":
    main(*sys.argv[1:3])
