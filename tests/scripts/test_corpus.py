"""Malformed inputs: bounded time, one clear error each, nothing written.

Each case is a project in which one thing is wrong. What is refused names its code; what does not
load is DDK-ADP-05 with the project's own error; what is strange but harmless passes.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from skill_scripts.dependencies import environment
from skill_scripts.probe import run

from . import projects

pytestmark = pytest.mark.slow

BLOCKED = "DDK-ADP-05"
FINE = ""
HANGS = "does not come back within 1 seconds"
LIMIT_SECONDS = 20  # a hang, on a machine that is busy
UNIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")


@dataclass
class Case:
    """One malformed project: what is wrong, and how it must be answered."""

    name: str
    expected: str  # code of the error
    files: dict[str, str | bytes] = field(default_factory=dict)  # instead of a project's own
    settings: str = ""  # added to its settings
    words: str = ""  # that the answer must contain
    build: Callable[[Path], object] = lambda root: None  # what files cannot say
    arguments: tuple[str, ...] = ()


def declared(name: str, content: str | bytes, words: str = "", what: str = "") -> Case:
    return Case(f"{name}: {what or words}", "DDK-SUR-05", {name: content}, words=words or name)


def managed(what: str, content: str | bytes, words: str, expected: str = BLOCKED) -> Case:
    return Case(f"manage.py {what}", expected, {"manage.py": content}, words=words)


def configured(what: str, settings: str, words: str) -> Case:
    return Case(f"settings {what}", BLOCKED, settings=settings, words=words)


def with_(name: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Puts something else than a file at `name`."""

    def build(root: Path) -> None:
        path = root / name
        if path.exists():
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)

    return build


def deep(root: Path) -> None:
    folder = root
    for _ in range(300):
        folder /= "d"
        folder.mkdir()


MODEL = """
from django.db import models

class Thing(models.Model):
    other = models.ForeignKey("nowhere.Nothing", models.CASCADE)
"""

