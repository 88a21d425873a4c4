"""What the window shows while there is no page: widgets of the system, no page of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import toga
from contract import Failed
from places import Manifest
from toga.constants import CENTER, COLUMN, MONOSPACE
from toga.style import Pack

DARK_BELOW = 140  # of 255
STARTING = "Starting"
STILL_WORKING = "Still working. The first start can take a while."
LIGHT, DARK = "#f4f7f9", "#1b2530"

Actions = Mapping[str, Callable[..., Any]]
"""What buttons do, by their labels."""


class Splash:
    """The app's name, and how far the start is."""

    def __init__(self, manifest: Manifest) -> None:
        ground, ink = manifest.background, ink_on(manifest.background)
        text = {"color": ink, "background_color": ground, "text_align": CENTER}
        self.help = toga.Box(style=Pack(background_color=ground, margin_top=24))
        self.progress = toga.Label(STARTING, style=Pack(**text, margin_top=18))
        self.box = toga.Box(
            style=Pack(direction=COLUMN, align_items=CENTER, background_color=ground),
            children=[
                toga.Box(style=Pack(flex=1, background_color=ground)),
                toga.Label(manifest.name, style=Pack(**text, font_size=24, font_weight="bold")),
                self.progress,
                self.help,
                toga.Box(style=Pack(flex=1, background_color=ground)),
            ],
        )

    def offer_help(self, actions: Actions) -> None:
        """After a while: what a person can do besides waiting."""
        if self.progress.text == STARTING:
            self.progress.text = STILL_WORKING
        self.help.add(*_buttons(actions))


def ink_on(background: str) -> str:
    """A colour that can be read on #rrggbb."""
    red, green, blue = (int(background[at : at + 2], 16) for at in (1, 3, 5))
    is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < DARK_BELOW
    return LIGHT if is_dark else DARK


def error(failure: Failed, app_data: Path, actions: Actions) -> toga.Widget:
    """Why there is no page, what to do, and the last lines of the log."""
    texts = [failure.hint, f"Your data stays where it is: {app_data}", failure.code]
    small = Pack(margin_bottom=8)
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
            toga.Box(children=_buttons(actions), style=Pack(margin=(12, 0))),
            toga.Label("Last lines of the log", style=small),
            log,
        ],
    )


def _buttons(actions: Actions) -> list[toga.Button]:
    style = Pack(margin=(0, 4))
    return [toga.Button(text, on_press=act, style=style) for text, act in actions.items()]
