"""Called by mkdocs while it builds the site (mkdocs.yml, hooks)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # mkdocs loads this file by its path

from tools.docs import generate


def on_post_build(config: Mapping[str, str]) -> None:
    """Put all pages in one file beside the site, for agents that have no checkout."""
    full = Path(config["site_dir"], "llms-full.txt")
    full.write_text(generate.llms_full(), encoding="utf-8", newline="\n")
