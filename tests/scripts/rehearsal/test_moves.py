"""Files that a page writes beside the code: moved by the setting that names them, else named."""

import pytest

from .. import projects
from .test_rehearse import findings

pytestmark = [pytest.mark.slow, pytest.mark.network]  # the runtime's own packages are installed

WRITES = """
    from pathlib import Path

    from django.conf import settings
    from django.http import HttpResponse
    from django.urls import path


    def page(request):
        for place in {places}:
            Path(place).mkdir(parents=True, exist_ok=True)
            Path(place, "segment").write_text("an index", encoding="utf-8")
        return HttpResponse("found")


    link = "<a href=/search/>search</a>"
    urlpatterns = [path("", lambda request: HttpResponse(link)), path("search/", page)]
    """
INDEXES = """
    SEARCH = {"default": {"ENGINE": "whoosh", "PATH": str(BASE_DIR / "index")}}
    QUEUES = [{"name": "mail"}, {"name": "index", "folder": BASE_DIR / "queue"}]
    """


def written(*places):
    return {"site1/urls.py": WRITES.format(places=f"[{', '.join(places)}]")}


def test_a_place_within_a_setting_is_moved_and_seen_to_work(make_project, kit_json):
    files = written('settings.SEARCH["default"]["PATH"]', 'settings.QUEUES[1]["folder"]')
    root = projects.commit(make_project(files, settings=INDEXES))

    document = kit_json("adapt", root)

    seen = document["rehearsal"]
    assert seen["writes"] == [] and seen["moved"] == ["index/", "queue/"]
    assert [each["status"] for each in seen["pages"]] == [200, 200]
    manifest = (root / "desktop-app" / "desktop.toml").read_text(encoding="utf-8")
    assert '"SEARCH.default.PATH" = "{app_data}/index"' in manifest
    assert '"QUEUES.1.folder" = "{app_data}/queue"' in manifest
    (finding,) = findings(document, "writes")
    assert finding["severity"] == "handled"
    assert "index/ (SEARCH.default.PATH), queue/ (QUEUES.1.folder)" in finding["what"]
    assert projects.status(root) == ["?? desktop-app/"]


@pytest.mark.long
def test_a_relative_path_is_one_from_where_the_project_starts(make_project, kit_json):
    settings = 'SEARCH = {"default": {"PATH": "whoosh_index"}}'
    files = written('settings.SEARCH["default"]["PATH"]')

    document = kit_json("adapt", make_project(files, settings=settings))

    assert document["rehearsal"]["moves"] == [
        "django.set.SEARCH.default.PATH={app_data}/whoosh_index"
    ]


@pytest.mark.long
def test_what_no_setting_moves_is_left_to_a_person_with_the_setting_and_the_folder(
    make_project, kit_json
):
    """The view writes where the setting pointed to when the project was made."""
    files = written("Path(__file__).parent.parent / 'index'", "Path(__file__).parent / 'own'")

    document = kit_json("adapt", make_project(files, settings=INDEXES))

    (finding,) = findings(document, "writes")
    assert finding["severity"] == "decide"
    assert "index/ (SEARCH.default.PATH), site1/own/" in finding["what"]
    assert "--set 'django.set.SEARCH.default.PATH={app_data}/FOLDER'" in finding["do"]
    assert "SEARCH" not in document["manifest"]
