"""The shell's modules as it finds them: in its folder, beside the runtime."""

import sys
from pathlib import Path

PAYLOAD = Path(__file__).resolve().parents[2] / "reference_app" / "desktop-app"
sys.path[:0] = [str(PAYLOAD), str(PAYLOAD / "toga")]
