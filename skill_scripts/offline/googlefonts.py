"""Style sheets of Google Fonts, put together from the packages that carry the same fonts."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from skill_scripts.offline.fetch import Fetched, FetchError
from skill_scripts.offline.npm import Npm, Package

HOST = "fonts.googleapis.com"
# Families of icons, with the class that pages use: package and style sheet.
ICONS = {
    "Material Icons": ("material-icons", "iconfont/filled.css"),
    "Material Icons Outlined": ("material-icons", "iconfont/outlined.css"),
    "Material Icons Round": ("material-icons", "iconfont/round.css"),
    "Material Icons Sharp": ("material-icons", "iconfont/sharp.css"),
    "Material Icons Two Tone": ("material-icons", "iconfont/two-tone.css"),
    "Material Symbols Outlined": ("material-symbols", "outlined.css"),
    "Material Symbols Rounded": ("material-symbols", "rounded.css"),
    "Material Symbols Sharp": ("material-symbols", "sharp.css"),
}
PLAIN = (400, False)


def is_style(address: str) -> bool:
    """Whether it is the address of a style sheet of Google Fonts."""
    return urlsplit(address).netloc == HOST


def compose(address: str, npm: Npm) -> Fetched:
    """The style sheet from packages; its fonts are addresses of their files. Raises FetchError."""
    sheets, packages = [], []
    for family, faces in families(address):
        if family in ICONS:
            name, path = ICONS[family]
            package = npm.package(name, "")
            sheets.append(_absolute(package, path))
        else:
            package = npm.package(f"@fontsource/{re.sub(r'[^a-z0-9]+', '-', family.lower())}", "")
            paths = [f"{weight}{'-italic' if italic else ''}.css" for weight, italic in faces]
            there = [path for path in paths if path in package.files]
            if not there:
                raise FetchError(f"npm's {package.name} {package.version} has no {paths[0]}")
            sheets += [_absolute(package, path) for path in there]
        packages.append(package)
    if not sheets:
        raise FetchError("names no family of fonts")
    return Fetched(
        "\n".join(sheets).encode(),
        "text/css",
        " ".join(f"npm:{each.name}@{each.version}" for each in packages),
        " ".join(each.version for each in packages),
        " AND ".join(dict.fromkeys(each.licence for each in packages if each.licence)),
        b"\n".join(dict.fromkeys(each.notice for each in packages if each.notice)),
    )


def families(address: str) -> Iterator[tuple[str, list[tuple[int, bool]]]]:
    """The families that an address asks for, each with its weights, upright or italic.

    https://developers.google.com/fonts/docs/css2, and the form before it.
    """
    parts = urlsplit(address)
    for key, value in parse_qsl(parts.query):
        if key != "family":
            continue
        for each in value.split("|"):
            name, _, faces = each.partition(":")
            is_new = parts.path == "/css2"
            yield name.strip(), [*(_axes(faces) if is_new else _list(faces))] or [PLAIN]


def _axes(faces: str) -> Iterator[tuple[int, bool]]:
    """`ital,wght@0,400;1,700`; a range stands for its hundreds."""
    names, _, values = faces.partition("@")
    for value in filter(None, values.split(";")):
        axes = dict(zip(names.split(","), value.split(","), strict=False))
        first, _, last = axes.get("wght", "400").partition("..")
        for weight in range(_weight(first), _weight(last or first) + 1, 100):
            yield weight, axes.get("ital") == "1"


def _list(faces: str) -> Iterator[tuple[int, bool]]:
    """`400,700italic`; the short forms are Google's."""
    for value in filter(None, faces.split(",")):
        match = re.fullmatch(r"(\d*)(i|italic|b|bold|bi|bolditalic|regular)?", value)
        if match:
            word = match[2] or ""
            weight = 700 if word.startswith("b") else _weight(match[1] or "400")
            yield weight, word.endswith(("i", "italic"))


def _weight(text: str) -> int:
    return int(text) if text.isdigit() else 400


def _absolute(package: Package, path: str) -> str:
    """A style sheet of the package that names the package's files by address."""
    folder = path.rpartition("/")[0]
    base = f"https://cdn.jsdelivr.net/npm/{package.name}@{package.version}/"
    base += f"{folder}/" if folder else ""
    if path not in package.files:
        raise FetchError(f"npm's {package.name} {package.version} has no {path}")
    text = package.files[path].decode("utf-8", "replace")
    return re.sub(r"url\((['\"]?)(?:\./)?(?!https?:|data:)", rf"url(\1{base}", text)
