"""The rehearsal: the project's first start, a look at its pages, and all of it forgotten."""

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from skill_scripts import desktop_toml
from skill_scripts.dependencies.environment import Interpreter, find_adapted, no_environment
from skill_scripts.desktop_toml import Decision
from skill_scripts.errors import KitError
from skill_scripts.findings.first_data import Preparation, preparations
from skill_scripts.findings.surveyed import Progress
from skill_scripts.offline import addresses
from skill_scripts.probe.facts import Facts
from skill_scripts.project.files import PAYLOAD_FOLDER, Project
from skill_scripts.rehearsal import first_page, result
from skill_scripts.rehearsal.door import Door, is_own_set_up, meet_wall, try_door
from skill_scripts.rehearsal.first_page import FirstPage
from skill_scripts.rehearsal.own_server import NotStartedError, OwnServer, reaches_out
from skill_scripts.rehearsal.picture import DrawingError, draw
from skill_scripts.rehearsal.result import Rehearsal, Seen
from skill_scripts.rehearsal.start import OutOfTimeError, Raised, Start
from skill_scripts.rehearsal.visitor import (
    OWN_PAGES,
    OWN_PATHS,
    WORD,
    Answer,
    Form,
    Visitor,
    local,
)
from skill_scripts.repairs import relocation

VISIT_SECONDS = 60
MOST_PAGES = 12
MOST_BEHIND = 20  # pages two clicks away
MOST_PARTS = 60
MOST_FORMS = 12
MOST_PREPARATIONS = 5
MOST_GROUPS = 4
MOST_MOVES = 3
ROWS_SECONDS = 300  # after which no further one is tried
COMPARE_SECONDS = 5  # beside a start of each kind

KeepSeen = Callable[[Sequence[str]], bool]


@dataclass(frozen=True)
class Stage:
    """The project that a rehearsal is about, and the layer with which it is started."""

    project: Project
    settings: desktop_toml.Manifest
    interpreter: Interpreter
    layer: Path
    keeps: Path  # the folder for the picture
    home_is_decided: bool = True
    entry_is_decided: bool = True  # how the first person gets in
    facts: Facts = field(default_factory=Facts)  # what a survey saw
    deadline: float = math.inf  # of time.monotonic(), after which nothing further is begun

    @classmethod
    def of(cls, root: Path) -> Self:
        """The stage for the adapted project in `root`, with all decided. Raises KitError
        DDK-ENV-04 without an environment."""
        settings = desktop_toml.read(root / desktop_toml.PLACE)
        project, interpreter = find_adapted(root, settings)
        if interpreter is None:
            raise no_environment(root)
        layer, keeps = root / PAYLOAD_FOLDER, result.place(root)
        return cls(project, settings, interpreter, layer, keeps)

    @property
    def key(self) -> str:
        """What a result of it is kept under."""
        return result.key_of(self.project, self.settings, self.interpreter, self.layer)

    @property
    def seconds_left(self) -> float:
        """How long something may still take."""
        return self.deadline - time.monotonic()

    @property
    def has_account(self) -> bool:
        """Whether the person who opens the app has one."""
        login = self.settings["login"]
        return bool(login["first_account"] or login["user"])

    def deciding(self, *decisions: Decision) -> Self:
        """The same with further decisions."""
        settings = deepcopy(self.settings)
        for each in decisions:
            desktop_toml.enter(settings, each)
        return replace(self, settings=settings)

    def prepared_by(self, command: Sequence[str]) -> Self:
        """The same with a command, if any, that is run on the new database."""
        return self.deciding(Decision(("data", "first_run"), [[*command]])) if command else self

    def start(self, scratch: Path, progress: Progress) -> Start:
        """A start of it on the app data in `scratch`."""
        root, settings, interpreter = self.project.root, self.settings, self.interpreter
        if self.layer.parent != root:  # a worker of the runtime takes the folder above for it
            settings = {**settings, "workers": []}
        return Start(root, settings, interpreter, self.layer, scratch, progress, self.deadline)


