"""The command `desktop-django`: reads arguments, calls one module, shows the result."""

import json
import math
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from skill_scripts import SPEC_VERSION, __version__
from skill_scripts.adapt import adapt as adapt_project
from skill_scripts.bundle import first_run
from skill_scripts.dependencies.bundled_python import clear_cache as clear_interpreters
from skill_scripts.desktop_toml import Decision
from skill_scripts.errors import KitError
from skill_scripts.findings.finding import BLOCKED, DECIDE, FINE, HANDLED, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.icons import icons as draw_icons
from skill_scripts.importing.data import Imported, import_data
from skill_scripts.look import Look
from skill_scripts.look import look as look_at_project
from skill_scripts.offline.assets import Offline
from skill_scripts.offline.assets import offline as keep_offline
from skill_scripts.offline.kept import note_seen
from skill_scripts.package import package as package_project
from skill_scripts.portable import Kept, show
from skill_scripts.portable import backup as backup_data
from skill_scripts.portable import export as export_data
from skill_scripts.portable import restore as restore_data
from skill_scripts.rehearsal.own_page import own_page
from skill_scripts.rehearsal.rehearse import valid_result
from skill_scripts.remove import remove as remove_layer
from skill_scripts.run import run as run_project
from skill_scripts.stage import DOWNLOADS, Staged, plan
from skill_scripts.stage import stage as stage_project
from skill_scripts.survey import survey as survey_project
from skill_scripts.trial import Trial
from skill_scripts.trial import trial as try_on_data
from skill_scripts.update import update as update_layer

KIT = Path(__file__).resolve().parent.parent
EXIT_DECISIONS, EXIT_ERROR, EXIT_BUG = 1, 3, 4
COLOURS = {BLOCKED: "red", DECIDE: "yellow", HANDLED: "cyan", FINE: "green"}

app = typer.Typer(
    name="desktop-django",
    help="Turn an existing Django project into a local-first desktop app, and prove it.\n\n"
    "Exit codes: 0 done, 1 criteria failed or decisions needed, 2 usage, 3 an error with a "
    "DDK code, 4 a bug of the kit.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
screen = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 120)

ProjectPath = Annotated[Path, typer.Argument(metavar="PATH", help="Folder of the project.")]
BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, a .zip.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Manage = Annotated[str, typer.Option(help="manage.py to use, relative to PATH.")]
Decisions = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Decide a key of desktop.toml, whatever its value; repeatable.",
    ),
]
SURVEY_PATIENCE_SECONDS = 60
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan; write nothing.")]


