"""What can go wrong while a bundle is made: one clear error, and no half-made bundle."""

import errno
import http.server
import json
import os
import re
import shutil
import tarfile
import threading
import zipfile

import local_python
import pytest

from skill_scripts import package as packaging
from skill_scripts.bundle import first_run, runtime_manifest, source_files
from skill_scripts.dependencies import bundled_python, locking
from skill_scripts.dependencies.platforms import PLATFORMS, this_platform
from skill_scripts.errors import KitError
from skill_scripts.stage import plan


def refused(project, **changes):
    """The error of a stage that must fail, having left nothing and touched nothing."""
    marker = project.staged / "runtime-manifest.json"
    if not marker.exists():
        project.staged.mkdir(exist_ok=True)
        marker.write_text("{}", encoding="utf-8")
    before = runtime_manifest.file_hashes(project.staged)
    with pytest.raises(KitError) as refusal:
        project.stage(**changes)
    assert runtime_manifest.file_hashes(project.staged) == before
    assert marker.exists()
    assert not list((project.root / "desktop-app").glob("staged.*"))
    text = str(refusal.value)
    assert "means: " in text
    assert "do: " in text
    return refusal.value


def decide(project, text):
    project.append("desktop-app/desktop.toml", f"\n{text}\n")


class TestDownload:
    def test_archive_that_is_not_what_the_list_says(self, project, tmp_path):
        downloads = tmp_path / "downloads.json"
        build = project.build
        local_python.write_list(downloads, build.version, build.archive, sha256="0" * 64)
        assert refused(project, downloads=downloads).code == "DDK-STG-05"

    def test_archive_that_is_torn(self, project, tmp_path):
        build = project.build
        archive = tmp_path / "mirror" / "local" / build.archive.name
        archive.parent.mkdir(parents=True)
        archive.write_bytes(build.archive.read_bytes()[:100_000])
        downloads = tmp_path / "downloads.json"
        local_python.write_list(downloads, build.version, build.archive, sha256="1" * 64)
        mirror = (tmp_path / "mirror").as_uri()
        assert refused(project, downloads=downloads, mirror=mirror).code == "DDK-STG-05"

    def test_server_that_refuses(self, project, tmp_path):
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

    def test_list_without_a_checksum(self, project, tmp_path):
        downloads = tmp_path / "downloads.json"
        local_python.write_list(downloads, project.build.version, project.build.archive, None)
        assert refused(project, downloads=downloads).code == "DDK-STG-03"

    def test_list_that_is_no_list(self, project, tmp_path):
        downloads = tmp_path / "downloads.json"
        downloads.write_text("[1, 2]", encoding="utf-8")
        assert refused(project, downloads=downloads).code == "DDK-STG-03"

    def test_version_that_nobody_built(self, project):
        file = project.root / "desktop-app/desktop.toml"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(f'"{project.build.minor}"', '"3.99"'), encoding="utf-8")
        assert refused(project).code == "DDK-STG-02"

    def test_old_sqlite(self, project):
        if not project.build.old_sqlite:
            pytest.skip("this machine's Python has a current SQLite")
        assert refused(project, allow_old_sqlite=False).code == "DDK-STG-07"

    def test_interpreter_that_does_not_start(self, project, tmp_path):
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


@pytest.mark.long
class TestPackages:
    def test_package_that_has_no_wheel(self, project):
        decide(project, 'extra = ["uwsgi==2.0.28"]')
        error = refused(project)
        assert error.code == "DDK-STG-10"
        assert error.details["package"] == "uwsgi"

    def test_packages_that_contradict_each_other(self, project):
        decide(project, 'extra = ["asgiref<2"]')
        assert refused(project).code == "DDK-STG-11"

    def test_declarations_without_django(self, project):
        project.write("requirements.txt", "sqlparse\n")
        decide(project, 'requirements = ["requirements.txt"]')
        assert refused(project).code == "DDK-STG-14"

    def test_lock_whose_hashes_were_changed(self, project):
        wanted = locking.read_wanted(*_project_and_settings(project))
        platform, minor = this_platform(), project.build.minor
        lock = locking.Lock("sqlparse==0.5.3 --hash=sha256:" + "0" * 64 + "\n", ())
        file = locking.lock_file(project.root, platform, minor)
        locking.write_lock(file, lock, wanted.fingerprint(platform, minor))
        assert refused(project).code == "DDK-STG-12"

    def test_python_that_the_project_or_a_package_excludes_is_a_decision(self, project, tmp_path):
        minor = project.build.minor
        wheel = tmp_path / "hesitant-1.0-py3-none-any.whl"
        about = {
            "METADATA": "Metadata-Version: 2.1\nName: hesitant\nVersion: 1.0\n"
            f"Requires-Python: <{minor}\n",
            "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "",
        }
        with zipfile.ZipFile(wheel, "w") as packed:
            for name, text in about.items():
                packed.writestr(f"hesitant-1.0.dist-info/{name}", text)
        declared = project.root / "pyproject.toml"
        text = declared.read_text(encoding="utf-8")
        text = re.sub('requires-python = ".*"', f'requires-python = "<{minor}"', text)
        declared.write_text(text, encoding="utf-8")
        manifest = project.root / "desktop-app/desktop.toml"
        decide(project, f'extra = ["hesitant @ {wheel.as_uri()}"]')
        before = manifest.read_text(encoding="utf-8")
        done = project.stage()
        found = {each.id: each for each in done.findings if each.severity == "decide"}
        assert f"the project asks for Python <{minor}" in found["python-version"].what
        assert f"hesitant asks for Python <{minor}" in found["python-of-packages"].what
        assert done.manifest["interpreter"]["version"] == project.build.version
        assert manifest.read_text(encoding="utf-8") == before

    def test_plan_names_what_is_missing_and_writes_nothing(self, project):
        decide(project, 'extra = ["uwsgi==2.0.28"]')
        (found,) = plan(project.root, platform="windows-x64")
        assert found.blocking == "uwsgi"
        assert found.finding().severity == "decide"
        assert project.git("status", "--porcelain").split() == ["M", "desktop-app/desktop.toml"]


