"""Adds the desktop layer to a project: everything or nothing, and only inside desktop-app."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from skill_scripts import __version__, desktop_toml
from skill_scripts.dependencies.environment import (
    PRIVATE,
    Interpreter,
    find_adapted,
    find_environment,
    is_outdated,
)
from skill_scripts.dependencies.outside import is_one_machines
from skill_scripts.dependencies.runtime import PACKAGES, install_runtime, lacks_packages
from skill_scripts.desktop_toml import ENTRY, Decision
from skill_scripts.errors import KitError
from skill_scripts.findings.finding import BLOCKED, DECIDE, Finding
from skill_scripts.findings.surveyed import Progress, Survey
from skill_scripts.layer import ci, frontend, record
from skill_scripts.layer.payload import check_visible, payload_files, sha256
from skill_scripts.layer.shells import Shell, among, shell_of
from skill_scripts.offline import addresses
from skill_scripts.offline.assets import offline
from skill_scripts.project import git
from skill_scripts.project.files import INTERPRETER_NOTE, PAYLOAD_FOLDER, Project, find_project
from skill_scripts.rehearsal import beforehand
from skill_scripts.rehearsal import result as rehearsals
from skill_scripts.rehearsal.judge import judge, superseded
from skill_scripts.rehearsal.rehearse import Stage, rehearse
from skill_scripts.rehearsal.result import Rehearsal
from skill_scripts.survey import name_app, survey
from skill_scripts.update import update

INTERPRETER = ("python", "interpreter")  # in desktop.toml
HOME = ("app", "home")
FIRST_RUN = ("data", "first_run")
REHEARSE = "start it once on data that are thrown away"


@dataclass
class Adaptation:
    """What adapt did, or with --dry-run would do."""

    root: Path
    added: list[str] = field(default_factory=list)  # relative to root
    steps: list[str] = field(default_factory=list)  # sentences, for a person
    decided: list[Decision] = field(default_factory=list)  # that desktop.toml gets
    built: list[str] = field(default_factory=list)  # by the project's own front-end build
    findings: list[Finding] = field(default_factory=list)  # beside those of the survey
    survey: Survey | None = None
    rehearsal: Rehearsal | None = None
    manifest_text: str = ""

    @property
    def picture(self) -> Path | None:
        """The first page, as the rehearsal saw it."""
        kept = self.rehearsal and self.rehearsal.picture
        return rehearsals.place(self.root) / kept if kept else None

    @property
    def open_decisions(self) -> list[Finding]:
        """Where a person may know better than the value in desktop.toml."""
        predicted = self.survey.having(DECIDE) if self.survey else []
        known, seen = {each.id for each in self.findings}, self.rehearsal
        left = [each for each in predicted if each.id not in known]
        if seen:
            left = [each for each in left if not superseded(each, seen, self.findings)]
        return [*left, *self.findings]

    def as_dict(self) -> dict[str, Any]:
        """The one JSON document of --json."""
        return {
            "root": str(self.root),
            "added": self.added,
            "built": self.built,
            "steps": self.steps,
            "decided": [*map(str, self.decided)],
            "decisions_open": [finding.as_dict() for finding in self.open_decisions],
            "manifest": self.manifest_text,
            "rehearsal": asdict(self.rehearsal) if self.rehearsal else None,
            "picture": str(self.picture or ""),
            "survey_seconds": self.survey.seconds if self.survey else {},
        }


def adapt(
    path: Path,
    *,
    manage: str = "",
    decisions: Sequence[Decision] = (),
    allow_dirty: bool = False,
    kit_for_ci: str = "",
    rehearsal: bool = True,
    dry_run: bool = False,
    progress: Progress = lambda _: None,
) -> Adaptation:
    """Add desktop-app to the project in folder `path`, and start it once on data that are thrown
    away, unless `rehearsal` is off.

    On a project that is adapted already, enters further `decisions` and restores what is missing.
    With `kit_for_ci` (OWNER/NAME@COMMIT) the repository gets workflows that check and package it.
    Raises KitError, with nothing written, for everything that is in the way.
    """
    root = path.resolve()
    if root.is_dir() and (existing := record.read(root)):
        workflows = ci.plan(root, kit_for_ci, existing.workflows) if kit_for_ci else []
        done = _adapt_again(root, existing, decisions, rehearsal, dry_run, progress)
        return _add_workflows(done, workflows, dry_run)
    project = _find_project(path, manage, decisions)
    root, folder = project.root, project.root / PAYLOAD_FOLDER
    if folder.exists() or folder.is_symlink():
        raise KitError("DDK-ADP-03", f"{folder} is in the way", folder=str(folder))
    _check_clean(root, allow_dirty)
    workflows = ci.plan(root, kit_for_ci) if kit_for_ci else []
    if dry_run:
        found = survey(path, manage=manage, decisions=decisions, progress=progress)
        _refuse_blocked(found.findings)
        name_app(found.draft, found.project)
        plan = _add_workflows(_plan(found), workflows, dry_run)
        _build_front_end(plan, found.draft, None, dry_run, progress)
        if rehearsal:
            plan.steps.append(REHEARSE)
        return plan
    with _staging(root) as stage:
        found = survey(
            path,
            manage=manage,
            decisions=decisions,
            private_environment=stage / ".venv",
            progress=progress,
        )
        _refuse_blocked(found.findings)
        name_app(found.draft, found.project)
        plan = _plan(found)
        progress("adding desktop-app")
        shell = shell_of(found.draft)
        names = _write_payload(stage, shell, plan.manifest_text, _for_everybody(decisions))
        assert found.interpreter is not None
        if found.environment == "elsewhere":
            _note(stage, found.interpreter)
        install_runtime(stage, found.interpreter, found.draft)
        if found.made:
            found.made.keep_for(found.draft["python"])
        stage.rename(folder)
        try:
            check_visible(root, names)
            _build_front_end(plan, found.draft, None, dry_run, progress)
            _keep_offline(plan, progress)
            if rehearsal:
                decided = {each.path for each in decisions}
                stage = replace(
                    Stage.of(root),
                    home_is_decided=HOME in decided,
                    entry_is_decided=not decided.isdisjoint(ENTRY),
                    facts=found.facts,
                )
                _rehearse(plan, stage, decisions, progress)
                _refuse_blocked(plan.findings)
            _add_workflows(plan, workflows, dry_run)
        except BaseException:
            frontend.take_away(root, plan.built)
            shutil.rmtree(folder)
            raise
    return plan


def _adapt_again(
    root: Path,
    existing: record.Record,
    decisions: Sequence[Decision],
    rehearsal: bool,
    dry_run: bool,
    progress: Progress,
) -> Adaptation:
    """Bring an adapted project to completion: a fresh clone of it, or one with new decisions."""
    folder = root / PAYLOAD_FOLDER
    shell = among(existing.files)
    _require_this_kit(root, existing, shell)
    result = Adaptation(root)
    file = folder / desktop_toml.FILE_NAME
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    draft = desktop_toml.read(file)
    before = desktop_toml.decided(draft)
    for decision in decisions:
        desktop_toml.decide(draft, decision)
    result.decided = [each for each in desktop_toml.decided(draft) if each not in before]
    committed = _for_everybody(decisions)
    amended = desktop_toml.amend(text, committed) if decisions else text
    if amended != text:
        result.steps.append(f"enter {len(decisions)} decisions in {PAYLOAD_FOLDER}/{file.name}")
    payload = payload_files(shell_of(draft))
    absent = [name for name in existing.absent(folder) if name in payload]
    result.steps += [f"restore {PAYLOAD_FOLDER}/{name}" for name in absent]
    project, interpreter = find_adapted(root, draft)
    incomplete = interpreter is None or is_outdated(interpreter, draft["python"])
    named = next((each.value for each in decisions if each.path == INTERPRETER), None)
    noted = interpreter if named and is_one_machines(named) else None
    if noted:
        result.steps.append(f"note {noted.python} in {INTERPRETER_NOTE}, not for git")
    if incomplete:
        otherwise = "" if interpreter else ", or use one that the project has"
        result.steps.append(f"make the environment {PRIVATE}{otherwise}")
    is_swapped = shell_of(draft) != shell
    if is_swapped:
        result.steps += update(root, decided=draft, dry_run=True).steps
    step = f"install the runtime's own packages in {PAYLOAD_FOLDER}/{PACKAGES}"
    if lacks_packages(folder, draft) and step not in result.steps:
        result.steps.append(step)
    result.manifest_text = amended
    is_decided_anew = any(each.path == ("frontend", "build") for each in decisions)
    built = None if is_decided_anew else existing.built
    if dry_run:
        _build_front_end(result, draft, built, dry_run, progress)
        return result
    if noted:
        _note(folder, noted)
    elif named is not None or interpreter is None:  # another was named, or it is gone
        (root / INTERPRETER_NOTE).unlink(missing_ok=True)
    if incomplete:
        result.survey = _make_environment_again(root, draft, decisions, progress)
        interpreter = find_environment(project, draft["python"]["interpreter"])
        if decisions:
            found = result.survey.draft["python"]
            lists = [Decision(("python", key), found[key]) for key in ("exclude", "extra")]
            amended = result.manifest_text = desktop_toml.amend(amended, lists)
    if is_swapped:
        result.added += update(root, decided=draft, progress=progress).added
    if amended != text:
        _rewrite(file, existing, amended, committed)
    for name in absent:
        _copy(payload[name], folder / name)
    if interpreter and lacks_packages(folder, draft):
        install_runtime(folder, interpreter, draft)
    _build_front_end(result, draft, built, dry_run, progress)
    _keep_offline(result, progress)
    if rehearsal:
        earlier = map(Decision.parse, existing.decisions)
        _rehearse(result, Stage.of(root), [*earlier, *decisions], progress)
    return result


def _require_this_kit(root: Path, existing: record.Record, shell: Shell) -> None:
    """Raises KitError DDK-ADP-02 where the layer is of another kit."""
    current = {name: sha256(file) for name, file in payload_files(shell).items()}
    written = {name: value for name, value in existing.files.items() if name in current}
    if existing.kit != __version__ or written != current:
        raise KitError(
            "DDK-ADP-02",
            f"adapted by kit {existing.kit}; this is kit {__version__} or another state of it",
            root=str(root),
            kit=existing.kit,
        )


def _rehearse(
    done: Adaptation, stage: Stage, decisions: Iterable[Decision], progress: Progress
) -> None:
    """Have the result of a rehearsal: the one that is kept, if nothing has changed since."""
    kept = rehearsals.read(stage.keeps)
    if kept and kept.key == stage.key:
        done.rehearsal = kept
        return

    @cache
    def known() -> set[str]:
        return {each.address for each in addresses.find(stage.project)}

    def keep_seen(seen: Sequence[str]) -> bool:
        new = [each for each in map(addresses.plain, seen) if each not in known()]
        return bool(new) and _keep_offline(done, progress, new)

    seen = beforehand.take(stage) or rehearse(stage, keep_seen, progress)
    if any(each.path == FIRST_RUN for each in decisions):
        seen = replace(seen, rows=())
    if not stage.home_is_decided and seen.home != stage.settings["app"]["home"]:
        _decide(done, Decision(HOME, seen.home))
    if seen.rows and not seen.rows_are_examples:
        _decide(done, Decision(FIRST_RUN, [[*seen.rows]]))
    for each in map(Decision.parse, (*seen.enters, *seen.moves)):
        _decide(done, each)
    done.findings += judge(seen)
    if not seen.failure:
        decided = desktop_toml.read(done.root / desktop_toml.PLACE)
        done.rehearsal = replace(seen, key=replace(stage, settings=decided).key)
        rehearsals.keep(stage.keeps, done.rehearsal)
        done.steps.append(f"{REHEARSE}: ready after {seen.start_seconds:.1f} s")


def _keep_offline(done: Adaptation, progress: Progress, seen: Sequence[str] = ()) -> bool:
    """Keep what pages load from other hosts, and what they were `seen` to load; whether there is
    more now. What cannot be fetched is a finding and stops nothing."""
    try:
        found = offline(done.root, seen=seen, progress=progress)
    except KitError as error:
        done.findings.append(Finding("offline-missing", DECIDE, error.message, error.remedy))
        return False
    if found.changed:
        count, size = len(found.entries), found.size / 1e6
        done.steps.append(f"keep {count} file(s) of other hosts ({size:.1f} MB)")
    missing = [each for each in found.findings() if each.severity == DECIDE]
    done.findings += [each for each in missing if each not in done.findings]
    file = done.root / PAYLOAD_FOLDER / desktop_toml.FILE_NAME
    done.manifest_text = file.read_text(encoding="utf-8")
    return found.changed


def _build_front_end(
    done: Adaptation,
    draft: desktop_toml.Manifest,
    built: Mapping[str, str] | None,
    dry_run: bool,
    progress: Progress,
) -> None:
    """Run the project's own build unless what it has `built` is there; a failure is a finding."""
    commands = draft["frontend"]["build"]
    if not commands or (
        built is not None and all(frontend.is_there(done.root, name) for name in built)
    ):
        return
    shown = "; ".join(" ".join(words) for words in commands)
    done.steps.append(f"run the project's own build in a copy of it: {shown}")
    if dry_run:
        return
    progress("running the project's own build")
    folder = done.root / PAYLOAD_FOLDER
    try:
        existing = record.read(done.root)
        earlier = (existing.built if existing else None) or {}
        with frontend.build(done.root, draft["frontend"], earlier) as result:
            include = frontend.to_include(done.root, result.new)
            placed = frontend.bring_over(done.root, result)
    except (frontend.BuildFailedError, OSError) as error:
        what, do = f"the project's own build failed: {error}", "correct it, then adapt again"
        done.findings.append(Finding("frontend-build", DECIDE, what, do))
        return
    frontend.take_away(done.root, {*frontend.untouched(done.root, earlier)} - {*placed})
    done.built = sorted(placed)
    record.note_built(folder, placed)
    _include(done, folder, include)
    done.steps.append(f"bring over {len(placed)} files that it made")
    if result.changed:
        what = f"the build changes files that the project keeps: {', '.join(result.changed[:5])}"
        do = "they stay as they are; build in the project and commit the result"
        done.findings.append(Finding("frontend-build", DECIDE, what, do))


