"""Fonts of Google."""

from skill_scripts.offline import googlefonts, npm
from tests.scripts.offline.host import release


def test_families_of_google_fonts():
    new = "https://fonts.googleapis.com/css2?family=Open+Sans:ital,wght@0,400;1,700&family=Play"
    old = "https://fonts.googleapis.com/css?family=Roboto:400,700italic|Lato"
    ranged = "https://fonts.googleapis.com/css2?family=Inter:wght@300..500"
    assert [*googlefonts.families(new)] == [
        ("Open Sans", [(400, False), (700, True)]),
        ("Play", [(400, False)]),
    ]
    assert [*googlefonts.families(old)] == [
        ("Roboto", [(400, False), (700, True)]),
        ("Lato", [(400, False)]),
    ]
    assert [*googlefonts.families(ranged)] == [
        ("Inter", [(300, False), (400, False), (500, False)])
    ]


def test_fonts_of_google_from_a_package(registry):
    style = b"@font-face { font-family: 'Play'; src: url(./files/p.woff2) format('woff2') }"
    release(registry, "@fontsource/play", "5.3.0", {"400.css": style, "files/p.woff2": b"f"})
    found = googlefonts.compose("https://fonts.googleapis.com/css2?family=Play", npm.Npm())
    inner = "https://cdn.jsdelivr.net/npm/@fontsource/play@5.3.0/files/p.woff2"
    assert f"url({inner})" in found.content.decode()
