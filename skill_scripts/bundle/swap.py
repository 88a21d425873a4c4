"""Puts a finished folder in the place of the last one, and leaves nothing of one that is not."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skill_scripts.errors import KitError


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` that takes its place at the end, or is gone if it fails.

    Raises KitError DDK-STG-09 if the disk is full, DDK-STG-18 if it else cannot be written.
    """
    partial, old = (folder.with_name(f"{folder.name}.{end}") for end in (os.getpid(), "old"))
    try:
        for left in folder.parent.glob(f"{folder.name}.*"):
            shutil.rmtree(left)
        partial.mkdir()
        yield partial
        if folder.exists():
            folder.rename(old)
        try:
            partial.rename(folder)
        except OSError:  # on Windows, something has a file of it open
            if old.exists():
                old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        # Of a tree shutil gathers the errors in one, whose text alone says what they were.
        if error.errno == errno.ENOSPC or os.strerror(errno.ENOSPC) in str(error):
            raise KitError("DDK-STG-09", "the disk is full", details=str(error)[:1000]) from error
        raise KitError("DDK-STG-18", str(error)[:1000], folder=str(folder.parent)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
