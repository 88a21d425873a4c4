"""A pytest plugin: the starts of the checks find bytecode that other runs have made.

What the checks look at is what a backend does, not how long its interpreter compiles.
"""

from pathlib import Path

from checks.target import Target
from tests.bytecode import shared

flags = Target._launch


def _launch(self: Target, values: dict[str, str]) -> list[str]:
    own = Path(values["app_data"]) / "pycache"
    return [
        f"pycache_prefix={shared(own)}" if flag.startswith("pycache_prefix=") else flag
        for flag in flags(self, values)
    ]


Target._launch = _launch
