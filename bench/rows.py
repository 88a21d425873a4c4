"""Fills the database of any Django project with rows of every shape its models have.

    DJANGO_SETTINGS_MODULE=… <the project's python> bench/rows.py TOTAL [APP.MODEL...]

Executed by the project's own interpreter. Text with every kind of letter, times around the change
of clocks, numbers to the last digit, JSON, files, generic relations, many-to-many tables and rows
of inherited models; always the same ones. Models that are named stay as they are: those whose rows
mean something only to code. Prints how many rows each model has got.
"""

from __future__ import annotations

import datetime
import decimal
import json
import random
import string
import sys
import uuid
from collections.abc import Iterator
from itertools import count
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.db import IntegrityError, connection, models, transaction
from django.db.utils import DataError, ProgrammingError

LEFT = {"contenttypes.contenttype", "auth.permission", "sessions.session", "sites.site"}
OF_A_TREE = {"path", "depth", "numchild"}  # whose rows only the tree itself can make
TEXTS = {"CharField", "SlugField", "EmailField", "URLField", "FilePathField"}
CHUNK = 500
POOL = 3000  # rows that others may refer to
FILES = 100  # of each field
WORDS = (
    "plain", "Ünïcödé", "日本語", "naïve", "café", "Ω≈ç", "“quoted”", "it's", "100%", "a\\b",
    "👩\u200d🚀", "line\nbreak",
)  # fmt: skip
# On both sides of the change of clocks in most of the world's zones.
AUTUMN = datetime.datetime(2024, 11, 3, 5, tzinfo=datetime.UTC)
FAULTS = (IntegrityError, DataError, ProgrammingError, ValueError, TypeError)
chance = random.Random(18)
numbers = count(1)