CASES = [
    # declarations
    declared("pyproject.toml", "[project\n", what="not TOML"),
    declared("pyproject.toml", b"\x00\xff\x00", "binary"),
    declared("pyproject.toml", b"\x80\x81 = 1", what="not UTF-8"),
    declared("pyproject.toml", "a = " + "[" * 5000, what="5000 brackets deep"),
    declared("pyproject.toml", "project = 3\n", what="a number for a table"),
    declared("pyproject.toml", '[project]\ndependencies = "django"\n', what="text for a list"),
    declared("pyproject.toml", "[project]\ndependencies = [3]\n", what="numbers in a list"),
    declared("pyproject.toml", "[tool]\npoetry = [1]\n", what="a list for a table"),
    declared("pyproject.toml", "[dependency-groups]\ndev = 5\n", what="a group that is a number"),
    declared("requirements.txt", "django\n" * 1_000_000, "more than 10000"),
    declared("requirements.txt", "#" * 21_000_000, "larger than 20 MB"),
    declared("requirements.txt", b"django\x00\x01", "binary"),
    declared("setup.cfg", "no section\n", what="no section"),
    declared("setup.cfg", "[a]\nx = 1\n[a]\n", what="a section twice"),
    declared("setup.py", "setup(\n", what="not Python"),
    declared("setup.py", "x = " + "(" * 10_000, what="10000 parentheses"),
    declared("Pipfile", "= =", what="not TOML"),
    declared("Pipfile", "packages = 1\n", what="a number for a table"),
    declared("Pipfile.lock", "[]", what="a list"),
    declared("Pipfile.lock", '{"default": []}', what="a list for a table"),
    declared("uv.lock", "}", what="not TOML"),
    declared("poetry.lock", "[[package]]\nversion = '1'\n", what="a package without a name"),
    Case("requirements include each other", FINE,
         {"requirements.txt": "-r more.txt\ndjango\n", "more.txt": "-r requirements.txt\n"}),
    Case("requirements include a file outside", FINE,
         {"requirements.txt": "-r ../outside.txt\n-r /dev/zero\ndjango\n"},
         build=lambda root: (root.parent / "outside.txt").write_text("django\n")),
    Case("one requirement of 5 MB", FINE, {"requirements.txt": "a" * 5_000_000 + "\ndjango\n"}),
    Case("requirements of garbage", FINE, {"requirements.txt": "\\\n!!\n==\n@@@\n-q\n🦄\n"}),
    Case("requirements are a folder", FINE, build=with_("requirements.txt", Path.mkdir)),
    Case("requires no Python there is", FINE,
         {"pyproject.toml": '[project]\nname = "x"\nrequires-python = "banana"\n'}),
    # manage.py
    managed("is binary", b"\x00\x01\x02\xff" * 100, "manage.py"),
    managed("is empty", "", "", expected=FINE),
    managed("is UTF-16", "print()".encode("utf-16"), "manage.py"),
    managed("is of another Python", "print 'x'\n", "SyntaxError"),
    managed("is 3 MB of comments", "#" * 3_000_000, "", expected=FINE),
    managed("exits", "import sys; sys.exit('I am not in the mood')", "I am not in the mood"),
    managed("ends the process", "import os; os._exit(5)", "exit code 5"),
    managed("asks", "print(input('your name? '))", "EOF"),
    managed("recurses", "def f(): f()\nf()", "recursion"),
    managed("interrupts itself", "raise KeyboardInterrupt", "ended the process"),
    managed("wants a terabyte", "x = bytearray(10 ** 15)", "MemoryError"),
    managed("hangs", "import time; time.sleep(1000)", HANGS),
    managed("prints without end", "while True: print('x' * 1000)", HANGS),
    managed("prints garbage", "import sys, os; os.write(1, bytes(range(256)) * 99)\nsys.exit('no')",
            "no"),
    Case("manage.py is a folder", "DDK-SUR-02", build=with_("manage.py", Path.mkdir)),
    Case("manage.py leads to itself", "DDK-SUR-02",
         build=with_("manage.py", lambda path: path.symlink_to("manage.py"))),
    # settings and what they load
    Case("settings are binary", BLOCKED, {"site1/settings.py": b"\x00\xff" * 1000},
         words="null bytes"),
    Case("settings are empty", BLOCKED, {"site1/settings.py": ""}, words="ROOT_URLCONF"),
    Case("settings are not UTF-8", BLOCKED, {"site1/settings.py": "X = 'é'".encode("latin-1")},
         words="site1/settings.py"),
    configured("have a syntax error", "x = (", "SyntaxError"),
    configured("raise", "raise RuntimeError('the moon is wrong')", "the moon is wrong"),
    configured("import what is nowhere", "import no_such_package_at_all",
               "No module named 'no_such_package_at_all'"),
    configured("import themselves", "from site1.settings import MOON", "MOON"),
    configured("never end", "while True: pass", HANGS),
    configured("list apps as text", "INSTALLED_APPS = 'news'", "n"),
    configured("list databases", "DATABASES = []", "list"),
    configured("name urls that are nowhere", "ROOT_URLCONF = 'nowhere'", "nowhere"),
    configured("name a user that is nowhere", "AUTH_USER_MODEL = 'a.B'", "a.B"),
    configured("configure logging with garbage", "LOGGING = {'version': 7}", "version"),
    configured("name an app twice", "INSTALLED_APPS *= 2", "unique"),
    Case("a model leads nowhere", FINE,
         {"news/__init__.py": "", "news/models.py": MODEL}, "INSTALLED_APPS += ['news']"),
    Case("a migration is broken", BLOCKED,
         {"news/__init__.py": "", "news/migrations/__init__.py": "",
          "news/migrations/0001_x.py": "class Migration("}, "INSTALLED_APPS += ['news']",
         words="0001_x.py"),
    Case("urls are binary", BLOCKED, {"site1/urls.py": b"\x00" * 100}, words="null bytes"),
    Case("a thread never ends", FINE,
         settings="import threading, time; threading.Timer(999, print).start()"),
    # the layer's own files
    Case("desktop.toml is not TOML", "DDK-ADP-10",
         {"desktop-app/desktop.toml": "= =", "desktop-app/.kit.json": "{"}),
    Case("the record is of another form", "DDK-ADP-10", {"desktop-app/.kit.json": '{"kit": 1}'}),
    Case("the record names files outside", "DDK-ADP-10",
         {"desktop-app/.kit.json":
          '{"kit": "1", "spec": "1", "decisions": [], "files": {"../manage.py": "x"}}'}),
    Case("the record's texts are damaged", "DDK-ADP-10",
         {"desktop-app/.kit.json":
          '{"kit": "1", "spec": "1", "decisions": [], "files": {}, "texts": "AAAA"}'}),
    Case("desktop-app is a file", "DDK-ADP-03", {"desktop-app": "x"}),
    # the tree
    Case("an empty folder", "DDK-SUR-02",
         build=lambda root: [each.unlink() for each in root.rglob("*.py")]),
    Case("empty files everywhere", FINE,
         {f"news/{name}.py": "" for name in ("models", "views", "admin", "tests", "a b", "ü")}),
    Case("files of strange content", FINE,
         {"latin.py": "# é\n".encode("latin-1"), "nul.py": b"\x00" * 1000, "cr.py": b"x = 1\r" * 9,
          "package.json": b"\xff\xfe", "deep.py": "(" * 50_000}),
    Case("300 folders in each other", FINE, build=deep),
    Case("a .git that is garbage", FINE, {".git": "gitdir: nowhere\n"}),
    Case("an interpreter that hangs", "DDK-ENV-04", {"py": "#!/bin/sh\nsleep 1000\n"},
         build=lambda root: (root / "py").chmod(0o755),
         arguments=("--set", "python.interpreter=py")),
    Case("a decision on nothing", "DDK-ADP-07", arguments=("--set", "=")),
    Case("a decision of the wrong kind", "DDK-ADP-07", arguments=("--set", "app.version=[1]")),
    Case("a manage.py that is elsewhere", "DDK-SUR-04", arguments=("--manage", "../../x.py")),
]  # fmt: skip

