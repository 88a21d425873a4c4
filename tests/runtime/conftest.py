"""The payload as its own package, and its two dependencies from the kit's environment."""

import sys

from .backends import PAYLOAD

sys.path.insert(0, str(PAYLOAD))
