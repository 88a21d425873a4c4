"""What is judged: its manifest, its interpreter and the way it wants to be started.

Files of the target are read, never imported: nothing of it runs in this process.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checks import bundle as bundles

HERE = Path(__file__).resolve().parent
PAYLOAD = Path("desktop-app")
WINDOWS = os.name == "nt"
PYTHON_IN = Path("Scripts/python.exe") if WINDOWS else Path("bin/python")
ENVIRONMENTS = (PAYLOAD / ".venv", Path(".venv"), Path("venv"), Path("env"))

# What opens a shell of the kit that runs in the project's Python, by `[app] shell`.
SHELL_SCRIPTS = {"toga": "toga/shell.py"}
ISOLATED = ("-I", "-B", "-u", "-X", "utf8")

# What a shell passes on of the user's environment.
ALLOWED = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "DISPLAY", "WAYLAND_DISPLAY"}
    | {"SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
    | {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"}
    | {"LOCALAPPDATA", "PROGRAMDATA", "USERNAME", "HOMEDRIVE", "HOMEPATH", "NUMBER_OF_PROCESSORS"}
)
ALLOWED_PREFIXES = ("LC_", "XDG_")

CONTRACT = {
    "DESKTOP_DJANGO_HOST": "{host}",
    "DESKTOP_DJANGO_PORT": "{port}",
    "DESKTOP_DJANGO_AUTH_TOKEN": "{token}",
    "DESKTOP_DJANGO_APP_DATA_DIR": "{app_data}",
    "DESKTOP_DJANGO_BUNDLE_DIR": "{bundle}",
    "DESKTOP_DJANGO_RUNTIME_MODE": "{mode}",
}
STAGES = {"development": "adapted", "staged": "staged", "packaged": "packaged"}


class TargetError(Exception):
    """Raised when there is nothing to judge; the run ends with exit code 2."""

    def __init__(self, code: int, message: str, meaning: str, remedy: str) -> None:
        super().__init__(message)
        self.code = f"DDK-CHK-{code:02}"
        self.message, self.meaning, self.remedy = message, meaning, remedy

    def __str__(self) -> str:
        return f"error {self.code}: {self.message}\n  means: {self.meaning}\n  do: {self.remedy}"


@dataclass(frozen=True)
class Target:
    """A project as the suite sees it. Paths are absolute."""

    root: Path
    manifest: dict[str, Any]
    runtime: str
    python: Path
    bundle: Path
    """What the backend is told is its bundle, and must not change."""
    project: Path
    """The folder that holds the project's code and `desktop-app/`."""
    extra: dict[str, str] = field(default_factory=dict)
    """Further variables for the environment."""
    bytecode: Path | None = None
    """Where starts from the sources keep their bytecode; None: in the app data, as the kit does."""

    @property
    def stage(self) -> str:
        """The stage of SPEC.md this run judges."""
        return STAGES[self.runtime]

    @property
    def backend(self) -> dict[str, Any]:
        """The `[backend]` table: empty for a target adapted by the kit."""
        return self.manifest.get("backend", {})

    @property
    def shell_command(self) -> list[str]:
        """The command line that opens its own shell, or the kit's that runs in its Python; empty:
        Electron opens it."""
        if command := self.manifest.get("shell", {}).get("command"):
            return self._fill(command, {})
        script = SHELL_SCRIPTS.get(self.manifest.get("app", {}).get("shell", ""))
        if not script:
            return []
        staged = [] if self.runtime == "development" else ["--staged"]
        return [str(self.python), *ISOLATED, str(self.project / PAYLOAD / script), *staged]

    @property
    def home(self) -> str:
        """Path of the first page."""
        return self.manifest.get("app", {}).get("home", "/")

    @property
    def first_account(self) -> bool:
        """Whether its first launch asks for the first account."""
        login = self.manifest.get("login", {})
        return login.get("first_account", False) and not login.get("user")

    @property
    def signs_in(self) -> bool:
        """Whether it signs the person in who opens it."""
        return self.first_account or bool(self.manifest.get("login", {}).get("user"))

    @property
    def health_path(self) -> str:
        """Path of the readiness address."""
        return self.backend.get("health_path") or self.manifest.get("django", {}).get(
            "health_path", "/health/"
        )

    @property
    def bootstrap_path(self) -> str:
        """Path of the address that sets the session cookie."""
        return self.backend.get("bootstrap_path", "/desktop-auth/bootstrap/")

    @property
    def serves_asgi(self) -> bool:
        """Whether its server may be asked for websockets."""
        return self.manifest.get("django", {}).get("server") == "asgi"

    @property
    def workers(self) -> list[list[str]]:
        """What runs beside its backend, each as words."""
        declared = self.manifest.get("workers", [])
        return [each.get("command") or [each["module"], *each.get("args", [])] for each in declared]

    @property
    def has_redis(self) -> bool:
        """Whether its backend may start a Redis server for a worker."""
        return any(each.get("redis") for each in self.manifest.get("workers", []))

    @property
    def header(self) -> str:
        """Name of the header that carries the token."""
        return self.backend.get("header", "X-Desktop-Django-Token")

    @property
    def stop(self) -> str:
        """How it is asked to end: "stdin" (end of file) or "signal"."""
        return self.backend.get("stop", "stdin")

    @property
    def cwd(self) -> Path:
        """Folder a start happens in."""
        if "cwd" in self.backend:
            return (self.project / self.backend["cwd"]).resolve()
        return self.manage_py.parent if self.manage_py else self.project

    @property
    def manage_py(self) -> Path | None:
        """The project's own entry point, when it has one."""
        name = self.manifest.get("django", {}).get("manage", "manage.py")
        path = self.project / name
        return path if name and path.is_file() else None

    def command(self, values: dict[str, str]) -> list[str]:
        """The command line that starts the backend; `values` fill the placeholders."""
        if "command" in self.backend:
            return self._fill(self.backend["command"], values)
        return [*self._launch(values), str(self.project / PAYLOAD / "launch.py")]

    def manage_command(self, values: dict[str, str], *arguments: str) -> list[str] | None:
        """The command line of a management command; None where the target names no way."""
        if "command" in self.backend:
            if "manage" not in self.backend:
                return None
            return [*self._fill(self.backend["manage"], values), *arguments]
        return [*self.command(values), "manage", *arguments]

    def environment(self, values: dict[str, str]) -> dict[str, str]:
        """The allow-listed environment of a start."""
        passed = set(ALLOWED)
        if self.runtime == "development":
            passed |= {"DJANGO_SETTINGS_MODULE", *self.manifest.get("django", {}).get("env", {})}
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name.upper() in passed or name.startswith(ALLOWED_PREFIXES) or name in passed
        }
        names = self.backend.get("env", CONTRACT)
        own = {name: self._fill([text], values)[0] for name, text in names.items()}
        return inherited | own | self.extra

    def _launch(self, values: dict[str, str]) -> list[str]:
        if self.runtime == "development":
            bytecode = self.bytecode or Path(values["app_data"], "pycache")
            flags = ["-I", "-u", "-X", "utf8", "-X", f"pycache_prefix={bytecode}"]
            return [str(self.python), *flags]
        return [str(self.python), *ISOLATED]

    def _fill(self, texts: list[str], values: dict[str, str]) -> list[str]:
        known = {
            "python": str(self.python),
            "project": str(self.project),
            "bundle": str(self.bundle),
            "mode": "development" if self.runtime == "development" else "packaged",
            **values,
        }
        return [re.sub(r"\{(\w+)\}", lambda m: known.get(m[1], m[0]), text) for text in texts]


