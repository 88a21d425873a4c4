"""What the workflows' own scripts do, with stand-ins for what only another system has."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflows.stand_ins import TASKKILL, StandIns, search_path, system32, write_installer

ROOT = Path(__file__).resolve().parents[2]
MACHO = b"\xcf\xfa\xed\xfe" + b"\0" * 28
UNIVERSAL = b"\xca\xfe\xba\xbe\0\0\0\2" + b"\0" * 24
JAVA_CLASS = b"\xca\xfe\xba\xbe\0\0\0\x41" + b"\0" * 24
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="the stand-ins begin with #!"),
]


@pytest.fixture
def stand_ins(tmp_path):
    return StandIns(tmp_path / "stand-ins")


def script(name, *arguments, stand_ins=None, **environment):
    path = os.environ["PATH"]
    if stand_ins:
        path = f"{stand_ins.folder}{os.pathsep}{search_path(stand_ins.folder / 'programs')}"
    return subprocess.run(
        [sys.executable, str(ROOT / ".ci" / name), *map(str, arguments)],
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


# --- signatures.py --------------------------------------------------------------------------------


@pytest.fixture
def dist(tmp_path):
    """An application whose programs have names with spaces, as Electron's framework has."""
    contents = tmp_path / "dist" / "mac-arm64" / "Flying Stable.app" / "Contents"
    for name, content in {
        "MacOS/Flying Stable": MACHO,
        "Frameworks/Electron Framework.framework/Versions/A/Electron Framework": UNIVERSAL,
        "Resources/bundle/python/lib/site-packages/tool/bin/tool": MACHO,
        "Resources/bundle/app/A.class": JAVA_CLASS,
        "Resources/bundle/app/notes.txt": b"text",
    }.items():
        file = contents / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path / "dist"


def test_signatures_of_nothing_are_refused(tmp_path, stand_ins):
    done = script("signatures.py", tmp_path, stand_ins=stand_ins)
    assert done.returncode == 1
    assert "no application" in done.stderr


@pytest.mark.parametrize("name", ["tool/bin/tool", "Electron Framework.framework/Versions/A"])
def test_a_program_without_a_signature_is_named(name, dist, stand_ins):
    stand_ins.add("codesign", fails=(name,))
    done = script("signatures.py", dist, stand_ins=stand_ins)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("not signed")]
    assert name in line


def test_every_program_is_asked_about_and_nothing_else(dist, stand_ins):
    stand_ins.add("codesign")
    done = script("signatures.py", dist, stand_ins=stand_ins)
    assert done.returncode == 0, done.stderr
    whole, *single = stand_ins.calls
    assert "--deep" in whole
    assert sorted(Path(call[-1]).name for call in single) == [
        "Electron Framework",
        "Flying Stable",
        "tool",
    ]


@pytest.mark.parametrize(("refuses", "code"), [("spctl", 1), ("xcrun", 1), ("", 0)])
def test_a_notarised_application_must_pass_gatekeeper(refuses, code, dist, stand_ins):
    for name in ("codesign", "spctl", "xcrun"):
        stand_ins.add(name, fails=("Flying Stable",) if name == refuses else ())
    assert script("signatures.py", dist, stand_ins=stand_ins, NOTARISED="yes").returncode == code
    assert "spctl" in {call[0] for call in stand_ins.calls}


def test_gatekeeper_is_not_asked_where_nothing_was_notarised(dist, stand_ins):
    stand_ins.add("codesign")
    assert script("signatures.py", dist, stand_ins=stand_ins, NOTARISED="").returncode == 0
    assert {call[0] for call in stand_ins.calls} == {"codesign"}


# --- given.py -------------------------------------------------------------------------------------


@pytest.fixture
def packaged(tmp_path):
    payload = tmp_path / "my project" / "desktop-app"
    (payload / "dist").mkdir(parents=True)
    (payload / "staged").mkdir()
    for name in ("app-1-win-x64.exe", "app-1-win-x64.exe.blockmap", "latest.yml", "SHA256SUMS"):
        (payload / "dist" / name).write_text(name)
    (payload / "dist" / "builder-debug.yml").write_text("not given")
    (payload / "staged" / "sbom.cdx.json").write_text("{}")
    (payload / "desktop.toml").write_text('[app]\nname = "Flying Stable"\n')
    return payload.parent


def given(project, tmp_path):
    outputs = tmp_path / "outputs"
    done = script("given.py", project, "windows", tmp_path / "given", GITHUB_OUTPUT=str(outputs))
    return done, outputs.read_text() if outputs.exists() else ""


