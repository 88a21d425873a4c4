"""What the probe saw of a project, as types; `inside` writes it as JSON, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cache
from types import UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Frame:
    """A line of source that an exception came through."""

    file: str
    line: int
    code: str


@dataclass(frozen=True)
class Raised:
    """An exception."""

    type: str
    message: str
    name: str | None  # of an import that failed
    frames: tuple[Frame, ...]
    module: str = "builtins"


@dataclass(frozen=True)
class Failure:
    """What stopped the project, with its causes."""

    text: str
    chain: tuple[Raised, ...] = ()
    file: str = ""  # of the project's own source, relative to its root
    line: int = 0

    @property
    def place(self) -> str:
        """The project's own line, "" if it is not known."""
        return f"{self.file}:{self.line}" if self.file else ""


@dataclass(frozen=True)
class Database:
    """A database of the project's settings."""

    engine: str
    name: str
    sqlite: bool


@dataclass(frozen=True)
class EngineBoundField:
    """A field of a model that SQLite cannot hold."""

    model: str
    field: str
    kind: str
    module: str
    file: str
    line: int


@dataclass(frozen=True)
class Models:
    """The models of all apps."""

    count: int
    apps: tuple[str, ...]
    engine_bound: tuple[EngineBoundField, ...]
    user: str


@dataclass(frozen=True)
class Page:
    """What a page answers without a signed-in user, on empty tables."""

    status: int
    path: str  # where it leads
    login: bool  # whether that is where one signs in
    error: str | None = None


@dataclass(frozen=True)
class SignedIn:
    """What came of signing a user in: an error, or what the page answers then."""

    error: str
    status: int | None = None
    path: str | None = None
    login: bool | None = None

    @classmethod
    def seen(cls, facts: "Facts") -> Self:
        """What a probe with a user saw."""
        error, page = facts.error.text if facts.error else "", facts.landing
        return cls(error, page.status, page.path, page.login) if page else cls(error)


@dataclass(frozen=True)
class Pages:
    """The project's URLs."""

    root: str | None  # the view at /
    health: str | None  # the view that our health path covers
    pages: tuple[str, ...]
    guarded: tuple[str, ...]  # for signed-in users
    sign_up: bool
    walled: tuple[str, ...] = ()  # the beginnings of paths that lead to where one signs in


@dataclass(frozen=True)
class RQ:
    """The queues that django-rq knows, and the worker it would run for them."""

    queues: tuple[str, ...]
    worker_class: str


@dataclass(frozen=True)
class Migrations:
    """What a first run applies, and the project's own apps without any."""

    count: int
    apps_without: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """How far the project came, and what was seen on the way.

    What the probe did not come to has its default here, and is not among `reported`.
    """

    step: str = "start"
    error: Failure | None = None
    python: str = "unknown"
    django: str = ""
    absent_variables: tuple[str, ...] = ()  # asked for in vain
    settings_module: str = ""
    settings_file: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)  # as the project has them, by name
    queues: tuple[str, ...] = ()
    rq: RQ | None = None
    dramatiq_broker: str = ""
    databases: Mapping[str, Database] = field(default_factory=dict)
    storages: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)  # settings that are a path
    explicit: tuple[str, ...] = ()  # settings that are not Django's default
    models: Models | None = None
    urls: Pages | None = None
    migrations: Migrations | None = None
    modules: tuple[str, ...] = ()  # that were imported
    tables_error: Failure | None = None
    landing: Page | None = None
    static_missing: tuple[str, ...] = ()
    static_packages: tuple[str, ...] = ()
    static_folders: tuple[str, ...] = ()  # of the project, where it keeps static files
    search_path: tuple[str, ...] = ()
    # By the name that is imported: the distribution, and its version.
    packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    writes: tuple[str, ...] = ()  # what it changed in its own folder
    signed_in: SignedIn | None = None
    reported: frozenset[str] = frozenset({"step", "error"})

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The facts in what `inside` wrote."""
        return replace(_typed(cls, document), reported=frozenset(document))

    def also(self, **seen: Any) -> Self:
        """These facts, and others by name."""
        return replace(self, reported=self.reported | seen.keys(), **seen)

    def over(self, others: Self) -> Self:
        """These facts, and of the others those that are not reported here."""
        return others.also(**{name: getattr(self, name) for name in self.reported})

    @property
    def installed_apps(self) -> list[str]:
        """What the project installs, as it names it."""
        return [*map(str, self.settings.get("INSTALLED_APPS") or ())]

    def as_dict(self) -> dict[str, Any]:
        """What was reported, as --json prints it."""
        return {
            each.name: _plain(getattr(self, each.name))
            for each in fields(self)
            if each.name in self.reported
        }


def _typed(kind: Any, value: Any) -> Any:
    """A value that was JSON, as the type that a field has."""
    inner = get_args(kind)
    if value is None or kind is Any:
        return value
    if is_dataclass(kind):
        kinds = _kinds(kind)
        return kind(**{name: _typed(kinds[name], each) for name, each in value.items()})
    if get_origin(kind) is UnionType:  # with None
        return _typed(inner[0], value)
    if get_origin(kind) is tuple:
        return tuple(_typed(inner[0], each) for each in value)
    if get_origin(kind) is Mapping:
        return {name: _typed(inner[1], each) for name, each in value.items()}
    return value


@cache
def _kinds(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _plain(value: Any) -> Any:
    """A value as JSON knows it; what is None unless it is known is left out."""
    if is_dataclass(value):
        return {
            each.name: _plain(inner)
            for each in fields(value)
            if (inner := getattr(value, each.name)) is not None or each.default is not None
        }
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return value
