"""Shows times beside those of a base in the same run, as medians and ratios."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path


def show(times: Mapping[str, Sequence[float]], base: str, unit: str, file: Path | None) -> None:
    """Print a line for each name, its ratios being to the times of `base`; write all to `file`."""
    for name, found in times.items():
        ratio = statistics.median(a / b for a, b in zip(found, times[base], strict=True))
        print(f"{name:<18}{statistics.median(found):7.2f} {unit}, fastest {min(found):.2f}, "
              f"{ratio:.2f} times")  # fmt: skip
    if file:
        file.write_text(json.dumps(times, indent=2) + "\n", encoding="utf-8")
