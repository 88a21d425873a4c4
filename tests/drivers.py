"""What the two drivers say of shells, and what a neighbour received from each.

    python -m tests.drivers [--write] [NAME...]

NAME is part of a column's or a neighbour's name; without one all are judged, in about fifteen
minutes. --write keeps what was found in docs/shells.json and makes docs/reference/shells.md from
it. Exit code 1 where the drivers disagree or a neighbour received a proof.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skill_scripts.dependencies import bundled_python, web_view
from skill_scripts.layer import shells
from skill_scripts.package import package
from tests.broken.applications import application
from tests.broken.shells import SHELLS
from tests.broken.targets import (
    APPLICATION,
    REFERENCE,
    ROOT,
    copy_reference_app,
    judge,
    make,
)
from tests.electron import check_options
from tests.scripts import local_python
from tests.scripts.staging import make_toga_project

DATA = ROOT / "docs" / "shells.json"
PAGE = ROOT / "docs" / "reference" / "shells.md"
FAMILY = "SHL,TOK-10"
SHOWN = 120  # characters of what was seen
OUTSIDE = ("--shell-driver", "outside")
SYSTEM_PYTHON = "/usr/bin/python3"
WEBVIEW = Path(__file__).parent / "checks" / "webview_shell.py"
NEEDS = "import gi; gi.require_version('WebKit2', '4.1'); from gi.repository import WebKit2"
GUARD = Path("desktop-app/desktop_runtime/guard.py")
SECOND_POLICY = ("if environ[BY_COOKIE] else []", "if False else []")
LEAKING = next(each for each in SHELLS if each.name.startswith("every server of this computer"))
HOOKS, FROM_OUTSIDE = "Electron, hooks", "Electron, outside"
TOGA = Path("desktop-app/toga")
# The proxy through which it reaches the backend alone.
TOGA_PROXY = (
    "guard_gtk.py",
    "NetworkProxyMode.CUSTOM, settings",
    "NetworkProxyMode.NO_PROXY, None",
)
HEAD = """# Shells that were judged

