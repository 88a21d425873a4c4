"""What electron-builder is given to sign and to notarise: the person's variables, made usable."""

import base64
import binascii
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from skill_scripts.errors import KitError

PREFIXES = ("CSC_", "WIN_CSC_", "APPLE_")
API_KEY = "APPLE_API_KEY"
KEY_HEADER = b"PRIVATE KEY-----"


@contextmanager
def environment(inherited: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """`inherited` without empty variables of signing, and with Apple's key as the file it must be.

    A workflow passes a secret that is not set as an empty text, which electron-builder takes for a
    certificate; and it can pass the key only as text, while notarytool wants its path. The file is
    there until the end of the block. Raises KitError DDK-PKG-10 if it is no key.
    """
    given = {name: value for name, value in inherited.items() if value or not _signs(name)}
    key = given.get(API_KEY, "")
    content = _key(key)
    if content is None:
        yield given
        return
    with TemporaryDirectory(prefix="desktop-django-key-") as folder:
        file = Path(folder, "AuthKey.p8")
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as stream:
            stream.write(content)
        yield given | {API_KEY: str(file)}


def _signs(name: str) -> bool:
    return name.startswith(PREFIXES)


def _key(value: str) -> bytes | None:
    """The key's text if `value` is one, plain or base64; None if it is absent or a path."""
    if KEY_HEADER.decode() in value:
        return value.strip().encode() + b"\n"
    if not value or Path(value[:255]).is_file():
        return None
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if KEY_HEADER not in decoded:
        raise KitError("DDK-PKG-10", f"{API_KEY} is neither a file nor a key")
    return decoded
