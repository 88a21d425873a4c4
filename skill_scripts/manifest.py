"""desktop.toml, the one project-specific file: its keys, its checks, its text."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tomlkit
from tomlkit.items import Item

from skill_scripts import SPEC_VERSION
from skill_scripts.errors import KitError

FILE_NAME = "desktop.toml"
IDENTIFIER = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class Key(NamedTuple):
    """A key of desktop.toml: the value it has unless somebody decides otherwise, and what for."""

    default: Any
    comment: str = ""
    kind: str = ""  # for lists: what an element is; for tables: "free"


TABLES: dict[str, dict[str, Key]] = {
    "app": {
        "name": Key("", "shown to people"),
        "identifier": Key("", "reverse domain; names the data folder, so keep it for good"),
        "version": Key("0.1.0"),
        "description": Key(""),
        "author": Key("", "Name <mail>"),
        "home": Key("/", "first page, and where Home leads"),
        "background": Key("#ffffff", "window background until the first paint"),
    },
    "django": {
        "manage": Key("manage.py", 'relative to the project folder; "" when there is none'),
        "settings": Key("", "only to override what manage.py chooses"),
        "argv": Key(["desktop"], "what manage.py and the settings see as arguments", "text"),
        "health_path": Key("/health/"),
        "path": Key([], "further import folders, relative to the project folder", "text"),
        "env": Key({}, "defaults of environment variables that the settings read", "free"),
        "set": Key({}, "settings that are overridden, applied last", "free"),
    },
    "data": {
        "seed": Key([], 'copied once: [{ from = "seed/media", to = "media" }]', "seed"),
        "first_run": Key([], 'commands on a brand-new database: [["loaddata", "x"]]', "command"),
        "retired_migrations": Key([], "apps whose applied migrations are known gone", "text"),
        "prebuilt": Key(False, "ship a migrated database"),
    },
    "login": {
        "user": Key("", 'sign in as this user by itself; "" = off'),
        "create": Key(False, "create that user, as a superuser, on a brand-new database"),
    },
    "python": {
        "version": Key("3.14", "the Python that is bundled"),
        "interpreter": Key("", 'development; "" = .venv, venv, env or desktop-app/.venv'),
        "requirements": Key([], "requirement files; [] = as the project declares", "text"),
        "extras": Key([], "extras of the project", "text"),
        "groups": Key([], "dependency groups of the project", "text"),
        "exclude": Key([], "distributions that are not installed", "text"),
        "extra": Key([], "further requirements", "text"),
    },
    "stage": {
        "include": Key([], "git-ignored paths to ship as well", "text"),
        "exclude": Key([], "tracked paths not to ship", "text"),
    },
}
WORKER_KEYS = {"name": str, "command": list}
# Owned by packaging and by the checks, which look into them themselves.
OPEN_TABLES = ("package", "backend")

Manifest = dict[str, Any]


def defaults() -> Manifest:
    """A manifest in which nothing is decided yet."""
    manifest: Manifest = {"spec": SPEC_VERSION}
    for table, keys in TABLES.items():
        manifest[table] = {name: _copy(key.default) for name, key in keys.items()}
    manifest["workers"] = []
    return manifest


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
        if isinstance(value, dict) and name in manifest:
            manifest[name].update(value)
        else:
            manifest[name] = value
    return manifest


def find_problems(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Sentences on what is wrong with a manifest as it was read; none if it is valid."""
    for name, value in manifest.items():
        if name == "spec":
            if value != SPEC_VERSION:
                yield f"spec is {value!r}, this kit knows {SPEC_VERSION!r}"
        elif name == "workers":
            yield from _worker_problems(value)
        elif name in TABLES:
            if isinstance(value, dict):
                yield from _table_problems(name, value)
            else:
                yield f"{name} must be a table"
        elif name not in OPEN_TABLES:
            yield f"unknown key {name}"
    identifier = manifest.get("app", {}).get("identifier") if "app" in manifest else ""
    if identifier and not IDENTIFIER.fullmatch(str(identifier)):
        yield f"app.identifier {identifier!r} must be a reverse domain such as org.example.app"


