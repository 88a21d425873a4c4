"""The interpreter of a bundle: how it is fetched and checked, and what is left of it."""

import http.server
import json
import re
import tarfile
import threading

import pytest
from typer.testing import CliRunner

from skill_scripts.cli import app
from skill_scripts.dependencies import bundled_python
from skill_scripts.dependencies.platforms import PLATFORMS, choose
from skill_scripts.layer.shells import TOGA
from tests.scripts import local_python
from tests.scripts.staging import refused


@pytest.mark.slow
class TestDownload:
    @pytest.mark.long
    def test_an_archive_with_another_checksum_is_refused(self, project, tmp_path):
        downloads = tmp_path / "downloads.json"
        build = project.build
        local_python.write_list(downloads, build.version, build.archive, sha256="0" * 64)
        assert refused(project, downloads=downloads).code == "DDK-STG-05"

    @pytest.mark.long
    def test_a_torn_archive_is_refused(self, project, tmp_path):
        build = project.build
        archive = tmp_path / "mirror" / "local" / build.archive.name
        archive.parent.mkdir(parents=True)
        archive.write_bytes(build.archive.read_bytes()[:100_000])
        downloads = tmp_path / "downloads.json"
        local_python.write_list(downloads, build.version, build.archive, sha256="1" * 64)
        mirror = (tmp_path / "mirror").as_uri()
        assert refused(project, downloads=downloads, mirror=mirror).code == "DDK-STG-05"

    @pytest.mark.long
    def test_a_server_that_refuses_is_named(self, project, tmp_path):
        downloads = tmp_path / "downloads.json"
        local_python.write_list(downloads, project.build.version, project.build.archive, "2" * 64)

        class Refuse(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_error(403)

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            mirror = f"http://127.0.0.1:{server.server_port}"
            error = refused(project, downloads=downloads, mirror=mirror)
            assert error.code == "DDK-STG-04"
            assert "--python-mirror" in str(error) and "--python-downloads" in str(error)
            server.shutdown()

    def test_a_list_without_a_checksum_is_refused(self, project, tmp_path):
        downloads = tmp_path / "downloads.json"
        local_python.write_list(downloads, project.build.version, project.build.archive, None)
        assert refused(project, downloads=downloads).code == "DDK-STG-03"

    def test_a_list_of_another_form_is_refused(self, project, tmp_path):
        downloads = tmp_path / "downloads.json"
        downloads.write_text("[1, 2]", encoding="utf-8")
        assert refused(project, downloads=downloads).code == "DDK-STG-03"

    def test_a_version_that_nobody_built_is_refused(self, project):
        file = project.root / "desktop-app/desktop.toml"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(f'"{project.build.minor}"', '"3.99"'), encoding="utf-8")
        assert refused(project).code == "DDK-STG-02"

    @pytest.mark.long
    def test_an_old_sqlite_is_refused(self, project):
        if not project.build.old_sqlite:
            pytest.skip("this machine's Python has a current SQLite")
        assert refused(project, allow_old_sqlite=False).code == "DDK-STG-07"

    @pytest.mark.long
    def test_an_interpreter_that_does_not_start_is_refused(self, project, tmp_path):
        archive = tmp_path / "mirror" / "local" / project.build.archive.name
        archive.parent.mkdir(parents=True)
        with tarfile.open(project.build.archive) as packed:
            packed.extractall(tmp_path / "tree")
        minor = project.build.minor
        program = tmp_path / "tree" / "python" / "bin" / f"python{minor}"
        program.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
            packed.add(tmp_path / "tree" / "python", "python")
        downloads = tmp_path / "downloads.json"
        local_python.write_list(downloads, project.build.version, archive)
        mirror = (tmp_path / "mirror").as_uri()
        assert refused(project, downloads=downloads, mirror=mirror).code == "DDK-STG-06"


def test_committed_list_has_every_platform_with_a_checksum_and_a_current_sqlite():
    entries = json.loads(bundled_python.DOWNLOADS.read_text(encoding="utf-8"))
    for platform in PLATFORMS.values():
        build = bundled_python.find_build(platform, "3.14")
        assert build.release >= "20260602"  # the first with SQLite 3.51.3 or later
    assert all(each["sha256"] for each in entries.values())


WINDOWS = {
    "python.exe": True, "pythonw.exe": False, "python314.dll": True, "vcruntime140.dll": True,
    "DLLs/_sqlite3.pyd": True, "DLLs/_tkinter.pyd": False, "DLLs/tcl86t.dll": False,
    "Lib/os.py": True, "Lib/test/test_os.py": False, "Lib/idlelib/idle.py": False,
    "Lib/tkinter/__init__.py": False, "Lib/site-packages/pip/__init__.py": False,
    "Scripts/pip.exe": False, "include/Python.h": False, "libs/python314.lib": False,
    "tcl/tcl8.6/init.tcl": False,
}  # fmt: skip


