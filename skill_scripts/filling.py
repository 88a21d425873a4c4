"""Fills and sends a form in a browser the way a person would who tries it out."""

import base64
import re
from datetime import date

from playwright import sync_api as playwright

# A form of this kind is not what a page is for.
ASIDE = re.compile(r"log-?(in|out)|sign-?out|search|setlang|language|theme|delete", re.IGNORECASE)
FIELDS = "input, textarea, select"
SENDS = "button:not([type=button]):not([type=reset]), input[type=submit], input[type=image]"
COMPLAINTS = ".errorlist, .invalid-feedback, .alert-danger, .error, [role=alert]"
NOT_FILLED = frozenset({"hidden", "submit", "button", "reset", "image", "color", "range", "search"})
TODAY = date.today()
VALUES = {
    "email": "star@example.org", "url": "https://example.org/star", "tel": "0123456789",
    "number": "1", "date": f"{TODAY:%Y-%m-%d}", "time": "12:00", "month": f"{TODAY:%Y-%m}",
    "datetime-local": f"{TODAY:%Y-%m-%d}T12:00", "week": f"{TODAY:%G-W%V}",
    "password": "a password of nobody 7!",
}  # fmt: skip
# Django's own fields for these are plain text: the name tells.
NAMED = (
    ("email", re.compile(r"e-?mail", re.IGNORECASE)),
    ("url", re.compile(r"\burl|website|link|homepage", re.IGNORECASE)),
    ("date", re.compile(r"date|\bday\b|birthday|deadline", re.IGNORECASE)),
    ("time", re.compile(r"time", re.IGNORECASE)),
    ("number", re.compile(r"amount|price|quantity|count|number|year|age\b", re.IGNORECASE)),
)
TEXT = "Star, as an example"
# A picture of one pixel, for fields that take a file.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


class NoFormError(Exception):
    """Raised when a page shows no form that could be sent."""


def send_form(page: playwright.Page, form: playwright.Locator | None = None) -> str:
    """Fill what is empty in the page's main form, or in `form`, and send it; says what was filled.

    Raises NoFormError if there is none.
    """
    form = form or _main_form(page)
    filled = [each for field in form.locator(FIELDS).all() if (each := _fill(field))]
    button = form.locator(SENDS).first
    if button.count() and button.is_visible():
        button.click()
    else:
        form.evaluate("form => form.requestSubmit()")
    return ", ".join(filled) or "sent as it was"


def complaint(page: playwright.Page) -> str:
    """What the page says is wrong with what was sent, "" if it does not look like it."""
    for each in page.locator(COMPLAINTS).all():
        if each.is_visible() and (text := " ".join(each.inner_text().split())):
            return text[:200]
    return ""


def _main_form(page: playwright.Page) -> playwright.Locator:
    """The visible form with most to fill in, of those that change something if there are any."""
    best, rank = None, (-1, -1)
    for form in page.locator("form").all():
        method, action = form.evaluate("form => [form.method, form.getAttribute('action') || '']")
        if not form.is_visible() or ASIDE.search(str(action)):
            continue
        fields = sum(each.is_visible() for each in form.locator(FIELDS).all())
        changes = method == "post" or bool(form.get_attribute("hx-post"))
        if (changes, fields) > rank:
            best, rank = form, (changes, fields)
    if best is None:
        raise NoFormError("the page shows no form that could be sent")
    return best


def _fill(field: playwright.Locator) -> str:
    """Give an empty field a value, as NAME=VALUE; "" if it keeps what it has."""
    tag, kind, name = field.evaluate("each => [each.localName, each.type, each.name]")
    if kind in NOT_FILLED or not field.is_editable() or not (field.is_visible() or kind == "file"):
        return ""
    match tag, kind:
        case "select", _:
            values = field.locator("option:not([disabled])").evaluate_all(
                "all => all.map(each => each.value).filter(each => each)"
            )
            if field.input_value() or not values:
                return ""
            field.select_option(values[0])
            return f"{name}={values[0]}"
        case _, "checkbox" | "radio":
            if field.is_checked() or field.get_attribute("required") is None:
                return ""
            field.check()
            return f"{name}=on"
        case _, "file":
            field.set_input_files({"name": "star.png", "mimeType": "image/png", "buffer": PIXEL})
            return f"{name}=star.png"
    if field.input_value():
        return ""
    if kind == "text":
        kind = next((each for each, names in NAMED if names.search(name)), kind)
    value = VALUES.get(kind, TEXT)
    if kind == "number":
        value = field.get_attribute("min") or value
    limit = int(field.get_attribute("maxlength") or len(value))
    field.fill(value[:limit])
    field.blur()  # some pages fill in others when a person leaves a field
    return f"{name}={'…' if kind == 'password' else value[:limit]}"
