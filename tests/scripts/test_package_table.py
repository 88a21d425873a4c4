"""The table [package] of desktop.toml."""

import pytest

from skill_scripts import package as packaging
from skill_scripts.dependencies.platforms import this_platform
from skill_scripts.errors import KitError


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('feed = "http://downloads.example.org/"', "DDK-PKG-07"),
        ('feed = "ftp://downloads.example.org/"', "DDK-PKG-07"),
        ('feeds = "https://downloads.example.org/"', "DDK-ADP-08"),
        ("sign = 1", "DDK-ADP-08"),
        ('languages = ["Deutsch"]', "DDK-ADP-08"),
    ],
)
def test_a_package_table_that_makes_no_sense_is_refused(tmp_path, line, code):
    about = '[app]\nname = "App"\nidentifier = "org.example.app"\nversion = "1.0.0"\n'
    manifest = f'spec = "1.0"\n{about}[package]\n{line}\n'
    (tmp_path / "desktop.toml").write_text(manifest, encoding="utf-8")
    with pytest.raises(KitError) as caught:
        packaging._settings(tmp_path, this_platform())
    assert caught.value.code == code
    assert "package" in caught.value.message


@pytest.mark.parametrize(
    ("decided", "seen", "said"),
    [({}, ["de", "en"], "de, en only"), ({}, [], ""), ({"languages": []}, ["en"], "")],
)
def test_languages_that_electron_loses_unasked_are_said(decided, seen, said):
    note = packaging._languages_left_out(decided, {"window_languages": seen})
    assert said in note
    assert bool(note) == bool(said)
