"""ACC: the first account, where the first launch asks for it."""

from __future__ import annotations

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from checks import accounts, database
from checks.backend import Backend, TargetFailedError, manage
from checks.pages import Page, Visitor
from checks.scratch_copy import switched
from checks.starts.app_data import Copies
from checks.starts.first_run import FirstRun
from checks.target import Target
from checks.verdicts import NotApplicable, Seen

AT_ONCE = 6
# Those who can sign in: a project may make users for itself.
COUNT = """
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import is_password_usable
users = get_user_model()._base_manager.all()
def signs_in(u):
    return getattr(u, "is_superuser", True) or (u.password and is_password_usable(u.password))
print(f"ddk-users {len([u for u in users if signs_in(u)])};")
"""
BEGUN = "ddk-probe: an account is being made"


@pytest.fixture(autouse=True)
def _is_declared(target: Target) -> None:
    if not target.first_account:
        raise NotApplicable("[login] of its desktop.toml does not ask for the first account")


@pytest.mark.criterion("ACC-1")
def test_asked_once(target: Target, first_run: FirstRun, untouched: Copies, seen: Seen) -> None:
    """Asks a new installation for its account, once."""
    app_data = untouched("first account")
    assert accounts.is_own(first_run.place), (
        f"the first page is {first_run.place}: a new installation is not asked"
        f" and has {_users(target, app_data)} accounts"
    )
    with Backend(target, app_data) as backend:
        visitor = Visitor(backend.ready())
        assert accounts.is_asked(visitor), "the next launch does not ask again"
        answer = visitor.get(visitor.place)
        page = Page(backend.origin + visitor.place, answer.text)
        _look_at(answer.text, answer.headers.get("content-security-policy", ""))
        form = accounts.named(page)
        assert form, "its page has no form with a name and a password"
        accounts.make(visitor, form)
        assert not accounts.is_asked(visitor), "it asks again when the account is made"
        inside = visitor.place
        backend.stop()
    assert _users(target, app_data) == 1, f"{_users(target, app_data)} accounts were made"
    with Backend(target, app_data) as backend:
        visitor = Visitor(backend.ready())
        assert not accounts.is_asked(visitor), "the next launch asks again"
    seen(f"asked, then {inside}; the next launch does not ask")


def _look_at(markup: str, policy: str) -> None:
    assert "<script" not in markup, "its page needs a script"
    directives = {part.strip() for part in policy.split(";")}
    for wanted in ("default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"):
        assert wanted in directives, f"the policy of its page lacks {wanted}: {policy or 'none'}"
    labelled = set(re.findall(r'<label for="([^"]+)"', markup))
    fields = re.findall(r"<(?:input|select|textarea)(?![^>]*type=.?hidden)[^>]*>", markup)
    nameless = [tag for tag in fields if not labelled & {*re.findall(r'id="([^"]+)"', tag)}]
    assert not nameless, f"a field of its page has no label: {nameless[0]}"


@pytest.mark.criterion("ACC-2")
def test_refused(target: Target, untouched: Copies, seen: Seen) -> None:
    """Takes a form with the token and its own secret only."""
    app_data = untouched("refused account")
    with Backend(target, app_data) as backend:
        visitor = Visitor(backend.ready())
        form, place = _form(visitor), visitor.place
        values = accounts.filled(form)
        hidden = {f["name"] for f in form.fields if f["kind"] == "hidden" and f.get("name")}
        for method, token in (("GET", None), ("POST", None), ("POST", "x" * 43)):
            status = backend.request(method, place, token=token, data=values).status
            assert status == 403, f"{method} {place} without the token answered {status}"
        secrets = [name for name in hidden if len(values[name]) >= 32]
        assert secrets, "its form carries no secret of this launch"
        for name in secrets:
            for value in (None, "", "x" * len(values[name])):
                forged = values | {name: value or ""}
                if value is None:
                    del forged[name]
                status = backend.request("POST", place, data=forged).status
                assert status == 403, f"POST {place} without its secret answered {status}"
        assert accounts.is_asked(visitor), "an account was made all the same"
        backend.stop()
    assert not _users(target, app_data), "an account was made all the same"
    seen("403 without the token, 403 without the secret of its form")


@pytest.mark.criterion("ACC-3")
def test_whole(probe_target: Target, target: Target, untouched: Copies, seen: Seen) -> None:
    """Makes the account whole or not at all."""
    app_data = untouched("killed account")
    with switched(probe_target, "ddk_probe_slow_account"):
        with Backend(probe_target, app_data) as backend, ThreadPoolExecutor(1) as pool:
            visitor = Visitor(backend.ready())
            sending = pool.submit(_send, visitor)
            begun = backend.said(BEGUN)
            backend.kill()
            sending.result()
        assert begun, "the page made no account"
    with Backend(target, app_data) as backend:
        visitor = Visitor(backend.ready())
        assert accounts.is_asked(visitor), "killed half way, it does not ask again"
        _send(visitor)
        backend.kill()
    assert _users(target, app_data) == 1, "the account that was acknowledged is gone"
    seen("killed half way: none; killed when it was acknowledged: one")


@pytest.mark.criterion("ACC-4")
def test_one(target: Target, untouched: Copies, seen: Seen) -> None:
    """Makes one account, however often it is asked."""
    app_data = untouched("one account")
    with Backend(target, app_data) as backend, ThreadPoolExecutor(AT_ONCE) as pool:
        form = _form(Visitor(backend.ready()))
        visitors = [Visitor(backend) for _ in range(AT_ONCE)]
        answers = [pool.submit(accounts.make, visitor, form) for visitor in visitors]
        for answer in answers:
            answer.result()
        late = backend.request("POST", form.action.removeprefix(backend.origin),
                               data=accounts.filled(form)).status  # fmt: skip
        backend.stop()
    made = _users(target, app_data)
    assert made == 1, f"{AT_ONCE} submissions at the same time made {made} accounts"
    assert late < 400, f"a submission that came late was answered {late}"
    seen(f"{AT_ONCE} submissions, one account")


@pytest.mark.criterion("ACC-5")
def test_not_shipped(first_run: FirstRun, seen: Seen) -> None:
    """Ships no account."""
    assert accounts.is_own(first_run.place), "the bundle's own data has an account"
    seen("a first start from the bundle's own data asks for one")


def _form(visitor: Visitor) -> accounts.Form:
    assert accounts.is_asked(visitor), "a new installation is not asked for its first account"
    form = accounts.named(visitor.page(visitor.place))
    assert form, "the page has no form with a name and a password"
    return form


def _send(visitor: Visitor) -> None:
    with contextlib.suppress(TargetFailedError):
        accounts.make(visitor, _form(visitor))


def _users(target: Target, app_data: Path) -> int:
    """How many accounts there are: the target says it, or its database where `shell` is a command
    of its own that wants more."""
    said = manage(target, app_data, "shell", "--command", COUNT, environment={})
    found = re.search(r"ddk-users (\d+);", said or "")
    return int(found[1]) if found else database.signing_in(database.main_file(app_data))