Made by `python -m tests.drivers --write` from runs on Linux, not by hand; the figures lie in
`docs/shells.json`. What each criterion asks is in [the list](criteria.md), how it is looked at in
[Use the checks](../how-to/checks.md#a-shell-of-your-own), and what a shell has to do for it in
[Shells](../explanation/shells.md).

*Hooks* look into Electron's main process, *outside* looks at windows, processes and what reaches
the backend, of any shell. The packaged application is a makeshift: an old Electron around a bundle
with the Python of the tests. pywebview is an unguarded one, in 56 lines, and has to fail.

"""
NEIGHBOURS = """
## What a neighbour receives

A page asks another server of this computer for all kinds of things. *Before* is the app without
what keeps the proof from it: in Electron the request policy and the exact origin of the header,
elsewhere the runtime's second policy, in Toga also the proxy through which it reaches nobody else.

| opened by | proof | criterion | before | after |
| --- | --- | --- | --- | --- |
"""


class NotHereError(Exception):
    """Raised where this machine cannot open a shell, with what is missing."""


@dataclass(frozen=True)
class Column:
    """One shell, and how it is judged."""

    name: str
    prepare: Callable[[Path], list[str]]
    """Makes a target in the folder and returns the options that judge it. Raises NotHereError."""


@dataclass(frozen=True)
class Neighbour:
    """One way to open pages, with and without what keeps the proof from another server."""

    name: str
    proof: str
    criterion: str
    before: Callable[[Path], list[str]]
    after: Callable[[Path], list[str]]


def electron(*options: str) -> Callable[[Path], list[str]]:
    """The reference app in its Electron shell."""

    def prepare(path: Path) -> list[str]:
        if not check_options():
            raise NotHereError("no Electron")
        copy_reference_app(path)
        return [*check_options(), *options]

    return prepare


def leaking(path: Path) -> list[str]:
    """Electron without its request policy for this computer, and with a careless header."""
    make(LEAKING, path)
    return check_options()


def packaged(path: Path) -> list[str]:
    """The reference app as a packaged application."""
    if not check_options():
        raise NotHereError("no Electron")
    make(application("sound", ""), path)
    return ["--runtime", "packaged", "--app", str(path / APPLICATION), "--shell", *OUTSIDE]


def toga(path: Path) -> list[str]:
    """The reference app in its Toga shell, in a Python of its own that has Toga."""
    with_command(path, toga_command(path.with_name("toga")))
    return []


def packaged_toga(path: Path) -> list[str]:
    """The same as a packaged application, with a Python of this machine in its bundle."""
    if missing := web_view.missing(shells.TOGA, Path(sys.executable)):
        raise NotHereError(f"no Toga: needs {', '.join(missing)}")
    bundled_python.INTERPRETERS = path.with_name("interpreters")
    project = make_toga_project(path, local_python.make(path.with_name("mirror")))
    project.stage()
    app = package(project.root, unpacked=True, allow_old_sqlite=True).app
    return ["--runtime", "packaged", "--app", str(app), "--shell", *OUTSIDE]


def toga_command(folder: Path) -> list[str]:
    """Opens the Toga shell; an environment for it is made in `folder`. Raises NotHereError."""
    pins = REFERENCE / TOGA / "requirements.txt"
    if not pins.is_file():
        raise NotHereError("the reference app has no Toga shell")
    python = folder / "bin" / "python"
    made = ["venv", "--quiet", "--python", sys.executable, folder]
    filled = ["pip", "install", "--quiet", "--require-hashes", "--python", python, "-r", pins]
    for words in (made, filled):
        if subprocess.run(["uv", *words], capture_output=True).returncode:
            raise NotHereError("no Toga: its packages cannot be installed or built")
    return [str(python), f"{{project}}/{TOGA.as_posix()}/shell.py"]


def unguarded_toga(path: Path) -> list[str]:
    """The same without what its shell and the runtime keep from neighbours."""
    options = without_policy(toga)(path)
    guard = path / TOGA / TOGA_PROXY[0]
    replace_in(guard, *TOGA_PROXY[1:])
    return options


def webview_command(folder: Path) -> list[str]:
    """Opens the unguarded shell; pywebview is put into `folder`. Raises NotHereError."""
    if subprocess.run([SYSTEM_PYTHON, "-c", NEEDS], capture_output=True).returncode:
        raise NotHereError("no web view: needs python3-gi and gir1.2-webkit2-4.1 of the system")
    command = ["uv", "pip", "install", "--quiet", "--python", SYSTEM_PYTHON, "--target"]
    if subprocess.run([*command, folder, "pywebview==6.2.1"], capture_output=True).returncode:
        raise NotHereError("no web view: pywebview cannot be installed")
    return ["/usr/bin/env", f"PYTHONPATH={folder}", SYSTEM_PYTHON, str(WEBVIEW), "{project}"]


def with_command(path: Path, command: list[str]) -> None:
    """A reference app at `path` whose shell is opened by `command`."""
    copy_reference_app(path)
    with (path / "desktop-app" / "desktop.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[shell]\ncommand = {json.dumps(command)}\n")


def replace_in(file: Path, old: str, new: str) -> None:
    """Change a file of a reference app. Raises ValueError where it is another one."""
    source = file.read_text(encoding="utf-8")
    if old not in source:
        raise ValueError(f"{file} no longer holds {old!r}")
    file.write_text(source.replace(old, new), encoding="utf-8")


def webview(path: Path) -> list[str]:
    """The reference app in an unguarded web view."""
    with_command(path, webview_command(path.with_name("packages")))
    return []


def in_browser(path: Path) -> list[str]:
    """The reference app as `run --browser` opens it."""
    copy_reference_app(path)
    return []


def without_policy(prepare: Callable[[Path], list[str]]) -> Callable[[Path], list[str]]:
    """The same with a runtime that names no origin."""

    def prepared(path: Path) -> list[str]:
        options = prepare(path)
        replace_in(path / GUARD, *SECOND_POLICY)
        return options

    return prepared


COLUMNS = (
    Column(HOOKS, electron()),
    Column(FROM_OUTSIDE, electron(*OUTSIDE)),
    Column("Electron packaged, outside", packaged),
    Column("Toga, outside", toga),
    Column("Toga packaged, outside", packaged_toga),
    Column("pywebview, outside", webview),
)
NEIGHBOUR_ROWS = (
    Neighbour("Electron", "header", "SHL-2", leaking, electron()),
    Neighbour("Toga", "cookie", "SHL-2", unguarded_toga, toga),
    Neighbour("pywebview", "cookie", "SHL-2", without_policy(webview), webview),
    Neighbour("run --browser", "cookie", "TOK-11", without_policy(in_browser), in_browser),
)


def verdicts(prepare: Callable[[Path], list[str]], only: str) -> tuple[dict[str, Any], float]:
    """What the suite says of `only`, by id with what was seen, and the seconds.

    Raises NotHereError.
    """
    with tempfile.TemporaryDirectory(prefix="ddk-drivers-") as folder:
        path, report = Path(folder) / "target", Path(folder) / "report.json"
        options = prepare(path)
        started = time.monotonic()
        judge(path, report, "--only", only, *options)
        entries = json.loads(report.read_text(encoding="utf-8"))["criteria"]
    found = {each["id"]: [each["verdict"], each["seen"]] for each in entries}
    return found, round(time.monotonic() - started)


def judged(names: Iterable[str], kept: dict[str, Any]) -> Iterator[str]:
    """Judge what is named, into `kept`; the name of each that is done. What cannot be opened here
    keeps what it had."""
    wanted = [*names] or [""]
    for column in COLUMNS:
        if any(name in column.name for name in wanted):
            with _told(column.name):
                found, seconds = verdicts(column.prepare, FAMILY)
                kept["columns"][column.name] = {"verdicts": found, "seconds": seconds}
                yield column.name
    for row in NEIGHBOUR_ROWS:
        if any(name in f"neighbour {row.name}" for name in wanted):
            with _told(row.name):
                pair = [verdicts(each, row.criterion)[0] for each in (row.before, row.after)]
                kept["neighbours"][row.name] = [each[row.criterion] for each in pair]
                yield f"neighbour {row.name}"


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except NotHereError as reason:
        print(f"{name}: not here: {reason}")


def disagreements(kept: dict[str, Any]) -> list[str]:
    """Criteria of which the two drivers say something else of the same Electron."""
    sides = [kept["columns"].get(each, {}).get("verdicts", {}) for each in (HOOKS, FROM_OUTSIDE)]
    return [
        each
        for each in sorted(sides[0].keys() & sides[1].keys(), key=_number)
        if len({side[each][0] for side in sides if side[each][0] != "not run here"}) > 1
    ]


def received(kept: dict[str, Any]) -> list[str]:
    """The neighbours that received a proof all the same, or would not have without the guard."""
    return [
        name
        for name, (before, after) in kept["neighbours"].items()
        if (before[0], after[0]) != ("FAIL", "pass")
    ]


def page(kept: dict[str, Any]) -> str:
    """The page of the docs."""
    columns = {each.name: kept["columns"].get(each.name) for each in COLUMNS}
    lines = [_row("", *columns), _row(*["---"] * (len(columns) + 1))]
    ids = {i for found in columns.values() if found for i in found["verdicts"]}
    for i in sorted(ids, key=_number):
        lines.append(_row(i, *(_cell(found, i) for found in columns.values())))
    lines.append(_row("seconds", *(str(f["seconds"]) if f else "" for f in columns.values())))
    said = ", ".join(disagreements(kept))
    agreed = f"They disagree about {said}." if said else "Both drivers agree on Electron."
    rows = [
        _row(
            each.name.replace("run --browser", "`run --browser`"),
            each.proof,
            each.criterion,
            *map(_said, kept["neighbours"][each.name]),
        )
        for each in NEIGHBOUR_ROWS
        if each.name in kept["neighbours"]
    ]
    return "\n".join([HEAD + lines[0], *lines[1:], "", agreed, NEIGHBOURS + "\n".join(rows), ""])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(found: dict[str, Any] | None, i: str) -> str:
    return _said(found["verdicts"][i]) if found and i in found["verdicts"] else ""


def _said(verdict: list[str]) -> str:
    word, seen = verdict
    if word == "pass":
        return word
    reason = (
        textwrap.shorten(seen, SHOWN, placeholder=" …").replace("|", "\\|").replace("<", "&lt;")
    )
    return f"**{word}**: {reason}" if word == "FAIL" else f"{word}: {reason}"


def _number(i: str) -> tuple[str, int]:
    family, _, number = i.partition("-")
    return family, int(number)


def main() -> int:
    """Judge what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.drivers", description=__doc__)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    kept = json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {}
    kept = {"columns": {}, "neighbours": {}, **kept}
    for name in judged(options.names, kept):
        print(f"{name}: judged", flush=True)
        if options.write:
            text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
            DATA.write_text(text, encoding="utf-8")
            PAGE.write_text(page(kept), encoding="utf-8")
    print(page(kept))
    return 1 if disagreements(kept) or received(kept) else 0


if __name__ == "__main__":
    sys.exit(main())
