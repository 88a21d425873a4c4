"""ADP: what a repository looks like afterwards."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest

from checks import criteria
from checks.target import PAYLOAD, Target, manifest_schema
from checks.verdicts import NotApplicable, PrerequisiteError, Seen

MADE_LATER = {"node_modules", "staged", "dist", "__pycache__"}


@pytest.fixture(scope="session")
def record(target: Target) -> dict[str, str]:
    """Digests of the payload's files as `adapt` wrote them, by path in desktop-app/."""
    path = target.root / PAYLOAD / ".kit.json"
    if not path.is_file():
        raise NotApplicable("the target has no record of an adaptation (desktop-app/.kit.json)")
    return {name: str(digest) for name, digest in json.loads(path.read_text())["files"].items()}


@pytest.mark.criterion("ADP-1")
def test_only_additions(target: Target, record: dict[str, str], seen: Seen) -> None:
    """Changes no tracked file of the target."""
    assert record, "the record names no file"
    status = _git(target.root, "status", "--porcelain", "--no-renames", "--", ".").splitlines()
    changed = [
        line for line in status if line[:2] not in ("??", "A ", "AM") and PAYLOAD.name not in line
    ]
    assert not changed, f"tracked files are changed: {', '.join(changed[:5])}"
    seen(f"{len(status)} additions" if status else "clean")


@pytest.mark.criterion("ADP-2")
def test_not_ignored(target: Target, seen: Seen) -> None:
    """Has no payload file ignored by git."""
    payload = target.root / PAYLOAD
    if not payload.is_dir():
        raise NotApplicable("the target has no desktop-app/")
    paths = [
        path.relative_to(target.root).as_posix()
        for path in sorted(payload.rglob("*"))
        if path.is_file() and not any(map(_made_later, path.relative_to(payload).parts[:-1]))
    ]
    rules = _git(target.root, "check-ignore", "--no-index", "-v", "--", *paths).splitlines()
    # What desktop-app/.gitignore leaves out is meant to be left out, and a rule with ! lets in.
    ignored = [
        rule
        for rule in rules
        if not rule.startswith(f"{PAYLOAD.name}/") and not re.search(r":\d+:!", rule)
    ]
    assert not ignored, f"git ignores {', '.join(ignored[:3])}"
    seen(f"{len(paths)} files")


@pytest.mark.criterion("ADP-3")
def test_record(target: Target, record: dict[str, str], seen: Seen) -> None:
    """Has the payload files its record names."""
    payload = target.root / PAYLOAD
    changed = [name for name, digest in record.items() if _sha256(payload / name) != digest]
    assert not changed, f"these files changed since adapt: {', '.join(changed[:5])}"
    seen(f"{len(record)} files as recorded")


@pytest.mark.criterion("ADP-4")
def test_manifest(target: Target, seen: Seen) -> None:
    """Has a valid desktop.toml."""
    validator = jsonschema.Draft202012Validator(manifest_schema())
    errors = sorted(validator.iter_errors(target.manifest), key=lambda e: e.json_path)
    said = "; ".join(f"{e.json_path.removeprefix('$.')}: {e.message}" for e in errors[:3])
    assert not errors, said
    seen(target.manifest["app"]["identifier"])


@pytest.mark.criterion("ADP-5")
def test_spec_version(target: Target, seen: Seen) -> None:
    """Names a known version of the specification."""
    named = target.manifest.get("spec")
    assert named in criteria.VERSIONS, (
        f"spec is {named!r}; the suite knows {', '.join(criteria.VERSIONS)}"
    )
    seen(f"spec {named}")


def _made_later(folder: str) -> bool:
    """Whether a folder holds what tools make, not what is handed over."""
    return folder in MADE_LATER or folder.startswith(".")


def _git(root: Path, *arguments: str) -> str:
    try:
        result = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except FileNotFoundError:
        raise PrerequisiteError("git is not installed") from None
    if "not a git repository" in result.stderr:
        raise NotApplicable("the target is not in a git repository")
    return result.stdout


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
