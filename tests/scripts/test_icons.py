"""desktop-django icons: every system's icons from one picture."""

import struct
from pathlib import Path

import pytest

from skill_scripts import icons

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "reference_app" / "desktop-app" / "icons"
NEUTRAL = ROOT / "skill_scripts" / "layer" / "neutral_icons"
SVG = ROOT / "reference_app" / "assets" / "brand" / "icon.svg"
PNG = b"\x89PNG\r\n\x1a\n"
WIDE = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"/>'


@pytest.fixture
def project(tmp_path):
    (tmp_path / "desktop-app").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("gone.svg", None, "DDK-ICO-02"),
        ("icon.jpeg", "x", "DDK-ICO-02"),
        ("icon.svg", "no picture", "DDK-ICO-02"),
        ("icon.png", "no picture", "DDK-ICO-02"),
        ("icon.svg", WIDE, "DDK-ICO-03"),
    ],
)
@pytest.mark.browser
def test_a_picture_that_cannot_be_used_is_refused(name, content, code, project, kit):
    if content is not None:
        (project / name).write_text(content)
    result = kit("icons", project / name, project)
    assert result.exit_code == 3
    assert code in result.stderr
    assert not (project / "desktop-app" / "icons").exists()


@pytest.mark.browser
def test_a_small_png_is_refused(project, kit):
    result = kit("icons", COMMITTED / "png" / "256x256.png", project)
    assert "DDK-ICO-03" in result.stderr


def test_a_project_that_is_not_adapted_is_refused(tmp_path, kit):
    assert "DDK-ICO-01" in kit("icons", SVG, tmp_path).stderr


def png_size(png: bytes) -> tuple[int, int]:
    assert png.startswith(PNG)
    return struct.unpack(">2I", png[16:24])


@pytest.fixture(
    params=["svg", pytest.param("png", marks=pytest.mark.long), "reference app", "neutral"]
)
def drawn(request, project, kit):
    """Icons drawn by a browser from both kinds, and those that are committed."""
    if request.param in ("reference app", "neutral"):
        return COMMITTED if request.param == "reference app" else NEUTRAL
    source = SVG if request.param == "svg" else COMMITTED / "png" / "1024x1024.png"
    result = kit("icons", source, project)
    assert result.exit_code == 0, result.output
    return project / "desktop-app" / "icons"


@pytest.mark.browser
def test_every_system_has_every_size(drawn):
    names = {file.stem: png_size(file.read_bytes()) for file in (drawn / "png").iterdir()}
    assert names == {f"{size}x{size}": (size, size) for size in icons.PNG_SIZES}
    assert ico_sizes((drawn / "icon.ico").read_bytes()) == icons.ICO_SIZES
    assert icns_sizes((drawn / "icon.icns").read_bytes()) == icons.ICNS_SIZES


def ico_sizes(data: bytes) -> list[int]:
    _, kind, count = struct.unpack("<3H", data[:6])
    assert kind == 1
    sizes = []
    for entry in range(count):
        start = 6 + 16 * entry
        width, *_, length, offset = struct.unpack("<4B2H2I", data[start : start + 16])
        assert png_size(data[offset : offset + length])[0] == (width or 256)
        sizes.append(width or 256)
    return sizes


def icns_sizes(data: bytes) -> dict[str, int]:
    assert data[:4] == b"icns"
    assert struct.unpack(">I", data[4:8])[0] == len(data)
    found, position = {}, 8
    while position < len(data):
        length = struct.unpack(">I", data[position + 4 : position + 8])[0]
        png = data[position + 8 : position + length]
        found[data[position : position + 4].decode()] = png_size(png)[0]
        position += length
    return found
