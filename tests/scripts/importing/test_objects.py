"""import: the files of dumpdata, read object by object, and the values in them."""

import datetime
import decimal
import io
import json
import sys
from pathlib import Path
from xml.sax import SAXException

import pytest

import skill_scripts.importing

# As the project's interpreter finds them.
sys.path.insert(0, str(Path(skill_scripts.importing.__file__).parent))
from desktop_import import objects, values

del sys.path[0]

ROWS = [
    {"model": "a.b", "pk": number, "fields": {"text": ']},{ "é" ' * 2000, "list": [1, [2]]}}
    for number in range(40)
]
XML = """<?xml version="1.0" encoding="utf-8"?>
<django-objects version="1.0">
  <object model="a.b" pk="1">
    <field name="text" type="CharField">é &amp; more</field>
    <field name="none" type="CharField"><None></None></field>
    <field name="kind" rel="ManyToOneRel" to="c.d"><natural>x</natural><natural>y</natural></field>
    <field name="many" rel="ManyToManyRel" to="c.d"><object pk="3"></object></field>
  </object>
</django-objects>
"""


def read(name: str, text: str) -> list:
    return list(objects.read(name, io.StringIO(text)))


def test_all_of_an_array_is_read_whatever_its_layout():
    for indent in (None, 1):
        for begin in ("", "\ufeff", "\n "):
            assert read("json", begin + json.dumps(ROWS, indent=indent)) == ROWS
    assert read("jsonl", "\n".join(map(json.dumps, ROWS)) + "\n\n") == ROWS
    assert read("json", "[]") == []


def test_an_array_is_never_held_whole():
    class Stream(io.StringIO):
        most = 0

        def read(self, size=-1):
            Stream.most = max(Stream.most, size)
            return super().read(size)

    assert sum(1 for _ in objects.read("json", Stream(json.dumps(ROWS * 10)))) == 400
    assert Stream.most == objects.BLOCK


def test_xml_is_read_as_the_others_are():
    assert read("xml", XML) == [
        {
            "model": "a.b",
            "pk": "1",
            "fields": {"text": "é & more", "none": None, "kind": ["x", "y"], "many": ["3"]},
        }
    ]


@pytest.mark.parametrize("name", ["json", "jsonl", "yaml"])
def test_what_ends_in_the_middle_is_damaged(name):
    text = "\n".join(map(json.dumps, ROWS)) if name == "jsonl" else json.dumps(ROWS)
    for end in (-1, -20) if name != "jsonl" else (-3, -20):
        with pytest.raises(objects.DamagedError):
            read(name, text[:end])


def test_what_is_no_dump_is_damaged():
    for name, text in (("json", '{"a": 1}'), ("json", "[1]"), ("yaml", "a: 1"), ("json", "")):
        with pytest.raises(objects.DamagedError):
            read(name, text)
    with pytest.raises(SAXException):
        read("xml", XML[:-40])


def test_values_that_mean_the_same_are_spelled_the_same():
    zone = datetime.timezone(datetime.timedelta(hours=-4))
    noon = datetime.datetime(2020, 7, 1, 12, tzinfo=datetime.UTC)
    same = [
        (noon, noon.astimezone(zone)),
        (decimal.Decimal("1.50"), decimal.Decimal("1.5")),
        (b"\0", memoryview(b"\0")),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ]
    different = [(None, ""), (1, True), (1, 1.0), ("1", 1), (values.JSON_NULL, None), ("ab", "ba")]
    assert all(values.normal(one) == values.normal(other) for one, other in same)
    assert all(values.normal(one) != values.normal(other) for one, other in different)
    assert values.digest(["a", "b"], ["a", "b"]) != values.digest(["b", "a"], ["b", "a"])


def test_an_object_of_the_projects_own_counts_as_what_its_field_writes():
    class Page:
        """Says its address in memory."""

    assert values.digest([Page(), 1], ["page", 2]) == values.digest([Page(), 1], ["page", 3])
    assert values.digest([Page()], ["page"]) != values.digest([Page()], ["another"])


def test_numbers_that_sqlite_would_change_are_refused():
    for kept in ("19.99", "0.1", "123456789012345", "-0.000001"):
        values.require_kept(decimal.Decimal(kept))
    for lost in ("1234567890.1234567891", "NaN", "Infinity"):
        with pytest.raises(values.LostError):
            values.require_kept(decimal.Decimal(lost))
    with pytest.raises(values.LostError):
        values.require_kept(float("nan"))