def _include(done: Adaptation, folder: Path, names: Sequence[str]) -> None:
    """Ship what git ignores of the built files."""
    file = folder / desktop_toml.FILE_NAME
    listed = desktop_toml.read(file)["stage"]["include"]
    covered = [PurePosixPath(each) for each in listed]
    if new := [n for n in names if not any(PurePosixPath(n).is_relative_to(c) for c in covered)]:
        _decide(done, Decision(("stage", "include"), [*listed, *new]))


def _decide(done: Adaptation, decision: Decision) -> None:
    """Enter a decision of our own in the desktop.toml that is there."""
    file = done.root / PAYLOAD_FOLDER / desktop_toml.FILE_NAME
    existing = record.read(done.root)
    assert existing is not None
    text = desktop_toml.amend(file.read_text(encoding="utf-8"), [decision])
    _rewrite(file, existing, text, [decision])
    done.manifest_text = text
    done.decided.append(decision)


def _rewrite(file: Path, existing: record.Record, text: str, decisions: Iterable[Decision]) -> None:
    """Give desktop.toml another text; what a person has changed stays theirs in the record."""
    is_ours = file.name not in existing.changed(file.parent)
    file.write_text(text, encoding="utf-8", newline="\n")
    record.amend(file.parent, {file.name: sha256(file)} if is_ours else {}, map(str, decisions))