def open_target(
    path: Path, runtime: str = "development", app: Path | None = None, manifest: Path | None = None
) -> Target:
    """Read what is at `path`. Raises TargetError with the reason there is nothing to judge."""
    root = path.expanduser().absolute()
    if not root.exists():
        raise TargetError(
            1, f"there is no {path}", "the folder to judge does not exist.", "correct --target."
        )
    if not root.is_dir():
        raise TargetError(
            2,
            f"{path} is a file",
            "a target is the folder of a project.",
            "give the folder that holds desktop-app/.",
        )
    root = root.resolve()
    table = read_manifest(root, manifest)
    if runtime == "development":
        python = find_python(root, table)
        return Target(root, table, runtime, python, bundle=root, project=root)
    bundle = find_bundle(root, runtime, app)
    python = bundle / ("python/python.exe" if WINDOWS else "python/bin/python3")
    if not python.exists():
        raise TargetError(
            6,
            f"{bundle} has no Python",
            "the bundle is not finished.",
            f"run: desktop-django stage {path}",
        )
    if runtime == "staged":
        _refuse_stale(bundle, root)
    return Target(root, table, runtime, python, bundle=bundle, project=bundle / "app")


def _refuse_stale(bundle: Path, root: Path) -> None:
    """A bundle of an older state would be judged in place of what the project is now."""
    try:
        changed = bundles.changes_since(bundle, root)
    except ValueError as error:
        changed = [str(error)]
    if changed:
        raise TargetError(
            10,
            f"{bundle} is not of the project as it is now: {', '.join(changed[:3])}",
            "the project was changed after it was staged, or staging was not finished.",
            f"run: desktop-django stage {root}",
        )


