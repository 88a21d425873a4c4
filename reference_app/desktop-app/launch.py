"""Starts the project's backend for its desktop shell; the shell starts this and nothing else.

launch.py                 serve (the contract is in the environment, see SPEC.md)
launch.py worker NAME     run one of the workers of desktop.toml
launch.py manage ARGS...  run a management command on the desktop's data
launch.py backup FILE     all of the desktop's data in one file, while the app runs or not
launch.py restore FILE    put them in the place of the data; what was there is set aside
launch.py restore --show FILE   verify the file, and say what is in it
launch.py restore --list  the backups of the desktop's database, as JSON
launch.py restore NAME    put one in the database's place; what was there is set aside
launch.py export FOLDER   the same as files that other programs read: rows as JSON, uploads
launch.py password        let the next start ask for a new password
"""

import gc
import sys
from _frozen_importlib_external import SourceFileLoader, cache_from_source

read_code = SourceFileLoader.get_code


def read_whole_code(loader: SourceFileLoader, name: str) -> object:
    """Compile again what a full disk cut off: Python before 3.12.8 keeps half of a .pyc, and then
    every later start ends in `marshal data too short`.
    """
    try:
        return read_code(loader, name)
    except (EOFError, TypeError, ValueError):
        import os

        os.remove(cache_from_source(loader.get_filename(name)))  # noqa: PTH107 - pathlib may be it
        return read_code(loader, name)


# Before anything is imported that is not frozen into the interpreter. Modules stay: no collection
# needs to look at them.
SourceFileLoader.get_code = read_whole_code
gc.disable()

from pathlib import Path  # noqa: E402

PAYLOAD = Path(__file__).resolve().parent
sys.path[:0] = [str(PAYLOAD / ".packages"), str(PAYLOAD)]

from desktop_runtime import trace  # noqa: E402 - found through the path set above

trace.came("interpreter started")

from desktop_runtime import backend  # noqa: E402

trace.came("runtime imported")
gc.freeze()
gc.enable()

if __name__ == "__main__":
    sys.exit(backend.main(PAYLOAD, sys.argv[1:]))
else:
    # multiprocessing imports its parent's main module again in every child it spawns.
    backend.install_overlay(PAYLOAD)
