"""Where the checks look for a way to save: two clicks away too, and as whoever is signed in."""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from checks import database, pages, records
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


def test_accounts_are_counted_in_the_database_of_a_target_that_does_not_say(tmp_path) -> None:
    file = tmp_path / "db.sqlite3"
    columns = "id INTEGER PRIMARY KEY, password TEXT, last_login TEXT, is_superuser BOOL"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"CREATE TABLE a_person_before ({columns}, history_id INTEGER)")
        connection.execute("INSERT INTO a_person_before VALUES (1, 'x', '', 1, 1)")
        connection.execute(f"CREATE TABLE person ({columns})")
        rows = [(1, "x", 0), (2, "!x", 1), (3, "!x", 0), (4, "", 0)]
        connection.executemany("INSERT INTO person VALUES (?, ?, NULL, ?)", rows)
        connection.commit()
    assert database.signing_in(file) == 2


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