@app.command()
def survey(
    path: ProjectPath,
    manage: Manage = "",
    decisions: Decisions = None,
    rehearse: Annotated[
        bool | None,
        typer.Option(
            "--rehearse/--no-rehearsal",
            help="Start the app once to look at it; by default where that takes under a minute.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find out what a desktop app of the project needs. Writes nothing into it.

    A rehearsal starts the app once on data that are thrown away, opens its pages and draws the
    first one. What it sees is kept for the `adapt` that follows.
    """
    patience = {None: SURVEY_PATIENCE_SECONDS, True: math.inf, False: 0}[rehearse]
    with _shown_errors(as_json), _progress(as_json) as progress:
        decided = [Decision.parse(each) for each in decisions or ()]
        found = survey_project(
            path, manage=manage, decisions=decided, patience=patience, progress=progress
        )
    if as_json:
        _print_json(found.as_dict())
    else:
        _show_findings(found.findings)
        _show_summary(found)
    if found.having(BLOCKED) or found.having(DECIDE):
        raise typer.Exit(EXIT_DECISIONS)


@app.command()
def adapt(
    path: ProjectPath,
    manage: Manage = "",
    decisions: Decisions = None,
    dry_run: DryRun = False,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Accept uncommitted changes.")
    ] = False,
    ci: Annotated[
        str,
        typer.Option(metavar="OWNER/NAME@COMMIT", help="Add CI workflows that use that kit."),
    ] = "",
    rehearse: Annotated[
        bool,
        typer.Option("--rehearse/--no-rehearsal", help="Start the app once to look at it."),
    ] = True,
    as_json: Json = False,
) -> None:
    """Add the desktop layer: one folder, desktop-app. No file of the project is changed.

    A rehearsal starts the app once on data that are thrown away, opens its pages and draws the
    first one.
    """
    with _shown_errors(as_json), _progress(as_json) as progress:
        done = adapt_project(
            path,
            manage=manage,
            decisions=[Decision.parse(each) for each in decisions or ()],
            allow_dirty=allow_dirty,
            kit_for_ci=ci,
            rehearsal=rehearse,
            dry_run=dry_run,
            progress=progress,
        )
    if as_json:
        _print_json(done.as_dict() | {"dry_run": dry_run})
        return
    if not done.steps:
        screen.print("nothing to do: the project is adapted")
    for step in done.steps:
        screen.print(f"{'would ' if dry_run else ''}{step}", markup=False)
    if dry_run and done.decided:
        screen.print("\nwould write into desktop.toml:")
        for line in done.decided:
            screen.print(f"  {line}", markup=False, soft_wrap=True)
    if done.open_decisions:
        screen.print("\nworth a look (a working value is in desktop.toml):")
        _show_findings(done.open_decisions)
    if done.picture:
        _show_picture(done.picture)
    elif done.rehearsal:
        screen.print(f"\nno picture of the first page: {done.rehearsal.no_picture}", markup=False)


@app.command()
def update(path: ProjectPath, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Bring the desktop layer to this kit's. What you changed in it is merged, never lost."""
    with _shown_errors(as_json), _progress(as_json) as progress:
        done = update_layer(path, dry_run=dry_run, progress=progress)
    if as_json:
        _print_json(done.as_dict() | {"dry_run": dry_run})
    elif not done.steps:
        screen.print("nothing to do: the desktop layer is this kit's")
    else:
        for step in done.steps:
            screen.print(f"{'would ' if dry_run else ''}{step}", markup=False)
    if done.conflicts:
        raise typer.Exit(EXIT_DECISIONS)


@app.command()
def remove(path: ProjectPath, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Take the desktop layer out again. What you changed in it stays."""
    with _shown_errors(as_json):
        done = remove_layer(path, dry_run=dry_run)
    if as_json:
        _print_json(done.as_dict() | {"dry_run": dry_run})
        return
    screen.print(f"{'would remove' if dry_run else 'removed'} {len(done.removed)} files")
    for name in done.kept:
        screen.print(f"kept {name}: not as adapt wrote it", markup=False)


@app.command()
def offline(
    path: ProjectPath,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Fetch again what is kept already.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Keep the styles, scripts and fonts that pages load from other hosts, for the app to serve."""
    with _shown_errors(as_json), _progress(as_json) as progress:
        done = keep_offline(path, refresh=refresh, progress=progress)
    _print_json(done.as_dict()) if as_json else _show_offline(done)
    if done.missing:
        raise typer.Exit(EXIT_DECISIONS)


@app.command()
def run(
    path: ProjectPath,
    browser: Annotated[
        bool, typer.Option("--browser", help="The system's browser, even if the shell is there.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="On new data; that of earlier runs is set aside.")
    ] = False,
) -> None:
    """Start an adapted project and open it, in the shell or in a browser. Ctrl-C stops it."""
    with _shown_errors(as_json=False):
        exit_code = run_project(path, browser=browser, fresh=fresh, announce=_say)
    raise typer.Exit(exit_code)


@app.command("import")
def import_(
    path: ProjectPath,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="SOURCE",
            help="An SQLite file; a file of dumpdata (.json, .jsonl, .xml, .yaml, also .gz) or of "
            "pg_dump (plain, also .gz, or custom); a folder that an app has exported; "
            "postgresql:// or mysql:// with USER:PASSWORD@HOST/NAME; or env:NAME, a variable that "
            "has one of these.",
        ),
    ],
    media: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The uploads. Without it: the folder of that name beside the source, "
            "else the project's MEDIA_ROOT.",
        ),
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a backup, which the installed app restores; development data stay. "
            "`stage`: one that every installation begins with, once it is staged.",
        ),
    ] = None,
    allow_missing: Annotated[
        bool,
        typer.Option("--allow-missing-files", help="List uploads that are not there; go on."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the data that a project already has into the development data of its app.

    All of it or nothing: rows, uploads and references are compared with the source, and the app's
    pages visited, before they take the place of the development data, which are set aside. The
    source is only read. Sessions and tokens stay behind.
    """
    with _shown_errors(as_json), _progress(as_json) as progress:
        into = first_run.place(path) if into == Path("stage") else into
        done = import_data(
            path, source, media=media, into=into, allow_missing=allow_missing, progress=progress
        )
    _print_json(done.as_dict()) if as_json else _show_import(done)


@app.command()
def backup(path: ProjectPath, file: BackupFile, as_json: Json = False) -> None:
    """Write the development data to one file, while the app runs or not: database and uploads.

    The same file as *Back Up…* in the app's menu makes; the app and `restore` read it.
    """
    with _shown_errors(as_json), _progress(as_json) as progress:
        done = backup_data(path, file, progress)
    _print_json(done.as_dict()) if as_json else _show_kept(done)


@app.command()
def restore(
    path: ProjectPath,
    file: BackupFile,
    only_show: Annotated[
        bool, typer.Option("--show", help="Verify the file and say what is in it; change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Put what a backup holds in the place of the development data, which are set aside.

    The next start migrates data of an older version. A file of a newer version, of another app or
    with damage is refused.
    """
    with _shown_errors(as_json), _progress(as_json) as progress:
        done = (show if only_show else restore_data)(path, file, progress)
    _print_json(done.as_dict()) if as_json else _show_kept(done)


@app.command()
def export(
    path: ProjectPath,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The folder to make; it must not be there yet.")
    ],
    as_json: Json = False,
) -> None:
    """Write the development data as files that other programs read, while the app runs or not.

    Rows as JSON, one file a model, in the format of loaddata; uploads as they are; checksums of
    both. The same folder as *Export…* in the app's menu makes. No secret key and no session is in
    it.
    """
    with _shown_errors(as_json), _progress(as_json) as progress:
        done = export_data(path, folder, progress)
    _print_json(done.as_dict()) if as_json else _show_kept(done)


@app.command()
def rehearse(
    path: ProjectPath,
    data: Annotated[
        Path,
        typer.Option("--data", metavar="BACKUP", help="A file that *Back Up…* has written."),
    ],
    as_json: Json = False,
) -> None:
    """Try the project as it is now on the data of somebody who gave you a backup of theirs.

    The backup is verified and only read. What is in it is copied into a folder that is removed at
    the end; there the app starts, its migrations run, somebody whom the data have is signed in, and
    the first page, those that it links to and those behind them are opened. Your development data
    stay.

    Shown are the time until the app was ready, tables with fewer rows than before, and pages that
    fail; or the migration that failed, where, and the report that the app's error page would offer.

    Exit codes: 0 it starts and its pages answer, 1 a migration or a page fails, 3 an error with a
    DDK code, such as a backup that is newer than the project, damaged or of another app
    (DDK-DAT-01).

        desktop-django rehearse . --data ~/Downloads/herbarium-backup.zip
    """
    with _shown_errors(as_json), _progress(as_json) as progress:
        done = try_on_data(path, data, progress)
    _print_json(done.as_dict()) if as_json else _show_trial(done)
    if not done.is_good:
        raise typer.Exit(EXIT_DECISIONS)


@app.command()
def look(
    path: ProjectPath,
    pages: Annotated[
        list[str] | None,
        typer.Option("--page", metavar="PATH", help="A page to picture; repeatable."),
    ] = None,
    forms: Annotated[
        list[str] | None,
        typer.Option(
            "--do", metavar="FORM", help="First fill and send the form of this page; repeatable."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Picture pages of an adapted project as a new user sees them, on data that is thrown away.

    Without --page its first page and those it links to. Names what each page lacked: addresses
    that are refused, requests that fail, errors in the console.
    """
    with _shown_errors(as_json), _progress(as_json) as progress:
        done = look_at_project(path, pages=pages or (), forms=forms or (), progress=progress)
    _print_json(done.as_dict()) if as_json else _show_look(done)
    if not all(each.is_good for each in done.pictures):
        raise typer.Exit(EXIT_DECISIONS)


@app.command()
def stage(
    path: ProjectPath,
    platform: Annotated[
        str, typer.Option(help="linux-x64, linux-arm64, macos-x64, … or all (with --dry-run).")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only find out whether the packages are available.")
    ] = False,
    python_downloads: Annotated[
        Path, typer.Option(metavar="FILE", help="Another list of Python builds, as uv reads it.")
    ] = DOWNLOADS,
    python_mirror: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where the builds are instead of GitHub.")
    ] = "",
    allow_old_sqlite: Annotated[
        bool, typer.Option("--allow-old-sqlite", help="For tests; the result fails its checks.")
    ] = False,
    clear_cache: Annotated[
        bool, typer.Option("--clear-cache", help="First delete every Python fetched before.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make the bundle of an adapted project: Python, packages, app, first data."""
    with _shown_errors(as_json), _progress(as_json) as progress:
        if clear_cache:
            clear_interpreters()
        if dry_run:
            found = plan(path, platform=platform, progress=progress)
        else:
            done = stage_project(
                path,
                platform=platform,
                downloads=python_downloads,
                mirror=python_mirror,
                allow_old_sqlite=allow_old_sqlite,
                progress=progress,
            )
    if not dry_run:
        _print_json(done.as_dict()) if as_json else _show_stage(done)
        return
    decisions = [finding for each in found if (finding := each.finding())]
    if as_json:
        _print_json(
            {
                "platforms": [each.as_dict() for each in found],
                "findings": [each.as_dict() for each in decisions],
            }
        )
    else:
        for each in found:
            state = "not available" if each.message else f"{each.packages} packages"
            built = f", built here: {', '.join(each.built)}" if each.built else ""
            screen.print(f"{each.platform:14} Python {each.python}  {state}{built}", markup=False)
        _show_findings(decisions)
    if decisions:
        raise typer.Exit(EXIT_DECISIONS)


@app.command()
def package(
    path: ProjectPath,
    linux: Annotated[bool, typer.Option("--linux", help="Installers for Linux.")] = False,
    macos: Annotated[bool, typer.Option("--macos", "--mac", help="For macOS.")] = False,
    windows: Annotated[bool, typer.Option("--windows", "--win", help="For Windows.")] = False,
    unpacked: Annotated[
        bool, typer.Option("--dir", help="Only the application's folder, no installers.")
    ] = False,
    allow_old_sqlite: Annotated[
        bool, typer.Option("--allow-old-sqlite", help="For tests: accept a bundle that is one.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make installers of a staged project, for the system this runs on."""
    asked = {"linux": linux, "macos": macos, "windows": windows}
    systems = [name for name, wanted in asked.items() if wanted] or [""]
    with _shown_errors(as_json), _progress(as_json) as progress:
        done = package_project(
            path,
            system=" and ".join(systems),
            unpacked=unpacked,
            allow_old_sqlite=allow_old_sqlite,
            progress=progress,
        )
    if as_json:
        _print_json(done.as_dict())
        return
    _show_sizes(done.sizes)
    for name, size in done.artefacts.items():
        screen.print(f"{size / 1e6:8.1f} MB  {name}", markup=False)
    for note in done.notes:
        screen.print(f"note: {note}", markup=False)
    screen.print(f"{done.app}\n{done.seconds} s", markup=False)


@app.command()
def icons(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A square .svg or .png.")],
    path: ProjectPath,
    as_json: Json = False,
) -> None:
    """Draw the icons of all systems from one picture, .icns and .ico among them."""
    with _shown_errors(as_json), _progress(as_json) as progress:
        progress("drawing")
        folder = draw_icons(source, path)
    if as_json:
        _print_json({"folder": str(folder)})
    else:
        screen.print(str(folder), markup=False)


def _check_help(wanted: bool) -> None:
    if wanted:
        done = _run_checks("--help", capture_output=True, text=True)
        options = done.stdout.partition("acceptance checks:\n")[2].partition("\n\n")[0]
        typer.echo(
            "usage: desktop-django check PATH [OPTIONS]\n\n"
            f"{check.__doc__}\n\nOptions, and those of pytest:\n{options}\n\n"
            "Exit codes: 0 all hold, 1 criteria failed, 2 there is nothing to judge, "
            "3 a fault of the checks."
        )
        raise typer.Exit


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def check(
    context: typer.Context,
    path: ProjectPath,
    _help: Annotated[
        bool,
        typer.Option(
            "--help", is_eager=True, callback=_check_help, help="Show this message and exit."
        ),
    ] = False,
) -> None:
    """Check an adapted project against SPEC.md; further options go to the checks."""
    file = valid_result(path.resolve())
    seen = ["--rehearsal", str(file)] if file else []
    if any(each.partition("=")[0] == "--report-html" for each in context.args):
        with _progress(as_json=False) as progress:
            own = own_page(path.resolve(), progress)
        seen += ["--own-page", str(own)] if own else []
    with TemporaryDirectory(prefix="desktop-check-") as scratch:
        hosts = Path(scratch, "other-hosts.json")
        seen += ["--other-hosts", str(hosts)]
        done = _run_checks("--target", str(path.resolve()), *seen, *context.args)
        note_seen(path.resolve(), hosts)
    raise typer.Exit(done.returncode)


def _run_checks(*arguments: str, **options: Any) -> subprocess.CompletedProcess:
    # Without -c, --rootdir and autoload off, pytest would run the target's own configuration, and
    # without -P what lies in the folder this is called in.
    command = [sys.executable, "-P", "-m", "pytest", "-c", str(KIT / "checks" / "pytest.ini")]
    command += ["-p", "xdist", "-n", "auto"]
    command += ["--rootdir", str(KIT), str(KIT / "checks"), *arguments]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, env=environment, **options)


@app.command()
def version() -> None:
    """Print the versions of the kit and of the specification."""
    typer.echo(f"desktop-django-kit {__version__}, spec {SPEC_VERSION}")


@contextmanager
def _shown_errors(as_json: bool) -> Iterator[None]:
    try:
        yield
    except KitError as error:
        if as_json:
            _print_json({"error": error.as_dict()})
        else:
            typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_ERROR) from None
    except Exception as error:
        traceback.print_exc()
        bug = KitError("DDK-KIT-01", f"{type(error).__name__}: {error}")
        if as_json:
            _print_json({"error": bug.as_dict()})
        else:
            typer.echo(str(bug), err=True)
        raise typer.Exit(EXIT_BUG) from None


@contextmanager
def _progress(as_json: bool) -> Iterator[Callable[[str], None]]:
    """Says what is going on, on a terminal in one line that vanishes."""
    if as_json or not screen.is_terminal:
        yield lambda _: None
        return
    with screen.status("reading the project") as status:
        yield lambda text: status.update(escape(text))


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def _show_findings(findings: list[Finding]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for finding in findings:
        place = f"\n{finding.place}" if finding.place else ""
        do = f"\n→ {finding.do}" if finding.do else ""
        colour = COLOURS[finding.severity]
        table.add_row(
            f"[{colour}]{finding.severity}[/]",
            f"{escape(finding.what)}[dim]{escape(place)}[/]{escape(do)}",
        )
    screen.print(table)


def _show_picture(file: Path | str) -> None:
    screen.print(f"\nthe first page: {file}", markup=False, soft_wrap=True)


def _show_summary(found: Survey) -> None:
    counts = ", ".join(f"{len(found.having(each))} {each}" for each in COLOURS)
    screen.print(f"\n{found.project.root}: {counts} ({sum(found.seconds.values()):.1f} s)")
    if found.picture:
        _show_picture(found.picture)


def _show_offline(done: Offline) -> None:
    if not done.entries and not done.missing and not done.skipped:
        screen.print("nothing to do: no page names a style, script or font of another host")
    for address in done.new:
        screen.print(f"fetched {address}", markup=False, soft_wrap=True)
    _show_findings(done.findings())


def _show_import(done: Imported) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("model")
    table.add_column("rows", justify="right")
    table.add_column("the same here")
    for each in done.tables:
        if each.rows:
            table.add_row(escape(each.model), f"{each.rows:,}", each.checksum)
    screen.print(table)
    empty = sum(not each.rows for each in done.tables)
    screen.print(
        f"\n{done.rows:,} rows of {len(done.tables)} models ({empty} empty), "
        f"{done.foreign_keys} foreign keys checked, {done.referenced} files named by rows, "
        f"{done.files} copied{f' from {done.media}' if done.media else ''}",
        markup=False,
        soft_wrap=True,
    )
    bad = [each for each in done.pages if not each.is_good]
    screen.print(f"{len(done.pages)} pages visited on them, {len(bad)} fail", markup=False)
    for each in bad:
        text = f"fails: {each.page}, {each.status or 'no answer'} {each.error}"
        screen.print(text.rstrip(), markup=False, soft_wrap=True)
    for name in done.missing:
        screen.print(f"missing: {name}", markup=False, soft_wrap=True)
    for left in done.left:
        if left.rows:
            text = f"left behind: {left.name}, {left.rows:,} rows: {left.why}"
            screen.print(text, markup=False, soft_wrap=True)
    for note in done.notes:
        screen.print(f"note: {note}", markup=False, soft_wrap=True)
    if done.aside:
        text = f"the data of earlier runs is set aside: {done.aside}"
        screen.print(text, markup=False, soft_wrap=True)
    rate = done.rows / done.copying_seconds if done.copying_seconds else 0
    screen.print(
        f"{done.file or done.app_data}\n{done.seconds} s ({rate:,.0f} rows a second), "
        f"{done.peak_bytes / 1e6:.0f} MB of memory",
        markup=False,
        soft_wrap=True,
    )


def _show_kept(done: Kept) -> None:
    named = " ".join(filter(None, [done.app, done.version]))
    text = f"{named}, {done.made}: {done.rows:,} rows, {done.files:,} files"
    screen.print(f"{text}, {done.bytes / 1e3:,.0f} kB\n{done.file}", markup=False, soft_wrap=True)
    if done.set_aside:
        screen.print(f"what was there before: {done.set_aside}", markup=False, soft_wrap=True)


def _show_trial(done: Trial) -> None:
    _show_kept(done.backup)
    if done.failure:
        raised = done.failure.raised
        text = done.failure.message
        if raised:
            place = filter(None, [raised.migration, raised.place, raised.statement])
            text = "\n".join([text, *place])
        screen.print(f"\n{text}\n\n{done.report}", markup=False, soft_wrap=True)
        return
    screen.print(f"{done.migrations} migrations, ready after {done.seconds} s", markup=False)
    for each in done.fewer:
        text = f"fewer rows: {each.table} had {each.before:,}, has {each.after:,}"
        screen.print(text, markup=False, soft_wrap=True)
    for page in done.broken:
        detail = " ".join(filter(None, [page.error, page.source]))
        screen.print(f"{page.status or 'no answer'} {page.path} {detail}", markup=False)
    who = "signed in" if done.signed_in else "nobody signed in"
    text = f"{len(done.pages)} pages and parts visited, {who}, {len(done.broken)} of them fail"
    screen.print(text, markup=False)


def _show_look(done: Look) -> None:
    for each in done.pictures:
        led = f" → {each.place}" if each.place != each.page else ""
        screen.print(f"{each.page}{led}  {each.status or 'no answer'}", markup=False)
        if each.file:
            screen.print(f"  {done.folder / each.file}", markup=False, soft_wrap=True)
        for line in ([f"sent: {each.did}"] if each.did else []) + each.lacks:
            screen.print(f"  {line}", markup=False, soft_wrap=True)


def _show_sizes(sizes: dict[str, int]) -> None:
    for part, size in {**sizes, "together": sum(sizes.values())}.items():
        screen.print(f"{part:14} {size / 1e6:7.1f} MB", markup=False)


def _show_stage(done: Staged) -> None:
    _show_sizes(done.sizes)
    screen.print(f"in {sum(done.seconds.values()):.0f} s", markup=False)
    for each in done.findings:
        if each.id.startswith("pruned-"):
            screen.print(f"{each.what}; to ship it: {each.do}", markup=False, soft_wrap=True)
    if decisions := [each for each in done.findings if each.severity == DECIDE]:
        screen.print("\nworth a look:")
        _show_findings(decisions)
    screen.print(f"\n{done.folder}", markup=False)