def valid_result(root: Path) -> Path | None:
    """The file of a kept result that nothing has changed since; None without one."""
    kept = result.read(result.place(root))
    try:
        is_valid = kept is not None and kept.key == Stage.of(root).key
    except KitError:
        return None
    return result.place(root) / result.FILE_NAME if is_valid else None


def rehearse(
    stage: Stage,
    keep_seen: KeepSeen = lambda _: False,
    progress: Progress = lambda _: None,
) -> Rehearsal:
    """Start the adapted project once, visit it, throw its data away.

    `keep_seen` is told what the pages load from other hosts, and says whether the app now serves
    more of it. The project's folder is afterwards as before, but for the picture where it is kept.
    Raises OutOfTimeError if the first start is not done before the stage's deadline; what does not
    fit into the rest is left out.
    """
    begin = time.monotonic()
    done = _rehearse_once(stage, keep_seen, progress)
    if done.shut:
        done = _with_account(stage, done, keep_seen, progress)
    elif not done.failure:
        done = _with_rows(stage, done, keep_seen, progress)
    stage = stage.deciding(*map(Decision.parse, done.enters))
    if done.writes:
        done = _with_moves(stage, done, keep_seen, progress)
    if done.broken and stage.seconds_left > 2 * done.start_seconds + COMPARE_SECONDS:
        done = _compared(stage, done, progress)
    elif done.broken:
        done = replace(done, not_compared="no time", is_cut_short=True)
    return replace(
        done,
        seconds=round(time.monotonic() - begin, 2),
        is_cut_short=done.is_cut_short or stage.seconds_left < 0,
    )


def _compared(stage: Stage, done: Rehearsal, progress: Progress) -> Rehearsal:
    """Which of the broken pages are broken on the project's own server too."""
    progress("comparing with the project's own server")
    commands = [*done.rows] if done.rows and not done.rows_are_examples else []
    run = [commands] if commands else stage.settings["data"]["first_run"]
    writes_elsewhere = reaches_out(stage.project, stage.facts)
    asked = [each for each in done.broken if not each.path.startswith(OWN_PATHS)]
    kept_back = [each for each in asked if each.form_on and writes_elsewhere]
    try:
        with OwnServer(stage.project, stage.settings, stage.interpreter, run) as own:
            visitor = Visitor(own.origin, "", VISIT_SECONDS)
            if stage.has_account and not writes_elsewhere:
                visitor.client.cookies.update(own.sign_in())
            answers = {each: _asked_again(visitor, each) for each in asked if each not in kept_back}
            visitor.close()
    except NotStartedError as error:
        return replace(done, not_compared=str(error))
    own_faults = {each for each, answer in answers.items() if answer and is_no_better(answer, each)}
    pages = [replace(each, is_own_fault=each in own_faults) for each in done.pages]
    return replace(done, pages=tuple(pages), not_compared=writes_elsewhere if kept_back else "")


def _asked_again(visitor: Visitor, seen: Seen) -> Answer | None:
    """The same of another server; None where it has no such form."""
    if not seen.form_on:
        return visitor.open(seen.path)
    forms = visitor.document(visitor.open(seen.form_on)).forms
    form = {local(each.action): each for each in forms if each.is_safe}.get(seen.path)
    return form and visitor.send(form, form.filled(WORD))


def is_no_better(there: Answer, here: Seen) -> bool:
    """Whether the project's own server, which answers `there`, lacks what is broken `here`."""
    if "No module named" in here.error:  # both run in the same environment
        return False
    if here.is_part and there.place != here.path and there.kind == "text/html":
        return True  # whoever is not signed in is led to a page instead
    return replace(here, status=there.status).is_broken


