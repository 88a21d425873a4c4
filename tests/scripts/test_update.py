"""update: this kit's payload, with what a person changed still in it."""

import json
import os
import shutil

import pytest

from skill_scripts import update
from skill_scripts.layer import payload, record

from . import projects

LINES = "".join(f"line {number}\n" for number in range(12))


@pytest.fixture
def kits(monkeypatch, tmp_path):
    """Decides which payload the kit carries: files by name, with their content."""
    shelf = tmp_path / "payload"

    def carry(files):
        shutil.rmtree(shelf, ignore_errors=True)
        projects.write(shelf, files)
        found = {name: shelf / name for name in sorted(files)}
        for module in (payload, record, update):
            monkeypatch.setattr(module, "payload_files", lambda _shell: found)

    return carry


@pytest.fixture
def adapted(make_project, kits):
    """A project that carries the payload `files` as adapt leaves it."""

    def make(files):
        kits(files)
        root = make_project()
        folder = root / "desktop-app"
        projects.write(folder, files | {"desktop.toml": projects.TOML})
        names = [*files, "desktop.toml"]
        record.write(folder, {name: payload.sha256(folder / name) for name in names}, ["a.b=c"])
        return projects.commit(root)

    return make


def edit(file, old, new):
    file.write_text(file.read_text().replace(old, new))


def test_files_are_replaced_added_and_removed(adapted, kits, kit_json):
    root = adapted({"launch.py": "old", "same.py": "same", "gone/old.js": "x"})
    kits({"launch.py": "new", "same.py": "same", "more/new.js": "y"})
    folder = root / "desktop-app"
    toml = (folder / "desktop.toml").read_bytes()

    document = kit_json("update", root)

    assert document["replaced"] == ["desktop-app/launch.py"]
    assert document["added"] == ["desktop-app/more/new.js"]
    assert document["removed"] == ["desktop-app/gone/old.js"]
    assert (folder / "launch.py").read_text() == "new"
    assert not (folder / "gone").exists()
    assert (folder / "desktop.toml").read_bytes() == toml
    assert record.read(root).decisions == ("a.b=c",)
    assert {*record.read(root).files} == {"launch.py", "same.py", "more/new.js", "desktop.toml"}


def test_the_second_time_there_is_nothing_to_do(adapted, kits, kit):
    root = adapted({"launch.py": LINES})
    edit(root / "desktop-app" / "launch.py", "line 11", "mine")
    kits({"launch.py": LINES.replace("line 1\n", "new\n")})
    assert kit("update", root).exit_code == 0
    before = projects.contents(root)

    again = kit("update", root)

    assert again.stderr == "keep your desktop-app/launch.py\n"
    assert projects.contents(root) == before


def test_changes_in_different_places_are_merged(adapted, kits, kit_json):
    root = adapted({"launch.py": LINES})
    file = root / "desktop-app" / "launch.py"
    edit(file, "line 11", "mine")
    kits({"launch.py": LINES.replace("line 1\n", "new\n")})

    document = kit_json("update", root)

    assert document["merged"] == ["desktop-app/launch.py"] and document["conflicts"] == {}
    assert file.read_text() == LINES.replace("line 1\n", "new\n").replace("line 11", "mine")
    assert "launch.py" in record.read(root).changed(file.parent), "remove keeps it"


def test_changes_of_the_same_line_are_reported_and_both_are_there(adapted, kits, kit):
    root = adapted({"launch.py": LINES})
    file = root / "desktop-app" / "launch.py"
    edit(file, "line 1\n", "mine\n")
    kits({"launch.py": LINES.replace("line 1\n", "new\n")})

    result = kit("update", root)

    assert result.exit_code == 1
    assert "desktop-app/launch.py, which both sides changed; yours is launch.py.yours" in (
        result.stderr
    )
    assert file.read_text() == LINES.replace("line 1\n", "new\n")
    assert file.with_name("launch.py.yours").read_text() == LINES.replace("line 1\n", "mine\n")
    assert kit("update", root).stderr == "nothing to do: the desktop layer is this kit's\n"
    kit("remove", root)
    assert file.with_name("launch.py.yours").is_file()


