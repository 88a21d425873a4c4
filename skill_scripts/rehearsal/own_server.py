"""The project as its authors start it: their settings, `runserver`, in a copy of its folder."""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from skill_scripts import desktop_toml
from skill_scripts.backend import HOST, interpreter_flags
from skill_scripts.dependencies.environment import Interpreter, bytecode_cache
from skill_scripts.findings.judge import LOCAL_MAIL
from skill_scripts.probe.facts import Facts
from skill_scripts.processes import MARK, Outcome, clean_environment, end_all, run_bounded
from skill_scripts.project.files import Project

PERSON = Path(__file__).with_name("own_person.py")
SMTP = "django.core.mail.backends.smtp."
# A sitecustomize.py: mail is taken and goes nowhere.
NO_MAIL = """
import smtplib


class Nowhere:
    def __init__(self, *given, **named):
        pass

    def __getattr__(self, name):
        return lambda *given, **named: {}


smtplib.SMTP = smtplib.SMTP_SSL = Nowhere
"""
LARGEST_COPY = 500_000_000  # bytes
MIGRATE_SECONDS = 300
START_SECONDS = 60
RAISED = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Configured|Exists|Exit)\b.*: ")


def reaches_out(project: Project, facts: Facts) -> str:
    """Why no form is sent to it: what it saves or sends would not stay in the copy. "" where
    nothing says so."""
    for alias, database in facts.databases.items():
        file = Path(database.name)
        # One in {app_data} lies beside the copy.
        is_copied = not file.is_absolute() or file.is_relative_to(project.root)
        if database.engine and not (database.sqlite and is_copied):
            return f"its database {alias} is no file of the project, so no form was sent to it"
    mail = str(facts.settings.get("EMAIL_BACKEND") or "")
    if mail and not any(known in mail for known in (*LOCAL_MAIL, SMTP)):
        return f"it sends mail by {mail}, so no form was sent to it"
    return "" if facts.databases else "its settings were not read, so no form was sent to it"


class NotStartedError(Exception):
    """Raised when the project does not come up this way here; the text is one line."""


class OwnServer:
    """A running `runserver`, in a `with` block; what it writes is gone afterwards."""

    def __init__(
        self,
        project: Project,
        settings: desktop_toml.Manifest,
        interpreter: Interpreter,
        first_run: Sequence[Sequence[str]],
    ) -> None:
        self.project, self.settings, self.interpreter = project, settings, interpreter
        self.first_run = first_run
        self.origin = ""
        self._mark = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        """Raises NotStartedError."""
        if not self.project.manage:
            raise NotStartedError("the project has no manage.py")
        self._scratch = tempfile.TemporaryDirectory(
            prefix="desktop-own-server-", ignore_cleanup_errors=True
        )
        try:
            self._start(Path(self._scratch.name).resolve())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            end_all(self._process, self._mark)
        assert self._scratch
        self._scratch.cleanup()

    def sign_in(self) -> dict[str, str]:
        """The cookie of somebody with an account; none where that cannot be made."""
        done = self._run(["shell", "-c", PERSON.read_text(encoding="utf-8")])
        with suppress(IndexError, ValueError, TypeError):
            name, value = json.loads(done.output.strip().splitlines()[-1])
            return {name: value}
        return {}

    def _start(self, scratch: Path) -> None:
        copy = scratch / "project"
        self._copy(copy)
        self._manage = copy / self.project.manage
        self._env = self._environment(scratch, copy)
        (scratch / "python").mkdir()
        (scratch / "python" / "sitecustomize.py").write_text(NO_MAIL, encoding="utf-8")
        unchecked: list[str] = []
        for command in (["migrate", "--noinput"], *self.first_run):
            done = self._run(command)
            if done.exit_code != 0 and "SystemCheckError" in done.output:
                # The app is served without these checks too, and pages are what is compared.
                unchecked = ["--skip-checks"]
                done = self._run([*command, *unchecked])
            if done.exit_code != 0:
                raise NotStartedError(f"{' '.join(command)}: {_reason(done.output)}")
        with socket.create_server((HOST, 0)) as found:
            port = found.getsockname()[1]
        self.origin = f"http://{HOST}:{port}"
        with (scratch / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*self._call, "runserver", "--noreload", *unchecked, f"{HOST}:{port}"],
                cwd=self._manage.parent, env={**self._env, MARK: self._mark},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._wait(port)

    @property
    def _call(self) -> list[str]:
        """The beginning of every command of the project."""
        python = self.interpreter.python
        flags = interpreter_flags(bytecode=bytecode_cache(python))
        return [str(python), *(each for each in flags if each != "-I"), str(self._manage)]

    def _run(self, command: Sequence[str]) -> Outcome:
        return run_bounded(
            [*self._call, *command], seconds=MIGRATE_SECONDS, cwd=self._manage.parent, env=self._env
        )

    def _wait(self, port: int) -> None:
        assert self._process
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection((HOST, port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise NotStartedError("runserver does not come up")

    def _copy(self, target: Path) -> None:
        """Copy the project without environments, packages of its front end and other caches."""
        root, size = self.project.root, 0
        for name in self.project.entries:
            if name.endswith("/"):
                (target / name).mkdir(parents=True, exist_ok=True)
                continue
            size += (root / name).stat().st_size
            if size > LARGEST_COPY:
                raise NotStartedError(f"the project is larger than {LARGEST_COPY / 1e6:.0f} MB")
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name)

    def _environment(self, scratch: Path, copy: Path) -> dict[str, str]:
        """The variables that the project needs, with values of its own."""
        django = self.settings["django"]
        own = {
            name: secrets.token_hex(32)
            if value == "generate:secret"
            else str(value).replace("{app_data}", str(scratch)).replace("{bundle}", str(scratch))
            for name, value in django["env"].items()
        }
        # Its authors have installed what it imports.
        folders = [scratch / "python", *(copy / each for each in django["path"])]
        own["PYTHONPATH"] = os.pathsep.join(map(str, folders))
        if django["settings"]:
            own["DJANGO_SETTINGS_MODULE"] = django["settings"]
        return clean_environment(own)


def _reason(output: str) -> str:
    """The line that names the exception, else the last one."""
    lines = output.strip().splitlines() or ["it does not come back"]
    return next(filter(RAISED.match, reversed(lines)), lines[-1])[:300]
