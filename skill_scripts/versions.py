"""What the kit supports, each version in one place."""

from packaging.version import Version

PYTHONS = ("3.14", "3.13", "3.12", "3.11")  # of the runtime, the newest first
BUNDLED_PYTHON = Version(PYTHONS[0])
OLDEST_PYTHON = Version(PYTHONS[-1])
OLDEST_DJANGO = Version("4.2")
OLDEST_NODE = Version("22.12")  # as engines in the shell's package.json
