import importlib.util
import struct
from pathlib import Path

import pytest
from django.conf import settings

pytest.importorskip("playwright")

SCRIPT = settings.BASE_DIR / "assets" / "make_icons.py"
spec = importlib.util.spec_from_file_location("make_icons", SCRIPT)
make_icons = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_icons)

PNG = b"\x89PNG\r\n\x1a\n"


def png_size(png: bytes) -> tuple[int, int]:
    assert png.startswith(PNG)
    return struct.unpack(">2I", png[16:24])


def draw(source: str, size: int, share: float) -> bytes:
    """A stand-in for the browser: the header of a PNG is all that is read back."""
    return PNG + b"\0" * 8 + struct.pack(">2I", size, size)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("icons")
    make_icons.make_icons(settings.BASE_DIR / "assets" / "brand" / "icon.svg", folder, draw)
    return folder


@pytest.fixture(params=["drawn", "committed"])
def icons(request: pytest.FixtureRequest, drawn: Path) -> Path:
    return drawn if request.param == "drawn" else settings.BASE_DIR / "desktop-app" / "icons"


def test_png_files_have_the_size_they_are_named_after(icons: Path) -> None:
    files = list((icons / "png").iterdir())
    assert len(files) == len(make_icons.PNG_SIZES)
    for file in files:
        width, height = file.stem.split("x")
        assert png_size(file.read_bytes()) == (int(width), int(height))


def test_windows_icon_holds_every_size(icons: Path) -> None:
    data = (icons / "icon.ico").read_bytes()
    _, kind, count = struct.unpack("<3H", data[:6])
    assert kind == 1
    sizes = []
    for entry in range(count):
        start = 6 + 16 * entry
        width, *_, length, offset = struct.unpack("<4B2H2I", data[start : start + 16])
        assert png_size(data[offset : offset + length])[0] == (width or 256)
        sizes.append(width or 256)
    assert sizes == make_icons.ICO_SIZES


def test_macos_icon_holds_every_type_to_the_last_byte(icons: Path) -> None:
    data = (icons / "icon.icns").read_bytes()
    assert data[:4] == b"icns"
    assert struct.unpack(">I", data[4:8])[0] == len(data)
    found, position = {}, 8
    while position < len(data):
        length = struct.unpack(">I", data[position + 4 : position + 8])[0]
        png = data[position + 8 : position + length]
        found[data[position : position + 4].decode()] = png_size(png)[0]
        position += length
    assert found == make_icons.ICNS_SIZES
