"""What does not fit what, where an import fails although everything is installed."""

from pathlib import Path

import pytest

from skill_scripts import desktop_toml
from skill_scripts.dependencies.declarations import Declarations
from skill_scripts.dependencies.environment import Private
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import Facts, Failure, Frame, Raised
from skill_scripts.project.files import find_project
from skill_scripts.repairs import older_packages
from skill_scripts.repairs.mismatch import find_mismatch
from skill_scripts.repairs.order import repair
from tests.scripts import projects

ROOT = Path("/project")
PACKAGES = "/project/.venv/lib/python3.12/site-packages"
FACTS = Facts(
    step="setup",
    python="3.12.1",
    search_path=("/project", "/usr/lib/python3.12", PACKAGES),
    packages={
        "django": ("Django", "5.2.1"),
        "old": ("django-old", "1.0"),
        "other": ("other", "9.0"),
    },
)


def failure(message, files):
    frames = tuple(Frame(file, 7, "") for file in files)
    return Failure(message, (Raised("ImportError", message, None, frames),))


def mismatch(message, *files):
    return find_mismatch(failure(message, files), FACTS, ROOT)


IN_OLD = ("/project/manage.py", f"{PACKAGES}/django/apps/config.py", f"{PACKAGES}/old/models.py")
IN_PROJECT = ("/project/manage.py", "/project/app/models.py")


@pytest.mark.parametrize(
    "message, name",
    [
        ("No module named 'UserDict'", "UserDict"),
        ("No module named 'imp'", "imp"),
        ("cannot import name 'Mapping' from 'collections' (/usr/lib/python3.12/c.py)",
         "collections.Mapping"),
        ("module 'collections' has no attribute 'Mapping'", "collections.Mapping"),
        ("No module named 'old.packages.six.moves'", "old.packages.six.moves"),
    ],
)  # fmt: skip
def test_a_package_too_old_for_python_is_named(message, name):
    found = mismatch(message, *IN_OLD)

    assert found.what == f"django-old 1.0 is too old for Python 3.12.1, which has no {name}"
    assert "--set 'python.extra=[\"django-old>1.0\"]'" in found.do
    assert ("a Python before 3.12" in found.do) == (name == "imp" or "six" in name)


def test_a_django_too_old_for_python_is_named():
    message = "cannot import name 'Iterator' from 'collections' (/usr/lib/python3.12/c.py)"
    found = mismatch(message, "/project/manage.py", f"{PACKAGES}/django/db/models/query.py")

    assert (
        found.what == "Django 5.2.1 is too old for Python 3.12.1, which has no collections.Iterator"
    )
    assert "--set 'python.extra=[\"Django>5.2.1\"]'" in found.do


@pytest.mark.parametrize(
    "message, name, gone",
    [
        ("No module named 'django.utils.six'", "django.utils.six", "3.0"),
        ("cannot import name 'ugettext' from 'django.utils.translation' (/x.py)",
         "django.utils.translation.ugettext", "4.0"),
    ],
)  # fmt: skip
def test_what_is_too_old_for_django_is_named(message, name, gone):
    package, project = mismatch(message, *IN_OLD), mismatch(message, *IN_PROJECT)

    assert package.what == f"django-old 1.0 is too old for Django 5.2.1, which has no {name}"
    assert "django-old>1.0" in package.do and f"django<{gone}" in package.do
    assert project.what.startswith("app/models.py:7 is too old for Django 5.2.1")
    assert project.do == (
        f"take an older Django (older than is supported): --set 'python.extra=[\"django<{gone}\"]'"
    )


def test_what_was_written_for_a_newer_django_is_named():
    message = "cannot import name 'storages' from 'django.core.files.storage' (/x.py)"
    package, project = mismatch(message, *IN_OLD), mismatch(message, *IN_PROJECT)

    assert package.what.startswith("django-old 1.0 does not fit Django 5.2.1, which has no ")
    assert "django-old<1.0" in package.do and "django>5.2.1" in package.do
    assert project.what.startswith("app/models.py:7 does not fit Django 5.2.1")
    assert project.do == "take a newer Django: --set 'python.extra=[\"django>5.2.1\"]'"


def test_a_package_too_new_for_what_uses_it_is_named():
    message = "cannot import name 'gone' from 'other.api' (/x.py)"
    package, project = mismatch(message, *IN_OLD), mismatch(message, *IN_PROJECT)

    assert package.what.startswith("other 9.0 does not fit django-old 1.0, for which it has no ")
    assert project.what.startswith("other 9.0 does not fit app/models.py:7")
    assert project.do == "take an older other: --set 'python.extra=[\"other<9.0\"]'"


def test_pkg_resources_comes_with_older_setuptools():
    found = mismatch("No module named 'pkg_resources'", *IN_OLD)

    assert "django-old 1.0 imports pkg_resources" in found.what
    assert "setuptools<81" in found.do


@pytest.mark.parametrize(
    "message",
    [
        "No module named 'yaml'",
        "cannot import name 'x' from partially initialized module 'other' "
        "(most likely due to a circular import)",
        "the moon is wrong",
    ],
)
def test_other_failures_are_no_mismatch(message):
    assert mismatch(message, *IN_PROJECT) is None


def test_packages_of_an_earlier_day_are_explained(tmp_path, monkeypatch):
    project = find_project(projects.project(tmp_path / "unpinned"))
    result = Survey(project, desktop_toml.defaults(), Declarations(), made=Private(tmp_path, []))
    result.facts = FACTS
    monkeypatch.setattr(older_packages.git, "last_change", lambda _: "2023-05-01T00:00:00+00:00")
    monkeypatch.setattr(
        older_packages, "make_environment", lambda folder, *_, **__: Private(folder, [])
    )
    message = "cannot import name 'gone' from 'other.api' (/x.py)"

    found = repair(result, failure(message, IN_OLD))

    assert found.id == "too-new"
    assert "(other 9.0 does not fit django-old 1.0," in found.what and "2023-05-01" in found.what
    assert "--set 'python.extra=[\"other<9.0\"]'" in found.do


def install(root, name, version, source):
    """A distribution in the project's own environment, as an installer leaves it."""
    packages = next(projects.environment(root / ".venv").glob("[Ll]ib*/**/site-packages"))
    information = f"{name}-{version}.dist-info"
    projects.write(
        packages,
        {
            f"{name}/__init__.py": source,
            f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{information}/RECORD": f"{name}/__init__.py,,\n{information}/METADATA,,\n",
        },
    )


def test_survey_names_the_package_and_the_option(tmp_path, kit_json):
    root = projects.project(tmp_path / "aged", settings="import ponytail")
    install(root, "ponytail", "0.3", "from UserDict import UserDict\n")

    findings = kit_json("survey", root)["findings"]

    (load,) = [each for each in findings if each["severity"] == "blocked"]
    assert "ponytail 0.3 is too old for Python 3" in load["do"]
    assert 'python.extra=["ponytail>0.3"]\'' in load["do"]
    assert '"UserDict"' not in load["do"]
