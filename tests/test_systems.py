"""The tests themselves start on three systems: what only POSIX has is named behind a question."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
FILES = sorted(
    file
    for folder in (TESTS, TESTS.parent / "reference_app" / "tests", TESTS.parent / "checks")
    for file in folder.rglob("*.py")
    # The faults ask once, before any of them is made: most are Linux's own.
    if not {"own", "node_modules", "faults"} & set(file.parts)
)
ABSENT_ON_WINDOWS = {
    "os": {
        *("fork", "getegid", "geteuid", "getgid", "getpgid", "getpgrp", "getuid", "killpg"),
        *("mkfifo", "setsid", "wait", "waitstatus_to_exitcode", "uname"),
    },
    "signal": {"SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGSTOP", "SIGUSR1", "SIGUSR2"},
    "socket": {"AF_UNIX", "SO_REUSEPORT"},
}
QUESTIONS = (
    *("hasattr(", "getattr(", "os.name", "sys.platform", "LINUX", "MACOS", "WINDOWS", "POSIX"),
    "as_root",
    "MISSING",  # what a module lacks, the system among it
)


def unasked(tree: ast.Module, source: str) -> list[str]:
    """Names that Windows lacks, where nothing around them asks which system this is."""
    found = []

    def asks(node: ast.AST | None) -> bool:
        text = ast.get_source_segment(source, node) if node else None
        return any(question in (text or "") for question in QUESTIONS)

    def look(node: ast.AST, asked: bool) -> None:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            missing = ABSENT_ON_WINDOWS.get(node.value.id, ())
            if node.attr in missing and not asked:
                found.append(f"line {node.lineno}: {node.value.id}.{node.attr}")
        marks = getattr(node, "decorator_list", [])
        conditions = [*marks, getattr(node, "test", None)]
        if isinstance(node, ast.BoolOp):
            conditions += node.values
        asked = asked or any(map(asks, conditions))
        for child in ast.iter_child_nodes(node):
            look(child, asked)

    whole = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "pytestmark"
    ]
    look(tree, any(map(asks, whole)))
    return found


def test_a_name_that_windows_lacks_is_found():
    asked = "    if hasattr(os, 'setsid'):\n        os.setsid()"
    source = f"import os\ndef test_x():\n    os.fork()\n{asked}"
    assert unasked(ast.parse(source), source) == ["line 3: os.fork"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(TESTS.parent).as_posix())
def test_no_test_names_what_windows_lacks_unasked(file):
    source = file.read_text(encoding="utf-8")
    assert unasked(ast.parse(source), source) == []
