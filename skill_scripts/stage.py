"""Makes the bundle of an adapted project: Python, packages, app, static files, first data.

Built beside the last one and put in its place only when a backend has started from it.
"""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet

from skill_scripts import desktop_toml
from skill_scripts.backend import Backend, contract, interpreter_flags
from skill_scripts.bundle import bytecode, dates, first_run, pruning, runtime_manifest
from skill_scripts.bundle.source_files import Source, find_source
from skill_scripts.bundle.swap import replaced
from skill_scripts.dependencies import locking, web_view
from skill_scripts.dependencies.bundled_python import (
    DOWNLOADS,
    Runtime,
    fetch,
    find_build,
    inspect,
    place,
)
from skill_scripts.dependencies.platforms import Platform, choose, this_platform
from skill_scripts.errors import KitError
from skill_scripts.findings.finding import DECIDE, HANDLED, Finding
from skill_scripts.findings.surveyed import Progress
from skill_scripts.layer import record
from skill_scripts.layer.shells import shell_of
from skill_scripts.processes import WINDOWS, clean_environment
from skill_scripts.project.files import PAYLOAD_FOLDER, Project, find_project

STAGED = "staged"  # in desktop-app
CHILDREN = Path(__file__).parent / "bundle" / "child_overlay.py"
COMMAND_LIMIT_SECONDS = 900
START_LIMIT_SECONDS = 300
LEFT_OUT_WORTH_A_LOOK = ("database", "secret", "environment", "link out of the project")


@dataclass
class Staged:
    """A finished stage."""

    folder: Path
    manifest: dict[str, Any]
    sizes: dict[str, int]  # bytes by part
    seconds: dict[str, float] = field(default_factory=dict)  # by step
    findings: list[Finding] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The one JSON document of --json."""
        shown = {key: value for key, value in self.manifest.items() if key != "files"}
        return {
            "folder": str(self.folder),
            "sizes": self.sizes,
            "seconds": self.seconds,
            "findings": [each.as_dict() for each in self.findings],
            "manifest": shown,
        }


@dataclass(frozen=True)
class Resolution:
    """Whether the packages of a project are available for one platform."""

    platform: str
    python: str
    packages: int = 0
    built: tuple[str, ...] = ()  # pure Python, built from source
    blocking: str = ""  # the package at fault
    message: str = ""  # why not; "" if they can
    others: tuple[str, ...] = ()  # Pythons for which they can

    def as_dict(self) -> dict[str, Any]:
        """The platform's entry in the JSON document of --dry-run."""
        return {
            "platform": self.platform, "python": self.python, "ok": not self.message,
            "packages": self.packages, "built": list(self.built), "blocking": self.blocking,
            "message": self.message, "other_pythons": list(self.others),
        }  # fmt: skip

    def finding(self) -> Finding | None:
        """The decision that is needed, None if everything resolves."""
        if not self.message:
            return None
        do = (
            f"bundle an older Python: --set python.version={self.others[0]}" if self.others
            else "leave the package out: --set 'python.exclude=[\"NAME\"]', or name another version"
        )  # fmt: skip
        first, *others = self.message.splitlines()
        # The reason follows in lines of its own, under a head that says only that there is one.
        reason = " ".join(line.strip() for line in others if "No solution found" not in line)
        what = f"{first} {reason.removeprefix('cause: ') or 'uv says no more'}"
        return Finding(f"wheels-{self.platform}", DECIDE, what, do)


def plan(
    path: Path, *, platform: str = "", progress: Progress = lambda _: None
) -> list[Resolution]:
    """Find out for which platforms the packages are available. Writes nothing."""
    root, settings = _adapted(path)
    project = _project(root, settings)
    wanted = locking.read_wanted(project, settings)
    version = settings["python"]["version"]
    found = []
    for each in choose(platform):
        progress(f"choosing packages for {each.name}")
        try:
            lock = locking.make_lock(wanted, each, version)
        except KitError as error:
            progress(f"trying other Pythons for {each.name}")
            blocking = error.details.get("package", "")
            others = tuple(locking.other_versions(wanted, each, version, blocking))
            found.append(Resolution(each.name, version, blocking=blocking, message=error.message,
                                    others=others))  # fmt: skip
        else:
            found.append(Resolution(each.name, version, len(lock.names), lock.built))
    return found


