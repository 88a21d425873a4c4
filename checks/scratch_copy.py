"""A scratch copy of the target that answers under `/ddk-probe/`, and does what it is told to."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from checks.source import not_source
from checks.target import HERE, PAYLOAD, Target
from checks.verdicts import NotApplicable, NotRun

SETTINGS = re.compile(r"DJANGO_SETTINGS_MODULE[\"']\s*[,\]]\s*=?\s*[\"']([\w.]+)[\"']")


def make(target: Target, folder: Path) -> Target:
    """Copy the target to `folder` with the probe in it; environments are shared, not copied."""
    if target.runtime == "development":
        shutil.copytree(target.project, folder, ignore=not_source, symlinks=True)
        copy = replace(target, root=folder, project=folder, bundle=folder)
    else:
        folder.mkdir(parents=True)
        for part in target.bundle.iterdir():
            if part.name == "app":
                shutil.copytree(part, folder / "app", symlinks=True)
            else:
                (folder / part.name).symlink_to(part, target_is_directory=part.is_dir())
        copy = replace(target, root=folder, project=folder / "app", bundle=folder)
    add_probe(copy)
    return copy


@contextlib.contextmanager
def switched(copy: Target, name: str, text: str = "") -> Iterator[None]:
    """Let the probe do something at import while the block runs; `text` says what."""
    switch = copy.cwd / name
    switch.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        switch.unlink()


@contextlib.contextmanager
def bringing(copy: Target, folder: str) -> Iterator[Path]:
    """Let the copy bring a folder of the project along, as `media/FOLDER` in app data."""
    path = copy.project / PAYLOAD / "desktop.toml"
    if not path.is_file():
        raise NotApplicable("it has no desktop.toml to name files that come with it")
    text = path.read_text(encoding="utf-8")
    changed = _with_seed(text, folder)
    path.write_text(changed, encoding="utf-8")
    (copy.project / folder).mkdir()
    try:
        yield copy.project / folder
    finally:
        path.write_text(text, encoding="utf-8")
        shutil.rmtree(copy.project / folder)


def _with_seed(text: str, folder: str) -> str:
    """desktop.toml with one more seed. Raises NotRun where it is written in another form."""
    entry = f'{{ from = "{folder}", to = "media/{folder}" }}'
    data = tomllib.loads(text).get("data")
    if data is None:
        changed = f"{text}\n[data]\nseed = [{entry}]\n"
    elif "seed" in data:
        changed = re.sub(r"(?m)^seed\s*=\s*\[", f"seed = [{entry}, ", text, count=1)
    else:
        changed = re.sub(r"(?m)^\[data\].*$", f"[data]\nseed = [{entry}]", text, count=1)
    if not any(e["from"] == folder for e in tomllib.loads(changed)["data"].get("seed", [])):
        raise NotRun("[data] of its desktop.toml is written in a form that is not changed here")
    return changed


def insert_statement(source: str, statement: str) -> str:
    """`source` with `statement` as early as Python allows: after docstring and `__future__`,
    and after the first comments, which may name the encoding.

    Only this beginning is read: the rest may be written for a newer Python than ours.
    """
    after, words = 0, []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NEWLINE or (token.type == tokenize.COMMENT and not words):
            after, words = token.end[0], []
        elif token.type not in (tokenize.COMMENT, tokenize.NL):
            words.append(token.string)
            future = words[0] == "from" and words[1:2] in ([], ["__future__"])
            if not (future or token.type == tokenize.STRING):
                break
    lines = source.splitlines(keepends=True)
    if after and not lines[after - 1].endswith("\n"):
        lines[after - 1] += "\n"
    return "".join([*lines[:after], f"{statement}\n", *lines[after:]])


def add_probe(copy: Target) -> None:
    """Let a copy answer for the probe, whichever of its own entry points starts it."""
    shutil.copyfile(HERE / "probe.py", copy.cwd / "ddk_probe.py")
    shutil.copyfile(HERE / "probe_agent.py", copy.cwd / "ddk_agent.py")
    shutil.copyfile(HERE / "probe_tasks.py", copy.cwd / "ddk_tasks.py")
    shutil.copyfile(HERE / "red.pdf", copy.cwd / "ddk_red.pdf")
    shutil.copytree(HERE / "probe_app", copy.cwd / "ddk_probe_app", ignore=not_source)
    for path in {copy.manage_py, *_settings_files(copy)} - {None}:
        with tokenize.open(path) as file:
            source, encoding = file.read(), file.encoding
        path.write_text(insert_statement(source, "import ddk_probe"), encoding=encoding)


def _settings_files(copy: Target) -> list[Path]:
    """Files of the settings module that the project's own entry points name."""
    django = copy.manifest.get("django", {})
    named = {django.get("settings", "")}
    for path in [*copy.cwd.glob("*.py"), *copy.cwd.glob("*/wsgi.py")]:
        named |= set(SETTINGS.findall(path.read_text(encoding="utf-8", errors="replace")))
    roots = [copy.cwd, *(copy.project / path for path in django.get("path", []))]
    modules = [root / name.replace(".", "/") for name in filter(None, named) for root in roots]
    return [
        path
        for module in modules
        for path in (module.with_suffix(".py"), module / "__init__.py")
        if path.is_file()
    ]