MACOS = {
    "bin/python3": True, "bin/python3.14": False, "bin/pip3": False, "include/Python.h": False,
    "lib/python3.14/os.py": True, "lib/python3.14/test/test_os.py": False,
    "lib/python3.14/__pycache__/os.cpython-314.pyc": False, "lib/libtcl9.0.dylib": False,
    "lib/python3.14/lib-dynload/_sqlite3.cpython-314-darwin.so": True,
    "lib/python3.14/lib-dynload/_tkinter.cpython-314-darwin.so": False,
    "lib/python3.14/config-3.14-darwin/Makefile": False, "lib/tk9.0/tk.tcl": False,
    "share/man/man1/python3.14.1": False, "lib/python3.14/ensurepip/__init__.py": False,
}  # fmt: skip


@pytest.mark.parametrize(("name", "layout"), [("windows-x64", WINDOWS), ("macos-arm64", MACOS)])
def test_pruned_and_kept(name, layout, tmp_path, monkeypatch):
    source = tmp_path / "source"
    for file in layout:
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        (source / file).write_text(file, encoding="utf-8")
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    monkeypatch.setattr(bundled_python, "_facts", lambda _: None)
    bundled_python.place(source, bundle, PLATFORMS[name])
    left = {p.relative_to(bundle / "python").as_posix() for p in bundle.rglob("*") if p.is_file()}
    assert left == {file for file, kept in layout.items() if kept}


@pytest.mark.parametrize(("name", "layout"), [("windows-x64", WINDOWS), ("macos-arm64", MACOS)])
def test_a_module_that_is_kept_has_all_that_goes_with_it(name, layout, tmp_path, monkeypatch):
    tk = {file for file in layout if re.search(r"tkinter|tcl|tk\.tcl", file)}
    for file in layout:
        (tmp_path / "source" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / file).write_text(file, encoding="utf-8")
    (tmp_path / "bundle").mkdir()
    monkeypatch.setattr(bundled_python, "_facts", lambda _: None)
    bundled_python.place(tmp_path / "source", tmp_path / "bundle", PLATFORMS[name], {"tkinter"})
    assert tk and all((tmp_path / "bundle/python" / file).exists() for file in tk)


def test_what_a_shell_starts_itself_with_stays(tmp_path):
    (tmp_path / "source").mkdir()
    for file in ("python.exe", *TOGA.keeps):
        (tmp_path / "source" / file).touch()
    (tmp_path / "bundle").mkdir()
    bundled_python.place(
        tmp_path / "source", tmp_path / "bundle", PLATFORMS["windows-x64"], TOGA.keeps
    )
    assert {each.name for each in (tmp_path / "bundle/python").iterdir()} == {
        "python.exe", "pythonw.exe",
    }  # fmt: skip


@pytest.mark.parametrize("needed", [True, False])
def test_shared_library_goes_if_the_interpreter_starts_without(needed, tmp_path, monkeypatch):
    library = tmp_path / "source/lib/libpython3.14.so.1.0"
    library.parent.mkdir(parents=True)
    library.write_text("library", encoding="utf-8")
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    monkeypatch.setattr(bundled_python, "_facts", lambda _: None if needed else {"prefix": "x"})
    bundled_python.place(tmp_path / "source", bundle, PLATFORMS["linux-x64"])
    assert (bundle / "python/lib" / library.name).exists() is needed


def test_links_become_files(tmp_path, monkeypatch):
    source = tmp_path / "source"
    (source / "bin").mkdir(parents=True)
    (source / "bin/python3.14").write_text("program", encoding="utf-8")
    (source / "bin/python3").symlink_to("python3.14")
    (source / "lib/python3.14").mkdir(parents=True)
    (source / "lib/python3.14/gone.py").symlink_to("nowhere.py")
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    monkeypatch.setattr(bundled_python, "_facts", lambda _: None)
    bundled_python.place(source, bundle, PLATFORMS["linux-x64"])
    assert not (bundle / "python/bin/python3").is_symlink()
    assert [p.name for p in (bundle / "python").rglob("*") if p.is_file()] == ["python3"]


def test_cache_can_be_cleared_and_what_is_not_a_build_stays(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setattr(bundled_python, "INTERPRETERS", cache / "interpreters")
    (cache / "interpreters" / "0a1b" / "cpython-3.14.7").mkdir(parents=True)
    (cache / "environments").mkdir()
    for _ in range(2):  # there is nothing to clear the second time
        bundled_python.clear_cache()
        assert [each.name for each in cache.iterdir()] == ["environments"]


def test_stage_clears_the_cache_when_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(bundled_python, "INTERPRETERS", tmp_path / "interpreters")
    (tmp_path / "interpreters").mkdir()
    for options, left in (([], True), (["--clear-cache"], False)):
        result = CliRunner().invoke(app, ["stage", str(tmp_path / "nothing"), *options])
        assert result.exit_code == 3  # no project
        assert (tmp_path / "interpreters").exists() is left


def test_newest_patch_is_chosen_and_an_exact_one_can_be_asked_for():
    build = bundled_python.find_build(PLATFORMS["macos-arm64"], "3.14")
    assert build == bundled_python.find_build(PLATFORMS["macos-arm64"], build.version)


def test_all_platforms_have_a_name_each():
    assert [each.name for each in choose("all")] == list(PLATFORMS)
