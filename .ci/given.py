"""Collect what packages.yml gives to people, and say what the artefact is called.

usage: given.py PROJECT NAME FOLDER. Copies installers, checksums and parts list of the system NAME
into FOLDER and writes `app=…` to GITHUB_OUTPUT. Exit code 1 where there is nothing to give.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tomllib
from pathlib import Path

INSTALLERS = (".AppImage", ".deb", ".tar.gz", ".dmg", ".zip", ".exe", ".blockmap")


def main(project: Path, name: str, folder: Path) -> int:
    """Fill `folder`; the result is the exit code."""
    payload = project / "desktop-app"
    dist = payload / "dist"
    found = [
        each
        for each in sorted(dist.iterdir() if dist.is_dir() else [])
        if each.name.endswith(INSTALLERS) or re.fullmatch(r"latest.*\.yml", each.name)
    ]
    beside = {
        dist / "SHA256SUMS": f"SHA256SUMS-{name}",
        payload / "staged" / "sbom.cdx.json": f"sbom-{name}.cdx.json",
    }
    missing = [str(each) for each in beside if not each.is_file()]
    if not found or missing:
        print(
            f"nothing to give: {', '.join(missing) or f'no installer in {dist}'}", file=sys.stderr
        )
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    for each in found:
        shutil.copy2(each, folder / each.name)
    for each, called in beside.items():
        shutil.copy2(each, folder / called)
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"app={slug(project)}\n")
    print(f"{len(found)} files for {name}")
    return 0


def slug(project: Path) -> str:
    """The app's name as those of its installers begin; electron/builder.config.mjs makes them."""
    app = tomllib.loads((project / "desktop-app" / "desktop.toml").read_text("utf-8"))["app"]
    return re.sub(r"[^a-z0-9]+", "-", app["name"].lower()).strip("-") or "app"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
