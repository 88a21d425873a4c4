"""Every linter, pinned in requirements/dev.txt or tools/package-lock.json."""

from __future__ import annotations

from pathlib import Path

from tools.places import ROOT, TOOLS
from tools.steps import run_all


def lint(_arguments: list[str]) -> int:
    """What pre-commit runs: the linters alone."""
    return run_all(linters())


def linters() -> dict[str, list[str]]:
    """Every linter by name, pinned in requirements/dev.txt or package-lock.json."""
    biome = TOOLS / "node_modules" / "@biomejs" / "biome" / "bin" / "biome"
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
    """The forms; config.yml beside them is not a form."""
    folder = ROOT / ".github" / "ISSUE_TEMPLATE"
    return [file for file in sorted(folder.glob("*.yml")) if file.name != "config.yml"]
