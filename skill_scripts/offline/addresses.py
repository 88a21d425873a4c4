"""Finds the addresses of styles, scripts and fonts on other hosts in templates, CSS and JavaScript.

Text is read, nothing is run: an address that a template puts together shows in rendered pages only.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urljoin

from skill_scripts.project.files import NOT_THE_PROJECT, Project

STYLE, SCRIPT, MODULE, FONT, FOLDER, OTHER = "style", "script", "module", "font", "folder", "other"

MARKUP = (".html", ".htm", ".xhtml", ".djhtml", ".jinja", ".jinja2", ".j2")
STYLES, SCRIPTS = (".css",), (".js", ".mjs")
FONTS = (".woff2", ".woff", ".ttf", ".otf", ".eot")

FOREIGN = r"(?:https?:)?//(?!/)[^\s\"'<>()\\]+"
TEMPLATE_MARK = re.compile(r"\{[{%]|\$\{|<%")
COMMENT = re.compile(r"<!--.*?-->|\{#.*?#\}|\{%\s*comment\b.*?endcomment\s*%\}", re.S)
CSS_COMMENT = re.compile(r"/\*.*?\*/", re.S)
IN_TAG = r"(?:\"[^\"]*\"|'[^']*'|\{%.*?%\}|\{\{.*?\}\}|[^>\"'])*"
ELEMENT = re.compile(
    rf"<(?P<name>script|style)\b(?P<tag>{IN_TAG})>(?P<text>.*?)</(?P=name)\s*>"
    rf"|<link\b(?P<link>{IN_TAG})>",
    re.I | re.S,
)
ATTRIBUTE = re.compile(r"([\w:-]+)\s*=\s*(\"[^\"]*\"|'[^']*'|(?:\{\{.*?\}\}|[^\s\"'>])+)", re.S)
CSS_IMPORT = re.compile(r"@import\s+(?:url\(\s*)?[\"']?([^\"')\s;]+)", re.I)
CSS_URL = re.compile(r"url\(\s*[\"']?([^\"')]+?)[\"']?\s*\)", re.I)
FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}", re.I)
IMPORT = re.compile(
    r"(?:^|[;}\s])(?:import|export)\s*(?:[\w$*{}\s,]*?\bfrom\s*)?[\"']([^\"'\n]+)[\"']"
    r"|\bimport\(\s*[\"'`]([^\"'`\n$]+)[\"'`]\s*\)"
)
# What a script loads by an element of its own, or a class Media of Python names.
LOADED = re.compile(
    rf"\.(?:src|href)\s*=\s*[\"'`]({FOREIGN})[\"'`]|importScripts\([\"']({FOREIGN})"
)
QUOTED = re.compile(rf"[\"']({FOREIGN}\.(?:css|m?js|woff2?)(?:\?[^\"']*)?)[\"']")


@dataclass(frozen=True)
class Named:
    """An address as a page, a style or a script names it."""

    address: str  # with its scheme, without fragment
    kind: str
    integrity: str = ""
    place: str = ""  # file:line in the project


@dataclass(frozen=True)
class Reference:
    """What a style or a module loads itself: as it is written there, and where that leads."""

    written: str
    address: str
    kind: str


def find(project: Project) -> list[Named]:
    """Every address in the project's own files, the first place of each, tests left out."""
    found: dict[tuple[str, str], Named] = {}
    for name in project.files:
        if not NOT_THE_PROJECT.isdisjoint(name.split("/")):
            continue
        ending = PurePosixPath(name).suffix.lower()
        if ending in MARKUP or (ending in (".txt", ".xml") and "/templates/" in f"/{name}"):
            reader = in_markup
        elif ending in STYLES:
            reader = in_style
        elif ending in SCRIPTS:
            reader = in_script
        elif ending == ".py":
            reader = _in_python
        else:
            continue
        text = project.source(name)
        if "//" in text:
            for each in reader(text, name):
                found.setdefault((each.address, each.integrity), each)
    return [*found.values()]


def in_markup(text: str, name: str = "") -> Iterator[Named]:
    """What a template or a page names."""
    imports: dict[str, str] = {}
    text = COMMENT.sub(_blank, text)
    for match in ELEMENT.finditer(text):
        place = _place(name, text, match.start())
        if match["link"] is not None:
            yield from _in_link(_attributes(match["link"]), place)
            continue
        attributes, content = _attributes(match["tag"]), match["text"]
        if match["name"].lower() == "style":
            yield from in_style(content, name, _line(text, match.start("text")))
        elif attributes.get("type", "").lower() == "importmap":
            imports |= _import_map(content)
            for address in imports.values():
                kind = FOLDER if address.endswith("/") else MODULE
                yield from _named(address, kind, place=place)
        elif source := attributes.get("src"):
            kind = MODULE if attributes.get("type", "").lower() == "module" else SCRIPT
            yield from _named(source, kind, attributes.get("integrity", ""), place)
        elif "json" not in attributes.get("type", ""):
            yield from in_script(content, name, _line(text, match.start("text")), imports)


