"""The development data: other data take their place, and nothing is lost when that is killed."""

import signal
import subprocess
import sys

import pytest

from skill_scripts.development import finish_replacing
from skill_scripts.importing.data import _scratch
from tests.scripts import projects

# Ends itself before the rename whose number it is given, as a kill from outside would.
REPLACE = """
import os, signal, sys
from pathlib import Path
from skill_scripts.development import replace
left = int(sys.argv[1])

def count(event, _):
    global left
    if event == "os.rename":
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
app_data = Path(sys.argv[2])
replace(app_data, app_data.with_name("app-importing-999999999") / "data")
"""


@pytest.fixture
def app_data(tmp_path):
    projects.write(tmp_path, {"app/rows": "old", "app-importing-999999999/data/rows": "new"})
    return tmp_path / "app"


def replace(app_data, renames):
    """Replace the data, killed after so many renames; whether it came to its end."""
    command = [sys.executable, "-c", REPLACE, str(renames), str(app_data)]
    code = subprocess.run(command, check=False).returncode
    assert code in (0, -signal.SIGKILL)
    return code == 0


def found(app_data):
    return sorted(file.read_text(encoding="utf-8") for file in app_data.parent.rglob("rows"))


@pytest.mark.skipif(sys.platform == "win32", reason="a process there is not killed by a signal")
@pytest.mark.parametrize(("renames", "in_place"), [(0, "old"), (1, "old"), (2, "new"), (3, "new")])
def test_a_replacement_that_is_killed_loses_nothing(app_data, renames, in_place):
    assert replace(app_data, renames) == (renames == 3)

    finish_replacing(app_data)
    with _scratch(app_data):  # where an import is begun, what killed ones left is removed
        pass

    assert (app_data / "rows").read_text(encoding="utf-8") == in_place
    # Before the first rename the new data are what a killed import left, and the old are in use.
    assert found(app_data) == (["old"] if renames == 0 else ["new", "old"])
    assert not finish_replacing(app_data)


def test_complete_data_that_came_too_late_are_set_aside(app_data):
    projects.write(app_data.parent, {"app-complete/rows": "late"})

    said = finish_replacing(app_data)

    aside = app_data.with_name("app-set-aside-1")
    assert said.endswith(str(aside)) and (aside / "rows").read_text(encoding="utf-8") == "late"
    assert (app_data / "rows").read_text(encoding="utf-8") == "old"