class TestProject:
    def test_app_that_does_not_load_without_what_is_left_out(self, project):
        project.append("config/settings/base.py", "\nfrom tests import nothing\n")
        assert refused(project).code in ("DDK-STG-15", "DDK-STG-16")

    def test_listed_path_that_is_not_there(self, project):
        decide(project, '[stage]\ninclude = ["frontend/dist"]')
        assert refused(project).code == "DDK-STG-08"

    def test_migration_that_fails(self, project):
        project.write("items/migrations/0002_fails.py", "raise RuntimeError('on purpose')\n")
        assert refused(project).code == "DDK-STG-16"

    def test_other_platform(self, project):
        other = next(name for name in PLATFORMS if name != this_platform().name)
        assert refused(project, platform=other).code == "DDK-STG-13"

    def test_unknown_platform(self, project):
        assert refused(project, platform="beos-x64").code == "DDK-STG-01"

    def test_project_that_is_not_adapted(self, project):
        shutil.rmtree(project.root / "desktop-app")
        with pytest.raises(KitError) as refusal:
            project.stage()
        assert refusal.value.code == "DDK-ADP-09"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount")
def test_disk_that_is_full(project, tmp_path):
    folder = project.root / "desktop-app"
    away = tmp_path / "payload"
    folder.rename(away)
    folder.mkdir()
    if os.system(f"mount -t tmpfs -o size=20m none '{folder}' 2>/dev/null"):
        pytest.skip("mounting is not allowed here")
    try:
        shutil.copytree(away, folder, dirs_exist_ok=True)
        assert refused(project).code == "DDK-STG-09"
    finally:
        os.system(f"umount '{folder}'")


def test_disk_that_fills_while_files_are_copied(project, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(source_files.shutil, "copyfile", full)
    assert refused(project).code == "DDK-STG-09"


def test_known_password_and_random_rows_are_told(project):
    project.append(
        "config/settings/desktop.py",
        '\nINSTALLED_APPS += ["django.contrib.auth", "django.contrib.contenttypes"]\n',
    )
    project.write(
        "items/migrations/0002_accounts.py",
        """
import uuid
from django.contrib.auth.hashers import make_password
from django.db import migrations


def fill(apps, schema_editor):
    apps.get_model("auth", "User").objects.create(username="admin", password=make_password("x"))
    apps.get_model("items", "Item").objects.create(title=str(uuid.uuid4()))


class Migration(migrations.Migration):
    dependencies = [("items", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(fill)]
""",
    )
    done = project.stage()
    found = {each.id: each for each in done.findings if each.severity == "decide"}
    assert "'admin'" in found["known-password"].what
    assert "items_item.title" in found["first-run"].what
    assert done.manifest["first_run"] == "first launch"
    assert not (project.staged / first_run.FOLDER).exists()


def test_text_that_depends_on_the_day_is_told(project):
    project.write(
        "items/migrations/0002_day.py",
        """
import datetime
from django.db import migrations


def fill(apps, schema_editor):
    title = f"Report {datetime.date.today().year}"
    apps.get_model("items", "Item").objects.create(title=title)


class Migration(migrations.Migration):
    dependencies = [("items", "0001_initial")]
    operations = [migrations.RunPython(fill)]
""",
    )
    done = project.stage()
    assert done.manifest["first_run"] == "first launch"


def test_committed_list_has_every_platform_with_a_checksum_and_a_current_sqlite():
    entries = json.loads(bundled_python.DOWNLOADS.read_text(encoding="utf-8"))
    for platform in PLATFORMS.values():
        build = bundled_python.find_build(platform, "3.14")
        assert build.release >= "20260602"  # the first with SQLite 3.51.3 or later
    assert all(each["sha256"] for each in entries.values())


def _project_and_settings(project):
    from skill_scripts import desktop_toml
    from skill_scripts.project.files import find_project

    settings = desktop_toml.read(project.root / "desktop-app/desktop.toml")
    return find_project(project.root, "manage.py"), settings


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('feed = "http://downloads.example.org/"', "DDK-PKG-07"),
        ('feed = "ftp://downloads.example.org/"', "DDK-PKG-07"),
        ('feeds = "https://downloads.example.org/"', "DDK-ADP-08"),
        ("sign = 1", "DDK-ADP-08"),
    ],
)
def test_package_table_that_cannot_be_meant(tmp_path, line, code):
    about = '[app]\nname = "App"\nidentifier = "org.example.app"\nversion = "1.0.0"\n'
    manifest = f'spec = "1.0"\n{about}[package]\n{line}\n'
    (tmp_path / "desktop.toml").write_text(manifest, encoding="utf-8")
    with pytest.raises(KitError) as caught:
        packaging._settings(tmp_path, this_platform())
    assert caught.value.code == code
    assert "package" in caught.value.message
