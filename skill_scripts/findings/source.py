"""Reads the project's source for what only shows there, with file and line."""

import ast
import re
from collections.abc import Collection, Iterator
from typing import Any

from skill_scripts.findings.finding import DECIDE, Finding
from skill_scripts.findings.server import is_async_stream
from skill_scripts.probe.facts import Database, Facts
from skill_scripts.project.files import NOT_THE_PROJECT, Project

NOT_SERVED = re.compile(r"/migrations/|/(test_\w+|tests|conftest)\.py$")
EVENT_STREAM = re.compile(rb"text/event-stream")
ASKS_FOR_RUNSERVER = re.compile(rb"\bRUN_MAIN\b|[\"']runserver[\"']")
# In settings it is one of the origins that are trusted, which does no harm.
OLD_ADDRESS = re.compile(rb"https?://(?:127\.0\.0\.1|localhost):8000")
SETTINGS = re.compile(r"(^|/)settings")
ENGINE_SQL = re.compile(
    rb"SearchVector|TrigramSimilarity|ArrayAgg|django\.contrib\.postgres\.(?:search|aggregates)"
    rb"|distinct\([\"'][^)]{1,60}\)"
)


def read_source_findings(project: Project) -> Iterator[Finding]:
    """Findings in the project's own Python files, tests left out."""
    for name in project.python_files():
        if not NOT_THE_PROJECT.isdisjoint(name.split("/")) or NOT_SERVED.search(f"/{name}"):
            continue
        try:
            content = (project.root / name).read_bytes()
        except OSError:
            continue
        is_served_alone = is_async_stream(content.decode("utf-8", "replace"))
        if not is_served_alone and (match := EVENT_STREAM.search(content)):
            yield Finding(
                "event-stream",
                DECIDE,
                "a page streams events; each open stream has a thread of its own",
                "fine for one window; else poll instead",
                _place(name, content, match.start()),
            )
        if name != project.manage and (match := ASKS_FOR_RUNSERVER.search(content)):
            yield Finding(
                "runserver",
                DECIDE,
                f"the code looks for {match[0].decode()}, which only Django's own server has",
                "where it starts what the app needs: --set 'django.argv=[\"runserver\"]' "
                "--set django.env.RUN_MAIN=true",
                _place(name, content, match.start()),
            )
        if match := ENGINE_SQL.search(content):
            yield Finding(
                "engine-bound-query",
                DECIDE,
                f"{match[0].decode('utf-8', 'replace')} only works on PostgreSQL",
                "pages that use it fail; change the query in the project",
                _place(name, content, match.start()),
            )


def read_old_addresses(project: Project, answered: Collection[str]) -> Iterator[Finding]:
    """Pages, scripts and Python files that name the address of Django's own server.

    In pages and scripts the app's own stands in place of those that are `answered`.
    """
    for name in project.files:
        if not name.endswith((".html", ".js", ".py")) or SETTINGS.search(name):
            continue
        if not NOT_THE_PROJECT.isdisjoint(name.split("/")) or NOT_SERVED.search(f"/{name}"):
            continue
        content = project.source(name).encode()
        left = () if name.endswith(".py") else answered
        found = (each for each in OLD_ADDRESS.finditer(content) if each[0].decode() not in left)
        if match := next(found, None):
            yield Finding(
                "old-address",
                DECIDE,
                f"{match[0].decode()} is written down; the app is at another port, nobody is there",
                'if it is this app: --set \'app.addresses=["http://localhost:8000", '
                '"http://127.0.0.1:8000"]\', so that pages and scripts name the app instead; '
                "Python code that asks it must read the address from a setting",
                _place(name, content, match.start()),
            )


def static_facts(project: Project, settings_module: str) -> Facts:
    """What the settings' source says where they cannot be run; only plain literals are known."""
    relative = settings_module.replace(".", "/")
    endings = (f"{relative}.py", f"{relative}/__init__.py")
    file = next((name for name in project.files if name.endswith(endings)), None)
    if file is None:
        return Facts(reported=frozenset())
    try:
        tree = ast.parse(project.source(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Facts(reported=frozenset())
    values: dict[str, Any] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=value) if name.isupper():
                values[name] = _plain(value)
    databases = values.get("DATABASES") or {}
    return Facts(reported=frozenset()).also(
        settings_module=settings_module,
        settings={
            name: value
            for name, value in values.items()
            if name in ("INSTALLED_APPS", "MIDDLEWARE", "ROOT_URLCONF", "SESSION_ENGINE")
        },
        databases={
            alias: Database(engine := str(each.get("ENGINE", "")), "", "sqlite" in engine)
            for alias, each in databases.items()
            if isinstance(each, dict)
        },
        explicit=tuple(sorted(values)),
    )


def _plain(node: ast.expr) -> Any:
    """The literal parts of an expression; what must be computed is None."""
    match node:
        case ast.Dict():
            keys = [_plain(key) if key else None for key in node.keys]
            pairs = zip(keys, node.values, strict=True)
            return {key: _plain(value) for key, value in pairs if isinstance(key, str)}
        case ast.List() | ast.Tuple():
            return [value for each in node.elts if (value := _plain(each)) is not None]
        case ast.Constant():
            return node.value
    return None


def _place(name: str, content: bytes, position: int) -> str:
    line = content.count(b"\n", 0, position) + 1
    return f"{name}:{line}"
