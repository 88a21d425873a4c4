"""Small targets: a project, the reference app's payload and a desktop.toml."""

import shutil
from pathlib import Path

from tests.broken.targets import REFERENCE


def with_payload(root: Path, manifest: str) -> Path:
    """Give the project in `root` the layer, as `adapt` does."""
    left_out = shutil.ignore_patterns("node_modules", "staged", "dist", "__pycache__")
    shutil.copytree(REFERENCE / "desktop-app", root / "desktop-app", ignore=left_out)
    (root / "desktop-app" / "desktop.toml").write_text(manifest, encoding="utf-8")
    return root
