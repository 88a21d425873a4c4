"""survey: one document, and nothing else on standard output."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_json_is_the_only_thing_on_stdout_of_the_real_command(make_project):
    root = make_project(settings="print('noise'); import sys; print('more', file=sys.stderr)")

    command = [sys.executable, "-m", "skill_scripts", "survey", str(root), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)

    assert json.loads(done.stdout)["counts"]["blocked"] == 0
    assert done.stderr == ""


def test_a_plain_project_has_nothing_to_decide(make_project, kit):
    result = kit("survey", make_project(), "--json")

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert document["counts"]["decide"] == document["counts"]["blocked"] == 0
    assert document["facts"]["settings_module"] == "site1.settings"
    assert document["facts"]["landing"] == {"status": 200, "path": "/", "login": False}


def test_a_lazy_value_in_the_settings_is_left_alone(make_project, kit_json):
    root = make_project(
        settings="""
        from django.urls import reverse_lazy
        LOGIN_URL = LOGIN_REDIRECT_URL = reverse_lazy("home")
        """
    )
    assert kit_json("survey", root)["facts"]["error"] is None
