"""What a project's own modules import, and which package that is."""

import pytest

from skill_scripts.dependencies.imports import absent, imported
from skill_scripts.dependencies.mapping import candidates, package_of
from skill_scripts.project.files import find_project
from tests.scripts import projects
from tests.scripts.documents import findings


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("PIL", "pillow"),
        ("bs4", "beautifulsoup4"),
        ("rest_framework", "djangorestframework"),
        ("requests", "requests"),
        ("jwt", "pyjwt"),  # and a package jwt, which few want
        ("captcha", ""),  # of two packages that as many want
        ("google", ""),  # of many
        ("bootstrap5", ""),  # of one whose name another has
        ("utils", ""),  # a module that a project forgot to commit
        ("config", ""),
        ("no_such_module_anywhere", ""),
    ],
)
def test_a_package_is_known_beyond_doubt_or_not_at_all(module, package):
    assert package_of(module) == package


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("captcha", ["captcha", "django-simple-captcha"]),
        ("bootstrap5", ["django-bootstrap-v5", "django-bootstrap5"]),
        ("djmoney", ["django-money"]),
        ("utils", []),
        ("no_such_module_anywhere", []),
    ],
)
def test_who_decides_is_told_which_packages_may_be_meant(module, names):
    assert candidates(module) == names


def test_what_the_applications_need_is_read_once(tmp_path):
    files = {
        "shop/__init__.py": "",
        "shop/apps.py": "",
        "shop/pdf.py": """\
            import json, reportlab.lib
            from . import apps
            from shop import apps as own
            try:
                import lxml
            except ImportError:
                lxml = None
            if TYPE_CHECKING:
                import mypy_extensions

            def later():
                with open("x"):
                    from qrcode.main import QRCode
            """,
        "shop/models.py": "class Shoe:\n    picture = models.ImageField()\n",
        "shop/tests.py": "import factory",
        "shop/tests/test_it.py": "import faker",
        "shop/broken.py": "import (",
        "scripts/import_all.py": "import tensorflow",
        "site1/settings.py": projects.SETTINGS + "import debug_toolbar",
    }
    found = imported(find_project(projects.project(tmp_path, files)))

    assert found == {
        "PIL": "shop/models.py:2",  # Django imports it for such a field
        "django": "site1/urls.py:1",
        "qrcode": "shop/pdf.py:13",
        "reportlab": "shop/pdf.py:1",
    }


def test_what_an_interpreter_lacks(shared_environment):
    python = shared_environment / "bin" / "python"
    assert absent(python, ["django", "qrcode", "json"]) == {"qrcode"}
    assert absent(python, []) == set()


@pytest.mark.slow
@pytest.mark.network
def test_what_is_imported_later_is_installed_or_asked_for(tmp_path, kit_json):
    """Nothing of it is needed to load the project."""
    urls = projects.URLS + "\n\ndef later():\n    import yaml\n    import no_such_module_anywhere\n"
    files = {"requirements.txt": "django<6\n", "site1/urls.py": urls}

    document = kit_json("survey", projects.project(tmp_path / "bare", files))

    assert document["manifest"]["python"]["extra"] == ["pyyaml"]
    asked, done = sorted(findings(document, "undeclared"), key=lambda each: each["severity"])
    assert done["severity"] == "handled" and "pyyaml" in done["what"]
    assert done["place"] == "site1/urls.py:8"
    assert asked["severity"] == "decide" and asked["what"].startswith("no_such_module_anywhere is")


@pytest.mark.slow
@pytest.mark.network
def test_a_version_that_only_a_dockerfile_names_counts(tmp_path, kit_json):
    dockerfile = "FROM python\nRUN pip install -U 'django==4.2.*' \"PyYAML<7\" && rm -rf /tmp\n"
    files = {
        "Dockerfile": dockerfile,
        "site1/urls.py": "import yaml\n" + projects.URLS,
    }
    document = kit_json("survey", projects.project(tmp_path / "bare", files))

    assert document["manifest"]["python"]["extra"] == ["django==4.2.*", "PyYAML<7"]
    assert document["facts"]["django"].startswith("4.2.")
