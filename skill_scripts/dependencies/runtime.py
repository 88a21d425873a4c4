"""What the runtime itself imports: two packages beside the project's environment."""

from pathlib import Path

from skill_scripts.dependencies.environment import Interpreter, install

PACKAGES = ".packages"  # in the layer


def install_runtime(folder: Path, interpreter: Interpreter) -> None:
    """Install what the runtime in `folder` imports; the project's environment stays as it is."""
    requirements = (folder / "requirements.txt").read_text(encoding="utf-8")
    install(interpreter.python, [requirements], target=folder / PACKAGES, compile_bytecode=True)
