"""What the window shows while there is no page: widgets of the system, no page of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import toga
from toga.constants import CENTER, COLUMN, MONOSPACE
from toga.style import Pack

from contract import Failed
from places import Manifest

DARK_BELOW = 140  # of 255
LIGHT, DARK = "#f4f7f9", "#1b2530"


class Splash:
    """The app's name, and how far the start is."""

    def __init__(self, manifest: Manifest) -> None:
        ground, ink = manifest.background, ink_on(manifest.background)
        text = {"color": ink, "background_color": ground, "text_align": CENTER}
        self.progress = toga.Label("Starting", style=Pack(**text, margin_top=18))
        self.box = toga.Box(
            style=Pack(direction=COLUMN, align_items=CENTER, background_color=ground),
            children=[
                toga.Box(style=Pack(flex=1, background_color=ground)),
                toga.Label(
                    manifest.name, style=Pack(**text, font_size=24, font_weight="bold")
                ),
                self.progress,
                toga.Box(style=Pack(flex=1, background_color=ground)),
            ],
        )


def ink_on(background: str) -> str:
    """A colour that can be read on #rrggbb."""
    red, green, blue = (int(background[at : at + 2], 16) for at in (1, 3, 5))
    is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < DARK_BELOW
    return LIGHT if is_dark else DARK


def error(
    failure: Failed, app_data: Path, actions: Mapping[str, Callable[..., Any]]
) -> toga.Widget:
    """Why there is no page, what to do, and the last lines of the log."""
    texts = [failure.hint, f"Your data stays where it is: {app_data}", failure.code]
    small = Pack(margin_bottom=8)
    buttons = [
        toga.Button(text, on_press=action, style=Pack(margin_right=8))
        for text, action in actions.items()
    ]
    log = toga.MultilineTextInput(
        value=failure.report or failure.log or "Nothing was written.",
        readonly=True,
        style=Pack(flex=1, font_family=MONOSPACE, font_size=10),
    )
    heading = Pack(font_size=16, font_weight="bold", margin_bottom=12)
    return toga.Box(
        style=Pack(direction=COLUMN, margin=32),
        children=[
            toga.Label(failure.message, style=heading),
            *(toga.Label(text, style=small) for text in texts if text),
            toga.Box(children=buttons, style=Pack(margin=(12, 0))),
            toga.Label("Last lines of the log", style=small),
            log,
        ],
    )
