"""The rehearsal of a survey: before there is a layer, and for the adapt that follows."""

import shutil
import time

import pytest

from skill_scripts import adapt as adapting
from skill_scripts import cli
from skill_scripts.rehearsal import beforehand, result

from .. import projects
from ..documents import findings
from .test_rehearse import IS_AN_APP, with_rows

pytestmark = [pytest.mark.slow, pytest.mark.network]  # the runtime's own packages are installed

FILLED = """\
    apps.get_model("site1", "Page").objects.create(path="", text="front <a href='/b'>b</a>")
    apps.get_model("site1", "Page").objects.create(path="b", text="b")
"""


@pytest.fixture
def root(make_project):
    return projects.commit(make_project(with_rows(FILLED.strip()), settings=IS_AN_APP))


def forbid(*_, **__):
    raise AssertionError("it was rehearsed again")


def test_a_survey_starts_the_app_once_and_leaves_nothing(root, kit_json):
    before = projects.contents(root)

    document = kit_json("survey", root)

    seen = document["rehearsal"]
    assert [(each["path"], each["status"]) for each in seen["pages"]] == [("/", 200), ("/b", 200)]
    assert "started once: ready after" in findings(document, "rehearsal")[0]["what"]
    assert document["seconds"]["rehearsal"] > 0
    assert projects.contents(root) == before
    assert kit_json("survey", root, "--no-rehearsal")["rehearsal"] is None


def test_adapt_takes_what_the_survey_has_seen(root, kit, kit_json, monkeypatch):
    surveyed = kit_json("survey", root)
    monkeypatch.setattr(adapting, "rehearse", forbid)

    document = kit_json("adapt", root)

    assert document["rehearsal"] == surveyed["rehearsal"] | {"key": document["rehearsal"]["key"]}
    kept = root / "desktop-app" / ".rehearsal"
    assert result.read(kept).home == "/"
    if shutil.which("chromium"):
        assert (kept / "first-page.png").read_bytes().startswith(b"\x89PNG")
    assert kit("adapt", root).stderr.startswith("nothing to do")


@pytest.mark.long
def test_a_second_survey_takes_what_the_first_has_seen(root, kit_json, monkeypatch):
    first = kit_json("survey", root)
    monkeypatch.setattr(beforehand, "rehearse", forbid)
    assert kit_json("survey", root)["rehearsal"] == first["rehearsal"]


@pytest.mark.parametrize(
    "change",
    [
        "a file",
        *(
            pytest.param(each, marks=pytest.mark.long)
            for each in ("a decision", "another kit", "other code of the kit")
        ),
    ],
)
def test_what_was_seen_holds_for_the_same_app_only(root, kit, kit_json, monkeypatch, change):
    kit_json("survey", root)
    monkeypatch.setattr(adapting, "rehearse", forbid)
    if change == "a file":
        (root / "site1" / "urls.py").write_text(projects.URLS, encoding="utf-8")
        projects.commit(root)
    elif change == "another kit":
        monkeypatch.setattr(result, "__version__", "0.0.1")
    elif change == "other code of the kit":
        monkeypatch.setattr(result, "KIT", root)
    further = ["--set", "app.home=/b"] if change == "a decision" else []
    assert "it was rehearsed again" in kit("adapt", root, *further).stderr


@pytest.mark.long
def test_what_takes_too_long_is_left_to_adapt(make_project, kit_json, monkeypatch):
    monkeypatch.setattr(cli, "SURVEY_PATIENCE_SECONDS", 4)
    code = "import time; time.sleep(3600)"
    root = projects.commit(make_project(with_rows(code), settings=IS_AN_APP))
    begin = time.monotonic()

    document = kit_json("survey", root)

    assert time.monotonic() - begin < 60
    assert document["rehearsal"] is None
    assert "takes more than 4 s" in findings(document, "rehearsal")[0]["what"]
    assert projects.status(root) == []


def test_a_migration_that_sqlite_refuses_is_known_before_adapt(make_project, kit_json):
    further = 'migrations.RunSQL("CREATE EXTENSION hstore"),'
    root = projects.commit(make_project(with_rows(further=further), settings=IS_AN_APP))

    (finding,) = findings(kit_json("survey", root), "impossible-database")

    assert finding["severity"] == "blocked"
    assert finding["place"] == "site1/migrations/0001_initial.py:21"


@pytest.mark.long
def test_the_first_page_that_was_seen_is_in_the_draft(make_project, kit_json):
    urls = projects.URLS.replace('path("",', 'path("notes/",')
    document = kit_json("survey", make_project({"site1/urls.py": urls}))

    assert document["manifest"]["app"]["home"] == "/notes/"
    assert "/notes/" in findings(document, "first-page")[0]["what"]


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("chromium"), reason="the picture is drawn by Chromium")
def test_survey_says_where_the_picture_is(root, kit, kit_json):
    picture = kit_json("survey", root)["picture"]
    assert f"the first page: {picture}" in kit("survey", root).stderr
    assert str(root) not in picture