MKFIFO = getattr(os, "mkfifo", None)
UNIX_CASES = [
    managed("crashes", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "exit code -11"),
    managed("stops itself", "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
            HANGS),
    managed("closes everything", "import os; os.closerange(0, 100); raise OSError('gone')", "gone"),
    managed("forks and hangs",
            "import os, time\nfor _ in range(3): os.fork()\nos.setsid() if os.getpid() != "
            "os.getpgrp() else None\ntime.sleep(1000)", HANGS),
    managed("forks and ends", "import os\nif os.fork(): os._exit(4)\nimport time; time.sleep(1000)",
            "exit code 4"),
    Case("manage.py is a pipe", "DDK-SUR-02", build=with_("manage.py", MKFIFO)),
    Case("requirements are a pipe", FINE, build=with_("requirements.txt", MKFIFO)),
    Case("links lead in circles", FINE, build=lambda root: [
        (root / "loop").symlink_to("loop"),
        (root / "up").symlink_to("..", target_is_directory=True),
        (root / "a").symlink_to("b"), (root / "b").symlink_to("a")]),
    Case("a name that is no text", FINE,
         build=lambda root: Path(os.fsdecode(os.fsencode(root) + b"/\xff\n.py")).write_text("")),
]  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [
        *(
            pytest.param(case, marks=pytest.mark.long if i % 4 else ())
            for i, case in enumerate(CASES)
        ),
        *(pytest.param(case, marks=UNIX) for case in UNIX_CASES),
    ],
    ids=lambda case: case.name,
)
def test_it_is_answered_clearly_and_nothing_is_written(case, make_project, kit, monkeypatch):
    monkeypatch.setattr(run, "PROBE_LIMIT_SECONDS", 1 if case.words == HANGS else 60)
    monkeypatch.setattr(environment, "START_LIMIT_SECONDS", 1)
    root = make_project(case.files, settings=case.settings, name="project")
    case.build(root)
    before = projects.contents(root)
    begin = time.monotonic()

    result = kit("adapt", root, "--dry-run", *case.arguments)

    assert time.monotonic() - begin < LIMIT_SECONDS
    assert projects.contents(root) == before
    assert "Traceback" not in result.stderr
    if case.expected:
        assert result.exit_code == 3, result.stderr
        assert result.stderr.startswith(f"error {case.expected}: "), result.stderr
        assert result.stderr.count("error DDK-") == 1
        assert "\n  means: " in result.stderr and "\n  do: " in result.stderr
        assert case.words in result.stderr
    else:
        assert result.exit_code == 0, result.stderr


def test_the_corpus_is_as_large_as_promised():
    assert len({case.name for case in [*CASES, *UNIX_CASES]}) >= 40
