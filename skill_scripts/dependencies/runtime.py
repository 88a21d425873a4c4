"""What the runtime itself imports: a few packages beside the project's environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skill_scripts.dependencies.environment import Interpreter, install
from skill_scripts.layer.payload import payload_files

PACKAGES = ".packages"  # in the layer


def runtime_requirements(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The files of the layer that pin what the runtime imports, for the server it uses."""
    if settings["django"]["server"] == "asgi":
        return ("requirements.txt", "requirements-asgi.txt")
    return ("requirements.txt",)


def install_runtime(folder: Path, interpreter: Interpreter, settings: Mapping[str, Any]) -> None:
    """Install what the runtime in `folder` imports; the project's environment stays as it is."""
    own = payload_files()
    files = [
        folder / name if (folder / name).is_file() else own[name]
        for name in runtime_requirements(settings)
    ]
    requirements = [file.read_text(encoding="utf-8") for file in files]
    install(interpreter.python, requirements, target=folder / PACKAGES, compile_bytecode=True)


def lacks_packages(folder: Path, settings: Mapping[str, Any]) -> bool:
    """Whether there are none in this clone, or not those of the server that was decided on."""
    last = "uvicorn" if settings["django"]["server"] == "asgi" else ""
    return not (folder / PACKAGES / last).is_dir()
