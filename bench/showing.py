"""Shows times beside those of a base in the same run, as medians and ratios."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path


def show(times: Mapping[str, Sequence[float]], base: str, unit: str, file: Path | None) -> None:
    """Print a line for each name: what was measured, and its ratios to the times of `base` beside
    it, with those between which the middle half lies; write all times to `file`."""
    for name, found in times.items():
        ratios = [a / b for a, b in zip(found, times[base], strict=True)]
        ratio = statistics.median(ratios)
        # A single run has no half.
        low, _, high = statistics.quantiles([*ratios, ratio], n=4, method="inclusive")
        print(f"{name:<18}{statistics.median(found):7.2f} {unit}, fastest {min(found):.2f}, "
              f"{ratio:.2f} times ({low:.2f} to {high:.2f})")  # fmt: skip
    if file:
        file.write_text(json.dumps(times, indent=2) + "\n", encoding="utf-8")
