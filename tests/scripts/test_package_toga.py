"""The reference app in the Toga shell: staged, packed, unpacked as installed, opened, quit."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skill_scripts.dependencies import web_view
from skill_scripts.layer.shells import TOGA
from skill_scripts.package import package
from tests.scripts.staging import make_toga_project

OPEN_SECONDS = 180
NEEDED = ("xvfb-run", "dbus-run-session", "dpkg-deb", "dpkg-shlibdeps")
MISSING = [each for each in NEEDED if not shutil.which(each)]
if sys.platform == "linux":
    MISSING += web_view.missing(TOGA, Path(sys.executable))
else:
    MISSING += ["Linux"]
pytestmark = [
    pytest.mark.long,
    pytest.mark.network,
    pytest.mark.timeout(1800),  # PyGObject is built
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}"),
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory, local_build):
    """The root folder that the .deb is unpacked in, and what it asks for."""
    project = make_toga_project(tmp_path_factory.mktemp("Stäble app"), local_build)
    project.stage()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESKTOP_DJANGO_COMPRESSION", "store")
        done = package(project.root, allow_old_sqlite=True)
    (deb,) = done.folder.glob("*.deb")
    root = tmp_path_factory.mktemp("röot")
    subprocess.run(["dpkg-deb", "-x", deb, root], check=True)
    depends = subprocess.run(
        ["dpkg-deb", "-f", deb, "Depends"], check=True, capture_output=True, text=True
    )
    return root, depends.stdout


def test_bundle_holds_the_shell_and_no_headers(installed):
    bundle = installed[0] / "opt/flying-stable/bundle"
    assert (bundle / "app/desktop-app/toga/shell.py").is_file()
    assert (bundle / "app/desktop-app/icons/icon.png").is_file()
    assert list(bundle.glob("python/lib/python3*/site-packages/gi/_gi.*.so"))
    assert not (bundle / "python/include").exists()


def test_what_pygobject_is_linked_to_is_asked_for(installed):
    assert "libgirepository-1.0-1 (>=" in installed[1]
    assert "libglib2.0-0" in installed[1]
    assert "gir1.2-webkit2-4.1" in installed[1]


def test_installed_app_opens_its_page_and_quits(installed, tmp_path):
    program = installed[0] / "opt/flying-stable/flying-stable"
    data = tmp_path / "däta/org.desktop-django.flying-stable"
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(data.parent)}
    log = data / "logs/shell.log"
    with (tmp_path / "output.txt").open("wb") as output:
        command = ["xvfb-run", "-a", "dbus-run-session", "--", "sh", "-c",
                   f'"{program}" & echo $! > "{tmp_path}/pid"; wait $!']  # fmt: skip
        running = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            wait(lambda: log.is_file() and "page shown" in log.read_text(encoding="utf-8"))
            os.kill(int((tmp_path / "pid").read_text(encoding="utf-8")), 15)
            assert running.wait(OPEN_SECONDS) == 0
        finally:
            running.kill()
    assert (data / "db.sqlite3").is_file()
    assert log.read_text(encoding="utf-8").rstrip().endswith("ended")


def wait(condition):
    deadline = time.monotonic() + OPEN_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "no page was shown"
        time.sleep(0.2)