def _make_environment_again(
    root: Path, draft: desktop_toml.Manifest, decisions: Sequence[Decision], progress: Progress
) -> Survey:
    """Put an environment for `draft` in the place of the private one, if the project loads in it.

    New decisions get what the survey finds missing besides; a clone gets what desktop.toml says.
    """
    place = root / PRIVATE
    with _staging(root) as stage:
        new = stage / place.name
        found = survey(root, decisions=decisions, private_environment=new, progress=progress)
        _refuse_blocked(found.findings)
        if found.environment == "elsewhere" and found.interpreter:
            _note(root / PAYLOAD_FOLDER, found.interpreter)
        if found.made:
            found.made.keep_for((found.draft if decisions else draft)["python"])
            if place.exists():
                place.rename(stage / "old")
            new.rename(place)
    return found


def _add_workflows(done: Adaptation, workflows: Iterable[ci.Workflow], dry_run: bool) -> Adaptation:
    for each in workflows:
        name = Path(os.path.relpath(each.file, done.root)).as_posix()
        done.added.append(name)
        done.steps.append(f"add {name}")
        if not dry_run:
            record.note_workflow(done.root / PAYLOAD_FOLDER, each.file.name, each.write())
    return done


def _check_clean(root: Path, allow_dirty: bool) -> None:
    changed = git.changes(root)
    if changed and not allow_dirty:
        shown = ", ".join(changed[:5]) + (" …" if len(changed) > 5 else "")
        raise KitError(
            "DDK-ADP-01", f"{len(changed)} uncommitted changes in {root}: {shown}", changed=changed
        )


