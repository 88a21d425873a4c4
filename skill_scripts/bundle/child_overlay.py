"""Python children of a staged backend get the overlay however they were started.

Imported by desktop_django_children.pth at every start of the bundled interpreter. PYTHONPATH leads
most children to the same module; those started with -I do not read it.
"""

import os
import sys
from pathlib import Path

PAYLOAD = Path(sys.prefix).parent / "app" / "desktop-app"
CONTRACT = {"DESKTOP_DJANGO_APP_DATA_DIR", "DESKTOP_DJANGO_BUNDLE_DIR"}

# The backend itself, its workers and its commands lay the overlay over themselves.
if os.environ.keys() >= CONTRACT and "launch.py" not in {Path(word).name for word in sys.orig_argv}:
    sys.path.insert(0, str(PAYLOAD / "desktop_runtime" / "child"))
    # Under this name, so that the one that PYTHONPATH leads to is not imported again.
    import sitecustomize  # noqa: F401
