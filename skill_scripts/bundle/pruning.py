"""What a finished bundle does without, each part with the name that keeps it in [stage] keep.

Sources of the standard library: its bytecode is all that runs. Those of packages and of the project
stay, for the lines in a traceback and for what reads its own source. Translations: those into
languages in which no page can be shown.
"""

import contextlib
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from skill_scripts.bundle.source_files import Source
from skill_scripts.project.files import PAYLOAD_FOLDER

SOURCES, TRANSLATIONS = "sources", "translations"
PACKAGES = ("site-packages", "dist-packages")
# Of the modules that are left out those that an app may have a use for. `test` is not among them:
# it is mostly a folder of the project.
IMPORTED = re.compile(r"(?m)^\s*(?:import|from)\s+(ensurepip|idlelib|tkinter|turtle)\b")
# Code or a template's tag that shows a page in another language than the default one.
TAG, CALL = re.compile(r"\{%-?\s*language\b"), re.compile(r"\b(?:activate|override)\s*\(")
# What Chromium shows in the form that is usual in the person's language.
FORMATTED_BY_CHROMIUM = re.compile(
    r"""type["']?\s*[=:]\s*["']?(?:date|time|month|week|number)\b|\.toLocale\w*String\b"""
    r"""|\bIntl\.|navigator\.language"""
)
CODE, PAGES = frozenset({".py"}), frozenset({".html", ".txt", ".jinja", ".jinja2"})
SCRIPTS = frozenset({".js", ".mjs", ".ts", ".vue"})
# gettext's files of Django; others, such as pycountry's, are asked for by name.
CATALOGUES = ("django.mo", "djangojs.mo")


@dataclass(frozen=True)
class Languages:
    """What the settings say of languages, by Django's codes."""

    default: str
    offered: list[str]
    by_middleware: bool


@dataclass(frozen=True)
class Pruned:
    """What a bundle does without."""

    saved: dict[str, int]  # bytes, by the name in [stage] keep
    spoken: list[str]  # languages in which pages may be shown
    window: list[str]  # languages that Chromium needs; empty: all


def imported_modules(source: Source) -> set[str]:
    """The modules of the standard library that only few apps need and the project imports."""
    found: set[str] = set()
    for name in source.files:
        if name.endswith(".py"):
            text = (source.root / name).read_text(encoding="utf-8", errors="replace")
            found.update(IMPORTED.findall(text))
    return found | ({"tkinter"} if found & {"turtle", "idlelib"} else set())


def prune(bundle: Path, languages: Languages, keep: Collection[str]) -> Pruned:
    """Drop from a compiled bundle what nothing in it needs, but for what `keep` names."""
    spoken = _spoken(bundle, languages)
    shown = _texts(bundle / "app", CODE | PAGES | SCRIPTS)
    by_person = any(FORMATTED_BY_CHROMIUM.search(text) for text in shown)
    saved = {}
    if SOURCES not in keep:
        saved[SOURCES] = _drop_sources(bundle / "python")
    if TRANSLATIONS not in keep:
        saved[TRANSLATIONS] = _drop_translations(bundle / "python", {*spoken, "en"})
    return Pruned(saved, spoken, [] if by_person else sorted({*spoken, "en"}))


def _drop_sources(python: Path) -> int:
    """Leave the standard library's bytecode alone, where Python looks for it without a source.

    A module without bytecode keeps its source.
    """
    saved = 0
    for source in sorted(python.rglob("*.py")):
        compiled = [*(source.parent / "__pycache__").glob(f"{source.stem}.cpython-*.pyc")]
        if len(compiled) == 1 and not set(PACKAGES).intersection(source.parts):
            saved += source.stat().st_size
            compiled[0].rename(source.with_suffix(".pyc"))
            source.unlink()
    for cache in sorted(python.rglob("__pycache__")):
        if not any(cache.iterdir()):
            cache.rmdir()
    return saved


def _drop_translations(python: Path, wanted: Collection[str]) -> int:
    """Only of packages: the project's own are few."""
    saved = 0
    for name in CATALOGUES:
        for file in sorted(python.rglob(f"locale/*/LC_MESSAGES/{name}")):
            if _base(file.parents[1].name) not in wanted:
                saved += file.stat().st_size
                file.unlink()
                with contextlib.suppress(OSError):  # other files are in the folders
                    file.parent.rmdir()
                    file.parents[1].rmdir()
    return saved


def _spoken(bundle: Path, languages: Languages) -> list[str]:
    """Without regions: the default one, and those that are offered where a middleware switches, or
    anything in the bundle but Django can."""
    codes = [languages.default]
    places = [bundle / "app", *(place for place in (bundle / "python").glob("[Ll]ib/**/*-packages")
                                if place.name in PACKAGES)]  # fmt: skip
    if languages.by_middleware or any(
        TAG.search(text) or ("translation" in text and CALL.search(text))
        for place in places for text in _texts(place, CODE | PAGES)
    ):  # fmt: skip
        codes += languages.offered
    return sorted({_base(code) for code in codes})


def _texts(folder: Path, suffixes: Collection[str]) -> Iterator[str]:
    """The files of `folder` that are not Django's or the payload's."""
    for base, folders, names in os.walk(folder):
        if Path(base) == folder:
            folders[:] = [name for name in folders if name not in ("django", PAYLOAD_FOLDER)]
        for file in (Path(base, name) for name in names):
            if file.suffix in suffixes:
                yield file.read_text(encoding="utf-8", errors="replace")


def _base(language: str) -> str:
    return re.split(r"[-_@]", language.lower(), maxsplit=1)[0]