def stage(
    path: Path,
    *,
    platform: str = "",
    downloads: Path = DOWNLOADS,
    mirror: str = "",
    allow_old_sqlite: bool = False,
    progress: Progress = lambda _: None,
) -> Staged:
    """Make desktop-app/staged of the adapted project in folder `path`.

    Raises KitError, with the last stage untouched, if it cannot be finished.
    """
    root, settings = _adapted(path)
    target = choose(platform)[0]
    if target != this_platform():
        raise KitError(
            "DDK-STG-13", f"this is {this_platform().name}, not {target.name}", platform=target.name
        )
    folder = root / PAYLOAD_FOLDER / STAGED
    with replaced(folder) as bundle:
        work = _Work(root, settings, target, bundle, progress)
        result = work.run(downloads.resolve(), mirror, allow_old_sqlite)
        result.folder = folder
    work.keep_lock()
    return result


def current(root: Path) -> dict[str, Any]:
    """The manifest of the project's stage, if it is one of the project as it is now.

    Raises KitError DDK-PKG-01 if there is none and DDK-PKG-02 if it is of an older state.
    """
    staged = runtime_manifest.read(root / PAYLOAD_FOLDER / STAGED)
    if staged is None:
        raise KitError("DDK-PKG-01", f"{root} has no finished stage", root=str(root))
    settings = _adapted(root)[1]
    changed = runtime_manifest.changes_since(staged, _source(_project(root, settings), settings))
    if changed:
        listed = ", ".join(changed[:5])
        raise KitError(
            "DDK-PKG-02", f"changed since: {listed}{' …' if len(changed) > 5 else ''}",
            root=str(root), changed=changed,
        )  # fmt: skip
    return staged


