"""What is kept, and the list of it."""

import pytest

from skill_scripts.errors import KitError
from skill_scripts.offline import kept
from skill_scripts.offline.assets import offline
from tests.scripts.offline.host import CDN, adapted


def test_damaged_manifest_is_said(tmp_path):
    root = adapted(tmp_path)
    folder = root / "desktop-app/offline"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"files": [{"file": "../../x"}]}')
    with pytest.raises(KitError) as error:
        offline(root)
    assert error.value.code == "DDK-OFF-02"


def test_parts_of_a_list_are_packages_and_files(tmp_path):
    root = adapted(tmp_path)
    entries = (
        kept.Entry(f"{CDN}.css", "a.css", "1" * 64, "text/css", "npm:@s/lib@1/a.css", "1", "MIT"),
        kept.Entry(f"{CDN}.js", "a.js", "2" * 64, "text/css", "npm:@s/lib@1/a.js", "1", "MIT"),
        kept.Entry(f"{CDN}.mjs", "b.js", "3" * 64, "text/css", f"{CDN}.mjs"),
    )
    kept.write(root, kept.Kept(entries), {})
    assert [(each.reference, each.licence, len(each.hashes)) for each in kept.parts(root)] == [
        (f"{CDN}.mjs", "", 1),
        ("pkg:npm/%40s/lib@1", "MIT", 2),
    ]


@pytest.mark.parametrize(
    ("entry", "is_covered"),
    [
        ("https://cdn.example/a.js", True),
        ("https://cdn.example/a.js?v=1", True),
        ("cdn.example", True),
        ("http://cdn.example/a.js", True),
        ("https://cdn.example/", True),
        ("https://cdn.example/a", False),
        ("example", False),
    ],
)
def test_what_an_entry_of_skip_covers(entry, is_covered):
    assert bool(kept.covers({entry: "why"}, "https://cdn.example/a.js?v=1")) is is_covered
