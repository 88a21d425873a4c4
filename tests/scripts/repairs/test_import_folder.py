"""A module of the project in a folder that is not on the path."""

import pytest

pytestmark = pytest.mark.slow


def test_a_module_beside_the_project_is_found(make_project, kit_json):
    root = make_project(
        {"src/mylib/__init__.py": "NAME = 'x'\n"}, settings="from mylib import NAME"
    )

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["path"] == ["src"]
