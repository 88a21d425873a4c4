"""The desktop shell on the system's web view, with Toga; runs in the project's own Python.

PYTHON desktop-app/toga/shell.py             the project as it lies in its repository
BUNDLE/python … BUNDLE/app/desktop-app/toga/shell.py [--staged]   the bundle that it lies in
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# As launch.py has them: what is installed beside the project's environment, then the runtime.
sys.path[:0] = [str(HERE.parent / ".packages"), str(HERE.parent), str(HERE)]

import instance  # noqa: E402 - found through the path set above
from launching import Launch  # noqa: E402
from places import ManifestError, app_data_folder, find_place, read_manifest  # noqa: E402

NEEDS = (
    "The window needs what this system lacks: {error}.\n"
    "Debian and Ubuntu: apt install gir1.2-webkit2-4.1 libgirepository-1.0-1"
)


def main(argv: list[str]) -> int:
    """Open the app's window until it is closed; the exit code."""
    place = find_place(HERE)
    try:
        manifest = read_manifest(place.payload / "desktop.toml")
    except ManifestError as error:
        print(error, file=sys.stderr)
        return 1
    app_data = app_data_folder(manifest, place, argv)
    try:
        is_first = instance.enter(app_data / "shell")
    except OSError as error:
        print(f"The folder for the data cannot be used: {error}", file=sys.stderr)
        return 1
    if not is_first:
        instance.knock(manifest.name)
        return 0
    # GTK names windows after the program; the desktop finds their icon by the name of the app.
    sys.argv[0] = manifest.identifier
    launch = Launch(place, manifest, app_data)
    try:
        from window import Shell
    except (ImportError, ValueError) as error:  # the latter: a library of another version
        launch.backend.close()
        print(NEEDS.format(error=error), file=sys.stderr)
        return 1
    Shell(launch).main_loop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
