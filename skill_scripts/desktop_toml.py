"""desktop.toml, the one project-specific file: its keys, its defaults, its text.

The schema beside the checks says what is valid; the table here says what each key is for.
"""

import json
import tomllib
from collections.abc import Container, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import tomlkit

from skill_scripts import SPEC_VERSION
from skill_scripts.errors import KitError
from skill_scripts.versions import PYTHONS

FILE_NAME = "desktop.toml"
PLACE = Path("desktop-app", FILE_NAME)  # in an adapted project
SCHEMA = Path(__file__).resolve().parent.parent / "checks" / "desktop.schema.json"


class Key(NamedTuple):
    """A key of desktop.toml: the value it has unless somebody decides otherwise, and what for.

    A dict as default is a table whose names are free.
    """

    default: Any
    comment: str = ""


TABLES: dict[str, dict[str, Key]] = {
    "app": {
        "name": Key("", "shown to people"),
        "identifier": Key("", "reverse domain; names the data folder, so keep it for good"),
        "version": Key("0.1.0"),
        "description": Key(""),
        "author": Key("", "Name <mail>"),
        "home": Key("/", "first page, and where Home leads"),
        "addresses": Key([], 'was served there; pages may name it: ["http://localhost:8000"]'),
        "background": Key("#ffffff", "window background until the first paint"),
        "shell": Key("electron", '"toga": the web view of the system, in the bundle\'s Python'),
    },
    "django": {
        "manage": Key("manage.py", 'relative to the project folder; "" when there is none'),
        "settings": Key("", "only to override what manage.py chooses"),
        "argv": Key(["desktop"], "what manage.py and the settings see as arguments"),
        "server": Key("wsgi", '"asgi" serves websockets, and streams of asynchronous views'),
        "health_path": Key("/health/"),
        "path": Key([], "further import folders, relative to the project folder"),
        "env": Key({}, "defaults of environment variables that the settings read"),
        "set": Key({}, "settings that are overridden, applied last"),
    },
    "data": {
        "seed": Key([], 'copied: [{ from = "seed/media", to = "media" }]'),
        "first_run": Key([], 'commands on a brand-new database: [["loaddata", "x"]]'),
        "first_run_after_login": Key([], "further ones, once the first account is there"),
        "retired_migrations": Key([], "apps whose applied migrations are known to be gone"),
        "rehearse": Key("auto", "try updates on a copy of the data: auto, always or never"),
        "prebuilt": Key(False, "ship a migrated database"),
        "backups": Key({}, "copies while the app runs, as daily = 7, weekly = 4"),
    },
    "login": {
        "user": Key("", 'sign in as this user without asking; "" = off'),
        "create": Key(False, "create that user, as a superuser, on a brand-new database"),
        "first_account": Key(False, "without user: the first launch asks for the first account"),
        "groups": Key([], "names of groups that the first account belongs to"),
    },
    "python": {
        "version": Key(PYTHONS[0], "the Python that is bundled"),
        "interpreter": Key("", 'development; "" = .venv, venv, env or desktop-app/.venv'),
        "requirements": Key([], "requirement files; [] = as the project declares"),
        "extras": Key([], "extras of the project"),
        "groups": Key([], "dependency groups of the project"),
        "exclude": Key([], "distributions that are not installed"),
        "extra": Key([], "further requirements"),
    },
    "frontend": {
        "build": Key([], 'the project\'s own: [["npm", "ci"], ["npm", "run", "build"]]'),
        "packages": Key([], 'folders of packages that pages use, like "node_modules"'),
    },
    "offline": {
        "add": Key([], "further addresses of other hosts to keep"),
        "skip": Key({}, 'not kept: { "https://host/file.js" = "why the app does without it" }'),
    },
    "stage": {
        "include": Key([], "git-ignored paths to ship as well"),
        "exclude": Key([], "tracked paths not to ship"),
        "keep": Key([], "what is left out else: sources, translations, tkinter, ensurepip …"),
    },
}

Manifest = dict[str, Any]
# How the first person gets in.
ENTRY = frozenset({("login", "user"), ("login", "first_account")})


def defaults() -> Manifest:
    """A manifest in which nothing is decided yet."""
    tables = {
        table: {name: deepcopy(key.default) for name, key in keys.items()}
        for table, keys in TABLES.items()
    }
    return {"spec": SPEC_VERSION, **tables, "workers": []}


def single_values() -> set[tuple[str, ...]]:
    """The keys with one value; to lists and tables something may be added."""
    return {
        (table, name)
        for table, keys in TABLES.items()
        for name, key in keys.items()
        if not isinstance(key.default, list | dict)
    }


def read(file: Path) -> Manifest:
    """The manifest in `file`, with defaults for what it leaves out.

    Raises KitError DDK-ADP-08 if the file is not valid.
    """
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise KitError(
            "DDK-ADP-08", f"{file.name} cannot be read: {error}", file=str(file)
        ) from error
    if problems := list(find_problems(given)):
        raise KitError(
            "DDK-ADP-08", f"{file.name}: {problems[0]}", file=str(file), problems=problems
        )
    manifest = defaults()
    for name, value in given.items():
        if name in TABLES:
            manifest[name].update(value)
        else:
            manifest[name] = value
    return manifest