def in_style(text: str, name: str = "", line: int = 1) -> Iterator[Named]:
    """What a style sheet of the project names: further ones, and fonts."""
    for each in style_references(text, ""):
        if each.kind != OTHER:
            place = _place(name, text, max(text.find(each.written), 0), line)
            yield from _named(each.written, each.kind, place=place)


def in_script(
    text: str, name: str = "", line: int = 1, imports: Mapping[str, str] | None = None
) -> Iterator[Named]:
    """What a script of the project imports or puts into the page."""
    if "//" not in text and not imports:
        return
    for match in IMPORT.finditer(text):
        address = _mapped(match[1] or match[2], imports or {})
        yield from _named(address, MODULE, place=_place(name, text, match.start(), line))
    for match in LOADED.finditer(text):
        address = match[1] or match[2]
        kind = STYLE if address.partition("?")[0].endswith(".css") else SCRIPT
        yield from _named(address, kind, place=_place(name, text, match.start(), line))


def _in_python(text: str, name: str) -> Iterator[Named]:
    for match in QUOTED.finditer(text):
        yield from _named(match[1], kind_of(match[1]), place=_place(name, text, match.start()))


def kind_of(address: str) -> str:
    """What an address is for, as far as its name tells."""
    path = address.partition("?")[0].lower()
    if path.endswith(FONTS):
        return FONT
    return SCRIPT if path.endswith(SCRIPTS) else STYLE if path.endswith(STYLES) else OTHER


def style_references(text: str, base: str) -> Iterator[Reference]:
    """What a style sheet at address `base` loads; of a font in several formats the woff2 alone."""
    text = CSS_COMMENT.sub(_blank, text)
    for block in FONT_FACE.findall(text):
        if ".woff2" in block:
            text = text.replace(block, _only_woff2(block))
    sheets = [match[1] for match in CSS_IMPORT.finditer(text)]
    for written in dict.fromkeys([*sheets, *(match[1] for match in CSS_URL.finditer(text))]):
        if written.startswith(("data:", "#", "blob:", "about:")) or TEMPLATE_MARK.search(written):
            continue
        font = written.partition("?")[0].partition("#")[0].lower().endswith(FONTS)
        kind = STYLE if written in sheets else FONT if font else OTHER
        yield Reference(written, plain(urljoin(base, written)), kind)


def module_references(text: str, base: str) -> Iterator[Reference]:
    """What a module at address `base` imports, names without a path left out."""
    for match in IMPORT.finditer(text):
        written = match[1] or match[2]
        if written.startswith(("./", "../", "/", "https://", "http://")):
            yield Reference(written, plain(urljoin(base, written)), MODULE)


def plain(address: str) -> str:
    """An address without its fragment, and without a query that is empty."""
    return address.partition("#")[0].removesuffix("?")


def _in_link(attributes: Mapping[str, str], place: str) -> Iterator[Named]:
    relations = attributes.get("rel", "").lower().split()
    use = attributes.get("as", "").lower()
    kind = ""
    if "stylesheet" in relations or ("preload" in relations and use == "style"):
        kind = STYLE
    elif "modulepreload" in relations:
        kind = MODULE
    elif "preload" in relations and use in ("script", "font"):
        kind = use
    if kind:
        integrity = attributes.get("integrity", "")
        yield from _named(attributes.get("href", ""), kind, integrity, place)


def _named(address: str, kind: str, integrity: str = "", place: str = "") -> Iterator[Named]:
    if not re.match(r"(?:https?:)?//[^/]", address):
        return
    if address.startswith("//"):
        address = f"https:{address}"
    yield Named(plain(address), kind, integrity, place)


def _attributes(tag: str) -> dict[str, str]:
    return {
        match[1].lower(): html.unescape(match[2].strip("\"'")).strip()
        for match in ATTRIBUTE.finditer(tag)
    }


def _import_map(text: str) -> dict[str, str]:
    try:
        content = json.loads(text)
        tables = [content.get("imports", {}), *content.get("scopes", {}).values()]
        return {key: str(value) for table in tables for key, value in table.items()}
    except (ValueError, AttributeError):
        return {}


def _mapped(name: str, imports: Mapping[str, str]) -> str:
    """Where a name leads by the import map of its page."""
    for key, address in imports.items():
        if key.endswith("/") and name.startswith(key):
            return address + name.removeprefix(key)
    return name


def _only_woff2(block: str) -> str:
    urls = [match for match in CSS_URL.finditer(block) if ".woff2" in match[1]]
    return " ".join(match[0] for match in urls)


def _blank(match: re.Match[str]) -> str:
    """As many lines, so that places stay right."""
    return "\n" * match[0].count("\n")


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _place(name: str, text: str, position: int, line: int = 1) -> str:
    return f"{name}:{_line(text, position) + line - 1}" if name else ""
