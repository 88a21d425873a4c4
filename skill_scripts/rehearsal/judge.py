"""What a rehearsal saw, as findings."""

import json
import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus

from skill_scripts.findings.finding import BLOCKED, DECIDE, FINE, HANDLED, Finding
from skill_scripts.findings.frontend import OTHER_PAGES
from skill_scripts.rehearsal.result import Rehearsal
from skill_scripts.rehearsal.start import Failure
from skill_scripts.rehearsal.visitor import OWN_PAGES
from skill_scripts.repairs.missing import distribution_for

SHOWN = 5
MOST_BROKEN = 10
SLOW_MILLISECONDS = 50  # of a start; Django alone takes 200 to 300
GROUPS = "login.groups="
WALL = "login-wall"
NOT_FOUND = re.compile(r"No module named '([\w.]+)'")


def judge(done: Rehearsal) -> Iterator[Finding]:
    """The findings that follow from what was seen."""
    if done.failure:
        yield failed(done.failure)
        return
    yield from _first_page(done)
    yield from _entry(done)
    yield from _broken(done)
    yield from _writes(done)
    yield from _slow(done)
    for name in done.accounts:
        yield Finding(
            "known-password",
            DECIDE,
            f"every installation gets the account {name!r} with its password",
            "make it in the app instead, or give it an unusable password (set_unusable_password)",
        )


def superseded(predicted: Finding, done: Rehearsal, found: Sequence[Finding]) -> bool:
    """Whether what was seen, of which `found` are the findings, takes the place of a prediction."""
    if predicted.id == WALL and done.wall and not done.shut_with:
        return True
    if predicted.key == OTHER_PAGES:
        return not done.failure and not any(each.is_part for each in done.broken)
    return predicted.severity == DECIDE and any(each.id == predicted.id for each in found)


def _entry(done: Rehearsal) -> Iterator[Finding]:
    """Who gets in, where a person without an account does not."""
    signed_in = "--set login.user=NAME --set login.create=true"
    groups = [each for each in done.enters if each.startswith(GROUPS)]
    if done.shut_with:
        yield Finding(
            WALL,
            DECIDE,
            f"{done.wall} {done.shut_with}",
            "name what else its user needs: data.first_run, login.groups; or sign them in by other "
            f"means: {signed_in}",
        )
    elif len(groups) < len(done.enters):
        yield Finding(
            WALL,
            HANDLED,
            f"{done.wall} asks to sign in, and {done.shut}",
            "the first launch asks for the first account, seen to get in; off: --set "
            f"login.first_account=false; without a question: {signed_in}",
        )
    elif done.shut:
        yield Finding(
            WALL,
            DECIDE,
            f"{done.wall} asks to sign in, and {done.shut}",
            f"stay with it, or sign the one user in: {signed_in}",
        )
    for each in groups:
        yield Finding(
            "login-group",
            HANDLED,
            f"the first page fails ({done.without_rows}) unless its user is in a group",
            f"the first account belongs to it: {each}, seen to work",
        )


def _writes(done: Rehearsal) -> Iterator[Finding]:
    """What the project puts into its own folder."""
    if done.moved:
        keys = ", ".join(each.partition("=")[0] for each in done.moves)
        yield Finding(
            "writes",
            HANDLED,
            f"the project writes into its own folder: {_with_settings(done, done.moved)}",
            f"moved to app data by {keys}; seen to work",
        )
    if done.writes:
        setting = next(filter(None, map(done.written_by.get, done.writes)), "NAME")
        yield Finding(
            "writes",
            DECIDE,
            f"the project writes into its own folder: {_with_settings(done, done.writes)}",
            f"an installed app cannot; point it to app data: --set 'django.set.{setting}="
            "{app_data}/FOLDER'",
        )


def _slow(done: Rehearsal) -> Iterator[Finding]:
    """What every start imports, and for long."""
    slow = [each for each in done.imports if each.milliseconds >= SLOW_MILLISECONDS]
    if slow:
        listed = ", ".join(
            f"{each.name} {each.milliseconds} ms" + (f" ({each.by})" if each.by else "")
            for each in slow
        )
        yield Finding(
            "slow-imports",
            FINE,
            f"of each start, imports take of the processor: {listed}",
            "what few pages need can be imported in the function that needs it",
        )


