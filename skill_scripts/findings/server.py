"""Which server a project needs: one with websockets and asynchronous streams, or a plain one."""

import ast
import re
from collections.abc import Iterator

from skill_scripts.desktop_toml import Decision
from skill_scripts.findings.finding import HANDLED, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.project.files import NOT_THE_PROJECT, Project

SERVER = ("django", "server")
# The key of Channels' ProtocolTypeRouter, or the type that an application of its own asks for.
WEBSOCKET = re.compile(r"[\"']websocket[\"']")


def choose_server(survey: Survey) -> Iterator[Finding | Decision]:
    """ASGI where the project serves websockets or asynchronous streams, unless it is decided."""
    project = survey.project
    sockets = _place_of_sockets(project, str(survey.facts.settings.get("ASGI_APPLICATION") or ""))
    streams = next(filter(None, (_stream_in(project, name) for name in own_files(project))), "")
    if not (sockets or streams):
        return
    what = "it serves websockets" if sockets else "a page streams what an asynchronous view makes"
    if SERVER not in survey.decided:
        yield Decision(SERVER, "asgi")
    elif survey.draft["django"]["server"] == "wsgi":
        lost = "nobody answers them" if sockets else "each open stream has a thread of its own"
        yield Finding("asgi", HANDLED, what, f"{lost}, as decided", sockets or streams)
        return
    yield Finding(
        "asgi",
        HANDLED,
        what,
        "uvicorn serves the app ([django] server); waitress instead: --set django.server=wsgi",
        sockets or streams,
    )


def is_async_stream(source: str) -> bool:
    """Whether a file makes streams in asynchronous generators."""
    if "StreamingHttpResponse" not in source or "async def" not in source:
        return False
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(
        isinstance(inner, ast.Yield)
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncFunctionDef)
        for inner in ast.walk(node)
    )


def own_files(project: Project) -> Iterator[str]:
    """The project's Python files, tests left out."""
    for name in project.python_files():
        parts = name.split("/")
        if NOT_THE_PROJECT.isdisjoint(parts) and not parts[-1].startswith("test"):
            yield name


def _place_of_sockets(project: Project, application: str) -> str:
    """File and line where the ASGI application takes websockets, "" where it takes none."""
    module = application.rpartition(".")[0].replace(".", "/")
    # It may import what routes them.
    ends = (f"/{module}.py", f"/{module}/__init__.py", "/asgi.py", "/routing.py")
    for name in own_files(project):
        if f"/{name}".endswith(ends) and (found := WEBSOCKET.search(project.source(name))):
            return place(project, name, found.start())
    return ""


def _stream_in(project: Project, name: str) -> str:
    source = project.source(name)
    return place(project, name, source.index("async def")) if is_async_stream(source) else ""


def place(project: Project, name: str, at: int) -> str:
    """File and line of a position in a file."""
    line = project.source(name).count("\n", 0, at) + 1
    return f"{name}:{line}"
