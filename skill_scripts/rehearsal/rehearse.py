"""The rehearsal: the project's first start, a look at its pages, and all of it forgotten."""

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from skill_scripts import desktop_toml
from skill_scripts.dependencies.environment import Interpreter, find_adapted, no_environment
from skill_scripts.desktop_toml import Decision
from skill_scripts.errors import KitError
from skill_scripts.findings.first_data import preparations
from skill_scripts.findings.surveyed import Progress
from skill_scripts.offline import addresses
from skill_scripts.probe.facts import Facts
from skill_scripts.project.files import PAYLOAD_FOLDER, Project
from skill_scripts.rehearsal import first_page, result
from skill_scripts.rehearsal.first_page import FirstPage
from skill_scripts.rehearsal.own_server import NotStartedError, OwnServer
from skill_scripts.rehearsal.picture import DrawingError, draw
from skill_scripts.rehearsal.result import Rehearsal, Seen
from skill_scripts.rehearsal.start import OutOfTimeError, Raised, Start
from skill_scripts.rehearsal.visitor import OWN_PAGES, OWN_PATHS, Answer, Visitor, local
from skill_scripts.repairs import relocation

VISIT_SECONDS = 60
MOST_PAGES = 12
MOST_BEHIND = 20  # pages two clicks away
MOST_PARTS = 60
MOST_PREPARATIONS = 5
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
    facts: Facts = field(default_factory=Facts)  # what a survey saw
    deadline: float = math.inf  # of time.monotonic(), after which nothing further is begun

    @classmethod
    def of(cls, root: Path, *, home_is_decided: bool = True, facts: Facts | None = None) -> Self:
        """The stage for the adapted project in `root`. Raises KitError DDK-ENV-04 without an
        environment."""
        settings = desktop_toml.read(root / desktop_toml.PLACE)
        project, interpreter = find_adapted(root, settings)
        if interpreter is None:
            raise no_environment(root)
        layer, keeps = root / PAYLOAD_FOLDER, result.place(root)
        return cls(project, settings, interpreter, layer, keeps, home_is_decided, facts or Facts())

    @property
    def key(self) -> str:
        """What a result of it is kept under."""
        return result.key_of(self.project, self.settings, self.interpreter, self.layer)

    @property
    def seconds_left(self) -> float:
        """How long something may still take."""
        return self.deadline - time.monotonic()

    def deciding(self, *decisions: Decision) -> Self:
        """The same with further decisions."""
        settings = deepcopy(self.settings)
        for each in decisions:
            desktop_toml.enter(settings, each)
        return replace(self, settings=settings)

    def prepared_by(self, command: Sequence[str]) -> Self:
        """The same with a command that is run on the new database."""
        return self.deciding(Decision(("data", "first_run"), [[*command]]))

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
    if not done.failure and _lacks_rows(done) and not stage.settings["data"]["first_run"]:
        done = _with_rows(stage, done, keep_seen, progress)
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
    try:
        with OwnServer(stage.project, stage.settings, stage.interpreter, run) as own:
            visitor = Visitor(own.origin, "", VISIT_SECONDS)
            compared = [each.path for each in done.broken if not each.path.startswith(OWN_PATHS)]
            answers = {path: visitor.open(path) for path in compared}
            visitor.close()
    except NotStartedError as error:
        return replace(done, not_compared=str(error))
    pages = [
        replace(each, is_own_fault=each.path in answers and _is_no_better(answers[each.path], each))
        for each in done.pages
    ]
    return replace(done, pages=tuple(pages))


def _is_no_better(there: Answer, here: Seen) -> bool:
    if "No module named" in here.error:  # both run in the same environment
        return False
    return replace(here, status=there.status).is_broken


def _lacks_rows(done: Rehearsal) -> bool:
    """Whether the first page fails in a way that rows may heal."""
    page = done.first
    return page is not None and (page.status >= 500 or page.place.startswith(OWN_PAGES))


def _with_rows(
    stage: Stage, without: Rehearsal, keep_seen: KeepSeen, progress: Progress
) -> Rehearsal:
    """Try what the project has for a new database, one after another, each on fresh data."""
    deadline = min(time.monotonic() + ROWS_SECONDS, stage.deadline)
    page = without.first
    assert page
    said = page.error or f"answers {page.status}"
    for each in preparations(stage.project)[:MOST_PREPARATIONS]:
        if time.monotonic() > deadline:
            return replace(without, is_cut_short=True)
        progress(f"rehearsing with {' '.join(each.command)}")
        try:
            done = _rehearse_once(stage.prepared_by(each.command), keep_seen, progress)
        except OutOfTimeError:
            return replace(without, is_cut_short=True)
        if not done.failure and not _lacks_rows(done):
            is_example = each.is_demonstration
            return replace(
                without if is_example else done,
                rows=each.command, rows_are_examples=is_example, without_rows=said,
            )  # fmt: skip
    return without


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
            done, cookies = _visit(stage, start, progress)
            changed = keep_seen(done.other_hosts)
            if not changed:
                done, asked = _with_picture(stage, start, done, cookies, progress)
                changed = keep_seen(asked)
        writes = {*start.writes}
        if changed:
            with stage.start(scratch, progress) as again:
                if not again.failure:
                    done, asked = _with_picture(stage, again, done, cookies, progress)
                    keep_seen(asked)
            writes |= {*again.writes}
    return replace(done, writes=tuple(sorted(writes)))


def _visit(stage: Stage, start: Start, progress: Progress) -> tuple[Rehearsal, dict[str, str]]:
    """Open the first page and those it leads to."""
    progress("visiting its pages")
    visitor = Visitor(start.origin, start.token, min(VISIT_SECONDS, stage.seconds_left))
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
        raised = start.raised
        seen = [_seen(each, raised) for each in answers]
        seen += [Seen(each.path, each.status, each.place, is_part=True) for each in missing]
        cookies = dict(visitor.client.cookies.items())
    finally:
        visitor.close()
    state = start.state
    return Rehearsal(
        home=page.path,
        home_why=page.why,
        root_status=page.root.status,
        other_pages=page.others,
        start_seconds=round(state.seconds, 2),
        migrations=state.migrations,
        pages=tuple(seen),
        other_hosts=tuple(foreign),
        accounts=state.accounts,
    ), cookies


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
