"""Windows of an X display, looked at and used by a program that has made no window of them."""

from __future__ import annotations

import struct
import time
import zlib
from dataclasses import dataclass

from Xlib import XK, X, error
from Xlib.display import Display
from Xlib.ext import composite, xtest
from Xlib.protocol import event
from Xlib.xobject.drawable import Window as XWindow

SMALLEST = 40  # below that it is no window that a person is meant to see
MENU_SHARE = 0.15
PRESSED_SECONDS = 0.05


@dataclass(frozen=True)
class Picture:
    """The pixels of a window: blue, green, red and a byte that says nothing, row by row."""

    pixels: bytes
    width: int

    def png(self) -> bytes:
        """As a file."""
        rgb = bytearray(len(self.pixels) // 4 * 3)
        for at in range(3):
            rgb[at::3] = self.pixels[2 - at :: 4]
        row = self.width * 3
        rows = [b"\0" + rgb[start : start + row] for start in range(0, len(rgb), row or 1)]
        head = struct.pack(">IIBBBBB", self.width, len(rows), 8, 2, 0, 0, 0)
        parts = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)

    @property
    def is_blank(self) -> bool:
        """Whether there is one colour all over, below what may be a menu."""
        rest = self.pixels[int(len(self.pixels) * MENU_SHARE) // 4 * 4 :]
        return rest == rest[:4] * (len(rest) // 4)

    def share(self, red: int, green: int, blue: int) -> float:
        """The part of it that has exactly this colour."""
        found = self.pixels.count(bytes((blue, green, red)))
        return found * 4 / len(self.pixels) if self.pixels else 0.0

    @property
    def red(self) -> int:
        """How many pixels are red."""
        blue, green, red = (self.pixels[at::4] for at in range(3))
        return sum(r > 180 and g < 90 and b < 90 for b, g, r in zip(blue, green, red, strict=True))


def _chunk(kind: bytes, content: bytes) -> bytes:
    """https://www.w3.org/TR/png-3/#5Chunk-layout"""
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


class Screen:
    """A display on which no window manager runs, and all of whose windows are the shell's."""

    def __init__(self, name: str) -> None:
        self._display = Display(name)
        # A window may go at any moment: what is asked of it then is answered by nothing.
        self._display.set_error_handler(lambda *_: None)
        self._root = self._display.screen().root
        # So that a window has pixels of its own, whatever lies above it.
        self._root.composite_redirect_subwindows(composite.RedirectAutomatic)
        self._own: XWindow | None = None

    def close(self) -> None:
        """Leave the display."""
        self._display.close()

    def windows(self) -> list[int]:
        """Those that are visible, the lowest first."""
        found = []
        for window in self._root.query_tree().children:
            try:
                attributes, size = window.get_attributes(), window.get_geometry()
            except error.XError:
                continue
            seen = attributes.map_state == X.IsViewable and not attributes.override_redirect
            if seen and min(size.width, size.height) >= SMALLEST:
                found.append(window.id)
        return found

    def picture(self, window: int) -> Picture:
        """What it shows; nothing when it has gone."""
        drawable = self._window(window)
        try:
            size = drawable.get_geometry()
            image = drawable.get_image(0, 0, size.width, size.height, X.ZPixmap, 0xFFFFFFFF)
        except error.XError:
            return Picture(b"", 0)
        return Picture(bytes(image.data), size.width)

    def process(self, window: int) -> int:
        """The process that says it has made the window; 0: no one does."""
        said = self._said(window, "_NET_WM_PID")
        return said[0] if said else 0

    def is_dialog(self, window: int) -> bool:
        """Whether it says that it asks or tells something."""
        dialog = self._display.intern_atom("_NET_WM_WINDOW_TYPE_DIALOG")
        return dialog in self._said(window, "_NET_WM_WINDOW_TYPE")

    def _said(self, window: int, name: str) -> list[int]:
        try:
            atom = self._display.intern_atom(name)
            said = self._window(window).get_full_property(atom, X.AnyPropertyType)
        except error.XError:
            return []
        return list(said.value) if said else []

    def click(self, window: int) -> None:
        """Press Shift, then the left button in the middle of it, as a person would."""
        # An old Electron tells its shell of keys alone.
        self.key(window, "Shift_L")
        drawable = self._window(window)
        try:
            drawable.configure(stack_mode=X.Above)
            size, place = drawable.get_geometry(), drawable.translate_coords(self._root, 0, 0)
        except error.XError:
            return
        x, y = -place.x + size.width // 2, -place.y + size.height // 2
        # Coming from elsewhere: some take no click where the mouse has not moved.
        for across in (x - 1, x):
            xtest.fake_input(self._display, X.MotionNotify, x=across, y=y)
        self._press(X.ButtonPress, X.ButtonRelease, 1)

    def key(self, window: int, *names: str) -> None:
        """Press keys together, as a keyboard would while the window has the focus."""
        self.focus(window)
        codes = [self._display.keysym_to_keycode(XK.string_to_keysym(name)) for name in names]
        for code in codes:
            xtest.fake_input(self._display, X.KeyPress, code)
        for code in reversed(codes):
            xtest.fake_input(self._display, X.KeyRelease, code)
        self._display.sync()

    def ask_to_close(self, window: int) -> None:
        """What the cross in its corner does."""
        protocols, delete = map(self._display.intern_atom, ("WM_PROTOCOLS", "WM_DELETE_WINDOW"))
        drawable = self._window(window)
        asked = event.ClientMessage(
            window=drawable, client_type=protocols, data=(32, [delete, X.CurrentTime, 0, 0, 0])
        )
        drawable.send_event(asked)
        self._display.sync()

    def focus(self, window: int) -> None:
        """Give it the keyboard."""
        self._window(window).set_input_focus(X.RevertToParent, X.CurrentTime)
        self._display.sync()

    def take_focus(self) -> None:
        """Give the keyboard to a window of ours."""
        if self._own is None:
            place = (0, 0, SMALLEST // 2, SMALLEST // 2, 0, X.CopyFromParent)
            self._own = self._root.create_window(*place, override_redirect=True)
            self._own.map()
            self._display.sync()
        self.focus(self._own.id)

    def focused(self) -> bool:
        """Whether a window that is not ours has the keyboard."""
        has = self._display.get_input_focus().focus
        return isinstance(has, XWindow) and has.id not in (
            self._own and self._own.id,
            self._root.id,
        )

    def _window(self, number: int) -> XWindow:
        return self._display.create_resource_object("window", number)

    def _press(self, down: int, up: int, detail: int) -> None:
        xtest.fake_input(self._display, down, detail)
        self._display.sync()
        time.sleep(PRESSED_SECONDS)
        xtest.fake_input(self._display, up, detail)
        self._display.sync()
