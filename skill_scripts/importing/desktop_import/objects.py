"""The objects in a file of dumpdata, one after another; all but YAML in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any
from xml.dom import pulldom

from desktop_import.refusal import RefusedError
from django.core.serializers.xml_serializer import DefusedExpatParser

BLOCK = 1 << 16  # characters
BLANK = " \t\r\n"


class DamagedError(ValueError):
    """Raised where the file is not what its ending says."""


def read(format_: str, stream: IO[str]) -> Iterator[dict[str, Any]]:
    """Each object as a dictionary with model, pk and fields.

    Raises DamagedError, and what reading a file raises.
    """
    readers = {"json": json_array, "jsonl": json_lines, "xml": xml_objects, "yaml": yaml_list}
    for each in readers[format_](stream):
        if not isinstance(each, dict) or not {"model", "fields"} <= each.keys():
            raise DamagedError("it holds something else than rows of dumpdata")
        yield each


def first_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def json_array(stream: IO[str]) -> Iterator[Any]:
    """The elements of one array, without holding it."""
    decoder, text, is_end = json.JSONDecoder(), "", False
    place = 0

    def more() -> bool:
        nonlocal text, place, is_end
        block = stream.read(max(BLOCK, len(text) - place))
        text, place, is_end = text[place:] + block, 0, not block
        return not is_end

    def skip(also: str = "") -> str:
        nonlocal place
        while True:
            while place < len(text) and text[place] in BLANK + also:
                place += 1
            if place < len(text):
                return text[place]
            if not more():
                return ""

    if skip("\ufeff") != "[":
        raise DamagedError("it is no list of rows")
    place += 1
    while (found := skip(",")) != "]":
        if not found:
            raise DamagedError("it ends in the middle")
        while True:
            try:
                value, place = decoder.raw_decode(text, place)
                break
            except json.JSONDecodeError:
                if not more():
                    raise DamagedError("it is no JSON, or ends in the middle") from None
        yield value


def json_lines(stream: IO[str]) -> Iterator[Any]:
    for number, line in enumerate(stream, 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise DamagedError(f"line {number}: {error}") from error


def yaml_list(stream: IO[str]) -> Iterator[Any]:
    try:
        import yaml
    except ImportError as error:
        raise RefusedError("DDK-IMP-07", "there is no PyYAML") from error
    try:
        found = yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise DamagedError(first_line(error)) from error
    if not isinstance(found, list):
        raise DamagedError("it is no list of rows")
    yield from found


def xml_objects(stream: IO[str]) -> Iterator[Any]:
    """Each object as the other formats have it, for the look at it before it is loaded."""
    events = pulldom.parse(stream, DefusedExpatParser())
    for event, node in events:
        if event == pulldom.START_ELEMENT and node.nodeName == "object":
            events.expandNode(node)
            fields = {each.getAttribute("name"): _value(each) for each in _children(node)}
            yield {"model": node.getAttribute("model"), "fields": fields,
                   "pk": node.getAttribute("pk") or None}  # fmt: skip


def _value(node: Any) -> Any:
    inner = [*_children(node)]
    kinds = {each.nodeName for each in inner}
    if kinds == {"None"}:
        return None
    if kinds == {"natural"}:
        return [_text(each) for each in inner]
    if node.getAttribute("rel") == "ManyToManyRel":
        return [
            [_text(part) for part in _children(each)] or each.getAttribute("pk") for each in inner
        ]
    return _text(node)


def _children(node: Any) -> Iterator[Any]:
    return (each for each in node.childNodes if each.nodeType == each.ELEMENT_NODE)


def _text(node: Any) -> str:
    kinds = (node.TEXT_NODE, node.CDATA_SECTION_NODE)
    return "".join(each.data for each in node.childNodes if each.nodeType in kinds)
