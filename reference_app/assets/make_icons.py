"""Draw the icons of all platforms from one square SVG: a .icns, a .ico and a set of .png.

    python reference_app/assets/make_icons.py [SVG FOLDER]

Without arguments: the app's own, from brand/icon.svg into ../desktop-app/icons. Needs Playwright
and a Chromium. The results are committed; run it again when the SVG has changed.
"""

import shutil
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent

PNG_SIZES = [16, 24, 32, 48, 64, 128, 256, 512, 1024]
ICO_SIZES = [16, 24, 32, 48, 64, 128, 256]
# Apple's four-letter names of the PNG entries, "@2x" variants included.
ICNS_SIZES = {
    "icp4": 16,
    "icp5": 32,
    "ic07": 128,
    "ic08": 256,
    "ic09": 512,
    "ic10": 1024,
    "ic11": 32,
    "ic12": 64,
    "ic13": 256,
    "ic14": 512,
}
# macOS icons fill 824 of 1024; one that fills the whole square looks too large beside others.
MACOS_SHARE = 824 / 1024


def ico(images: dict[int, bytes]) -> bytes:
    """Windows icon of PNG images by size; 256 is written as 0."""
    offset = 6 + 16 * len(images)
    entries, data = b"", b""
    for size, png in sorted(images.items()):
        edge = size % 256
        entries += struct.pack("<4B2H2I", edge, edge, 0, 0, 1, 32, len(png), offset + len(data))
        data += png
    return struct.pack("<3H", 0, 1, len(images)) + entries + data


def icns(images: dict[str, bytes]) -> bytes:
    """macOS icon of PNG images by Apple's type name."""
    blocks = [name.encode() + struct.pack(">I", 8 + len(png)) + png for name, png in images.items()]
    data = b"".join(blocks)
    return b"icns" + struct.pack(">I", 8 + len(data)) + data


def make_icons(svg: Path, folder: Path, draw: Callable[[str, int, float], bytes]) -> None:
    """Write every icon of `svg` into `folder`; `draw` turns SVG source into a PNG of one size."""
    source = svg.read_text(encoding="utf-8")
    pngs = {size: draw(source, size, 1.0) for size in PNG_SIZES}
    (folder / "png").mkdir(parents=True, exist_ok=True)
    for size, png in pngs.items():
        (folder / "png" / f"{size}x{size}.png").write_bytes(png)
    (folder / "icon.png").write_bytes(pngs[512])
    (folder / "icon.ico").write_bytes(ico({size: pngs[size] for size in ICO_SIZES}))
    tiles = {size: draw(source, size, MACOS_SHARE) for size in set(ICNS_SIZES.values())}
    (folder / "icon.icns").write_bytes(icns({name: tiles[s] for name, s in ICNS_SIZES.items()}))


def main(arguments: list[str]) -> None:
    svg, folder = arguments or (HERE / "brand" / "icon.svg", HERE.parent / "desktop-app" / "icons")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()

        def draw(source: str, size: int, share: float) -> bytes:
            page.set_viewport_size({"width": size, "height": size})
            page.set_content(
                "<style>html,body{height:100%;margin:0}body{display:grid;place-items:center}"
                f"svg{{width:{share:%};height:{share:%}}}</style>{source}"
            )
            return page.screenshot(omit_background=True)

        make_icons(Path(svg), Path(folder), draw)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
