"""A person who opens a new installation for the first time and wants to get in."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from urllib.parse import urlsplit

from checks import accounts, pages
from checks.backend import Backend, TargetFailedError
from checks.pages import Form, Page, Visitor
from checks.target import open_target

from .whole import Entry

SIGN_UP = re.compile(r"sign-?_?up|(\b|_)(register|registration)|create-?_?account", re.IGNORECASE)
SIGN_IN = re.compile(r"log-?_?in|sign-?_?in", re.IGNORECASE)
PASSWORD = "Quite1-long-and-odd"
NO_WALL, FIRST_ACCOUNT, SIGNED_IN, SIGNED_UP = "no wall", "first account", "signed in", "sign-up"


def enter(root: Path, app_data: Path) -> Entry:
    """Start the adapted project in `root` on new data, and go in like its owner would."""
    target = open_target(root)
    try:
        with Backend(target, app_data) as backend:
            backend.ready()
            return try_door(Visitor(backend), bool(target.manifest.get("login", {}).get("user")))
    except TargetFailedError as error:
        return Entry("", why=" ".join(str(error).split())[:200])


def try_door(visitor: Visitor, is_signed_in: bool) -> Entry:
    """Open the first page; make the first account, or sign up, where one has to."""
    home = visitor.backend.target.home
    page = visitor.page(home)
    way = SIGNED_IN if is_signed_in else NO_WALL
    if is_at(visitor, accounts.OWN_PAGES):
        if not (form := accounts.alone(page)):
            return Entry(visitor.place, why="the page for the first account has no form")
        visitor.post(form, form.filled(pages.new_text()))
        page, way = visitor.page(home), FIRST_ACCOUNT
        if is_at(visitor, accounts.OWN_PAGES):
            return Entry(visitor.place, why="the first account is asked for again")
    place = visitor.place
    wall = home if asks_to_sign_in(page) else find_wall(visitor, page, way != NO_WALL)
    if not wall:
        return Entry(place, way)
    if way != NO_WALL:
        return Entry(place, why=f"{wall} asks to sign in although there is an account")
    door = visitor.page(wall)
    links = [*door.links, *page.links]
    if not (sign_up := next((each for each in links if SIGN_UP.search(urlsplit(each).path)), "")):
        return Entry(place, why=f"{wall} asks to sign in, and no page to sign up is linked")
    return sign_up_and_in(visitor, wall, urlsplit(sign_up).path, place)


def sign_up_and_in(visitor: Visitor, wall: str, sign_up: str, place: str) -> Entry:
    """Make an account on the project's own page, and try the wall again."""
    form = next((each for each in visitor.page(sign_up).forms if count_passwords(each)), None)
    if form is None:
        return Entry(place, why=f"{sign_up} has no form for a new account")
    name = pages.new_text()
    answer = visitor.post(form, filled(form, name))
    page = visitor.page(wall)
    if not asks_to_sign_in(page):
        return Entry(place, SIGNED_UP)
    sign_in = next(each for each in page.forms if count_passwords(each) == 1)
    for each in (name, f"{name}@example.org"):
        led_to = visitor.post(sign_in, filled(sign_in, each)).text
        if not asks_to_sign_in(Page(visitor.backend.origin + visitor.place, led_to)):
            return Entry(place, SIGNED_UP)
    return Entry(place, why=f"{sign_up} answers {answer.status}, and {wall} stays closed")


def find_wall(visitor: Visitor, page: Page, is_in: bool) -> str:
    """The first linked page that asks to sign in, "" without one; whoever `is_in` may still be led
    to the page for it, which is no wall."""
    for path in pages.linked(visitor.backend, page):
        with contextlib.suppress(TargetFailedError):
            asks = not SIGN_UP.search(path) and asks_to_sign_in(visitor.page(path))
            if asks and not (is_in and is_at(visitor, urlsplit(path).path)):
                return path
    return ""


def asks_to_sign_in(page: Page) -> bool:
    """Whether the page is there to sign in: somebody who looks for a page and meets its form, or
    whose address says so; a small form in the head of every page is no wall."""
    has_form = any(count_passwords(each) == 1 for each in page.forms)
    parts = urlsplit(page.url)
    return has_form and bool("next=" in parts.query or SIGN_IN.search(parts.path))


def count_passwords(form: Form) -> int:
    """How many passwords a form wants."""
    return sum(each["kind"] == "password" for each in form.fields)


def filled(form: Form, name: str) -> dict[str, str]:
    """What somebody called `name` writes, with everything ticked that can be agreed to."""
    values = form.filled(name)
    for each in form.fields:
        if key := each.get("name"):
            if each["kind"] == "password":
                values[key] = PASSWORD
            elif each["kind"] == "checkbox":
                values.setdefault(key, each.get("value", "on"))
    return values


def is_at(visitor: Visitor, folder: str) -> bool:
    """Whether the last page lies below `folder`."""
    return urlsplit(visitor.place).path.startswith(folder)
