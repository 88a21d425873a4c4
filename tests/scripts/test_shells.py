"""The shells: one table, from which a project receives exactly one, and may take the other."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from checks.target import SHELL_SCRIPTS
from skill_scripts import adapt, desktop_toml, package, run, update
from skill_scripts.dependencies import web_view
from skill_scripts.dependencies.runtime import PACKAGES, lacks_packages, layer_requirements
from skill_scripts.errors import KitError
from skill_scripts.findings.web_view import judge_web_view
from skill_scripts.layer import payload, record
from skill_scripts.layer.shells import ELECTRON, SHELLS, TOGA, among, shell_of

from . import projects

CHOSEN = f'{projects.TOML}shell = "toga"\n'


@pytest.fixture
def adapted(make_project):
    """A project with this kit's layer, as adapt leaves it with a shell."""

    def make(shell=ELECTRON):
        root = make_project()
        folder = root / "desktop-app"
        for name, source in payload.payload_files(shell).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(source.read_bytes())
        (folder / "desktop.toml").write_text(
            CHOSEN if shell == TOGA else projects.TOML, encoding="utf-8"
        )
        names = [*payload.payload_files(shell), "desktop.toml"]
        record.write(folder, {name: payload.sha256(folder / name) for name in names}, [])
        return projects.commit(root)

    return make


def test_everything_that_asks_for_the_shell_knows_each():
    schema = json.loads(desktop_toml.SCHEMA.read_text(encoding="utf-8"))
    chosen = schema["properties"]["app"]["properties"]["shell"]["enum"]
    assert {*SHELLS} == {*chosen} == {*run.OPENERS} == {*package.BUILDERS}
    assert {*SHELL_SCRIPTS} == {name for name, each in SHELLS.items() if each.requirements}


@pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
def test_a_project_receives_one_shell_whole(shell):
    names = [*payload.payload_files(shell)]
    folders = {name.partition("/")[0] for name in names}
    assert folders & {*SHELLS} == {shell.name}
    assert {*shell.requirements} <= {*names}
    assert not shell.locked or shell.locked in names
    assert among(names) == shell


def test_the_other_shell_takes_its_place_and_its_packages_go(adapted, kit_json):
    root = adapted()
    folder = root / "desktop-app"
    projects.write(folder, {"electron/node_modules/x/y.js": "", "electron/sub/mine.js": "// mine"})
    (folder / "desktop.toml").write_text(CHOSEN, encoding="utf-8")

    document = kit_json("update", root)

    assert {name for name in document["added"] if "/toga/" in name}
    assert "remove desktop-app/electron/node_modules" in document["steps"]
    left = [each.relative_to(folder).as_posix() for each in (folder / "electron").rglob("*.js")]
    assert left == ["electron/sub/mine.js"]
    assert among(record.read(root).files) == TOGA
    assert kit_json("update", root)["steps"] == []

    (folder / "electron/sub/mine.js").unlink()
    (folder / "desktop.toml").write_text(projects.TOML, encoding="utf-8")
    kit_json("update", root)
    assert not (folder / "toga").exists()
    assert {*record.read(root).files} == {*payload.payload_files(ELECTRON), "desktop.toml"}


def test_what_a_person_changed_in_the_other_shell_is_kept(adapted, kit_json):
    root = adapted()
    folder = root / "desktop-app"
    changed = folder / "electron" / "menu.js"
    changed.write_text("// mine\n", encoding="utf-8")
    (folder / "desktop.toml").write_text(CHOSEN, encoding="utf-8")

    document = kit_json("update", root)

    assert document["kept"] == ["desktop-app/electron/menu.js"]
    assert "keep, of the other shell, desktop-app/electron/menu.js" in document["steps"]
    assert changed.read_text(encoding="utf-8") == "// mine\n"
    assert [each.name for each in (folder / "electron").iterdir()] == ["menu.js"]


