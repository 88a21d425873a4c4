"""Say which shell an adapted project has, for the steps of packages.yml.

usage: shell.py PROJECT [SHELL]. Prints `name=electron` or `name=toga`. SHELL is written into the
project's desktop.toml before, for the reference app, which has both.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def main(project: Path, asked: str) -> int:
    """Print it; the result is the exit code."""
    file = project / "desktop-app" / "desktop.toml"
    text = file.read_text(encoding="utf-8")
    if asked:
        text = text.replace("[app]\n", f'[app]\nshell = "{asked}"\n', 1)
        file.write_text(text, encoding="utf-8", newline="\n")
    print(f"name={tomllib.loads(text)['app'].get('shell', 'electron')}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), "".join(sys.argv[2:3])))
