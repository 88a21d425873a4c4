"""What stage refuses: one clear error, and no half-made bundle."""

import errno
import os
import shutil

import pytest

from skill_scripts.bundle import source_files
from skill_scripts.dependencies.platforms import PLATFORMS, this_platform
from skill_scripts.errors import KitError
from tests.scripts.staging import decide, refused

pytestmark = pytest.mark.slow


class TestProject:
    @pytest.mark.long
    def test_an_app_that_needs_what_is_left_out_is_refused(self, project):
        project.append("config/settings/base.py", "\nfrom tests import nothing\n")
        assert refused(project).code in ("DDK-STG-15", "DDK-STG-16")

    def test_a_listed_path_must_exist(self, project):
        decide(project, '[stage]\ninclude = ["frontend/dist"]')
        assert refused(project).code == "DDK-STG-08"

    @pytest.mark.long
    def test_a_failing_migration_is_refused(self, project):
        project.write("items/migrations/0002_fails.py", "raise RuntimeError('on purpose')\n")
        assert refused(project).code == "DDK-STG-16"

    def test_another_platform_is_refused(self, project):
        other = next(name for name in PLATFORMS if name != this_platform().name)
        assert refused(project, platform=other).code == "DDK-STG-13"

    def test_an_unknown_platform_is_refused(self, project):
        assert refused(project, platform="beos-x64").code == "DDK-STG-01"

    def test_a_project_that_is_not_adapted_is_refused(self, project):
        shutil.rmtree(project.root / "desktop-app")
        with pytest.raises(KitError) as refusal:
            project.stage()
        assert refusal.value.code == "DDK-ADP-09"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may mount")
def test_a_full_disk_is_named(project, tmp_path):
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


@pytest.mark.long
def test_a_disk_that_fills_while_files_are_copied_is_named(project, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(source_files.shutil, "copyfile", full)
    assert refused(project).code == "DDK-STG-09"