@pytest.mark.parametrize("absent", ["dist/SHA256SUMS", "staged/sbom.cdx.json"])
def test_what_lacks_a_part_is_not_given(absent, packaged, tmp_path):
    (packaged / "desktop-app" / absent).unlink()
    done, outputs = given(packaged, tmp_path)
    assert (done.returncode, outputs) == (1, "")
    assert absent in done.stderr


def test_no_installer_is_an_error(packaged, tmp_path):
    for each in (packaged / "desktop-app" / "dist").glob("*app-1*"):
        each.unlink()
    (packaged / "desktop-app" / "dist" / "latest.yml").unlink()
    done, outputs = given(packaged, tmp_path)
    assert (done.returncode, outputs) == (1, "")


def test_installers_and_what_lies_beside_them_are_given(packaged, tmp_path):
    done, outputs = given(packaged, tmp_path)
    assert done.returncode == 0, done.stderr
    assert outputs == "app=flying-stable\n"
    assert {each.name for each in (tmp_path / "given").iterdir()} == {
        *("app-1-win-x64.exe", "app-1-win-x64.exe.blockmap", "latest.yml"),
        *("SHA256SUMS-windows", "sbom-windows.cdx.json"),
    }


# --- installed_app.py -----------------------------------------------------------------------------


@pytest.fixture
def windows(tmp_path, stand_ins):
    """Make the installer of an application with one fault, and run the script on it."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "local").mkdir()
    stand_ins.add("python3")
    stand_ins.add("taskkill", does=TASKKILL.format(target=str(tmp_path)))

    def install(fault="", bundle="resources/bundle"):
        write_installer(tmp_path / "dist" / "my-app-win-x64.exe", fault, bundle)
        system32(tmp_path / "system")
        return script(
            "installed_app.py",
            tmp_path / "dist",
            stand_ins=stand_ins,
            RUNNER_TEMP=str(tmp_path / "temp"),
            LOCALAPPDATA=str(tmp_path / "local"),
            SYSTEMROOT=str(tmp_path / "system"),
            PYTHONPATH="",
        )

    return install


@pytest.mark.skipif(sys.platform != "linux", reason="the stand-in of the backend is Linux's sleep")
class TestInstalled:
    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            ("installer fails", "exit code 2"),
            ("saves nothing", "there is no data"),
            ("deletes data", "took the data away"),
        ],
    )
    def test_a_fault_is_said(self, fault, said, windows):
        done = windows(fault)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr

    def test_the_whole_of_it_and_every_python_is_back(self, windows, stand_ins, tmp_path):
        done = windows()
        assert done.returncode == 0, done.stdout + done.stderr
        assert stand_ins.called() == [
            "taskkill /IM 'My App.exe'",
            "taskkill /F /T /IM 'My App.exe'",
        ]
        assert (stand_ins.folder / "python3").exists()
        assert not list(stand_ins.folder.rglob("*.hidden"))
        assert (tmp_path / "local/org.app/path").read_text().strip() == str(
            tmp_path / "system" / "System32"
        )

    def test_a_toga_app_is_asked_by_the_window_of_a_child(self, windows, stand_ins):
        done = windows(bundle="bundle")
        assert done.returncode == 0, done.stdout + done.stderr
        assert stand_ins.called()[0] == "taskkill /T /IM 'My App.exe'"

    def test_a_python_that_is_hidden_comes_back_after_a_fault_too(self, windows, stand_ins):
        assert windows("saves nothing").returncode == 1
        assert (stand_ins.folder / "python3").exists()


def test_no_python_is_hidden_from_anybody_else(tmp_path, monkeypatch):
    """The search path that the tests above give to the script."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'real'}{os.pathsep}{tmp_path / 'other'}")
    for name in ("real/python3", "real/tool", "other/tool"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("#!/bin/sh\necho hello\n")
        (tmp_path / name).chmod(0o755)
    led, other = search_path(tmp_path / "programs").split(os.pathsep)
    assert other == str(tmp_path / "other")
    for name in ("python3", "tool"):
        done = subprocess.run([f"{led}/{name}"], capture_output=True, text=True)
        assert done.stdout == "hello\n"
    Path(led, "python3").rename(Path(led, "python3.hidden"))
    assert (tmp_path / "real/python3").exists()


def test_no_other_python_hides_what_is_in_the_way(tmp_path, stand_ins, monkeypatch):
    spec = importlib.util.spec_from_file_location("installed_app", ROOT / ".ci/installed_app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    python = stand_ins.add("python3")
    monkeypatch.setenv("PATH", str(stand_ins.folder))
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    with module.no_other_python() as environment:
        assert not python.exists()
        assert json.dumps(environment).find("PYTHONHOME") == -1
    assert python.exists()
