"""Executed by the project's own interpreter.

    <python> -I -u -X utf8 desktop_import REQUEST

REQUEST is a JSON file: {"payload", "source", "media", "allow_missing", "scratch"}. The app data are
made where the contract's variables say; result.json and progress are written into "scratch".
"""

import sys
from pathlib import Path

FOLDER = str(Path(__file__).resolve().parents[1])
sys.path.insert(0, FOLDER)

from desktop_import import work  # noqa: E402 - found through the path set above

# What lies beside this folder must not be taken for modules of the project.
sys.path.remove(FOLDER)

if __name__ == "__main__":
    sys.exit(work.main(Path(sys.argv[1])))