def test_an_earlier_version_of_yours_is_not_covered(adapted, kits, kit):
    root = adapted({"launch.py": "one\n"})
    folder = root / "desktop-app"
    for mine, new in (("first", "two\n"), ("second", "three\n")):
        (folder / "launch.py").write_text(mine)
        kits({"launch.py": new})
        kit("update", root)

    assert (folder / "launch.py.yours").read_text() == "first"
    assert (folder / "launch.py.yours2").read_text() == "second"


def test_a_changed_file_that_the_kit_no_longer_has_stays(adapted, kits, kit_json):
    root = adapted({"launch.py": "x", "old.js": "old"})
    (root / "desktop-app" / "old.js").write_text("mine")
    kits({"launch.py": "x"})

    assert kit_json("update", root)["kept"] == ["desktop-app/old.js"]
    assert (root / "desktop-app" / "old.js").read_text() == "mine"


def test_a_file_of_yours_in_the_place_of_a_new_one_is_kept_beside(adapted, kits, kit_json):
    root = adapted({"launch.py": "x"})
    (root / "desktop-app" / "new.js").write_text("mine")
    kits({"launch.py": "x", "new.js": "theirs"})

    document = kit_json("update", root)

    assert document["conflicts"] == {"desktop-app/new.js": "desktop-app/new.js.yours"}
    assert (root / "desktop-app" / "new.js.yours").read_text() == "mine"


def test_icons_that_were_replaced_stay(adapted, kits, kit_json):
    root = adapted({"icons/icon.png": b"\x00neutral"})
    (root / "desktop-app" / "icons" / "icon.png").write_bytes(b"\x00brand")
    kits({"icons/icon.png": b"\x00other"})

    assert kit_json("update", root)["kept"] == ["desktop-app/icons/icon.png"]
    assert (root / "desktop-app" / "icons" / "icon.png").read_bytes() == b"\x00brand"


def test_line_ends_of_a_windows_checkout_are_no_change(adapted, kits, kit_json):
    root = adapted({"launch.py": LINES, "other.py": LINES})
    folder = root / "desktop-app"
    (folder / "launch.py").write_bytes(LINES.replace("\n", "\r\n").encode())
    (folder / "other.py").write_bytes(LINES.replace("11", "mine").replace("\n", "\r\n").encode())
    new = LINES.replace("line 1\n", "new\n")
    kits({"launch.py": new, "other.py": new})

    document = kit_json("update", root)

    assert document["replaced"] == ["desktop-app/launch.py"]
    assert document["merged"] == ["desktop-app/other.py"]
    assert (folder / "other.py").read_bytes() == (
        new.replace("11", "mine").replace("\n", "\r\n").encode()
    )


def test_a_record_without_texts_leads_to_a_conflict_not_to_a_loss(adapted, kits, kit_json):
    root = adapted({"launch.py": LINES})
    file = root / "desktop-app" / ".kit.json"
    document = {name: value for name, value in _json(file).items() if name != "texts"}
    file.write_text(json.dumps(document))
    edit(root / "desktop-app" / "launch.py", "line 11", "mine")
    kits({"launch.py": LINES.replace("line 1\n", "new\n")})

    assert kit_json("update", root)["conflicts"]
    assert "mine" in (root / "desktop-app" / "launch.py.yours").read_text()


def test_a_dry_run_says_the_same_and_writes_nothing(adapted, kits, kit_json):
    root = adapted({"launch.py": "old", "gone.js": "x"})
    kits({"launch.py": "new", "new.js": "y"})
    before = projects.contents(root)

    planned = kit_json("update", root, "--dry-run")

    assert projects.contents(root) == before
    assert planned["steps"] == kit_json("update", root)["steps"]


