"""Python children of the backend import this first, so that they get the overlay too."""

import os
import sys
from pathlib import Path

if "DESKTOP_DJANGO_APP_DATA_DIR" in os.environ and "DESKTOP_DJANGO_BUNDLE_DIR" in os.environ:
    payload = Path(__file__).resolve().parents[2]
    sys.path.append(str(payload))
    from desktop_runtime import overlay
    from desktop_runtime.contract import read_installation
    from desktop_runtime.manifest import read_manifest

    overlay.install(read_installation(), read_manifest(payload / "desktop.toml"))
