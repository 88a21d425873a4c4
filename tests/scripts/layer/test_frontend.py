"""A front end that the repository does not hold: the project's own build, run in a copy of it."""

import json
import shutil
import subprocess

import pytest

from skill_scripts.layer import frontend
from tests.scripts import projects

pytestmark = [pytest.mark.slow, pytest.mark.network]  # the runtime's own packages are installed

SETTINGS = """
INSTALLED_APPS += ["django.contrib.staticfiles", "site1"]
"""
PAGE = """\
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse('<script src="/static/ui/app.js"></script>'))]
"""
BUILD = """\
const fs = require("node:fs");
fs.mkdirSync("../site1/static/ui", { recursive: true });
fs.writeFileSync("../site1/static/ui/app.js", "built");
fs.mkdirSync("node_modules/left-behind", { recursive: true });
fs.writeFileSync("node_modules/left-behind/index.js", "");
"""
LOCK = '{"name": "ui", "lockfileVersion": 3, "requires": true, "packages": {"": {"name": "ui"}}}'
APP = "site1/static/ui/app.js"


@pytest.fixture
def target(make_project):
    package = json.dumps({"name": "ui", "scripts": {"build": "node build.js"}})
    files = {
        "site1/urls.py": PAGE,
        "ui/package.json": package,
        "ui/package-lock.json": LOCK,
        "ui/build.js": BUILD,
        "site1/static/kept.txt": "kept",
    }
    root = make_project(files, settings=SETTINGS)
    (root / ".gitignore").write_text(".venv\n/site1/static/ui/\n", encoding="utf-8")
    return projects.commit(root)


def of(document, key="findings"):
    return [each for each in document[key] if each["id"] == "frontend-build"]


def test_what_the_first_page_lacks_is_built(target, kit, kit_json):
    before = projects.contents(target)

    (finding,) = of(kit_json("survey", target))
    planned = kit_json("adapt", target, "--dry-run")
    assert projects.contents(target) == before
    done = kit_json("adapt", target)

    assert finding["severity"] == "handled" and "ui/app.js is not there" in finding["what"]
    assert any("npm --prefix ui run build" in step for step in planned["steps"])
    assert done["built"] == [APP]
    assert (target / APP).read_text(encoding="utf-8") == "built"
    assert not (target / "ui" / "node_modules").exists(), "it was built in a copy"
    assert projects.status(target) == ["?? desktop-app/"]
    assert 'include = ["site1/static/ui"]' in done["manifest"], (
        "git ignores it, so a bundle lists it"
    )
    kit("remove", target)
    assert projects.contents(target) == before


def test_what_the_first_page_lacks_is_named_where_no_build_is_declared(target, kit_json):
    (target / "ui" / "package.json").write_text('{"name": "ui"}', encoding="utf-8")

    (finding,) = of(kit_json("survey", target))

    assert finding["severity"] == "decide"
    assert "ui/app.js" in finding["what"] and "--set 'frontend.build=" in finding["do"]


def test_an_icon_that_no_browser_shows_in_a_window_is_no_matter(target, kit_json):
    page = target / "site1" / "urls.py"
    text = page.read_text(encoding="utf-8").replace("ui/app.js", "favicon.ico")
    page.write_text(text, encoding="utf-8")
    (target / "ui" / "package.json").write_text('{"name": "ui"}', encoding="utf-8")

    assert of(kit_json("survey", target)) == []


@pytest.mark.long
def test_a_clone_of_the_adapted_project_builds_it_again(target, tmp_path, kit, kit_json):
    kit("adapt", target)
    projects.commit(target)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", target, clone], check=True)
    shutil.copytree(target / ".venv", clone / ".venv", symlinks=True)

    done = kit_json("adapt", clone)

    assert done["built"] == [APP] and (clone / APP).is_file()
    assert projects.status(clone) == []
    assert kit_json("adapt", clone)["steps"] == []


def test_a_page_that_has_all_its_files_needs_a_decision(target, kit_json):
    projects.write(target, {APP: "committed"})

    (finding,) = of(kit_json("adapt", target), "decisions_open")
    option = finding["do"].partition("--set '")[2].rstrip("'")
    (target / APP).unlink()
    done = kit_json("adapt", target, "--set", option)

    assert done["built"] == [APP]


