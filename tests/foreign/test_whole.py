"""The columns of the table, each red and green, and the page that is made of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from checks.backend import Answer
from checks.pages import Visitor

from . import page, person, whole
from .page import Row
from .whole import Entry, Seen, Told

LOGIN = "<form method=post><input name=username><input type=password name=password></form>"
SIGN_UP = (
    "<form method=post><input name=username><input type=password name=p1>"
    "<input type=password name=p2><input type=checkbox name=agree></form>"
)


def seen(**changes: Any) -> Seen:
    """A project that is whole, but for the changes."""
    ran = dict.fromkeys(("WEB-1", "WEB-3", "WEB-6", "WEB-11", "ACC-1"), ("pass", "seen"))
    first = {"path": "/", "status": 200, "error": "", "is_part": False, "is_own_fault": False}
    rehearsal = {"home": "/", "home_why": "", "root_status": 200, "other_pages": [],
                 "pages": [first]}  # fmt: skip
    entry = Entry("/", person.FIRST_ACCOUNT)
    return replace(Seen(ran, rehearsal, {}, entry), **changes)


def with_verdict(criterion: str, verdict: str, said: str) -> Seen:
    return seen(criteria={**seen().criteria, criterion: (verdict, said)})


def rehearsed(**changes: Any) -> Seen:
    return seen(rehearsal={**seen().rehearsal, **changes})


def opened(path: str, **changes: Any) -> dict[str, Any]:
    first = seen().rehearsal["pages"][0]
    return {**first, "path": path, **changes}


def test_a_sound_project_is_whole() -> None:
    told = whole.judge(seen())
    assert [*told] == [*whole.COLUMNS]
    assert all(each.holds for each in told.values())
    assert whole.why_not(told, {}) == []


def test_a_criterion_that_fails_is_in_the_way() -> None:
    missing = whole.why_not(whole.judge(seen()), {"DAT-4": "a row is gone"})
    assert missing == ["DAT-4 fails: a row is gone"]


def test_a_criterion_is_told_once() -> None:
    told = whole.judge(with_verdict("WEB-3", "FAIL", "1 missing"))
    missing = whole.why_not(told, {"WEB-3": "1 missing"})
    assert missing == ["styled offline: WEB-3 fails: 1 missing"]


class TestFirstPage:
    def test_nothing_there(self) -> None:
        told = whole.first_page(with_verdict("WEB-1", "FAIL", "/ answered 500"))
        assert told == Told(False, "WEB-1 fails: / answered 500")

    def test_no_rehearsal(self) -> None:
        assert not whole.first_page(seen(rehearsal=None)).holds

    def test_fails_in_the_rehearsal(self) -> None:
        told = whole.first_page(rehearsed(pages=[opened("/", status=500, error="KeyError: 'x'")]))
        assert told == Told(False, "/ fails in the rehearsal: KeyError: 'x'")

    @pytest.mark.parametrize(
        ("why", "others", "holds"),
        [
            ("README.md", ["/b/"], True),
            ("3 pages lead to it", ["/b/"], True),
            ("it answers", [], True),  # there is no other
            ("it answers", ["/b/"], False),
        ],
    )
    def test_another_page(self, why: str, others: list[str], holds: bool) -> None:
        told = whole.first_page(
            rehearsed(
                home="/a/", root_status=404, home_why=why, other_pages=others, pages=[opened("/a/")]
            )
        )
        assert told == Told(holds, f"/ answers 404; /a/: {why}")

    def test_decided(self) -> None:
        done = rehearsed(home="/a/", pages=[opened("/a/")])
        assert whole.first_page(replace(done, home_is_decided=True)) == Told(
            True, "/a/, as decided"
        )


class TestStyledOffline:
    @pytest.mark.parametrize("criterion", ["WEB-3", "WEB-11"])
    def test_fails(self, criterion: str) -> None:
        assert not whole.styled_offline(with_verdict(criterion, "FAIL", "1 missing")).holds

    def test_not_run(self) -> None:
        ran = {name: each for name, each in seen().criteria.items() if name != "WEB-11"}
        told = whole.styled_offline(seen(criteria=ran))
        assert told == Told(False, "WEB-11 not run here: left out of this run")

    def test_declared(self) -> None:
        manifest = {"offline": {"skip": {"www.google-analytics.com": "analytics"}}}
        assert whole.styled_offline(seen(manifest=manifest)) == Told(True, "1 left out, declared")

    def test_declared_and_bare(self) -> None:
        why = "it compiles styles in the page: build them"
        manifest = {"offline": {"skip": {"cdn.tailwindcss.com": why}}}
        assert not whole.styled_offline(seen(manifest=manifest)).holds

    @pytest.mark.parametrize("theirs", [False, True])
    def test_a_part_that_is_missing(self, theirs: bool) -> None:
        part = opened("/static/a.css", status=404, is_part=True, is_own_fault=theirs)
        assert whole.styled_offline(rehearsed(pages=[opened("/"), part])).holds is theirs


class TestGetsIn:
    def test_way(self) -> None:
        assert whole.gets_in(seen()) == Told(True, "first account")

    def test_locked(self) -> None:
        told = whole.gets_in(seen(entry=Entry("/", why="/in/ asks to sign in")))
        assert told == Told(False, "/in/ asks to sign in")

    def test_what_the_rehearsal_tried(self) -> None:
        done = rehearsed(wall="/in/", shut="no user can be made: KeyError: 'x'")
        told = whole.gets_in(replace(done, entry=Entry("/", why="shut")))
        assert told == Told(False, "/in/ asks to sign in, and no user can be made: KeyError: 'x'")

    def test_first_account_fails(self) -> None:
        assert not whole.gets_in(with_verdict("ACC-1", "FAIL", "asks again")).holds

    def test_not_tried(self) -> None:
        assert not whole.gets_in(seen(entry=None)).holds


@pytest.mark.parametrize("verdict", ["FAIL", "not applicable", "not run here"])
def test_saving_not_seen(verdict: str) -> None:
    assert not whole.saving_seen(with_verdict("WEB-6", verdict, "no form")).holds


class Site:
    """A server in place of an adapted project: `pages` answer a GET by path, and know who is in."""

    origin = "http://127.0.0.1:1"

    def __init__(self, pages: dict[str, str], guarded: tuple[str, ...] = (), **doors: bool) -> None:
        self.pages, self.guarded, self.doors = pages, guarded, doors
        self.accounts: set[str] = set()
        self.is_in = False
        self.target = type("Target", (), {"home": "/"})()

    def get(self, path: str, **_: Any) -> Answer:
        place = urlsplit(path).path
        if self.doors.get("first_account") and not self.accounts and not place.startswith("/desk"):
            return self.leads("/desktop-auth/first-account/")
        if place in self.guarded and not self.is_in:
            return self.leads(f"/accounts/login/?next={place}")
        return Answer(200, httpx.Headers({"content-type": "text/html"}), self.pages[place].encode())

    def request(self, method: str, path: str, data: dict[str, str], **_: Any) -> Answer:
        place = urlsplit(path).path
        if place.startswith("/desk"):
            self.accounts.add("me")
            self.is_in = not self.doors.get("forgets")
        elif (
            "signup" in place and data.get("agree") and data["p1"] == data["p2"] != data["username"]
        ):
            self.accounts.add(data["username"])
        elif "login" in place and not self.doors.get("unconfirmed"):
            self.is_in = data["username"] in self.accounts
        return self.leads("/")

    def leads(self, place: str) -> Answer:
        return Answer(302, httpx.Headers({"location": place}), b"")


def door(pages: dict[str, str], *guarded: str, signed_in: bool = False, **doors: bool) -> Entry:
    return person.try_door(Visitor(Site(pages, guarded, **doors)), signed_in)


OPEN = {"/": "<p>hello</p><a href=/list/>all</a>", "/list/": "<p>all</p>"}
WALLED = {**OPEN, "/accounts/login/": LOGIN}
WITH_SIGN_UP = {
    **WALLED,
    "/accounts/login/": LOGIN + "<a href=/accounts/signup/>new here</a>",
    "/accounts/signup/": SIGN_UP,
}
ACCOUNT = {**WALLED, "/desktop-auth/first-account/": "<form method=post></form>"}


class TestDoor:
    def test_no_wall(self) -> None:
        assert door(OPEN) == Entry("/", "no wall")

    def test_a_form_in_the_head_of_every_page_is_no_wall(self) -> None:
        assert door({**OPEN, "/": LOGIN}) == Entry("/", "no wall")

    def test_a_wall_without_a_door(self) -> None:
        entry = door(WALLED, "/")
        assert (entry.way, entry.place) == ("", "/accounts/login/?next=/")
        assert "no page to sign up" in entry.why

    def test_a_wall_behind_the_first_page(self) -> None:
        assert door(WALLED, "/list/").why.startswith("/list/ asks to sign in")

    def test_sign_up(self) -> None:
        assert door(WITH_SIGN_UP, "/").way == "sign-up"

    def test_sign_up_beside_a_link_to_sign_in(self) -> None:
        """The page to sign in looks the same to somebody who has."""
        here = {**WITH_SIGN_UP, "/": "<p>hello</p><a href=/accounts/login/>in</a>"}
        assert door(here).way == "sign-up"
        assert door(here, signed_in=True).way == "signed in"

    def test_an_account_that_has_to_be_confirmed(self) -> None:
        assert "stays closed" in door(WITH_SIGN_UP, "/", unconfirmed=True).why

    def test_signed_in(self) -> None:
        assert door(OPEN, signed_in=True).way == "signed in"

    def test_signed_in_and_locked_out(self) -> None:
        assert "although" in door(WALLED, "/", signed_in=True).why

    def test_first_account(self) -> None:
        assert door(ACCOUNT, "/", "/list/", first_account=True).way == "first account"

    def test_first_account_that_opens_nothing(self) -> None:
        assert "although" in door(ACCOUNT, "/", first_account=True, forgets=True).why


def row(name: str, **changes: Any) -> Row:
    told = whole.judge(seen())
    return replace(Row(name, "shape", files_added=3, told=told, is_looked_at=True), **changes)


@pytest.fixture
def place(tmp_path) -> Callable[[list[Row]], str]:
    """Enters rows, and gives the page."""

    def enter(rows: list[Row], **options: Any) -> str:
        data, to = tmp_path / "projects.json", tmp_path / "projects.md"
        page.enter(rows, data=data, to=to, **options)
        return to.read_text(encoding="utf-8")

    return enter


def test_rows_of_before_stay_and_say_so(place) -> None:
    before = {"told": {}, "is_looked_at": False}
    place([row("startproject-5.2", **before), row("promgen", problems=["why"], **before)])
    place([row("byro")])
    text = place([row("byro", failed=["WEB-1"], failed_with={"WEB-1": "/ answered 500"})])
    assert "| startproject-5.2 | pass |  |  |  |  |  |  |" in text
    assert "| byro | FAIL | yes | yes | yes | yes | no | WEB-1 fails: / answered 500 |" in text
    assert "Of 1 projects 1 were adapted, 0 pass all that must hold, **0 are whole**" in text
    assert "| promgen | FAIL |  |  |  |  |  | why |" in text
    assert "2 more have not been run since" in text


def test_launches_stay_where_none_was_measured(place) -> None:
    place([row("ephios", setup_seconds=1.5, first_launch=2.5, warm_launch=1.2)])
    assert "| 2.5 x | 1.2 x |" in place([row("ephios")])


def test_rows_of_a_project_that_is_gone_go(place) -> None:
    assert "nobody" not in place([row("nobody"), row("ephios")])


def test_strangers_have_numbers(place) -> None:
    text = place([row("their-name", problems=["adapt ended with 3: why"], told={})],
                 at_random=True)  # fmt: skip
    assert "| 1 | FAIL |  |  |  |  | no | adapt ended with 3: why |" in text
    assert "their-name" not in text


def test_what_a_project_lacks_itself_is_named_where_something_is_in_the_way(place) -> None:
    lacking = row("promgen", problems=["adapt ended with 3"], told={})
    assert "adapt ended with 3; **its models import its tests" in place([lacking])
    assert "its models import" not in place([row("promgen")])


def test_what_was_judged_by_some_criteria_says_so(place) -> None:
    assert "| ephios | pass (WEB,ACC alone) | yes |" in place([row("ephios", judged_by="WEB,ACC")])


def test_a_row_survives_its_file() -> None:
    one = row("ephios", decisions=["a=b"], seconds={"adapt": 1.5})
    assert Row.read(json.loads(page.as_json([one]))[0]) == one


def test_the_page_is_made_of_the_data() -> None:
    kept = json.loads(page.DATA.read_text(encoding="utf-8"))
    assert page.PAGE.read_text(encoding="utf-8") == page.render(kept)
