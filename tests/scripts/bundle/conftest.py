import pytest

from skill_scripts import desktop_toml


@pytest.fixture
def toga_settings():
    """Make the settings of an app in the Toga shell."""

    def make(package, **app):
        settings = desktop_toml.defaults()
        settings["app"] |= {"identifier": "org.example.herbarium", "shell": "toga", **app}
        settings["package"] = package
        return settings

    return make


@pytest.fixture
def odd_settings(toga_settings):
    """Of an app whose name holds what scripts and file systems take for something else."""
    return toga_settings({}, name='Herb "Ärium": $HOME', version="1.2.0rc1", author="A. Gärtner")


@pytest.fixture
def odd_layer(tmp_path):
    """A staged bundle with a file of every kind that could be lost, and its icons."""
    layer = tmp_path / "desktop-app"
    for name, text in {
        "staged/runtime-manifest.json": "{}",
        "staged/app/.gitkeep": "",
        "staged/app/desktop-app/toga/shell.py": "",
        "staged/app/no ending/lïes here": "x",
        "staged/python/pythonw.exe": "pythonw",
        "staged/python/bin/python3": '#!/bin/sh\nprintf "%s\\n" "$CFProcessPath" "$0" "$@"\n',
    }.items():
        (layer / name).parent.mkdir(parents=True, exist_ok=True)
        (layer / name).write_text(text, encoding="utf-8", newline="\n")
    (layer / "staged/python/bin/python3").chmod(0o755)
    (layer / "staged/staticfiles").mkdir()
    (layer / "icons").mkdir()
    return layer
