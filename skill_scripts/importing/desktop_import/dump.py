"""The rows of a file that `dumpdata` has written, object by object."""

from __future__ import annotations

import contextlib
import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from xml.sax import SAXException

from desktop_import import numbering, objects
from desktop_import.numbering import Numbered
from desktop_import.objects import DamagedError, first_line
from desktop_import.refusal import Problem, Problems, RefusedError, listed
from desktop_import.tables import BY_NATURAL_KEY, TARGET, Writer, why_left
from desktop_import.values import columns, table_of
from desktop_runtime.data import is_storage_fault
from django.apps import apps
from django.core import serializers
from django.core.exceptions import FieldDoesNotExist, ObjectDoesNotExist
from django.core.serializers import base
from django.core.serializers.base import DeserializationError, DeserializedObject
from django.core.serializers.python import Deserializer
from django.db import models

ROW = re.compile(r"\((\S+):pk=(.*?)\)")  # in a DeserializationError


class Dump:
    """Rows of a dump. What it says nothing about stays as the migrations made it."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.file, self.format = Path(request["file"]), request["format"]
        self.compressed = request["compressed"]
        self.notes: list[str] = []
        self.counts: dict[type[models.Model], int] = {}
        self._content_types: list[dict[str, Any]] = []
        self._permissions: list[dict[str, Any]] = []
        self._refers_by_number: set[str] = set()
        self._current: dict[str, Any] | None = None
        self._late: list[tuple[DeserializedObject, Any, Any]] = []

    @property
    def models(self) -> list[type[models.Model]]:
        """Those whose rows are carried over, with the tables of their many-to-many fields."""
        found = [m for m in self.counts if not why_left(m)]
        return [*found, *_through_tables(found)]

    @property
    def unnumbered(self) -> frozenset[type[models.Model]]:
        """Tables whose rows have no key in a dump."""
        return frozenset(m for m in self.models if m._meta.auto_created)

    def open(self, progress: Callable[[str], None]) -> None:
        """Read it once: whether all of it can be read, and is about models of the project."""
        progress("reading the dump")
        unknown: dict[str, int] = {}
        with self._reading():
            for each in self._objects():
                self._look_at(each, unknown)
        if unknown:
            shown = [f"{name}: {count} rows" for name, count in sorted(unknown.items())]
            text = listed("models that the project does not have:", shown, len(shown))
            raise RefusedError("DDK-IMP-04", text, models=sorted(unknown))
        if self._refers_by_number and not self._content_types:
            raise RefusedError(
                "DDK-IMP-15", f"{', '.join(sorted(self._refers_by_number))} refer by number",
                fields=sorted(self._refers_by_number),
            )  # fmt: skip

    def close(self) -> None:
        """Nothing is open between two readings."""

    def require_alive(self, error: str) -> None:
        """There is no server that could go."""

    def count(self) -> int:
        """How many rows it has."""
        return sum(n for model, n in self.counts.items() if not why_left(model))

    def cleared(self) -> list[type[models.Model]]:
        """The tables that the dump replaces."""
        return self.models

    def number(self) -> dict[str, int]:
        """Give content types and permissions the numbers they have here; their counts."""
        counts = {}
        types, permissions = numbering.content_types(), numbering.permissions()
        if types and self._content_types:
            key = numbering.key_of_content_type
            rows = [Numbered(_number(e), key(e["fields"]), {
                "app_label": e["fields"]["app_label"], "model": e["fields"]["model"],
            }) for e in self._content_types]  # fmt: skip
            counts[types._meta.label] = numbering.take_over(types, rows, key)
        if permissions and self._permissions:
            key = numbering.key_of_permission
            rows = []
            for each in self._permissions:
                kind = each["fields"]["content_type"]
                if isinstance(kind, list):
                    found = table_of(types, TARGET).filter(app_label=kind[0], model=kind[1])
                    kind = found.values_list("pk", flat=True).first()
                values = {"content_type_id": int(kind), "codename": each["fields"]["codename"],
                          "name": each["fields"]["name"]}  # fmt: skip
                rows.append(Numbered(_number(each), key(values), values))
            counts[permissions._meta.label] = numbering.take_over(permissions, rows, key)
        return counts

    def copy(self, writer: Writer) -> None:
        """Read it again and give every row to the writer."""
        deferred: list[DeserializedObject] = []
        last = None
        with self._reading():
            for each in self._deserialized(writer):
                model = each.object._meta.concrete_model
                if model is not last:
                    writer.flush()
                    last = model
                if why_left(model) or model._meta.label_lower in BY_NATURAL_KEY:
                    continue
                if _waits(each):
                    deferred.append(each)
                else:
                    self._write(each, writer)
        writer.flush()
        lost = [(each, next(iter(_waits(each)))) for each in self._write_deferred(deferred, writer)]
        for each, field, value in self._late:
            try:
                others = base.deserialize_m2m_values(field, value, TARGET, False)
                self._write_many(each, field, others, writer)
            except base.M2MDeserializationError:
                lost.append((each, field))
        writer.flush()
        for each, field in lost:
            key = str(each.object.pk)
            why = "what it refers to is not there"
            label = each.object._meta.label
            writer.problems.add(Problem(label, key, field.name, "natural key", why))

    def _write_deferred(
        self, deferred: list[DeserializedObject], writer: Writer
    ) -> list[DeserializedObject]:
        """Write rows as what they refer to comes; returns those for which it never does."""
        while deferred:
            left = []
            for each in deferred:
                if _resolve(each):
                    self._write(each, writer)
                else:
                    left.append(each)
            writer.flush()
            if len(left) == len(deferred):
                return left
            deferred = left
        return []

    def after(self) -> None:
        """A dump does not say which numbers were used and given up."""

    def left_rows(self) -> Iterator[tuple[str, int | None, str]]:
        """What stays behind, and what is there that the dump says nothing about."""
        for model, count in self.counts.items():
            if why := why_left(model):
                yield model._meta.label, count, why
        carried = {*self.models}
        for model in apps.get_models(include_auto_created=True):
            if model in carried or why_left(model):
                continue
            if model._meta.label_lower in BY_NATURAL_KEY:
                continue
            if count := table_of(model, TARGET).count():
                why = "not in the dump: these rows are those that the migrations make"
                yield model._meta.label, count, why

    def _look_at(self, each: dict[str, Any], unknown: dict[str, int]) -> None:
        try:
            model = apps.get_model(each["model"])._meta.concrete_model
        except LookupError:
            unknown[str(each["model"])] = unknown.get(str(each["model"]), 0) + 1
            return
        label = model._meta.label_lower
        if label == BY_NATURAL_KEY[0]:
            self._content_types.append(each)
        elif label == BY_NATURAL_KEY[1]:
            self._permissions.append(each)
        else:
            self.counts[model] = self.counts.get(model, 0) + 1
        if why_left(model):
            return
        for name in _numbered_fields(model):
            value = each["fields"].get(name)
            values = value if isinstance(value, list) and _is_many(model, name) else [value]
            if any(v is not None and not isinstance(v, list) for v in values):
                self._refers_by_number.add(f"{model._meta.label}.{name}")

    def _write(self, each: DeserializedObject, writer: Writer) -> None:
        model = each.object._meta.concrete_model
        given = vars(each.object)
        values = [given.get(field.attname) for field in columns(model)]
        if each.object.pk is None:
            each.object.pk = writer.add_unnumbered(model, values)
            if each.object.pk is None:
                return
        else:
            writer.add(model, values)
        for name, others in (each.m2m_data or {}).items():
            self._write_many(each, model._meta.get_field(name), others, writer)
        for field, value in (each.deferred_fields or {}).items():
            self._late.append((each, field, value))

    def _write_many(
        self, each: DeserializedObject, field: Any, others: Iterable[Any], writer: Writer
    ) -> None:
        """The rows of a many-to-many field's own table."""
        through = field.remote_field.through
        ends = {field.m2m_field_name(): each.object.pk}
        for other in dict.fromkeys(others):
            ends[field.m2m_reverse_field_name()] = other
            writer.add(through, [ends.get(f.name) for f in columns(through)])

    def _deserialized(self, writer: Writer) -> Iterator[DeserializedObject]:
        options = {"using": TARGET, "handle_forward_references": True}
        if self.format == "xml":
            with self._stream() as stream:
                yield from serializers.deserialize("xml", stream, **options)
            return
        yield from Deserializer(self._wanted(writer), **options)

    def _wanted(self, writer: Writer) -> Iterator[dict[str, Any]]:
        last = None
        for each in self._objects():
            model = apps.get_model(each["model"])._meta.concrete_model
            if why_left(model) or model._meta.label_lower in BY_NATURAL_KEY:
                continue
            if model is not last:
                writer.flush()  # before the deserializer looks for what rows refer to
                last = model
            self._current = each
            yield each

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Raises RefusedError for what reading the file may raise."""
        try:
            yield
        except (DeserializationError, FieldDoesNotExist) as error:
            cause = error.__cause__ or error.__context__ or error
            if isinstance(error, FieldDoesNotExist) or isinstance(cause, FieldDoesNotExist):
                raise RefusedError("DDK-IMP-04", f"a field is unknown: {error}") from error
            problems = Problems()
            problems.add(self._misfit(error))
            problems.refuse("DDK-IMP-08", "rows cannot be carried over:")
        except (DamagedError, ValueError, EOFError, OSError, zlib.error, SAXException) as error:
            if is_storage_fault(error):
                raise
            text = f"{self.file.name}: {first_line(error)}"
            raise RefusedError("DDK-IMP-03", text, source=str(self.file)) from error

    def _misfit(self, error: DeserializationError) -> Problem:
        """The row that cannot be read, and its field where that can be told."""
        found = ROW.search(str(error))
        label, key = (found[1], found[2]) if found else ("?", "?")
        cause = type(error.__cause__ or error.__context__ or error).__name__
        why = f"the source's value cannot be read ({cause})"
        current = self._current or {"fields": {}}
        for name, value in current["fields"].items():
            try:
                apps.get_model(current["model"])._meta.get_field(name).to_python(value)
            except Exception as reason:
                kind = type(value).__name__
                why = f"the source's value cannot be read ({type(reason).__name__})"
                label = apps.get_model(current["model"])._meta.label
                return Problem(label, str(current.get("pk")), name, kind, why)
        return Problem(label, key, "", "", why)

    @contextlib.contextmanager
    def _stream(self) -> Iterator[IO[str]]:
        opener = gzip.open if self.compressed else open
        with opener(self.file, "rt", encoding="utf-8") as stream:
            yield stream

    def _objects(self) -> Iterator[dict[str, Any]]:
        with self._stream() as stream:
            yield from objects.read(self.format, stream)


def _number(each: Mapping[str, Any]) -> int | None:
    number = each.get("pk")
    return None if number is None else int(number)


def _through_tables(found: Iterable[type[models.Model]]) -> Iterator[type[models.Model]]:
    for model in found:
        for field in model._meta.local_many_to_many:
            if field.remote_field.through._meta.auto_created:
                yield field.remote_field.through


def _numbered_fields(model: type[models.Model]) -> Iterator[str]:
    """The fields that refer to content types or permissions."""
    for field in [*model._meta.local_concrete_fields, *model._meta.local_many_to_many]:
        remote = field.remote_field and field.remote_field.model
        if remote and remote._meta.concrete_model._meta.label_lower in BY_NATURAL_KEY:
            yield field.name


def _is_many(model: type[models.Model], name: str) -> bool:
    return model._meta.get_field(name).many_to_many


def _waits(each: DeserializedObject) -> list[Any]:
    """The foreign keys of a row that are natural keys of rows which have not come yet."""
    return [field for field in (each.deferred_fields or {}) if not field.many_to_many]


def _resolve(each: DeserializedObject) -> bool:
    """Fill in what a row refers to by natural key; False while it is not there."""
    for field in _waits(each):
        value = each.deferred_fields[field]
        try:
            found = base.deserialize_fk_value(field, value, TARGET, False)
        except ObjectDoesNotExist:
            return False
        setattr(each.object, field.attname, found)
        del each.deferred_fields[field]
    return True