def find_problems(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Sentences on what is wrong with a whole manifest; none if it is valid."""
    from jsonschema import Draft202012Validator  # takes a while to import

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for error in Draft202012Validator(schema).iter_errors(manifest):
        place = ".".join(str(part) for part in error.absolute_path)
        yield f"{place}: {error.message}" if place else error.message


@dataclass(frozen=True)
class Decision:
    """A key of desktop.toml and the value that somebody wants it to have."""

    path: tuple[str, ...]
    value: Any

    @classmethod
    def parse(cls, text: str) -> Self:
        """A decision written KEY=VALUE, as after --set.

        The value is TOML; text needs no quotes. Raises KitError DDK-ADP-07 if it is not one.
        """
        name, separator, written = text.partition("=")
        name = name.strip()
        # An address has dots of its own, and so has a place within a setting.
        has_dots = name.startswith(("offline.skip.", "django.set."))
        path = tuple(name.split(".", 2 if has_dots else -1))
        key = TABLES.get(path[0], {}).get(path[1]) if len(path) in (2, 3) else None
        is_free = key is not None and isinstance(key.default, dict)
        if not separator or not (path == ("workers",) or (key and is_free == (len(path) == 3))):
            raise KitError("DDK-ADP-07", f"--set {text} is not KEY=VALUE of a known key")
        try:
            value = tomllib.loads(f"value = {written}")["value"]
        except tomllib.TOMLDecodeError:
            value = written
        is_text = key is not None and isinstance(key.default, str)
        wants_text = is_text or path[:2] == ("django", "env")
        return cls(path, value if isinstance(value, str) or not wants_text else written)

    def __str__(self) -> str:
        key, value = ".".join(self.path), self.value
        bare = f"{key}={value}"
        is_bare = isinstance(value, str) and Decision.parse(bare).value == value
        return bare if is_bare else f"{key}={_inline(value)}"


def enter(manifest: Manifest, decision: Decision) -> None:
    """Enter a decision of our own into `manifest`."""
    table = manifest
    for name in decision.path[:-1]:
        table = table[name]
    table[decision.path[-1]] = decision.value


def decide(manifest: Manifest, decision: Decision) -> None:
    """Enter somebody's decision. Raises KitError DDK-ADP-07 if its value is not valid."""
    enter(manifest, decision)
    nameless = {"name": "app", "identifier": "org.example.app"}
    complete = manifest | {"app": {k: v or nameless.get(k, v) for k, v in manifest["app"].items()}}
    for problem in find_problems(complete):
        raise KitError("DDK-ADP-07", f"--set {decision}: {problem}")


def decided(manifest: Manifest, given: Container[tuple[str, ...]] = ()) -> list[Decision]:
    """What differs from the defaults, or was `given`."""
    found = []
    for table, keys in TABLES.items():
        for name, key in keys.items():
            value = manifest[table][name]
            if isinstance(key.default, dict):
                found += [Decision((table, name, each), value[each]) for each in value]
            elif value != key.default or (table, name) in given:
                found.append(Decision((table, name), value))
    workers = manifest["workers"]
    return found + ([Decision(("workers",), workers)] if workers else [])


def _inline(value: Any) -> str:
    """A value as TOML in one line."""
    match value:
        case dict():
            pairs = (f"{json.dumps(name)} = {_inline(each)}" for name, each in value.items())
            return f"{{ {', '.join(pairs)} }}"
        case list():
            return f"[{', '.join(map(_inline, value))}]"
        case str():
            return json.dumps(value, ensure_ascii=False)
    return tomlkit.item(value).as_string()


def render(manifest: Manifest) -> str:
    """The text of a new desktop.toml."""
    document = tomlkit.document()
    document.add("spec", tomlkit.item(manifest["spec"]))
    for table, keys in TABLES.items():
        section = tomlkit.table()
        for name, key in keys.items():
            entry = tomlkit.item(manifest[table][name])
            if key.comment:
                entry.comment(key.comment)
            section.add(name, entry)
        document.add(tomlkit.nl())
        document.add(table, section)
    if manifest["workers"]:
        document.add("workers", tomlkit.item(manifest["workers"]))
    return tomlkit.dumps(document)


def amend(text: str, decisions: Iterable[Decision]) -> str:
    """An existing desktop.toml with further decisions; everything else keeps its form."""
    document = tomlkit.parse(text)
    for decision in decisions:
        table: Any = document
        for name in decision.path[:-1]:
            table = table.setdefault(name, tomlkit.table())
        table[decision.path[-1]] = decision.value
    for problem in find_problems(document.unwrap()):
        raise KitError("DDK-ADP-07", f"--set: {problem}")
    return tomlkit.dumps(document)