@pytest.mark.long
def test_a_build_that_is_decided_anew_replaces_what_the_last_one_made(target, kit, kit_json):
    before = projects.contents(target)
    command = kit_json("adapt", target)["decided"]
    command = next(each for each in command if each.startswith("frontend.build="))
    projects.write(target, {"ui/build.js": BUILD.replace("app.js", "app-2.js")})

    assert kit_json("adapt", target)["steps"] == []
    done = kit_json("adapt", target, "--set", command)

    assert done["built"] == ["site1/static/ui/app-2.js"]
    assert not (target / APP).exists()
    projects.write(target, {"ui/build.js": BUILD})
    kit("remove", target)
    assert projects.contents(target) == before


def test_a_build_that_fails_leaves_an_adapted_project(target, kit_json):
    projects.write(target, {"ui/build.js": BUILD + 'throw new Error("no such colour");'})

    done = kit_json("adapt", target, "--allow-dirty")

    (finding,) = of(done, "decisions_open")
    assert "no such colour" in finding["what"] and done["built"] == []
    assert (target / "desktop-app" / "launch.py").is_file()
    assert not (target / APP).exists()
    projects.write(target, {"ui/build.js": BUILD})
    assert kit_json("adapt", target)["built"] == [APP]


def test_files_that_the_project_keeps_stay_as_they_are(target, kit_json):
    change = 'fs.writeFileSync("../site1/static/kept.txt", "changed");'
    projects.write(target, {"ui/build.js": BUILD + change})

    done = kit_json("adapt", target, "--allow-dirty")

    assert (target / "site1/static/kept.txt").read_text(encoding="utf-8") == "kept"
    (finding,) = of(done, "decisions_open")
    assert "site1/static/kept.txt" in finding["what"] and done["built"] == [APP]


def test_a_file_that_was_built_anew_by_hand_is_not_taken_away(target, kit, kit_json):
    kit("adapt", target)
    (target / APP).write_text("by hand", encoding="utf-8")

    assert kit_json("remove", target)["kept"] == [APP]
    assert (target / APP).read_text(encoding="utf-8") == "by hand"


def test_without_node_it_is_a_decision(target, kit_json, monkeypatch):
    monkeypatch.setattr(frontend.shutil, "which", lambda name: None)

    (finding,) = of(kit_json("survey", target))

    assert finding["severity"] == "decide" and "install npm" in finding["do"]


def test_packages_that_pages_are_served_from_come_over_whole(make_project, kit, kit_json):
    page = PAGE.replace("ui/app.js", "left/index.js")
    package = json.dumps({"name": "ui", "dependencies": {"left": "file:./left"}})
    files = {
        "site1/urls.py": page,
        "ui/package.json": package,
        "ui/left/package.json": '{"name": "left", "version": "1.0.0"}',
        "ui/left/index.js": "left",
    }
    served = 'STATICFILES_DIRS = [BASE_DIR / "ui" / "node_modules"]\n'
    root = make_project(files, settings=SETTINGS + served)
    (root / ".gitignore").write_text(".venv\nnode_modules\n", encoding="utf-8")
    projects.commit(root)
    before = projects.contents(root)

    done = kit_json("adapt", root)

    assert done["built"] == ["ui/node_modules/"]
    assert (root / "ui/node_modules/left/index.js").is_file()
    assert 'packages = ["ui/node_modules"]' in done["manifest"]
    assert 'include = ["ui/node_modules"]' in done["manifest"]
    assert projects.status(root) == ["?? desktop-app/"]
    assert kit_json("adapt", root)["steps"] == []
    kit("remove", root)
    assert projects.contents(root) == before


def test_a_loader_without_any_build_is_named(make_project, kit_json):
    files = {"webpack_loader/__init__.py": ""}
    root = make_project(files, settings='INSTALLED_APPS += ["webpack_loader"]')

    findings = kit_json("survey", root)["findings"]

    assert [each["severity"] for each in findings if each["id"] == "webpack"] == ["decide"]
