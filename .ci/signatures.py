"""Fail if a program or library inside a macOS application has no valid signature.

usage: signatures.py FOLDER-WITH-THE-APP. With NOTARISED in the environment Gatekeeper must accept
the application as well.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from skill_scripts.bundle.macho import is_macho


def main(folder: Path) -> int:
    """Judge the application in `folder`; the result is the exit code."""
    apps = sorted([*folder.glob("*.app"), *folder.glob("*/*.app")])
    if not apps:
        return refuse(f"no application in {folder}")
    app = apps[0]
    if not passes("codesign", "--verify", "--deep", "--strict", str(app)):
        return refuse(f"the signature of {app.name} does not hold")
    files = [each for each in sorted(app.rglob("*")) if each.is_file() and not each.is_symlink()]
    programs = [each for each in files if is_macho(each)]
    if not programs:
        return refuse(f"{app.name} holds no program")
    unsigned = [each for each in programs if not passes("codesign", "--verify", "--strict", each)]
    for each in unsigned:
        refuse(f"not signed: {each.relative_to(app)}")
    print(f"{len(programs)} programs and libraries, {len(unsigned)} of them unsigned")
    if unsigned:
        return 1
    # Only a notarised application passes Gatekeeper.
    if os.environ.get("NOTARISED"):
        if not passes("spctl", "--assess", "--type", "execute", str(app)):
            return refuse("Gatekeeper refuses the application")
        if not passes("xcrun", "stapler", "validate", str(app)):
            return refuse("the notarisation is not stapled to the application")
        print("notarised, and stapled")
    return 0


def passes(*command: str | Path) -> bool:
    """Whether a program of macOS accepts it; what it says is shown."""
    return subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0


def refuse(line: str) -> int:
    print(line, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