def _refuse_blocked(findings: Iterable[Finding]) -> None:
    if blocked := [each for each in findings if each.severity == BLOCKED]:
        lines = [f"{each.place + ': ' if each.place else ''}{each.what}" for each in blocked]
        raise KitError(
            "DDK-ADP-05",
            "\n    ".join([f"{len(blocked)} findings stand in the way", *lines]),
            remedy="; ".join(dict.fromkeys(each.do for each in blocked if each.do)),
            findings=[each.as_dict() for each in blocked],
        )


def _plan(found: Survey) -> Adaptation:
    payload = payload_files(shell_of(found.draft))
    files = [f"{PAYLOAD_FOLDER}/{name}" for name in payload]
    own = [f"{PAYLOAD_FOLDER}/{desktop_toml.FILE_NAME}", f"{PAYLOAD_FOLDER}/{record.FILE_NAME}"]
    plan = Adaptation(found.project.root, sorted({*files, *own}), survey=found)
    plan.manifest_text = desktop_toml.render(found.draft)
    plan.decided = desktop_toml.decided(found.draft, found.decided)
    plan.steps = [f"add {len(plan.added)} files in {PAYLOAD_FOLDER}"]
    if found.environment == "elsewhere" and found.interpreter:
        plan.steps.append(f"note {found.interpreter.python} in {INTERPRETER_NOTE}, not for git")
    elif found.environment != "own":
        plan.steps.append(f"make the environment {PRIVATE}")
    plan.steps.append(f"install the runtime's own packages in {PAYLOAD_FOLDER}/{PACKAGES}")
    return plan