class _Work:
    """One stage in the making."""

    def __init__(
        self, root: Path, settings: desktop_toml.Manifest, platform: Platform, bundle: Path,
        progress: Progress,
    ) -> None:  # fmt: skip
        self.root, self.settings, self.platform = root, settings, platform
        self.bundle, self.progress = bundle, progress
        self.project = _project(root, settings)
        self.version = settings["python"]["version"]
        self.payload = bundle / "app" / PAYLOAD_FOLDER
        self.findings: list[Finding] = []
        self.seconds: dict[str, float] = {}

    def run(self, downloads: Path, mirror: str, allow_old_sqlite: bool) -> Staged:
        """Every step, in the order in which the likeliest failures come first."""
        with self._step("read the project"):
            source = _source(self.project, self.settings)
            build = find_build(self.platform, self.version, downloads)
        with self._step("choose packages"):
            self.lock = self._lock()
        with self._step("fetch Python"):
            unpacked = fetch(build, downloads=downloads, mirror=mirror)
            keep = {*self.settings["stage"]["keep"], *pruning.imported_modules(source)}
            keep |= shell_of(self.settings).keeps
            python = place(unpacked, self.bundle, self.platform, keep)
            runtime = inspect(python, build, allow_old_sqlite=allow_old_sqlite)
        with self._step("install packages"):
            locking.install_lock(self.lock, self._builder(unpacked, python), runtime.packages)
            self._require_django(runtime)
            self._judge_python(runtime)
            self._serve_children(runtime)
        with self._step("copy the app"):
            source.copy(self.bundle / "app")
            self._judge_left_out(source)
        with self._step("compile"):
            uncompiled = bytecode.compile_all(self.bundle, python)
        with self._step("collect static files"):
            self._collect(python)
        with self._step("prepare first data"):
            data = first_run.place(self.root)
            prepared = first_run.make(
                self.bundle, python, self.payload, data=data if data.is_file() else None,
                wanted=self.settings["data"]["prebuilt"],
            )  # fmt: skip
            self.findings += prepared.findings
        with self._step("leave out what nothing needs"):
            pruned = pruning.prune(self.bundle, prepared.languages, keep)
            self.findings += _left_out(pruned)
        with self._step("list parts"):
            runtime_manifest.write_parts(self.bundle, runtime, self.settings)
            self._open_to_all()
            (self.bundle / "lock.txt").write_text(self.lock.text, encoding="utf-8", newline="\n")
            content = runtime_manifest.write_manifest(
                self.bundle, platform=self.platform, runtime=runtime, settings=self.settings,
                source=source, allow_old_sqlite=allow_old_sqlite,
                version=runtime_manifest.write_version(self.bundle, self.root, self.settings),
                uncompiled=uncompiled, pruned=pruned,
                findings=[each for each in self.findings if each.severity == DECIDE],
            )  # fmt: skip
        with self._step("start it once"):
            self._start(python)
            self._require_unchanged(content)
            dates.set_by_content(self.bundle, content["files"])
        sizes = runtime_manifest.sizes(self.bundle)
        return Staged(self.bundle, content, sizes, self.seconds, self.findings)

    def keep_lock(self) -> None:
        """Keep the chosen versions for the next stage, once this one has proved them."""
        locking.write_lock(self._lock_file, self.lock, self._fingerprint)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self.progress(name)
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 2)

    def _lock(self) -> locking.Lock:
        wanted = locking.read_wanted(self.project, self.settings)
        self._lock_file = locking.lock_file(self.root, self.platform, self.version)
        self._fingerprint = wanted.fingerprint(self.platform, self.version)
        if wanted.left_out:
            listed = ", ".join(wanted.left_out)
            self.findings.append(Finding("left-out", HANDLED, f"these are not installed: {listed}"))
        asks = wanted.requires_python
        if asks and not any(SpecifierSet(asks).contains(f"{self.version}.{n}") for n in (0, 99)):
            what = f"the project asks for Python {asks}, bundled is {self.version}"
            self.findings.append(
                Finding("python-version", DECIDE, what, "it works, or --set python.version=VERSION")
            )
        if lock := locking.read_lock(self._lock_file, self._fingerprint):
            return lock
        try:
            return locking.make_lock(wanted, self.platform, self.version)
        except KitError as error:
            blocking = error.details.get("package", "")
            others = locking.other_versions(wanted, self.platform, self.version, blocking)
            if others and error.code in ("DDK-STG-10", "DDK-STG-11"):
                raise KitError(
                    error.code, error.message,
                    remedy=f"It would with Python {', '.join(others)}. If you decide so: "
                    f"desktop-django adapt {self.root} --set python.version={others[0]}",
                    **error.details, others=others,
                ) from None  # fmt: skip
            raise

    def _builder(self, unpacked: Path, python: Path) -> Path:
        """The interpreter to install for: where a package is built, the one with headers."""
        shell = shell_of(self.settings)
        if not shell.built:
            return python
        whole = unpacked / python.relative_to(self.bundle / "python")
        web_view.require(shell, web_view.missing(shell, whole))
        return whole

    def _require_django(self, runtime: Runtime) -> None:
        server = "uvicorn, wsproto" if self.settings["django"]["server"] == "asgi" else "waitress"
        code = f"import django, {server}, whitenoise; print(django.get_version())"
        done = self._run([str(runtime.python), "-I", "-B", "-c", code])
        if done.returncode:
            last = (done.stdout.strip().splitlines() or [""])[-1]
            raise KitError("DDK-STG-14", f"the bundled Python cannot import Django: {last}")

    def _judge_python(self, runtime: Runtime) -> None:
        if found := locking.unsupported(runtime.packages, runtime.version):
            listed = ", ".join(f"{name} asks for Python {asks}" for name, asks in found.items())
            self.findings.append(
                Finding(
                    "python-of-packages",
                    DECIDE,
                    f"{listed}; bundled is {runtime.version}",
                    "try what uses it, or --set python.version=VERSION",
                )
            )

    def _serve_children(self, runtime: Runtime) -> None:
        """Python children get the overlay too, see child_overlay.py."""
        name = "desktop_django_children"
        shutil.copyfile(CHILDREN, runtime.packages / f"{name}.py")
        (runtime.packages / f"{name}.pth").write_text(f"import {name}\n", encoding="utf-8")

    def _judge_left_out(self, source: Source) -> None:
        for why in LEFT_OUT_WORTH_A_LOOK:
            if names := [name for name, reason in source.left_out.items() if reason == why]:
                more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                self.findings.append(
                    Finding(
                        f"not-shipped-{why.split()[0]}",
                        DECIDE,
                        f"these files are not shipped ({why}): {', '.join(names[:3])}{more}",
                        "if the app reads it: --set 'stage.include=[\"PATH\"]'",
                    )
                )

    def _collect(self, python: Path) -> None:
        (self.bundle / "staticfiles").mkdir()
        with tempfile.TemporaryDirectory(prefix="desktop-static-") as app_data:
            done = self._run(
                [str(python), *interpreter_flags(), str(self.payload / "launch.py"), "manage",
                 "collectstatic", "--noinput", "--verbosity", "0"], app_data,
            )  # fmt: skip
        if done.returncode and "Unknown command: 'collectstatic'" not in done.stdout:
            raise KitError("DDK-STG-15", f"collectstatic failed:\n{done.stdout[-3000:]}")

    def _open_to_all(self) -> None:
        """What the app made here is its user's alone; who installs a bundle is another one."""
        for path in self.bundle.rglob("*"):
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))

    def _start(self, python: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="desktop-start-") as scratch:
            app_data = Path(scratch).resolve() / "app data ü"
            log = Path(scratch, "stderr.log")
            command = [str(python), *interpreter_flags(), str(self.payload / "launch.py")]
            backend = Backend(
                command, self._contract(app_data, bare=True), self.bundle / "app", log
            )
            watch = threading.Timer(START_LIMIT_SECONDS, backend.process.kill)
            watch.start()
            try:
                events = []
                for event in backend.events():
                    events.append(event)
                    if event["event"] == "ready":
                        break
            finally:
                exit_code = backend.stop()
                watch.cancel()
            if not events or events[-1]["event"] != "ready" or exit_code:
                message = events[-1].get("message", "") if events else ""
                output = log.read_text(encoding="utf-8", errors="replace")[-3000:]
                raise KitError(
                    "DDK-STG-17", f"{message or 'it never became ready'}\n{output}", exit=exit_code
                )

    def _require_unchanged(self, content: dict[str, Any]) -> None:
        now = runtime_manifest.file_hashes(self.bundle)
        before = content["files"]
        changed = sorted(
            name for name in {*now, *before} if now.get(name) != before.get(name)
        )  # fmt: skip
        if changed:
            raise KitError("DDK-STG-19", f"the app wrote {changed[0]}", changed=changed)

    def _run(self, command: list[str], app_data: str = "") -> subprocess.CompletedProcess[str]:
        environment = self._contract(Path(app_data).resolve()) if app_data else clean_environment()
        try:
            return subprocess.run(
                command, cwd=self.bundle, env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
                errors="replace", timeout=COMMAND_LIMIT_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise KitError("DDK-STG-15", f"{command[-4:]} took more than 15 minutes") from error

    def _contract(self, app_data: Path, *, bare: bool = False) -> dict[str, str]:
        """The variables of the contract; `bare`: and only what Windows cannot do without."""
        kept = {"SYSTEMROOT", "TEMP", "TMP"} if WINDOWS else set()
        inherited = {name: each for name, each in clean_environment().items()
                     if not bare or name.upper() in kept}  # fmt: skip
        return inherited | contract(app_data, self.bundle, "packaged")


def _left_out(pruned: pruning.Pruned) -> Iterator[Finding]:
    for name, size in pruned.saved.items():
        if size:
            rest = f" into others than {', '.join(pruned.spoken)}" * (name == pruning.TRANSLATIONS)
            what = f"not in the bundle: {name}{rest}, {size / 1e6:.1f} MB"
            yield Finding(f"pruned-{name}", HANDLED, what, f"--set 'stage.keep=[\"{name}\"]'")


def _adapted(path: Path) -> tuple[Path, desktop_toml.Manifest]:
    root = path.resolve()
    file = root / PAYLOAD_FOLDER / desktop_toml.FILE_NAME
    # The reference app has no record: it is the original of what adapt copies.
    if record.read(root) is None and not (file.parent / "launch.py").is_file():
        raise KitError("DDK-ADP-09", f"{path} is not adapted", root=str(root))
    return root, desktop_toml.read(file)


def _project(root: Path, settings: desktop_toml.Manifest) -> Project:
    return find_project(root, settings["django"]["manage"], settings["django"]["settings"])


def _source(project: Project, settings: desktop_toml.Manifest) -> Source:
    return find_source(project.root, settings, project.folder)