def main(total: int) -> None:
    """Fill until there are about `total` rows, or no model takes more."""
    got: dict[type[models.Model], int] = {}
    willing = [*in_order()]
    while willing and total > sum(got.values()):
        each = max(1, (total - sum(got.values())) // len(willing))
        still = []
        for model in willing:
            added = fill(model, each)
            got[model] = got.get(model, 0) + added
            if added > each // 2 and not model._meta.one_to_one_only:
                still.append(model)
        willing = still
    print(json.dumps({model._meta.label: number for model, number in got.items()}))


def in_order() -> Iterator[type[models.Model]]:
    """Models after those they refer to, as far as that is possible."""
    waiting = [*filter(can_be_filled, apps.get_models(include_auto_created=True))]
    for model in waiting:
        model._meta.one_to_one_only = any(f.one_to_one for f in model._meta.local_fields)
    while waiting:
        ready = [m for m in waiting if not {*needed(m)} & {*waiting} - {m}] or waiting[:1]
        yield from ready
        waiting = [m for m in waiting if m not in ready]


def can_be_filled(model: type[models.Model]) -> bool:
    """Whether rows may be made of it; of what names its own kind, the kinds themselves are."""
    options = model._meta
    if not options.managed or options.proxy or options.label_lower in LEFT:
        return False
    if {f.name for f in options.concrete_fields} >= OF_A_TREE:
        return False
    is_parent = any(model in other._meta.parents for other in apps.get_models())
    return not (is_parent and any(names_kind(model, f) for f in options.local_concrete_fields))


def names_kind(model: type[models.Model], field: models.Field) -> bool:
    """Whether a row says by this field of which model it is."""
    remote = field.is_relation and field.remote_field.model._meta.label_lower
    generic = {getattr(each, "ct_field", "") for each in model._meta.private_fields}
    return remote == "contenttypes.contenttype" and field.name not in generic


def needed(model: type[models.Model]) -> Iterator[type[models.Model]]:
    """What its rows cannot do without."""
    for field in own_fields(model):
        if field.is_relation and not field.null:
            yield field.remote_field.model._meta.concrete_model


def own_fields(model: type[models.Model]) -> list[models.Field]:
    """What makes up a row, those of its parents too but for what links them."""
    links = {*model._meta.parents.values()}
    fields = [f for f in model._meta.concrete_fields if f not in links]
    return [f for f in fields if not f.is_relation or not f.remote_field.parent_link]


def fill(model: type[models.Model], wanted: int) -> int:
    """Add rows; how many were taken."""
    fields = own_fields(model)
    if any(not f.is_relation and not can_make(f) for f in fields):
        return 0
    pools = {f: keys(f) for f in fields if f.is_relation}
    if any(not pool and not field.null for field, pool in pools.items()):
        return 0
    before = model._base_manager.count()
    is_child = bool(model._meta.parents)
    for start in range(0, wanted, CHUNK):
        rows = [one for _ in range(min(CHUNK, wanted - start)) if (one := row(model, pools))]
        try:
            with transaction.atomic():
                if is_child:
                    raise IntegrityError
                model._base_manager.bulk_create(rows, ignore_conflicts=True)
        except FAULTS:
            if not one_by_one(rows):
                break
    return model._base_manager.count() - before


def one_by_one(rows: list[models.Model]) -> int:
    """Save the rows of one table that it takes; how many."""
    taken = 0
    for number, each in enumerate(rows):
        try:
            with transaction.atomic():
                each.save_base(force_insert=True)
            taken += 1
        except FAULTS:
            if number > 20 and not taken:
                break
    return taken


def keys(field: models.Field) -> list[Any]:
    """What the field may refer to; of what only one row may refer to, what is free."""
    target = field.target_field
    rows = field.remote_field.model._base_manager.order_by("pk")
    if field.unique:
        taken = {*field.model._base_manager.values_list(field.attname, flat=True)}
        found = [k for k in rows.values_list(target.attname, flat=True) if k not in taken]
    else:
        found = [*rows.values_list(target.attname, flat=True)[:POOL]]
    chance.shuffle(found)
    return found


def row(model: type[models.Model], pools: dict[models.Field, list[Any]]) -> models.Model | None:
    """A new row, None where nothing is free to refer to."""
    values: dict[str, Any] = {}
    for field in own_fields(model):
        if isinstance(field, models.AutoField) or getattr(field, "generated", False):
            continue
        if not field.is_relation:
            values[field.attname] = value(field)
        elif names_kind(model, field):
            values[field.attname] = kind_of(model)
        else:
            pool = pools[field]
            if field.unique and not pool and not field.null:
                return None
            if not pool or (field.null and chance.random() < 0.1):
                values[field.attname] = None
            else:
                values[field.attname] = pool.pop() if field.unique else chance.choice(pool)
    for each in model._meta.private_fields:
        if hasattr(each, "ct_field") and hasattr(each, "fk_field") and each.model is model:
            refer(model, each, values)
    made = model(**values)
    if "password" in values:
        made.password = PASSWORD
    return made


def refer(model: type[models.Model], each: Any, values: dict[str, Any]) -> None:
    """Let a generic relation lead to a row that is there."""
    for _ in range(20):
        target = chance.choice(TARGETS)
        key = chance.choice(some_keys(target))
        field = model._meta.get_field(each.fk_field)
        try:
            key = field.to_python(key)
        except Exception:
            continue
        values[model._meta.get_field(each.ct_field).attname] = kind_of(target)
        values[each.fk_field] = key
        return


def kind_of(model: type[models.Model]) -> int:
    """The number of the model's content type."""
    from django.contrib.contenttypes.models import ContentType

    return ContentType.objects.get_for_model(model).pk


def some_keys(model: type[models.Model]) -> list[Any]:
    """Keys of a model that has rows."""
    if model not in KEYS:
        KEYS[model] = [*model._base_manager.values_list("pk", flat=True)[:POOL]] or [1]
    return KEYS[model]


def can_make(field: models.Field) -> bool:
    """Whether `value` knows what the field takes."""
    kind = field.get_internal_type()
    is_known = kind in MAKERS or kind in TEXTS or kind.endswith(("IntegerField", "AutoField"))
    return is_known or isinstance(field, models.FileField) or field.has_default() or field.null


def value(field: models.Field) -> Any:
    """Something that the field takes."""
    is_own = not type(field).__module__.startswith("django.")
    if is_own and field.has_default():
        return field.get_default()
    if field.null and chance.random() < 0.1:
        return None
    if field.choices:
        return chance.choice([key for key, _ in field.flatchoices] or [""])
    kind = field.get_internal_type()
    if isinstance(field, models.FileField):
        return file(field)
    if kind in TEXTS:
        return text(field)
    if kind.endswith("IntegerField"):
        low, high = connection.ops.integer_field_range(kind)
        if field.unique:
            return next(numbers)
        return chance.randint(max(low or 0, -30_000), min(high or 30_000, 30_000))
    return MAKERS[kind](field) if kind in MAKERS else field.get_default()


def text(field: models.Field) -> str:
    number = next(numbers)
    if isinstance(field, models.EmailField):
        return f"person{number}@example.org"
    if isinstance(field, models.URLField):
        return f"https://example.org/{number}"
    if isinstance(field, models.SlugField):
        return f"word-{number}"[-(field.max_length or 50) :]
    end = f" {number}" if field.unique or chance.random() < 0.5 else ""
    room = max(0, (field.max_length or 200) - len(end))
    return (" ".join(chance.choices(WORDS, k=4)).replace("\n", " ")[:room] + end)[
        : field.max_length
    ]


def moment(_: models.Field) -> datetime.datetime:
    span = datetime.timedelta(microseconds=chance.randrange(6 * 3600 * 10**6))
    found = AUTUMN + span - datetime.timedelta(days=chance.choice([0, 0, 217, 1000]))
    return found if settings.USE_TZ else found.replace(tzinfo=None)


def number(field: models.Field) -> decimal.Decimal:
    digits = min(field.max_digits, 14)
    scale = min(field.decimal_places, digits)
    return decimal.Decimal(chance.randrange(10**digits)).scaleb(-scale)


def file(field: models.FileField) -> str:
    """One of a few hundred files, made as an upload would be."""
    names = NAMES.setdefault(field, [])
    if len(names) < FILES:
        content = "".join(chance.choices(string.printable, k=2000)).encode()
        folder = "" if callable(field.upload_to) else field.upload_to
        wanted = f"{folder}/file {len(names)} é.bin".lstrip("/")
        names.append(field.storage.save(wanted, ContentFile(content)))
    return chance.choice(names)


PASSWORD = ""
TARGETS: list[type[models.Model]] = []
KEYS: dict[type[models.Model], list[Any]] = {}
NAMES: dict[models.Field, list[str]] = {}
MAKERS = {
    "TextField": lambda f: " ".join(chance.choices(WORDS, k=chance.randrange(5, 80))),
    "BooleanField": lambda f: chance.random() < 0.5,
    "NullBooleanField": lambda f: chance.choice([None, True, False]),
    "FloatField": lambda f: chance.choice([0.1, 1e-300, -2.5e17, chance.random()]),
    "DecimalField": number,
    "DateTimeField": moment,
    "DateField": lambda f: moment(f).date(),
    "TimeField": lambda f: moment(f).time(),
    "DurationField": lambda f: datetime.timedelta(microseconds=chance.randrange(-(10**12), 10**14)),
    "UUIDField": lambda f: uuid.UUID(int=chance.getrandbits(128)),
    "JSONField": lambda f: {"b": [1, 2.5, None, True], "a": {"é": chance.choice(WORDS)}},
    "BinaryField": lambda f: chance.randbytes(chance.randrange(200)),
    "GenericIPAddressField": lambda f: f"192.0.2.{chance.randrange(256)}",
    "IPAddressField": lambda f: f"192.0.2.{chance.randrange(256)}",
    "ArrayField": lambda f: [value(f.base_field) for _ in range(chance.randrange(4))],
}  # fmt: skip

if __name__ == "__main__":
    django.setup()
    PASSWORD = make_password("a password")
    LEFT |= {each.lower() for each in sys.argv[2:]}
    TARGETS = [*filter(can_be_filled, apps.get_models())]
    main(int(sys.argv[1]))
