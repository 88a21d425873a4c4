"""Draws the icons of all systems from one picture: a .icns, a .ico and a set of .png."""

import base64
import struct
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Error, Locator, sync_playwright

from skill_scripts.chromium import launch
from skill_scripts.errors import KitError
from skill_scripts.project.files import PAYLOAD_FOLDER

PNG_SIZES = [16, 24, 32, 48, 64, 128, 256, 512, 1024]
ICO_SIZES = [16, 24, 32, 48, 64, 128, 256]
# Apple's four-letter names of the PNG entries, "@2x" variants included.
ICNS_SIZES = {
    "icp4": 16, "icp5": 32, "ic07": 128, "ic08": 256, "ic09": 512,
    "ic10": 1024, "ic11": 32, "ic12": 64, "ic13": 256, "ic14": 512,
}  # fmt: skip
# macOS icons fill 824 of 1024; one that fills the whole square looks too large beside others.
MACOS_SHARE = 824 / 1024
TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
SMALLEST = 512  # pixels; electron-builder takes no smaller picture for macOS
PAGE = """<style>html,body{{height:100%;margin:0}}body{{display:grid;place-items:center}}
img{{width:{share:%};height:{share:%}}}</style><img src="{address}">"""
SIZE = "img => img.decode().then(() => [img.naturalWidth, img.naturalHeight])"

Draw = Callable[[int, float], bytes]


def icons(source: Path, path: Path) -> Path:
    """Draw `source` for the adapted project in folder `path`; the folder that holds the icons.

    Raises KitError if the picture cannot be used or there is no browser to draw it.
    """
    payload = path.resolve() / PAYLOAD_FOLDER
    if not payload.is_dir():
        raise KitError("DDK-ICO-01", f"there is no {payload}", root=str(path))
    kind = TYPES.get(source.suffix.lower())
    if kind is None or not source.is_file():
        raise KitError(
            "DDK-ICO-02", f"{source} is not a picture of these kinds", source=str(source)
        )
    address = f"data:{kind};base64,{base64.b64encode(source.read_bytes()).decode()}"
    folder = payload / "icons"
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            page = browser.new_page()
            page.set_content(PAGE.format(share=1, address=address))
            _usable(source, kind, page.locator("img"))

            def draw(size: int, share: float) -> bytes:
                page.set_viewport_size({"width": size, "height": size})
                page.set_content(PAGE.format(share=share, address=address))
                page.locator("img").evaluate(SIZE)
                return page.screenshot(omit_background=True)

            write(folder, draw)
            browser.close()
    except Error as error:
        said = str(error).strip().splitlines()[0]
        raise KitError("DDK-ICO-04", f"the browser did not draw the icons: {said}") from error
    return folder


def _usable(source: Path, kind: str, image: Locator) -> None:
    try:
        width, height = image.evaluate(SIZE)
    except Error as error:
        raise KitError("DDK-ICO-02", f"{source} is damaged", source=str(source)) from error
    if width != height or (kind == TYPES[".png"] and width < SMALLEST):
        raise KitError("DDK-ICO-03", f"{source} is {width} by {height}", smallest=SMALLEST)


def write(folder: Path, draw: Draw) -> None:
    """Write every icon into `folder`; `draw` gives the PNG of one size and share of it."""
    pngs = {size: draw(size, 1.0) for size in PNG_SIZES}
    tiles = {size: draw(size, MACOS_SHARE) for size in set(ICNS_SIZES.values())}
    (folder / "png").mkdir(parents=True, exist_ok=True)
    for size, png in pngs.items():
        (folder / "png" / f"{size}x{size}.png").write_bytes(png)
    (folder / "icon.png").write_bytes(pngs[512])
    (folder / "icon.ico").write_bytes(ico({size: pngs[size] for size in ICO_SIZES}))
    (folder / "icon.icns").write_bytes(icns({name: tiles[s] for name, s in ICNS_SIZES.items()}))


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
