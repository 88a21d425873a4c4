"""The pairs of pictures: which is before, which after, and that the project is put back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from . import pictures
from .projects import PROJECTS


def test_the_folder_is_away_before_and_back_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline = tmp_path / "work" / "desktop-app" / "offline"
    seen = tmp_path / "seen"
    seen.mkdir()
    (seen / "01.png").write_bytes(b"a picture")

    def kit(command: str, *_: object) -> dict[str, Any]:
        if command == "adapt":
            offline.mkdir(parents=True)
        lacks = [] if offline.is_dir() else ["refused: https://cdn.example/a.css"] * 2
        pages = [{"page": "/?a=<b>", "file": "01.png", "lacks": lacks}, {"page": "/x", "file": ""}]
        return {"folder": str(seen), "pictures": pages}

    monkeypatch.setattr(pictures, "materialise", lambda *_: None)
    monkeypatch.setattr(pictures, "kit", kit)
    project = next(each for each in PROJECTS if each.name == "spirit")

    shown = pictures.show(project, tmp_path / "work", tmp_path)

    assert offline.is_dir()
    assert {each.name for each in tmp_path.glob("*.png")} == {
        "spirit-before-0.png",
        "spirit-after-0.png",
    }
    assert shown.count("<h2>") == 1 and "spirit /?a=&lt;b&gt;" in shown
    before, after = shown.split("<figure>")[1:]
    assert "spirit-before-0.png" in before and "without offline/: 2 lacking" in before
    assert "spirit-after-0.png" in after and "with it: 0 lacking" in after
