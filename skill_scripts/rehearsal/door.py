"""Whether somebody who has just installed the app gets in by what its own pages offer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from urllib.parse import urlsplit

from skill_scripts.rehearsal.visitor import WORD, Answer, Form, Visitor, linked

SIGN_UP = re.compile(r"sign-?_?up|(\b|_)(register|registration)|create-?_?account", re.IGNORECASE)
SIGN_IN = re.compile(r"log-?_?in|sign-?_?in", re.IGNORECASE)
SETS_UP = re.compile(r"set-?up|install|wizard|onboard", re.IGNORECASE)  # and makes the first user
MOST_TRIED = 3


@dataclass(frozen=True)
class Door:
    """What a person met who has no account."""

    wall: str = ""  # the page that asks to sign in, "" without one
    shut: str = ""  # why they stay outside, "" where they get in


def is_own_set_up(first: Answer) -> bool:
    """Whether the project makes its first user itself."""
    return SETS_UP.search(urlsplit(first.place).path) is not None


def try_door(visitor: Visitor, seen: Sequence[Answer], guarded: Sequence[str]) -> Door:
    """Look for the page that asks to sign in, make an account on the project's own page, and try
    again."""
    wall = _find_wall(visitor, seen, guarded)
    if wall is None:
        wall = next((each for each in seen if asks_to_sign_in(visitor, each)), None)
    return Door(wall.path, _sign_up(visitor, wall, seen[0])) if wall else Door()


def meet_wall(visitor: Visitor, seen: Sequence[Answer], guarded: Sequence[str]) -> Door:
    """The same for somebody who is signed in: a link to the page where one signs in does not
    count."""
    wall = _find_wall(visitor, seen, guarded)
    return Door(wall.path, "asks to sign in although there is an account") if wall else Door()


def _find_wall(visitor: Visitor, seen: Sequence[Answer], guarded: Sequence[str]) -> Answer | None:
    """The first page that leads to the one where one signs in, among those `seen` and then those
    that are known to be `guarded`."""
    further = (visitor.open(path) for path in guarded[:MOST_TRIED] if visitor.has_time)
    return next(
        (
            each
            for each in chain(seen, further)
            if _leads_on(each) and asks_to_sign_in(visitor, each)
        ),
        None,
    )


def _leads_on(answer: Answer) -> bool:
    return urlsplit(answer.place).path != urlsplit(answer.path).path


def asks_to_sign_in(visitor: Visitor, answer: Answer) -> bool:
    """Whether a page is there to sign in: somebody who wants another meets its form, or its address
    says so; a small form in the head of every page is no wall."""
    if not answer.is_page or not _sign_in_form(visitor, answer):
        return False
    parts = urlsplit(answer.place)
    return "next=" in parts.query or SIGN_IN.search(parts.path) is not None


def _sign_up(visitor: Visitor, wall: Answer, first: Answer) -> str:
    """Make an account and try the wall again; why it stays closed."""
    links = (*visitor.document(wall).links, *visitor.document(first).links)
    paths = linked(links, visitor.origin)
    page = next((each for each in paths if SIGN_UP.search(urlsplit(each).path)), "")
    if not page:
        return "no page to sign up is linked"
    forms = visitor.document(visitor.open(page)).forms
    form = max(forms, key=lambda each: each.passwords, default=None)
    if form is None or not form.passwords:
        return f"{page} has no form for a new account"
    answer = visitor.send(form, form.filled(WORD, ticked=True))
    if _is_open(visitor, wall.path):
        return ""
    for name in (WORD, f"{WORD}@example.org"):
        sign_in = _sign_in_form(visitor, visitor.open(wall.path))
        if sign_in and not asks_to_sign_in(visitor, _signed_in(visitor, sign_in, name)):
            is_in = not _leads_on(wall) or _is_open(visitor, wall.path)
            return "" if is_in else f"{wall.path} stays closed to who signs up at {page}"
    return f"signing up at {page} answers {answer.status}, and {wall.path} stays closed"


def _signed_in(visitor: Visitor, form: Form, name: str) -> Answer:
    values = form.filled(name)
    names = {each.get("name") for each in form.fields if each["kind"] in ("text", "email", "")}
    written = {key: name if key in names else value for key, value in values.items()}
    return visitor.send(form, written)


def _is_open(visitor: Visitor, path: str) -> bool:
    answer = visitor.open(path)
    return 0 < answer.status < 400 and not asks_to_sign_in(visitor, answer)


def _sign_in_form(visitor: Visitor, answer: Answer) -> Form | None:
    return next((each for each in visitor.document(answer).forms if each.passwords == 1), None)
