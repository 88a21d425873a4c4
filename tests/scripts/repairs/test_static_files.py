"""Static files that no clone has: from which packages they come, and the step that copies them."""

import json
import shutil

import pytest

from skill_scripts.offline.fetch import UnreachableError
from skill_scripts.offline.npm import Package
from skill_scripts.repairs import static_files
from tests.scripts import projects
from tests.scripts.documents import findings

pytestmark = pytest.mark.slow

SERVED = """
INSTALLED_APPS += ["django.contrib.staticfiles"]
STATICFILES_DIRS = [BASE_DIR / "assets"]
"""
PAGE = """
from django.http import HttpResponse
from django.urls import path

names = ["vendor/normalize.css/normalize.css", "js/htm.js", "img/logo.png"]
page = "".join(f"<img src=/static/{name}>" for name in names)
urlpatterns = [path("", lambda request: HttpResponse(page))]
"""
LISTED = {"dependencies": {"normalize.css": "8.0.1", "htm": "^3.1.1", "left-pad": "1"}}
FILES = {
    "normalize.css": ["normalize.css", "package.json"],
    "htm": ["dist/htm.js", "dist/htm.mjs", "mini/htm.js"],
}


@pytest.fixture
def root(make_project):
    files = {
        "site1/urls.py": PAGE,
        "package.json": json.dumps(LISTED),
        "assets/vendor/other.css": "a{}",
    }
    return projects.commit(make_project(files, settings=SERVED))


def packages(monkeypatch, answer):
    monkeypatch.setattr(static_files.Npm, "package", lambda _, name, version: answer(name, version))


def unpacked(name, version):
    return Package(name, version, "MIT", "", ("index.js",), dict.fromkeys(FILES[name], b""))


def test_the_packages_and_the_step_are_named(root, kit_json, monkeypatch):
    packages(monkeypatch, unpacked)

    (finding,) = findings(kit_json("survey", root), "frontend-build")

    assert finding["severity"] == "decide" and finding["place"] == "package.json"
    assert "package.json lists normalize.css, htm, and no build" in finding["what"]
    option = finding["do"].partition("frontend.build=")[2].rstrip("'")
    install, copy = json.loads(option)
    assert install[:2] == ["npm", "install"]
    assert copy[3:] == [
        "node_modules/normalize.css", "assets/vendor/normalize.css",
        "node_modules/htm/dist/htm.js", "assets/js/htm.js",
    ]  # fmt: skip


def test_without_npm_the_packages_are_named_all_the_same(root, kit_json, monkeypatch):
    def unreachable(*_):
        raise UnreachableError("npm is not installed")

    packages(monkeypatch, unreachable)

    (finding,) = findings(kit_json("survey", root), "frontend-build")

    assert "lists normalize.css, htm" in finding["what"] and "npm is not installed" in finding["do"]


@pytest.mark.network
@pytest.mark.skipif(not shutil.which("npm"), reason="npm brings the packages")
def test_the_step_that_is_offered_brings_the_files(root, kit, kit_json):
    (finding,) = findings(kit_json("survey", root), "frontend-build")
    option = finding["do"].partition("--set '")[2].rstrip("'")

    assert kit("adapt", root, "--set", option).exit_code == 0

    assert (root / "assets" / "vendor" / "normalize.css" / "normalize.css").is_file()
    assert "htm" in (root / "assets" / "js" / "htm.js").read_text(encoding="utf-8")
    assert not (root / "node_modules").exists()
    assert kit("remove", root).exit_code == 0
    assert projects.status(root) == []
