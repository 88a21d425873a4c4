"""The six platforms an app is built for, under the names that each tool gives them."""

import platform
import sys
from dataclasses import dataclass

from skill_scripts.errors import KitError


@dataclass(frozen=True)
class Platform:
    """One operating system on one kind of processor."""

    name: str  # ours: linux-x64
    download: str  # in the keys of python_downloads.json
    wheels: str  # uv's --python-platform

    @property
    def windows(self) -> bool:
        """Whether the bundled Python has the layout of Windows."""
        return self.name.startswith("windows")

    @property
    def interpreter(self) -> str:
        """The bundled interpreter, relative to the bundle."""
        return "python/python.exe" if self.windows else "python/bin/python3"


PLATFORMS = {
    each.name: each
    for each in (
        Platform("linux-x64", "linux-x86_64-gnu", "x86_64-manylinux_2_28"),
        Platform("linux-arm64", "linux-aarch64-gnu", "aarch64-manylinux_2_28"),
        Platform("macos-x64", "darwin-x86_64-none", "x86_64-apple-darwin"),
        Platform("macos-arm64", "darwin-aarch64-none", "aarch64-apple-darwin"),
        Platform("windows-x64", "windows-x86_64-none", "x86_64-pc-windows-msvc"),
        Platform("windows-arm64", "windows-aarch64-none", "aarch64-pc-windows-msvc"),
    )
}
SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}
PROCESSORS = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def this_platform() -> Platform:
    """The platform this process runs on. Raises KitError DDK-STG-01 if it is not one of the six."""
    system, processor = sys.platform, platform.machine()
    name = f"{SYSTEMS.get(system, system)}-{PROCESSORS.get(processor.lower(), processor)}"
    if name not in PLATFORMS:
        raise KitError(
            "DDK-STG-01", f"{name} is not a supported platform", known=", ".join(PLATFORMS)
        )
    return PLATFORMS[name]


def choose(wanted: str) -> list[Platform]:
    """The platforms that --platform names: one, all, or this one for "".

    Raises KitError DDK-STG-01 for an unknown name.
    """
    if not wanted:
        return [this_platform()]
    if wanted == "all":
        return list(PLATFORMS.values())
    if wanted not in PLATFORMS:
        known = ", ".join(PLATFORMS)
        raise KitError("DDK-STG-01", f"{wanted} is not a supported platform", known=known)
    return [PLATFORMS[wanted]]
