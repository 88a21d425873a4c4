"""Which files are programs or libraries of macOS: what a signature is put into, and changes."""

import struct
from pathlib import Path

THIN = frozenset({0xFEEDFACE, 0xFEEDFACF, 0xCEFAEDFE, 0xCFFAEDFE})
FAT = frozenset({0xCAFEBABE, 0xCAFEBABF})
# Java's classes begin with 0xCAFEBABE too; where they have their version, a universal file has the
# number of its processors (https://github.com/file/file/blob/master/magic/Magdir/cafebabe).
MOST_PROCESSORS = 40


def is_macho(file: Path) -> bool:
    """Whether `file` begins as a Mach-O file does, thin or universal."""
    with file.open("rb") as stream:
        start = stream.read(8)
    if len(start) < 8:
        return False
    magic, count = struct.unpack(">2I", start)
    return magic in THIN or (magic in FAT and 0 < count < MOST_PROCESSORS)
