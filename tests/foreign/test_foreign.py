"""The main job on real projects: survey, adapt, check, remove, without an edit in the target."""

from __future__ import annotations

from pathlib import Path

import pytest

from .page import figures
from .projects import PROJECTS, Project
from .table import Journey

QUICK = [project for project in PROJECTS if project.quick]


@pytest.mark.network
@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("project", QUICK, ids=lambda project: project.name)
def test_journey(project: Project, tmp_path: Path, record_property, capsys) -> None:
    row = Journey(project, tmp_path / project.name).run()
    record_property("row", figures([row]))
    with capsys.disabled():
        print(f"\n{figures([row]).splitlines()[-1]}")
    if row.verdict == "not here":
        pytest.skip(row.problems[0])
    assert not row.problems
    assert not row.failed
    assert row.files_added
