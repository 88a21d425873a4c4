"""Where the checks look for a way to save: two clicks away too, and as whoever is signed in."""

import subprocess
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from checks import pages, records
from checks.backend import Answer
from checks.verdicts import NotTested
from tests.foreign import projects

FORM = "<form method=post action={}><input name=text></form>"
SITE = {
    "/": "<a href=/list/>all</a>" + FORM.format("/find/"),
    "/list/": "<a href=/>home</a><a href=/add/>one more</a>" + FORM.format("/find/"),
    "/add/": FORM.format("/add/") + FORM.format("/find/"),
}


class Site:
    """A server in place of a target: `pages` answer a GET by path, and asking them is noted."""

    origin = "http://127.0.0.1:1"
    target = SimpleNamespace(home="/")

    def __init__(self, pages: dict[str, str]) -> None:
        self.pages, self.asked = pages, []

    def get(self, path: str, **_: object) -> Answer:
        self.asked.append(path)
        return Answer(200, httpx.Headers({"content-type": "text/html"}), self.pages[path].encode())


def test_forms_two_clicks_away_come_last_and_only_if_they_are_wanted() -> None:
    site = Site(SITE)
    found = pages.forms(pages.Visitor(site))
    assert next(found).action == f"{site.origin}/find/"
    assert "/add/" not in site.asked
    assert [form.action for form in found] == [f"{site.origin}/add/"]


@pytest.mark.long
@pytest.mark.network
def test_what_the_checks_put_into_a_copy_loads_on_an_old_django(tmp_path) -> None:
    python = projects.interpreter("<3.12")
    projects.environment(tmp_path / "venv", ("django==2.2.*",), python)
    code = "from django.conf import settings; settings.configure(); import probe"
    subprocess.run(
        [projects.python_of(tmp_path / "venv"), "-c", code],
        cwd=Path(records.__file__).parent, check=True, env=projects.clean_environment(),
    )  # fmt: skip


@pytest.mark.parametrize("signs_in", [True, False])
def test_whoever_is_signed_in_needs_no_account_for_the_admin(signs_in, tmp_path, monkeypatch):
    """A user model that wants more than a name and a password refuses the one of the checks."""
    said = {"shell": "ddk-admin /office/;", "createsuperuser": None}
    monkeypatch.setattr(records, "manage", lambda _, __, command, *___, **____: said[command])
    try:
        admin = records.open_admin(SimpleNamespace(signs_in=signs_in), tmp_path)
    except NotTested:
        admin = ""
    assert admin == ("/office/" if signs_in else "")
