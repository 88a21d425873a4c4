"""A decision that is given is taken, whatever its value."""

import tomllib

import pytest

from . import projects

pytestmark = pytest.mark.slow
NOTHING_AT_THE_ROOT = """\
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("list/", lambda request: HttpResponse("list"))]
"""
BEHIND_A_WALL = """\
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", login_required(lambda request: HttpResponse("in")))]
"""
SIGNING_IN = """
INSTALLED_APPS += ["django.contrib.sessions"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
"""
NEEDS_A_NUMBER = 'SIZE = int(os.environ["PONY_SIZE"])\n'
WANTS_AN_OLDER_PYTHON = '[project]\nname = "x"\nversion = "1"\nrequires-python = "<3.14"\n'
STYLED = """\
from django.http import HttpResponse
from django.urls import path

LINK = '<link rel="stylesheet" href="/static/app.css">'
urlpatterns = [path("", lambda request: HttpResponse(LINK))]
"""
BUILD = '{"scripts": {"build": "true"}}'


def at(document: dict, key: str):
    """The value of KEY in a manifest."""
    for name in key.split("."):
        document = document[name]
    return document


# What the survey decides unasked: the project, and what is given instead.
DECIDED = {
    "bundled Python": ({"pyproject.toml": WANTS_AN_OLDER_PYTHON}, "", "python.version=3.14"),
    "front end": ({"site1/urls.py": STYLED, "package.json": BUILD}, "", "frontend.build=[]"),
    "first account": ({"site1/urls.py": BEHIND_A_WALL}, SIGNING_IN, "login.first_account=false"),
    "manage.py": ({"other/manage.py": projects.MANAGE}, "", "django.manage=other/manage.py"),
}


@pytest.mark.parametrize("case", DECIDED)
def test_what_is_given_stands_in_the_place_of_what_the_survey_decides(make_project, kit_json, case):
    files, settings, option = DECIDED[case]
    root = make_project(files, settings=settings)
    key, _, text = option.partition("=")
    extra = ["--set", 'django.path=["."]'] if "manage" in option else []

    alone = kit_json("survey", root)
    given = kit_json("survey", root, "--set", option, *extra)

    wanted = tomllib.loads(f"value = {text}")["value"] if text in ("[]", "false") else text
    assert at(alone["manifest"], key) != wanted, "the survey decides nothing: tests nothing"
    assert at(given["manifest"], key) == wanted
    assert given["facts"]["error"] is None


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        (NEEDS_A_NUMBER, "django.env.PONY_SIZE=large"),
        ("", "django.settings=site1.absent"),
    ],
)
def test_a_value_with_which_the_project_fails_is_not_replaced(
    make_project, kit_json, settings, option
):
    root = make_project({"site1/base.py": projects.SETTINGS}, settings=settings)
    key, _, wanted = option.partition("=")

    document = kit_json("survey", root, "--set", option)

    assert at(document["manifest"], key) == wanted
    (failure,) = [each for each in document["findings"] if each["id"] == "load"]
    assert failure["severity"] == "blocked"


def test_a_question_that_is_answered_is_not_asked_again(make_project, kit_json):
    files = {"site1/urls.py": BEHIND_A_WALL, "shop/fixtures/initial_data.json": "[]"}
    root = make_project(files, settings=SIGNING_IN)
    answers = ("--set", "login.first_account=false", "--set", "data.first_run=[]")

    severities = {each["id"]: each["severity"] for each in kit_json("survey", root)["findings"]}
    document = kit_json("survey", root, *answers)

    assert severities["first-run-commands"] == "decide"
    assert [each for each in document["findings"] if each["severity"] == "decide"] == []


@pytest.mark.network
def test_the_first_adapt_writes_what_equals_the_default(make_project, kit, kit_json):
    root = projects.commit(make_project({"site1/urls.py": NOTHING_AT_THE_ROOT}))

    planned = kit_json("adapt", root, "--dry-run", "--set", "app.home=/")
    done = kit_json("adapt", root, "--set", "app.home=/")

    assert "app.home=/" in planned["decided"] and 'home = "/"' in planned["manifest"]
    asked = [each["id"] for each in planned["decisions_open"] + done["decisions_open"]]
    assert "first-page" not in asked
    text = (root / "desktop-app" / "desktop.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["app"]["home"] == "/"
    again = kit_json("survey", root)
    assert again["manifest"]["app"]["home"] == "/"
    assert [each for each in again["findings"] if each["id"] == "first-page"] == []


def test_what_the_first_user_needs_later_does_not_disturb_the_survey(make_project, kit_json):
    root = make_project({"site1/urls.py": BEHIND_A_WALL}, settings=SIGNING_IN)
    later = ("--set", 'login.groups=["Riders"]', "--set", 'data.first_run_after_login=[["no"]]')

    for option in ("login.first_account=true", "login.user=me"):
        document = kit_json("survey", root, "--set", option, "--set", "login.create=true", *later)

        assert document["facts"]["error"] is None
        assert document["counts"]["blocked"] == 0
