"""Gives every file of a bundle a time that its content alone decides, and all folders the same.

macOS's updates are zip files, which hold each file's time before it: with the time of copying, a
new template cost a download of the whole bundle. One time for all would not do: by time and size
a browser learns whether the file it has kept is still the one that is served.
"""

import os
from collections.abc import Mapping
from pathlib import Path

FIRST, LAST = 978_307_200, 1_609_459_200  # 2001 and 2021: past on every clock that is nearly right
STEP_SECONDS = 2  # of times in zip files


def set_by_content(bundle: Path, hashes: Mapping[str, str]) -> None:
    """`hashes` has the sha256 of each file, by path relative to the bundle."""
    steps = (LAST - FIRST) // STEP_SECONDS
    for name, value in hashes.items():
        seconds = FIRST + int(value, 16) % steps * STEP_SECONDS
        os.utime(bundle / name, (seconds, seconds))
    for folder, _, _ in os.walk(bundle):
        os.utime(folder, (FIRST, FIRST))