def _with_account(
    stage: Stage, without: Rehearsal, keep_seen: KeepSeen, progress: Progress
) -> Rehearsal:
    """Try whether the first account gets in who is shut out by what the pages offer."""
    decision = Decision(("login", "first_account"), True)
    stage = stage.deciding(decision)
    progress("rehearsing with the first account")
    try:
        done = _rehearse_once(stage, keep_seen, progress)
    except OutOfTimeError:
        return replace(without, is_cut_short=True)
    if done.failure:
        return _shut_for_good(without, done.failure.message)
    wall = done.wall or without.wall
    done = replace(done, wall=wall, shut=without.shut, enters=(str(decision),))
    done = _with_rows(stage, done, keep_seen, progress)
    if done.first and not done.first.place.startswith(OWN_PAGES):
        return done
    return _shut_for_good(without, done.first.error if done.first else "")


def _shut_for_good(without: Rehearsal, why: str) -> Rehearsal:
    """Who is shut out gets no first account either: no user of the project can be made."""
    also = "nor can a first account be made" + (f": {why}" if why else "")
    return replace(without, shut=f"{without.shut}, {also}")


def _lacks_rows(done: Rehearsal) -> bool:
    """Whether the first page fails in a way that rows may heal, or shuts out whoever has an
    account."""
    page = done.first
    is_broken = page is not None and (page.status >= 500 or page.place.startswith(OWN_PAGES))
    return is_broken or bool(done.shut_with)


def _with_rows(
    stage: Stage, without: Rehearsal, keep_seen: KeepSeen, progress: Progress
) -> Rehearsal:
    """Where the first page lacks rows, try what the project has for a new database, one after
    another, each on fresh data."""
    page = without.first
    if page is None or not _lacks_rows(without) or stage.settings["data"]["first_run"]:
        return without
    is_ours = page.place.startswith(OWN_PAGES)
    answers = "no account can be made" if is_ours else f"answers {page.status}"
    said = without.shut_with or page.error or answers
    try:
        for each, enters, done in _prepared(stage, without, keep_seen, progress):
            if not done.failure and not _lacks_rows(done):
                is_example = each.is_demonstration
                return replace(
                    without if is_example else done,
                    rows=each.command, rows_are_examples=is_example, without_rows=said,
                    wall=without.wall, shut=without.shut, shut_with="",
                    enters=without.enters if is_example else (*without.enters, *enters),
                )  # fmt: skip
    except OutOfTimeError:
        return replace(without, is_cut_short=True)
    return without


def _prepared(
    stage: Stage, without: Rehearsal, keep_seen: KeepSeen, progress: Progress
) -> Iterator[tuple[Preparation, tuple[str, ...], Rehearsal]]:
    """Every command of the project, and for whoever has an account the groups that there are then:
    an app may ask for one of its own. Raises OutOfTimeError."""
    deadline = min(time.monotonic() + ROWS_SECONDS, stage.deadline)
    nothing = Preparation((), "")

    def tried(prepared: Stage, *words: str) -> Rehearsal:
        if time.monotonic() > deadline:
            raise OutOfTimeError
        progress(f"rehearsing with {' '.join(words)}")
        return _rehearse_once(prepared, keep_seen, progress)

    for each in (nothing, *preparations(stage.project)[:MOST_PREPARATIONS]):
        prepared = stage.prepared_by(each.command)
        done = tried(prepared, *each.command) if each.command else without
        yield each, (), done
        for name in done.groups[: MOST_GROUPS if stage.has_account else 0]:
            decision = Decision(("login", "groups"), [name])
            further = prepared.deciding(decision)
            yield each, (str(decision),), tried(further, *each.command, f"in the group {name}")


def _with_moves(
    stage: Stage, done: Rehearsal, keep_seen: KeepSeen, progress: Progress
) -> Rehearsal:
    """Try to point to app data what was written into the project; what counts is that the app then
    writes less there, and starts as before."""
    project, facts = stage.project, stage.facts
    done = replace(done, written_by=relocation.named(project, facts, done.writes))
    if done.rows and not done.rows_are_examples:
        stage = stage.prepared_by(done.rows)
    for decisions in [*relocation.attempts(project, facts, done.writes)][:MOST_MOVES]:
        if stage.seconds_left < 2 * done.start_seconds:
            return replace(done, is_cut_short=True)
        progress(f"rehearsing with {', '.join(each.path[-1] for each in decisions)} moved")
        try:
            again = _rehearse_once(stage.deciding(*decisions), keep_seen, progress)
        except OutOfTimeError:
            return replace(done, is_cut_short=True)
        is_as_good = not again.failure and len(again.broken) <= len(done.broken)
        if is_as_good and set(again.writes) < set(done.writes):
            moved = [each for each in done.writes if each not in again.writes]
            return replace(
                again, moves=tuple(map(str, decisions)), moved=tuple(moved), rows=done.rows,
                rows_are_examples=done.rows_are_examples, without_rows=done.without_rows,
                wall=done.wall, shut=done.shut, shut_with=done.shut_with, enters=done.enters,
                written_by={each: done.written_by[each] for each in done.writes},
            )  # fmt: skip
    return done


