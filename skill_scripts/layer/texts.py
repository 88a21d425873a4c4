"""The texts that adapt wrote, packed into the record, so that update can merge three versions."""

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping

# Written by npm from package.json; half as large as all other texts, and edited by nobody.
NEVER_MERGED = frozenset({"electron/package-lock.json"})


def is_text(content: bytes) -> bool:
    """Whether lines mean something in `content`."""
    try:
        return "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False


def pack(files: Mapping[str, bytes]) -> str:
    """The texts among `files` (content by name) as one line of JSON-safe characters."""
    texts = [
        content.decode("utf-8")
        for name, content in sorted(files.items())
        if name not in NEVER_MERGED and is_text(content)
    ]
    return base64.b64encode(zlib.compress(json.dumps(texts).encode(), 9)).decode("ascii")


def unpack(packed: str) -> dict[str, bytes]:
    """The texts by their SHA-256. Raises ValueError if `packed` is damaged."""
    try:
        texts: Iterable[str] = json.loads(zlib.decompress(base64.b64decode(packed)))
    except zlib.error as error:
        raise ValueError(str(error)) from error
    contents = [text.encode("utf-8") for text in texts]
    return {hashlib.sha256(content).hexdigest(): content for content in contents}
