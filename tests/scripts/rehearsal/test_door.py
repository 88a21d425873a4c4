"""Who gets into a new installation: watched, by a person who has no account."""

import pytest

from .. import projects
from ..documents import findings as of_survey
from .test_rehearse import findings

pytestmark = [pytest.mark.slow, pytest.mark.network]  # the runtime's own packages are installed

SIGNING_IN = """
INSTALLED_APPS += ["django.contrib.sessions", "site1"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
"""
URLS = """\
from django.contrib.auth import authenticate, login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path

FORM = "<form method=post>Who are you? <input name=username><input name=email>{{}}</form>"
PASSWORD = "<input type=password name=password>"


def sign_in(request):
    user = request.POST and authenticate(
        username=request.POST["username"], password=request.POST["password"]
    )
    if user:
        login(request, user)
        return HttpResponseRedirect("/")
    return HttpResponse(FORM.format(PASSWORD) + "{link}")


def join(request):
    if request.POST:
        User.objects.create_user(
            request.POST["username"], request.POST["email"], request.POST["password"],
            is_active={is_active},
        )
        return HttpResponse("thank you")
    again = "<input type=password name=again>"
    return HttpResponse(FORM.format(PASSWORD + again))


urlpatterns = [
    path("", login_required(lambda request: HttpResponse("in"))),
    path("accounts/login/", sign_in),
    path("accounts/signup/", join),
]
"""
LINK = "<a href=/accounts/signup/>join</a>"


@pytest.mark.long
@pytest.mark.parametrize(
    ("link", "is_active", "why"),
    [
        (LINK, True, ""),
        (LINK, False, "signing up at /accounts/signup/ answers 200, and / stays closed"),
        ("", True, "no page to sign up is linked"),
    ],
    ids=["works", "waits for a mail", "is linked nowhere"],
)
def test_the_first_account_is_asked_for_where_signing_up_does_not_get_in(
    make_project, kit_json, link, is_active, why
):
    urls = URLS.format(link=link, is_active=is_active)
    root = projects.commit(make_project({"site1/urls.py": urls}, settings=SIGNING_IN))

    document = kit_json("adapt", root)

    assert ("first_account = true" in document["manifest"]) is bool(why)
    assert document["rehearsal"]["wall"] == "/" and document["rehearsal"]["shut"] == why
    assert ("login.first_account=true" in document["decided"]) is bool(why)
    assert [each["severity"] for each in findings(document, "login-wall")] == ["handled"] * bool(
        why
    )


NO_USERS = """\
from django.contrib.auth.models import User
from django.db.models.signals import post_save


def make_profile(instance, **_):
    profile.user = instance


post_save.connect(make_profile, sender=User, weak=False)
"""


@pytest.mark.long
def test_where_no_user_can_be_made_it_says_why(make_project, kit_json):
    files = {"site1/urls.py": URLS.format(link="", is_active=True), "site1/models.py": NO_USERS}

    document = kit_json("adapt", projects.commit(make_project(files, settings=SIGNING_IN)))

    assert "first_account = false" in document["manifest"]
    (finding,) = findings(document, "login-wall")
    assert finding["severity"] == "decide"
    assert "no page to sign up is linked, nor can a first account be made" in finding["what"]
    assert "NameError: name 'profile' is not defined" in finding["what"]


@pytest.mark.long
def test_who_decided_how_to_get_in_is_not_overruled(make_project, kit_json):
    urls = URLS.format(link=LINK, is_active=False)
    root = make_project({"site1/urls.py": urls}, settings=SIGNING_IN)

    document = kit_json("survey", root, "--rehearse", "--set", "login.first_account=false")

    assert document["manifest"]["login"]["first_account"] is False
    assert [each["severity"] for each in of_survey(document, "login-wall")] == ["handled"]


GROUP = """\
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    def handle(self, *args, **options):
        Group.objects.create(name="Guests")
        Group.objects.create(name="Keepers")
"""
KEEPERS = """\
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import path


@login_required
def page(request):
    group = request.user.groups.get()
    return HttpResponse({"Keepers": "in"}[group.name])


urlpatterns = [path("", page)]
"""


MIGRATION = """\
from django.db import migrations


def fill(apps, editor):
    for name in ("Guests", "Keepers"):
        apps.get_model("auth", "Group").objects.create(name=name)


class Migration(migrations.Migration):
    dependencies = [("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(fill)]
"""


@pytest.mark.long
def test_a_group_that_is_there_is_found(make_project, kit_json):
    files = {
        "site1/urls.py": KEEPERS,
        "site1/migrations/__init__.py": "",
        "site1/migrations/0001_initial.py": MIGRATION,
    }
    document = kit_json("adapt", projects.commit(make_project(files, settings=SIGNING_IN)))

    assert 'groups = ["Keepers"]' in document["manifest"]
    (finding,) = findings(document, "login-group")
    assert 'login.groups=["Keepers"]' in finding["do"] and "DoesNotExist" in finding["what"]


@pytest.mark.long
def test_a_group_that_a_command_makes_is_found(make_project, kit_json):
    package = "site1/management/commands"
    files = {
        "site1/urls.py": KEEPERS,
        "site1/management/__init__.py": "",
        f"{package}/__init__.py": "",
        f"{package}/setup_groups.py": GROUP,
    }
    root = projects.commit(make_project(files, settings=SIGNING_IN))

    document = kit_json("adapt", root)

    assert 'first_run = [["setup_groups"]]' in document["manifest"]
    assert 'groups = ["Keepers"]' in document["manifest"]
    assert 'login.groups=["Keepers"]' in document["decided"]
    (finding,) = findings(document, "first-run-commands")
    assert "DoesNotExist" in finding["what"]
    assert document["rehearsal"]["pages"][0]["status"] == 200
