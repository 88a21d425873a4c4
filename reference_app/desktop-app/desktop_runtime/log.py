"""The backend's own log file; the shell keeps what is printed."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 1_000_000
KEPT = 5


def write_to(folder: Path) -> None:
    """Send warnings and errors of all loggers to `backend.log`, beside the project's own log."""
    handler = RotatingFileHandler(
        folder / "backend.log", maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8", delay=True
    )
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
