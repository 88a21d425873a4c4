"""The first page on the project's own server, for the report of check."""

import json
import shutil

import pytest

from skill_scripts.rehearsal import own_page as own_pages
from skill_scripts.rehearsal.own_page import own_page

from .. import projects

pytestmark = [pytest.mark.slow, pytest.mark.network]  # the runtime's own packages are installed

NO_SERVER = """
DATABASES = {"default": {"ENGINE": "site1.gone", "NAME": "x"}}
"""


def adapted(make_project, kit, **options):
    root = projects.commit(make_project(**options))
    assert kit("adapt", root, "--no-rehearsal").exit_code == 0
    return root


@pytest.mark.skipif(not shutil.which("chromium"), reason="the picture is drawn by Chromium")
def test_it_is_drawn_once_and_again_when_something_has_changed(make_project, kit, monkeypatch):
    root = adapted(make_project, kit)

    file = own_page(root, lambda _: None)

    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["path"] == "/" and found["why_not"] == ""
    picture = file.with_name(found["picture"])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert projects.status(root) == ["?? desktop-app/"]
    calls = []
    monkeypatch.setattr(own_pages, "_draw", lambda *given: calls.append(given))
    own_page(root, lambda _: None)
    assert calls == []
    (root / "site1" / "urls.py").write_text(projects.URLS + "\n", encoding="utf-8")
    own_page(root, lambda _: None)
    assert len(calls) == 1


def test_without_a_server_or_a_browser_it_says_why(make_project, kit, monkeypatch):
    root = adapted(make_project, kit, settings=NO_SERVER)
    found = json.loads(own_page(root, lambda _: None).read_text(encoding="utf-8"))
    assert found["picture"] == "" and found["why_not"].startswith("migrate --noinput: ")

    def no_browser(*_):
        raise own_pages.DrawingError("Executable doesn't exist")

    monkeypatch.setattr(own_pages, "_draw", no_browser)
    (root / "site1" / "urls.py").write_text(projects.URLS + "\n", encoding="utf-8")
    found = json.loads(own_page(root, lambda _: None).read_text(encoding="utf-8"))
    assert found["why_not"] == "Executable doesn't exist"


def test_a_project_that_is_not_adapted_has_none(tmp_path):
    assert own_page(tmp_path, lambda _: None) is None
