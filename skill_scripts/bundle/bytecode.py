"""Compiles everything in a bundle, so that no start has to and none writes into it.

Hash-based and unchecked: valid whatever an installer does to file times
(https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation).
"""

import re
import subprocess
from pathlib import Path

from skill_scripts.processes import clean_environment

LIMIT_SECONDS = 900
FAILED = re.compile(r"^\*\*\* Error compiling '([^']+)'", re.MULTILINE)


def compile_all(bundle: Path, python: Path) -> list[str]:
    """Compile every module with the bundled interpreter.

    Returns the files that are no valid Python of this version; packages carry some as examples.
    """
    command = [str(python), "-I", "-B", "-m", "compileall", "-q", "-f", "-j", "0",
               "--invalidation-mode", "unchecked-hash", "-s", str(bundle),
               str(bundle / "python"), str(bundle / "app")]  # fmt: skip
    done = subprocess.run(
        command, cwd=bundle, env=clean_environment(), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, errors="replace", timeout=LIMIT_SECONDS,
    )  # fmt: skip
    return sorted(
        Path(name).relative_to(bundle).as_posix() if Path(name).is_absolute() else name
        for name in FAILED.findall(done.stdout)
    )
