"""Where the Toga shell finds its project, its data and its Python."""

import sys
from pathlib import Path

import places
import pytest
from places import ManifestError, app_data_folder, backend_command, find_place, read_manifest

ROOT = Path(__file__).resolve().parents[2] / "reference_app"
HERE = ROOT / "desktop-app" / "toga"
MANIFEST = ROOT / "desktop-app" / "desktop.toml"


def bundle(folder: Path) -> Path:
    here = folder / "bundle" / "app" / "desktop-app" / "toga"
    here.mkdir(parents=True)
    (folder / "bundle" / "runtime-manifest.json").touch()
    return here


def test_a_project_lies_around_its_shell(tmp_path):
    place = find_place(HERE)
    assert (place.project, place.bundle, place.mode) == (ROOT, ROOT, "development")
    place = find_place(bundle(tmp_path))
    assert (place.bundle, place.mode) == (tmp_path / "bundle", "packaged")
    assert place.project == tmp_path / "bundle" / "app"


def test_the_environment_decides_nothing_in_a_packaged_app(tmp_path, monkeypatch):
    manifest, packaged = read_manifest(MANIFEST), find_place(bundle(tmp_path))
    monkeypatch.setenv("DESKTOP_DJANGO_APP_DATA_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PYTHON", "/elsewhere/python")
    own = app_data_folder(manifest, packaged, [])
    assert own.name == manifest.identifier
    assert app_data_folder(manifest, packaged, ["--staged"]) == tmp_path / "elsewhere"
    assert app_data_folder(manifest, find_place(HERE), []) == tmp_path / "elsewhere"
    command = backend_command(packaged, manifest, own)
    assert command.arguments[:3] == (sys.executable, "-I", "-B")
    assert command.environment["DESKTOP_DJANGO_RUNTIME_MODE"] == "packaged"
    assert backend_command(find_place(HERE), manifest, own).arguments[0] == "/elsewhere/python"
    monkeypatch.setattr(sys, "executable", "C:\\app\\pythonw.exe")
    assert backend_command(packaged, manifest, own).arguments[0] == "C:\\app\\python.exe"


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_DATA_HOME is of Linux")
def test_development_has_data_of_its_own(tmp_path, monkeypatch):
    monkeypatch.delenv("DESKTOP_DJANGO_APP_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    manifest = read_manifest(MANIFEST)
    folder = app_data_folder(manifest, find_place(HERE), [])
    assert folder == tmp_path / f"{manifest.identifier}-development"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert app_data_folder(manifest, find_place(HERE), []).is_absolute()


@pytest.mark.parametrize(
    ("text", "problem"),
    {
        "no TOML": ("[app", "cannot be read"),
        "no name": ('[app]\nidentifier = "a"', "name"),
        "a path": ('[app]\nname = "A"\nidentifier = "../a"', "identifier"),
        "a colour": ('[app]\nname = "A"\nidentifier = "a"\nbackground = "red"', "background"),
        "a host": ('[app]\nname = "A"\nidentifier = "a"\nhome = "//example.org"', "home"),
        "a number": ('[app]\nname = "A"\nidentifier = "a"\nversion = 1', "version"),
    }.values(),
)
def test_a_manifest_that_cannot_be_used_is_named(text, problem, tmp_path):
    file = tmp_path / "desktop.toml"
    file.write_text(text)
    with pytest.raises(ManifestError, match=problem):
        read_manifest(file)


def test_texts_that_nobody_has_filled_in_are_no_error(tmp_path):
    file = tmp_path / "desktop.toml"
    file.write_text('[app]\nname = "A"\nidentifier = "a"\ndescription = ""\nauthor = ""\n')
    assert (read_manifest(file).description, read_manifest(file).author) == (" ", " ")


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("org.example.app", "org.example.app"),
        ("app", "desktop-django.app"),
        ("org.2048.game", "org._2048.game"),
    ],
)
def test_identifiers_are_names_for_the_system(identifier, expected):
    assert places.application_id(identifier) == expected
