"""The walls between the parts, and what must not get into the repository."""

import ast
import contextlib
import graphlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAYLOAD = ROOT / "reference_app" / "desktop-app"
SCRIPTS = ROOT / "skill_scripts"
FUNCTION_LINES = 80
RUNTIME_LINES = 9323  # one sitting; raise it only through docs/decisions.md
TOGA_LINES = 2062

# The wings and single modules of skill_scripts: each may import from itself and from what stands
# before it. A module that is named nowhere fails the test.
ORDER = (
    "__init__", "errors", "versions", "processes", "development", "backend", "chromium",
    "desktop_toml", "project", "layer", "dependencies", "probe", "findings", "offline", "repairs",
    "bundle", "rehearsal", "survey", "run", "portable", "importing", "filling", "look", "trial",
    "update", "adapt", "remove", "stage", "package", "icons",
    "cli", "__main__",
)  # fmt: skip

# What is started with the target's own interpreter, and what it may see there.
RUNS_IN_THE_TARGET = {
    SCRIPTS / "probe" / "inside.py": {"django", "desktop_runtime", "launch"},
    SCRIPTS / "probe" / "journal.py": set(),
    SCRIPTS / "rehearsal" / "inside.py": {"django", "desktop_runtime"},
    SCRIPTS / "rehearsal" / "importtimes.py": set(),
    SCRIPTS / "rehearsal" / "own_person.py": {"django"},
    SCRIPTS / "rehearsal" / "kept_person.py": {"django"},
    SCRIPTS / "bundle" / "first_run_inside.py": {"django", "desktop_runtime", "time_machine"},
    SCRIPTS / "bundle" / "child_overlay.py": {"sitecustomize"},
    **{
        path: {"django", "desktop_runtime", "desktop_import", "yaml", "MySQLdb", "pymysql"}
        for path in (SCRIPTS / "importing" / "desktop_import").glob("*.py")
    },
    ROOT / "checks" / "probe.py": {"django", "asgiref", "channels", "ddk_agent", "ddk_tasks"},
    ROOT / "checks" / "probe_agent.py": {"django"},
    ROOT / "checks" / "probe_tasks.py": {
        "django",
        "celery",
        "huey",
        "django_cron",
        "django_q",
        "django_rq",
        "django_tasks",
        "dramatiq",
    },
    **{path: {"django"} for path in (ROOT / "checks" / "probe_app").rglob("*.py")},
}

# Dependencies whose module has another name.
IMPORTED_AS = {"python-xlib": "Xlib", "pytest-xdist": "xdist"}

LOCAL_REGISTRIES = "|".join(
    (
        r"py" r"pi\.org",
        r"python" r"hosted\.org",
        r"registry\.npm" r"js\.org",
        r"deb\.deb" r"ian\.org",
    )
)
UNWANTED = {
    "a registry address": re.compile(LOCAL_REGISTRIES),
    "a path of somebody's machine": re.compile(
        r"(?<![\w.}*-])/(?:wo" r"rk|ro" r"ot|fa" r"rm)/[.\w]"
    ),
    "a note to do later": re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b"),
}
# Phrases that make a riddle of a sentence; only "there" may stand before the second.
RIDDLES = re.compile(
    r"(?:[Cc]annot|\b[Cc]an|\bcould)\s+be"
    r"\s+had|(?<!there )\b(?:is|are)\s+no"
    r"ne\b"
    r"|\b[Bb]y\s+(?:it"
    r"self|them"
    r"selves)\b|of which it is"
    r" known"
)


def python_files(folder: Path) -> list[Path]:
    generated = {".venv", ".packages", "node_modules", "staged", "dist"}
    return [path for path in sorted(folder.rglob("*.py")) if not generated & set(path.parts[:-1])]


def runtime_files() -> list[Path]:
    """Those that every project receives, whichever shell it has."""
    shell = PAYLOAD / "toga"
    return [path for path in python_files(PAYLOAD) if not path.is_relative_to(shell)]


