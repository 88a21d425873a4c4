"""Pictures of pages that fade in."""

import itertools

from skill_scripts.chromium import picture_when_still


class Fading:
    """A browser's page that looks as `pictures` say, one after another."""

    def __init__(self, pictures, covered=0):
        self.pictures, self.taken, self.waited = iter(pictures), 0, 0
        self.covered = covered

    def screenshot(self, **_):
        self.taken += 1
        return next(self.pictures)

    def evaluate(self, _):
        self.covered -= 1
        return self.covered >= 0

    def wait_for_timeout(self, milliseconds):
        self.waited += milliseconds


def test_a_page_is_pictured_when_it_no_longer_changes(tmp_path):
    page = Fading([b"covered", b"half", b"whole", b"whole", b"later"])
    picture_when_still(page, tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes() == b"whole" and page.taken == 4


def test_a_page_is_pictured_when_nothing_covers_it(tmp_path):
    page = Fading([b"spinner", b"spinner", b"spinner", b"page", b"page"], covered=2)
    picture_when_still(page, tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes() == b"page"


def test_one_that_never_rests_is_pictured_as_it_is(tmp_path):
    page = Fading(map(str.encode, map(str, itertools.count())))
    picture_when_still(page, tmp_path / "page.png")
    assert (tmp_path / "page.png").read_bytes() and page.waited < 5000
