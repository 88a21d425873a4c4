"""A Python with what the Toga shell imports, made from its pins."""

import subprocess
import sys
from pathlib import Path

from tests.broken.targets import ROOT
from tests.drivers import NotHereError

SHELL = Path("desktop-app/toga")
PINS = ROOT / "reference_app" / SHELL / "requirements.txt"
WEB_VIEW = "*/girepository-1.0/WebKit2-4.1.typelib"


def opens(folder: Path) -> list[str]:
    """What opens the shell of a project, as `[shell] command` has it; its Python is in `folder`.

    Raises NotHereError.
    """
    if not [*Path("/usr/lib").glob(WEB_VIEW)]:
        raise NotHereError("no web view: needs gir1.2-webkit2-4.1 of the system")
    python = folder / "bin" / "python"
    install = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--require-hashes"]
    for words in (
        ["uv", "venv", "--quiet", "--python", sys.executable, str(folder), "--allow-existing"],
        [*install, "--python", str(python), "--requirement", str(PINS)],
    ):
        if subprocess.run(words, capture_output=True).returncode:
            raise NotHereError("no Toga: its packages cannot be installed or built")
    return [str(python), f"{{project}}/{SHELL.as_posix()}/shell.py"]