@pytest.mark.parametrize("fails_at", range(4))
def test_an_error_on_the_way_takes_everything_back(adapted, kits, kit, monkeypatch, fails_at):
    root = adapted({"a.py": "old", "b.py": LINES, "gone/c.py": "x"})
    edit(root / "desktop-app" / "b.py", "line 1\n", "mine\n")
    kits({"a.py": "new", "b.py": LINES.replace("line 1\n", "new\n"), "d/e.py": "y"})
    before = projects.contents(root)
    calls = iter(range(100))
    replace = type(root).replace

    def no_room(self, target):
        if ".update" in str(self) and next(calls) == fails_at:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    monkeypatch.setattr(type(root), "replace", no_room)
    result = kit("update", root)

    assert "DDK-ADP-04" in result.stderr and "No space left" in result.stderr
    after = {name: value for name, value in projects.contents(root).items() if value != "folder"}
    assert after == {name: value for name, value in before.items() if value != "folder"}


@pytest.mark.parametrize("ends_at", range(5))
def test_an_update_that_was_cut_off_is_completed_by_the_next(
    adapted, kits, kit_json, monkeypatch, ends_at
):
    """As after a power cut: nothing is taken back, and what was prepared still lies there."""
    root = adapted({"a.py": "old", "b.py": LINES, "c.py": LINES, "gone.py": "x"})
    folder = root / "desktop-app"
    edit(folder / "b.py", "line 11", "mine")
    edit(folder / "c.py", "line 1\n", "mine\n")
    new = LINES.replace("line 1\n", "new\n")
    kits({"a.py": "new", "b.py": new, "c.py": new})
    pid = os.fork() if hasattr(os, "fork") else pytest.skip("fork")
    if pid == 0:
        calls = iter(range(100))
        replace = type(root).replace

        def cut(self, target):
            if next(calls) == ends_at:
                os._exit(0)
            return replace(self, target)

        type(root).replace = cut
        try:
            update.update(root)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0, "it was cut off"

    kit_json("update", root)

    assert (folder / "a.py").read_text() == "new"
    assert (folder / "b.py").read_text() == new.replace("line 11", "mine")
    assert (folder / "c.py").read_text() == new
    assert (folder / "c.py.yours").read_text() == LINES.replace("line 1\n", "mine\n")
    left = {each.name for each in folder.iterdir()}
    assert left == {"a.py", "b.py", "c.py", "c.py.yours", "desktop.toml", ".kit.json"}


def test_a_newer_kits_layer_is_not_taken_back(adapted, kit):
    root = adapted({"launch.py": "x"})
    file = root / "desktop-app" / ".kit.json"
    file.write_text(json.dumps(_json(file) | {"kit": "99.0"}))
    before = projects.contents(root)

    result = kit("update", root)

    assert result.exit_code == 3 and "DDK-ADP-11" in result.stderr and "99.0" in result.stderr
    assert projects.contents(root) == before


def test_the_runtimes_packages_are_installed_again_when_they_change(
    adapted, kits, kit_json, monkeypatch
):
    root = adapted({"requirements.txt": "one\n"})
    projects.write(root / "desktop-app", {".packages/old.py": ""})
    kits({"requirements.txt": "two\n"})

    def install(folder, interpreter, _settings):
        assert (folder / "requirements.txt").read_text() == "two\n"
        projects.write(folder, {".packages/new.py": ""})

    monkeypatch.setattr(update, "install_runtime", install)
    document = kit_json("update", root)

    assert "install the runtime's own packages in desktop-app/.packages" in document["steps"]
    names = [each.name for each in (root / "desktop-app" / ".packages").iterdir()]
    assert names == ["new.py"]


@pytest.mark.network
def test_what_this_kit_adapted_is_up_to_date(make_project, kit):
    root = projects.commit(make_project())
    kit("adapt", root)

    assert kit("update", root).stderr == "nothing to do: the desktop layer is this kit's\n"


def _json(file):
    return json.loads(file.read_text(encoding="utf-8"))
