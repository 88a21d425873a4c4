"""The first account, made the way a person does on the page that asks for it."""

from __future__ import annotations

from urllib.parse import urlsplit

from checks import pages
from checks.backend import Answer, Backend
from checks.pages import Form, Page, Visitor
from checks.verdicts import NotTested

OWN_PAGES = "/desktop-auth/"
PASSWORD = "a password of the checks 7!"


def is_asked(visitor: Visitor) -> bool:
    """Whether the first page leads to the one that asks for the first account."""
    visitor.get(visitor.backend.target.home)
    return is_own(visitor.place)


def is_own(place: str) -> bool:
    """Whether a page is one of those that the payload has for accounts."""
    return urlsplit(place).path.startswith(OWN_PAGES)


def alone(page: Page) -> Form | None:
    """The form of whoever uses the computer alone: it wants no password."""
    return next((form for form in page.forms if not _passwords(form)), None)


def named(page: Page) -> Form | None:
    """The form that wants a name and a password."""
    return next((form for form in page.forms if _passwords(form)), None)


def filled(form: Form) -> dict[str, str]:
    """Values of somebody new."""
    values = form.filled(pages.new_text())
    return values | dict.fromkeys(_passwords(form), PASSWORD)


def make(visitor: Visitor, form: Form) -> Answer:
    """Send the form, filled. Raises NotTested where the target wants to know what we cannot."""
    answer = visitor.post(form, filled(form))
    if answer.status == 422:
        raise NotTested("the page that asks for the first account wants other values than ours")
    return answer


def let_in(backend: Backend) -> None:
    """Make the account of whoever uses the computer alone, where the target asks for the first:
    from then on every visitor is signed in."""
    if not backend.target.first_account:
        return
    visitor = Visitor(backend)
    if is_asked(visitor) and (form := alone(visitor.page(visitor.place))):
        visitor.post(form, filled(form))


def _passwords(form: Form) -> list[str]:
    return [f["name"] for f in form.fields if f["kind"] == "password"]
