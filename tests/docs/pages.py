"""What the tests of the documentation share: pages, their command blocks, how to run those."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KIT = Path(__file__).resolve().parent.parent.parent
DOCS = KIT / "docs"
BLOCK = re.compile(
    r"<!-- run(?P<options>[^>]*?) -->\n```console\n(?P<commands>.+?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A command block that a page marks with `<!-- run -->`; `exit=N` is what its end must be."""

    commands: tuple[str, ...]
    exit: int


def blocks(page: Path) -> Iterator[Block]:
    """The marked blocks of a page, in order."""
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        options = dict(each.split("=") for each in match["options"].split() if "=" in each)
        yield Block(tuple(match["commands"].splitlines()), int(options.get("exit", 0)))


def run_line(line: str, folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run one line as a person would type it, without a shell; `>` writes a file.

    `folder` stands for a checkout of the kit, so that reports do not land in the real one.
    """
    words = shlex.split(line)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "XDG_DATA_HOME": str(home),
        "NO_COLOR": "1",
    }
    output = None
    if ">" in words:
        words, output = words[: words.index(">")], folder / words[-1]
    if words[0] == "mkdir":
        (folder / words[1]).mkdir()
        return subprocess.CompletedProcess(words, 0, "", "")
    if words[0] == "echo":
        output.write_text(f"{words[1]}\n", encoding="utf-8")
        return subprocess.CompletedProcess(words, 0, "", "")
    words = [str(KIT / word) if word == "kit.py" else word for word in words]
    return subprocess.run(
        words,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,  # a hang, not a slow machine
    )


def said(line: str, done: subprocess.CompletedProcess[str]) -> str:
    """What a failed line said; of a report, what failed in it."""
    failed = [each for each in done.stdout.splitlines() if re.search(r" (FAIL|error) ", each)]
    return "\n".join([line, *(failed or [done.stdout[-3000:]]), done.stderr[-3000:]])