def _rehearse_once(stage: Stage, keep_seen: KeepSeen, progress: Progress) -> Rehearsal:
    progress("rehearsing the first start")
    with tempfile.TemporaryDirectory(prefix="desktop-rehearsal-", ignore_cleanup_errors=True) as at:
        scratch = Path(at).resolve()
        with stage.start(scratch, progress) as start:
            if start.failure:
                return Rehearsal(failure=start.failure)
            done, answers, cookies = visit(stage, start, progress)
            changed = keep_seen(done.other_hosts)
            if not changed:
                done, asked = _with_picture(stage, start, done, cookies, progress)
                changed = keep_seen(asked)
            if not changed:
                done = _act(stage, start, done, answers, cookies)
        writes = {*start.writes}
        if changed:
            with stage.start(scratch, progress) as again:
                if not again.failure:
                    done, asked = _with_picture(stage, again, done, cookies, progress)
                    keep_seen(asked)
                    done = _act(stage, again, done, (), cookies)
            writes |= {*again.writes}
    return replace(done, writes=tuple(sorted(writes)))


def visit(
    stage: Stage, start: Start, progress: Progress, cookies: Mapping[str, str] | None = None
) -> tuple[Rehearsal, list[Answer], dict[str, str]]:
    """Open the first page and those it leads to, with these cookies at first; also the pages, and
    the browser's cookies."""
    progress("visiting its pages")
    visitor = Visitor(start.origin, start.token, min(VISIT_SECONDS, stage.seconds_left))
    visitor.client.cookies.update(cookies or {})
    try:
        if stage.home_is_decided:
            answer = visitor.open(stage.settings["app"]["home"])
            page = FirstPage(answer, "", answer)
        else:
            routes = stage.facts.urls.pages if stage.facts.urls else ()
            page = first_page.choose(visitor, stage.project, start.state.pointers, routes)
        document = visitor.document(page.answer)
        answers = [page.answer]
        for path in visitor.linked(document)[:MOST_PAGES]:
            if visitor.has_time and path != page.path:
                answers.append(visitor.open(path))
        answers += _behind(visitor, answers)
        foreign = {
            each.address: None
            for answer in answers if answer.kind == "text/html"
            for each in addresses.in_markup(answer.text)
            if each.kind != addresses.FOLDER and urlsplit(each.address).path.strip("/")
            and urlsplit(each.address).netloc != urlsplit(start.origin).netloc
        }  # fmt: skip
        own = {
            local(each): None
            for answer in answers if answer.is_page
            for each in visitor.document(answer).parts if each.startswith(f"{start.origin}/")
        }  # fmt: skip
        parts = [visitor.open(path) for path in [*own][:MOST_PARTS] if visitor.has_time]
        missing = [each for each in parts if each.status >= 400]
        received = dict(visitor.client.cookies.items())
        raised = start.raised
        seen = [_seen(each, raised) for each in answers]
        if seen[0].place.startswith(OWN_PAGES):
            seen[0] = replace(seen[0], error=visitor.refused)
        seen += [Seen(each.path, each.status, each.place, is_part=True) for each in missing]
    finally:
        visitor.close()
    state = start.state
    done = Rehearsal(
        home=page.path,
        home_why=page.why,
        root_status=page.root.status,
        other_pages=page.others,
        start_seconds=round(state.seconds, 2),
        migrations=state.migrations,
        imports=state.imports,
        pages=tuple(seen),
        other_hosts=tuple(foreign),
        accounts=state.accounts,
        groups=state.groups,
    )
    return done, answers, received