def imports(path: Path) -> set[str]:
    """The top-level names of what a module imports absolutely, wherever in it that happens."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def test_payload_imports_only_the_standard_library_and_what_it_ships_with():
    shell = {path.stem for path in python_files(PAYLOAD / "toga")}
    own = {"desktop_runtime", "launch", *shell}
    # The Toga shell, by its own requirements.txt.
    web_view = {"toga", "gi", "toga_gtk", "toga_winforms", "toga_cocoa", "rubicon", "System"}
    shipped = {"django", "asgiref", "waitress", "whitenoise", "certifi", "uvicorn"}
    # The project's own, imported where desktop.toml names their workers.
    queues = {"apscheduler", "celery", "kombu", "huey", "django_q", "django_tasks_db", "dramatiq",
              "django_dramatiq", "django_rq", "django_celery_beat", "django_cron"}  # fmt: skip
    # By requirements-cron.txt, where such a worker is declared.
    shipped.add("cronsim")
    allowed = sys.stdlib_module_names | shipped | own | queues | web_view
    found = {path.name: imports(path) - allowed for path in python_files(PAYLOAD)}
    assert found, "the payload has no Python files"
    assert not {name: rest for name, rest in found.items() if rest}


@pytest.mark.parametrize(
    ("part", "other"), [("checks", "skill_scripts"), ("skill_scripts", "checks")]
)
def test_part_sees_neither_the_others_nor_django(part, other):
    forbidden = {other, "desktop_runtime", "django", "launch", "reference_app", "tests"}
    found = {
        path.relative_to(ROOT): imports(path) & (forbidden - RUNS_IN_THE_TARGET.get(path, set()))
        for path in python_files(ROOT / part)
    }
    assert found
    assert not {name: rest for name, rest in found.items() if rest}


def scripts() -> dict[str, set[str]]:
    """The modules of skill_scripts by dotted name, each with those of them that it imports."""
    files = {
        ".".join(("skill_scripts", *path.relative_to(SCRIPTS).with_suffix("").parts)): path
        for path in python_files(SCRIPTS)
    }
    found: dict[str, set[str]] = {}
    for name, path in files.items():
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found[name] |= {each.name for each in node.names} & files.keys()
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{name} imports relatively"
                inner = {f"{node.module}.{each.name}" for each in node.names} & files.keys()
                found[name] |= inner or {node.module} & files.keys()
    return found


def test_arrows_between_the_wings_go_down_only():
    found = scripts()
    assert {name.split(".")[1] for name in found} == set(ORDER)
    rank = {wing: number for number, wing in enumerate(ORDER)}
    upward = [
        f"{name} imports {other}"
        for name, others in found.items()
        for other in others
        if rank[name.split(".")[1]] < rank[other.split(".")[1]]
    ]
    assert upward == []


def test_no_module_imports_itself_by_a_detour():
    assert list(graphlib.TopologicalSorter(scripts()).static_order())


def test_starts_stand_above_what_they_are_made_with():
    """Of the checks, only the criteria and the fixtures know the starts."""
    above = [
        path.name
        for path in (ROOT / "checks").glob("*.py")
        if "checks.starts" in path.read_text(encoding="utf-8")
        and path.name != "conftest.py"
        and not path.name.startswith("test_")
    ]
    assert above == []


def test_judges_write_nothing():
    def changed(target: ast.expr) -> str:
        """The name of what an assignment changes, "" for a variable of its own."""
        if not isinstance(target, ast.Subscript | ast.Attribute):
            return ""
        while isinstance(target, ast.Subscript | ast.Attribute):
            target = target.value
        return target.id if isinstance(target, ast.Name) else "something"

    given = {"draft", "facts", "project", "survey"}
    writes = {
        "mkdir",
        "rename",
        "rmtree",
        "touch",
        "unlink",
        "write_bytes",
        "write_text",
    }
    found = []
    for path in python_files(SCRIPTS / "findings"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Assign(targets=targets):
                    found += [f"{path.name}: {t.lineno}" for t in targets if changed(t) in given]
                case ast.AugAssign(target=target) if changed(target) in given:
                    found.append(f"{path.name}: {target.lineno}")
                case ast.Attribute(attr=attr) if attr in writes:
                    found.append(f"{path.name}: {attr}")
    assert found == []


@pytest.mark.parametrize("part", ["checks", "skill_scripts"])
def test_everything_imported_is_declared(part):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[^\w-]", name, maxsplit=1)[0] for name in project["dependencies"]}
    declared = {IMPORTED_AS.get(name, name) for name in names}
    own = {"checks", "skill_scripts"}
    found = {
        path.relative_to(ROOT): imports(path)
        - sys.stdlib_module_names
        - declared
        - own
        - RUNS_IN_THE_TARGET.get(path, set())
        for path in python_files(ROOT / part)
    }
    assert not {name: rest for name, rest in found.items() if rest}


def test_runtime_is_readable_in_one_sitting():
    shell = python_files(PAYLOAD / "toga")  # in the place of another one's JavaScript
    for files, most in ((runtime_files(), RUNTIME_LINES), (shell, TOGA_LINES)):
        assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) <= most


def test_functions_are_readable_at_a_glance():
    long = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in tracked()
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize("what", UNWANTED)
def test_tracked_files_are_free_of(what):
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if path.name == "package-lock.json":
            text = re.sub(r'"integrity": "[^"]*"', "", text)
        found += [
            f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1} {match[0]}"
            for match in UNWANTED[what].finditer(text)
        ]
    assert not found


def test_code_speaks_plainly():
    """Messages, comments and names of tests; tests/docs looks after the pages."""
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in {".md", ".txt"} or name.startswith("docs/"):
            continue
        with contextlib.suppress(UnicodeDecodeError):
            text = path.read_text(encoding="utf-8")
            found += [
                f"{name}:{text.count(chr(10), 0, match.start()) + 1} {match[0]}"
                for match in RIDDLES.finditer(text)
            ]
    assert found == []


def test_no_lock_file_that_carries_registry_addresses():
    assert not [path for path in tracked() if path.name == "uv.lock"]


@pytest.mark.parametrize(
    "lock", sorted(path for path in tracked() if path.name == "package-lock.json"), ids=str
)
def test_node_locks_pin_content_and_no_address(lock):
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    assert not [name for name, entry in packages.items() if "resolved" in entry]
    assert not [name for name, entry in packages.items() if name and "integrity" not in entry]
