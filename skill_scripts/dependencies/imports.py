"""What a project's own modules import, read from their source; nothing of it runs."""

import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from skill_scripts.dependencies.environment import ask
from skill_scripts.project.files import DEMONSTRATIONS, NOT_THE_PROJECT, Project

# Files by which a folder is an application of Django.
MARKS = frozenset({"admin.py", "apps.py", "asgi.py", "models.py", "urls.py", "views.py", "wsgi.py"})
# Settings for other purposes want packages that the app does without; they are tried, not read.
NOT_READ = re.compile(r"(^|/)(settings|test_\w+|tests|conftest|local_settings)(\.py$|/)|_test\.py$")
GUARDS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def imported(project: Project) -> dict[str, str]:
    """The top-level modules that the project's applications import, each with its first place.

    What the project brings itself, the standard library, and what may be missing is left out.
    """
    own = {part for name in project.python_files() for part in _parts(name)}
    found: dict[str, str] = {}
    for name in sorted(_files_of_applications(project)):
        try:
            tree = ast.parse(project.source(name))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for module, line in (*_imports(tree.body), *_fields(tree)):
            top = module.partition(".")[0]
            if top not in own and top not in sys.stdlib_module_names:
                found.setdefault(top, f"{name}:{line}")
    return found


def absent(python: Path, modules: Iterable[str]) -> set[str]:
    """Those of `modules` that cannot be imported by an interpreter."""
    wanted = sorted(modules)
    code = (
        "import importlib.util as u, json, sys;"
        "print(json.dumps([n for n in json.loads(sys.argv[1]) if u.find_spec(n) is None]))"
    )
    return set(json.loads(ask(python, code, json.dumps(wanted)) or "[]")) if wanted else set()


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name).with_suffix("").parts


def _files_of_applications(project: Project) -> Iterator[str]:
    left_out = NOT_THE_PROJECT | DEMONSTRATIONS
    files = [name for name in project.python_files() if not left_out.intersection(_parts(name))]
    folders = {PurePosixPath(name).parent for name in files if PurePosixPath(name).name in MARKS}
    for name in files:
        if not NOT_READ.search(name) and folders.intersection(PurePosixPath(name).parents):
            yield name


def _imports(body: Iterable[ast.stmt]) -> Iterator[tuple[str, int]]:
    """What must be there, wherever in a module it is imported."""
    for node in body:
        match node:
            case ast.Import(names=names):
                yield from ((each.name, node.lineno) for each in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module, node.lineno
            case ast.Try() if any(map(_forgives, node.handlers)):
                yield from _imports([*node.orelse, *node.finalbody])
            case ast.If(test=test) if "TYPE_CHECKING" in ast.dump(test):
                yield from _imports(node.orelse)
            case _:
                for name in ("body", "handlers", "orelse", "finalbody", "cases"):
                    yield from _imports(getattr(node, name, ()) or ())


def _fields(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """What Django imports for a field: a picture is refused without it, and so is every command
    that runs the system checks."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name("models"), attr="ImageField"):
                yield "PIL", node.lineno


def _forgives(handler: ast.ExceptHandler) -> bool:
    """Whether it is what happens without the module."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(each is None or getattr(each, "id", "") in GUARDS for each in kinds)