def read_manifest(root: Path, manifest: Path | None = None) -> dict[str, Any]:
    """The tables of `desktop.toml` or of the file given instead."""
    path = manifest or root / PAYLOAD / "desktop.toml"
    if not path.is_file():
        raise TargetError(
            3,
            f"no {path.name} at {path.parent}",
            "this is not (yet) a desktop project: nothing says how to start it.",
            f"run: desktop-django adapt {root}, or describe it in a file and give --manifest FILE.",
        )
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TargetError(
            4, f"{path} cannot be read: {error}", "it is not valid TOML.", "correct that line."
        ) from error


def find_python(root: Path, manifest: dict[str, Any]) -> Path:
    """The interpreter of a development run: the one named or noted, the target's own, else this."""
    if named := manifest.get("python", {}).get("interpreter"):
        path = root / named
        if not path.exists():
            raise TargetError(
                5,
                f"the interpreter {path} does not exist",
                "[python].interpreter in desktop.toml names it.",
                "correct the name, or leave it empty to have it found.",
            )
        return path
    note = root / PAYLOAD / ".interpreter"  # of an environment that lies elsewhere
    if note.is_file():
        return Path(note.read_text(encoding="utf-8").strip())
    for folder in ENVIRONMENTS:
        if (root / folder / PYTHON_IN).exists():
            return root / folder / PYTHON_IN
    return Path(sys.executable)


def find_bundle(root: Path, runtime: str, app: Path | None) -> Path:
    """The staged bundle of the target, or the one inside a packaged application."""
    if runtime == "staged":
        bundle = root / PAYLOAD / "staged"
        if not bundle.is_dir():
            raise TargetError(
                6,
                f"there is no staged bundle at {bundle}",
                "--runtime staged judges what `stage` has made.",
                f"run: desktop-django stage {root}",
            )
        return bundle
    if app is None or not app.exists():
        raise TargetError(
            7,
            "no packaged application was given" if app is None else f"there is no {app}",
            "--runtime packaged judges a built application.",
            "give --app PATH: the unpacked application folder.",
        )
    folder = app if app.is_dir() else app.parent
    for manifest in sorted(folder.rglob("runtime-manifest.json")):
        return manifest.parent.resolve()
    raise TargetError(
        7,
        f"{app} holds no bundle",
        "no runtime-manifest.json was found in it.",
        "package it with: desktop-django package",
    )


def manifest_schema() -> dict[str, Any]:
    """The published JSON Schema of `desktop.toml`."""
    return json.loads((HERE / "desktop.schema.json").read_text(encoding="utf-8"))
