"""A module of the project in a folder that is not on the path."""

import pytest

from skill_scripts import desktop_toml
from skill_scripts.dependencies.declarations import Declarations
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import Failure, Raised
from skill_scripts.project.files import find_project
from skill_scripts.repairs.import_folder import Folder, add

pytestmark = pytest.mark.slow

KIND = "ModuleNotFoundError"


def test_a_module_beside_the_project_is_found(make_project, kit_json):
    root = make_project(
        {"src/mylib/__init__.py": "NAME = 'x'\n"}, settings="from mylib import NAME"
    )

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["path"] == ["src"]


def test_a_part_of_another_package_is_not_the_module(make_project):
    """It imports its neighbours relatively, so it is nothing without its package."""
    root = make_project({
        "lib/charts/__init__.py": "",
        "lib/charts/bars.py": "from .base import Chart\n",
        "lib/charts/base.py": "Chart = 1\n",
        "apps/__init__.py": "",
        "apps/notes/__init__.py": "from .base import Chart\n",
    })  # fmt: skip
    survey = Survey(find_project(root), desktop_toml.defaults(), Declarations())
    found = [add(survey, Failure("", (Raised(KIND, "", name, ()),))) for name in ("bars", "notes")]

    assert found == [None, Folder("apps", "notes")]
