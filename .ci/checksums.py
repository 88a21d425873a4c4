"""Verify what packages.yml built against its checksums and make one list of them.

usage: checksums.py FOLDER. Ends with exit code 1 and the names of files that are missing, changed
or in no list; otherwise writes FOLDER/SHA256SUMS.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

# Not for people to install, hence not listed by `package`; their attestation vouches for them.
BESIDE = (".blockmap", ".cdx.json")


def main(folder: Path) -> int:
    """Verify `folder`; the result is the exit code."""
    lists = sorted(folder.glob("SHA256SUMS-*"))
    listed = [
        tuple(line.split("  ", 1))
        for each in lists
        for line in each.read_text(encoding="utf-8").splitlines()
    ]
    wrong = [name for digest, name in listed if found(folder / name) != digest]
    names = {name for _, name in listed} | {each.name for each in lists} | {"SHA256SUMS"}
    unlisted = [
        each.name
        for each in folder.iterdir()
        if each.name not in names and not each.name.endswith(BESIDE)
    ]
    for name in sorted(wrong):
        print(f"missing or not as it was built: {name}", file=sys.stderr)
    for name in sorted(unlisted):
        print(f"in no list of checksums: {name}", file=sys.stderr)
    if not listed:
        print(f"no checksums in {folder}", file=sys.stderr)
    if wrong or unlisted or not listed:
        return 1
    lines = sorted({f"{digest}  {name}\n" for digest, name in listed}, key=lambda line: line[66:])
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8", newline="\n")
    print(f"{len(lines)} files are as they were built")
    return 0


def found(path: Path) -> str:
    """The digest of a file, empty when there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