def decide(manifest: Manifest, decision: str) -> None:
    """Enter a decision, written KEY=VALUE as after --set, into `manifest`.

    The value is TOML; text needs no quotes. Raises KitError DDK-ADP-07 if it is not one.
    """
    name, separator, text = decision.partition("=")
    path = name.strip().split(".")
    if path[0] == "workers" and len(path) == 1 and separator:
        manifest["workers"] = _toml_value(text)
        problems = list(_worker_problems(manifest["workers"]))
    elif separator and (key := _known_key(path)):
        if len(path) == 3:
            value = text if path[1] == "env" and not _is_quoted(text) else _toml_value(text)
            manifest[path[0]][path[1]][path[2]] = value
        else:
            quoted = _is_quoted(text)
            wants_text = isinstance(key.default, str)
            value = text if wants_text and not quoted else _toml_value(text)
            manifest[path[0]][path[1]] = value
        problems = list(find_problems({path[0]: manifest[path[0]]}))
    else:
        raise KitError("DDK-ADP-07", f"--set {decision} is not KEY=VALUE of a known key")
    if problems:
        raise KitError("DDK-ADP-07", f"--set {decision}: {problems[0]}")


def render(manifest: Manifest) -> str:
    """The text of a new desktop.toml."""
    document = tomlkit.document()
    document.add("spec", tomlkit.item(manifest["spec"]))
    for table, keys in TABLES.items():
        section = tomlkit.table()
        for name, key in keys.items():
            value = manifest[table][name]
            if key.kind == "free":
                entry: Item = tomlkit.table()
                entry.update(value)
            else:
                entry = tomlkit.item(value)
            if key.comment:
                entry.comment(key.comment)
            section.add(name, entry)
        document.add(tomlkit.nl())
        document.add(table, section)
    if manifest["workers"]:
        document.add("workers", tomlkit.item(manifest["workers"]))
    return tomlkit.dumps(document)


def amend(text: str, decisions: list[str]) -> str:
    """An existing desktop.toml with further decisions; everything else keeps its form."""
    document = tomlkit.parse(text)
    plain = defaults()
    for decision in decisions:
        decide(plain, decision)
        *parents, last = decision.partition("=")[0].strip().split(".")
        table: Any = document
        value: Any = plain
        for name in parents:
            table = table.setdefault(name, tomlkit.table())
            value = value[name]
        table[last] = value[last]
    return tomlkit.dumps(document)


def _known_key(path: list[str]) -> Key | None:
    key = TABLES.get(path[0], {}).get(path[1]) if len(path) in (2, 3) else None
    is_free = key is not None and key.kind == "free"
    return key if is_free == (len(path) == 3) else None


def _table_problems(table: str, values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        key = TABLES[table].get(name)
        if key is None:
            yield f"unknown key {table}.{name}"
        elif not isinstance(value, type(key.default)) or (
            isinstance(value, list) and not all(_is_element(key.kind, each) for each in value)
        ):
            yield f"{table}.{name} must be {_kind_name(key)}"
    for name, value in values.get("env", {}).items() if table == "django" else ():
        if not isinstance(value, str):
            yield f"django.env.{name} must be text"


def _worker_problems(workers: Any) -> Iterator[str]:
    if not isinstance(workers, list):
        yield "workers must be a list of tables"
        return
    for worker in workers:
        if not isinstance(worker, dict) or set(worker) != set(WORKER_KEYS):
            yield "each of workers needs name and command, and nothing else"
        elif not (isinstance(worker["name"], str) and _is_element("command", worker["command"])):
            yield "each of workers needs a name (text) and a command (list of text)"


def _is_element(kind: str, value: Any) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "command":
            return isinstance(value, list) and all(isinstance(word, str) for word in value)
        case "seed":
            return isinstance(value, dict) and set(value) == {"from", "to"}
    return True


def _kind_name(key: Key) -> str:
    names = {str: "text", bool: "true or false", dict: "a table"}
    lists = {
        "text": "a list of text",
        "command": 'a list of commands such as ["loaddata", "x"]',
        "seed": 'a list of tables { from = "…", to = "…" }',
    }
    return names.get(type(key.default)) or lists[key.kind]


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _is_quoted(text: str) -> bool:
    return text[:1] in "\"'" and isinstance(_toml_value(text), str) and _toml_value(text) != text


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, (list, dict)) else value
