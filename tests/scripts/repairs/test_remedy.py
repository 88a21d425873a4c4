"""What a person is told where nothing can be repaired."""

import pytest

pytestmark = pytest.mark.slow


def test_a_file_that_is_in_no_clone_is_named_with_its_example(make_project, kit_json):
    files = {"site1/local/secrets.py.example": "PASSWORD = 'x'"}
    root = make_project(files, settings="from site1.local.secrets import PASSWORD")

    document = kit_json("survey", root)

    (finding,) = [each for each in document["findings"] if each["severity"] == "blocked"]
    assert "site1.local.secrets is a file of the project" in finding["do"]
    assert "site1/local/secrets.py.example shows what it holds" in finding["do"]


def test_the_packages_that_may_be_meant_are_named(make_project, kit_json):
    root = make_project(settings='INSTALLED_APPS += ["bootstrap5"]')

    (finding,) = [
        each for each in kit_json("survey", root)["findings"] if each["severity"] == "blocked"
    ]
    assert "(django-bootstrap-v5 or django-bootstrap5)" in finding["do"]
    assert "--set 'python.extra=[\"django-bootstrap-v5\"]'" in finding["do"]