def test_adapt_swaps_the_shell_or_leaves_everything(adapted, monkeypatch):
    root = adapted()
    folder = root / "desktop-app"
    projects.write(folder, {f"{PACKAGES}/waitress/x.py": ""})
    decision = [desktop_toml.Decision.parse("app.shell=toga")]
    before = projects.contents(root)

    def lacking(*_):
        raise KitError("DDK-ENV-06", "the toga shell needs what is not here: x", packages="x")

    monkeypatch.setattr(update, "find_adapted", lambda *_: (None, object()))
    monkeypatch.setattr(update, "install_runtime", lacking)
    planned = adapt.adapt(root, decisions=decision, rehearsal=False, dry_run=True)
    assert "add desktop-app/toga/shell.py" in planned.steps
    with pytest.raises(KitError, match="DDK-ENV-06"):
        adapt.adapt(root, decisions=decision, rehearsal=False)
    assert projects.contents(root) == before

    def install(folder, _interpreter, settings):
        assert shell_of(settings) == TOGA
        projects.write(folder, {f"{PACKAGES}/toga/__init__.py": ""})

    monkeypatch.setattr(update, "install_runtime", install)
    done = adapt.adapt(root, decisions=decision, rehearsal=False)
    assert "desktop-app/toga/shell.py" in done.added
    assert not (folder / "electron").exists()
    assert (folder / PACKAGES / "toga").is_dir()
    assert desktop_toml.read(folder / "desktop.toml")["app"]["shell"] == "toga"


def test_remove_takes_the_toga_shell_out_again(adapted, kit_json):
    root = adapted(TOGA)
    assert not kit_json("remove", root)["kept"]
    assert not (root / "desktop-app").exists()


def test_its_packages_are_beside_those_of_the_runtime(tmp_path):
    settings = desktop_toml.defaults()
    (tmp_path / PACKAGES).mkdir()
    assert not lacks_packages(tmp_path, settings)
    settings["app"]["shell"] = "toga"
    assert layer_requirements(settings) == ("requirements.txt", "toga/requirements.txt")
    assert lacks_packages(tmp_path, settings)


@pytest.mark.skipif(sys.platform != "linux", reason="asked on Linux alone")
def test_what_the_system_lacks_is_named_as_debian_names_it(monkeypatch, tmp_path):
    monkeypatch.setattr(web_view, "FOLDERS", (f"{tmp_path}/none"[1:],))
    monkeypatch.setenv("PATH", str(tmp_path))
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho False\n", encoding="utf-8")
    python.chmod(0o755)

    missing = web_view.missing(TOGA, python)

    assert missing == ["gcc", "pkg-config", "python3-dev", "gir1.2-webkit2-4.1"]
    with pytest.raises(KitError, match="apt-get install gcc pkg-config python3-dev"):
        web_view.require(TOGA, missing)
    assert web_view.missing(ELECTRON, python) == []


def test_run_opens_the_chosen_shell(adapted, monkeypatch):
    root = adapted(TOGA)
    started = []
    monkeypatch.setattr(web_view, "missing_view", lambda _shell: [])
    monkeypatch.setenv("PYTHON", sys.executable)

    def start(command, **options):
        started.append((command, options["cwd"]))
        return subprocess.CompletedProcess(command, 7)

    monkeypatch.setattr(run.subprocess, "run", start)
    assert run.run(root, announce=lambda _: None) == 7
    ((command, folder),) = started
    assert command[-1] == str(root / "desktop-app/toga/shell.py")
    assert command[1:6] == ["-I", "-B", "-u", "-X", "utf8"]
    assert folder == root


def test_a_survey_says_so_before_anything_is_added(monkeypatch):
    survey = SimpleNamespace(
        draft=desktop_toml.defaults(), interpreter=SimpleNamespace(python=Path("py"))
    )
    monkeypatch.setattr(web_view, "missing", lambda shell, _: ["x"] if shell == TOGA else [])
    assert judge_web_view(survey) == []
    survey.draft["app"]["shell"] = "toga"
    (found,) = judge_web_view(survey)
    assert (found.id, found.severity) == ("web-view", "blocked")
    assert "apt-get install x" in found.do