def _act(
    stage: Stage, start: Start, done: Rehearsal, answers: Sequence[Answer],
    cookies: dict[str, str],
) -> Rehearsal:  # fmt: skip
    """Send the forms of the pages and try the way in: last, because both change what is shown.

    `answers` are the pages that this start has answered, none for another start than was visited.
    """
    visitor = Visitor(start.origin, start.token, min(VISIT_SECONDS, stage.seconds_left))
    visitor.client.cookies.update(cookies)
    try:
        paths = [each.path for each in done.pages if not each.is_part]
        answers = answers or [visitor.open(path) for path in paths if visitor.has_time]
        if not answers:
            return done
        sent = _sent(visitor, start, answers)
        door = _door(stage, visitor, answers)
    finally:
        visitor.close()
    return replace(
        done,
        pages=(*done.pages, *sent),
        wall=door.wall,
        shut="" if stage.has_account else door.shut,
        shut_with=door.shut if stage.has_account else "",
    )


def _door(stage: Stage, visitor: Visitor, answers: Sequence[Answer]) -> Door:
    """Whether the person of a new installation gets in, who has an account or looks for one."""
    is_asked = stage.has_account or not stage.entry_is_decided
    if not is_asked or is_own_set_up(answers[0]):
        return Door()
    urls = stage.facts.urls
    guarded = [each for each in urls.guarded if each in urls.pages] if urls else []
    guarded += urls.walled if urls else ()
    return (meet_wall if stage.has_account else try_door)(visitor, answers, guarded)


def _sent(visitor: Visitor, start: Start, answers: Sequence[Answer]) -> list[Seen]:
    """The forms of the pages that fail when they are sent: of those to one address the last, which
    is the one that the checks send."""
    forms: dict[str, tuple[str, Form]] = {}
    for page in answers:
        if page.is_page and not page.place.startswith(OWN_PAGES):
            for form in visitor.document(page).forms:
                if form.is_safe:
                    forms[form.action] = page.path, form
    seen = []
    for page_path, form in [*forms.values()][:MOST_FORMS]:
        if not visitor.has_time:
            break
        answer = visitor.send(form, form.filled(WORD))
        if answer.status >= 500:
            seen.append(replace(_seen(answer, start.raised[::-1]), form_on=page_path))
    return seen


def _behind(visitor: Visitor, answers: Sequence[Answer]) -> list[Answer]:
    """The pages that those of the first page lead to."""
    known = {each.path for each in answers}
    linked = (visitor.linked(visitor.document(each)) for each in answers[1:] if each.is_page)
    paths = dict.fromkeys(path for each in linked for path in each if path not in known)
    return [visitor.open(path) for path in [*paths][:MOST_BEHIND] if visitor.has_time]


def _seen(answer: Answer, raised: Sequence[Raised]) -> Seen:
    path = urlsplit(answer.place).path
    error = next((each for each in raised if each.page == path), None)
    if answer.status < 500 or error is None:
        return Seen(answer.path, answer.status, answer.place)
    return Seen(answer.path, answer.status, answer.place, error=error.text, source=error.place)


def _with_picture(
    stage: Stage, start: Start, done: Rehearsal, cookies: dict[str, str], progress: Progress
) -> tuple[Rehearsal, Sequence[str]]:
    """Draw the first page; also what it asked of other hosts."""
    progress("drawing the first page")
    stage.keeps.mkdir(parents=True, exist_ok=True)
    file = stage.keeps / result.PICTURE
    file.unlink(missing_ok=True)
    try:
        asked = draw(start, done.home, cookies, file)
    except DrawingError as error:
        return replace(done, no_picture=str(error)), ()
    hosts = tuple(dict.fromkeys((*done.other_hosts, *asked)))
    return replace(done, picture=file.name, no_picture="", other_hosts=hosts), asked