def _write_payload(
    stage: Path, shell: Shell, manifest_text: str, decisions: Iterable[Decision]
) -> list[str]:
    files = payload_files(shell)
    for name, source in files.items():
        _copy(source, stage / name)
    (stage / desktop_toml.FILE_NAME).write_text(manifest_text, encoding="utf-8", newline="\n")
    names = [*files, desktop_toml.FILE_NAME]
    record.write(stage, {name: sha256(stage / name) for name in names}, map(str, decisions))
    return [*names, record.FILE_NAME]


@contextmanager
def _staging(root: Path) -> Iterator[Path]:
    """A folder beside desktop-app that becomes desktop-app, or is gone afterwards."""
    try:
        stage = Path(tempfile.mkdtemp(prefix=f".{PAYLOAD_FOLDER}-", dir=root))
        stage.chmod(0o755)
    except OSError as error:
        raise KitError("DDK-ADP-04", f"{root} cannot be written: {error.strerror}") from error
    try:
        yield stage
    except OSError as error:
        raise KitError("DDK-ADP-04", f"writing into {root} failed: {error}") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def _for_everybody(decisions: Iterable[Decision]) -> list[Decision]:
    """The decisions as they are committed: without an interpreter of this machine."""
    return [
        Decision(INTERPRETER, "")
        if each.path == INTERPRETER and is_one_machines(each.value)
        else each
        for each in decisions
    ]


def _note(folder: Path, interpreter: Interpreter) -> None:
    """Keep the path of an environment that lies elsewhere where git does not see it."""
    file = folder / PurePosixPath(INTERPRETER_NOTE).name
    file.write_text(f"{interpreter.python}\n", encoding="utf-8")


def _find_project(path: Path, manage: str, decisions: Iterable[Decision]) -> Project:
    draft = desktop_toml.defaults()
    given = {each.path for each in decisions}
    for decision in decisions:
        desktop_toml.decide(draft, decision)
    decided = draft["django"]["manage"] if ("django", "manage") in given else None
    return find_project(path, manage or decided, draft["django"]["settings"])