def _with_settings(done: Rehearsal, writes: Sequence[str]) -> str:
    """What was written, with the setting that names it."""
    settings = ((each, done.written_by.get(each)) for each in writes[:SHOWN])
    return ", ".join(f"{each} ({name})" if name else each for each, name in settings)


def _broken(done: Rehearsal) -> Iterator[Finding]:
    """Pages behind the first one, and parts of pages."""
    for each in done.broken[:MOST_BROKEN]:
        said = each.error or f"answers {each.status}"
        what = f"the form of {each.form_on} to {each.path}" if each.form_on else each.path
        if each.is_own_fault:
            yield Finding(
                "own-fault",
                HANDLED,
                f"{what}: {said}, on the project's own server too",
                "nothing of the desktop layer; tell the people who make the project",
                each.source,
            )
        elif (each.path != done.home or each.form_on) and not each.is_part:
            compared = f" (not compared: {done.not_compared})" if done.not_compared else ""
            yield Finding(
                "broken-page", DECIDE, f"{what}: {said}{compared}", _remedy(said), each.source
            )


def _remedy(said: str) -> str:
    """What may help a page that fails."""
    if absent := NOT_FOUND.search(said):
        name = distribution_for(absent[1].partition(".")[0], {}) or "NAME"
        return f"declare what it imports, or: --set 'python.extra=[\"{name}\"]'"
    return "give the value or the row it lacks: --set django.set.NAME=VALUE, data.first_run"


def failed(failure: Failure) -> Finding:
    """The finding for a project whose first start fails."""
    raised = failure.raised
    if raised and (raised.migration or raised.statement):
        where = f"migration {raised.migration} " if raised.migration else "the first start "
        statement = f": {raised.statement}" if raised.statement else ""
        return Finding(
            "impossible-database",
            BLOCKED,
            f"{where}fails on SQLite ({raised.text}){statement}",
            "make it work on SQLite in the project, for example by a check of "
            "schema_editor.connection.vendor; other data needs another program",
            raised.place,
        )
    place = raised.place if raised else ""
    return Finding(
        "first-start",
        BLOCKED,
        f"the first start fails: {failure.message}",
        "correct it in the project or by --set, as the message says; --no-rehearsal adapts all "
        "the same",
        place,
    )


def _first_page(done: Rehearsal) -> Iterator[Finding]:
    page = done.first
    if page is None:
        return
    if done.home_why:
        root = f"answers {done.root_status or 'nothing'}"
        if done.root_status == HTTPStatus.OK:
            root = "shows no page of the project"
        what = f"/ {root}; the app opens {done.home}: {done.home_why}"
        do = "if another page is meant: --set app.home=PATH"
        if done.other_pages:
            do += f" ({', '.join(done.other_pages[:8])})"
            yield Finding("first-page", DECIDE, what, do)
        else:
            yield Finding("first-page", HANDLED, what, do)
    if done.rows:
        command = " ".join(done.rows)
        what = f"the first page fails ({done.without_rows}) until {command} has run"
        option = f"--set 'data.first_run={json.dumps([[*done.rows]])}'"
        do = "the first start runs it; if it must not: --set 'data.first_run=[]'"
        if done.rows_are_examples:
            what += ", whose rows look like examples"
            do = f"if a new installation may have them: {option}"
        yield Finding("first-run-commands", DECIDE, what, do)
    elif page.place.startswith(OWN_PAGES):
        yield Finding(
            "landing",
            DECIDE,
            "the first account cannot be made" + (f": {page.error}" if page.error else ""),
            "give what it lacks by data.first_run, or: --set login.first_account=false",
            page.source,
        )
    elif not 0 < page.status < 400:
        said = page.error or f"it answers {page.status or 'nothing in time'}"
        yield Finding(
            "landing",
            DECIDE,
            f"the first page, {done.home}, fails: {said}",
            "correct it in the project, give what it lacks, or name another page: "
            "--set app.home=PATH",
            page.source,
        )
