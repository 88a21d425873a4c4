"""Projects that are adapted with their rehearsal, which other tests leave out."""

import pytest
from typer.testing import CliRunner

from skill_scripts.cli import app


@pytest.fixture
def kit():
    """Runs desktop-django with arguments."""

    def run(*arguments):
        return CliRunner().invoke(app, [str(each) for each in arguments])

    return run
