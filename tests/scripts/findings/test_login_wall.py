"""The login wall: who gets into a new installation, and how."""

import pytest

from tests.scripts.documents import findings

pytestmark = pytest.mark.slow

SIGNING_IN = """
INSTALLED_APPS += ["django.contrib.sessions"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
"""
INNER_PAGES = """
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache


def page(request, pk=0):
    return HttpResponse("page")


class Notes(View):
    get = page


urlpatterns = [path("", page), path("about/", page), path("open/", Notes.as_view())]
"""
GUARDED = {
    "a decorator": 'path("notes/", never_cache(login_required(page)))',
    "a mixin": 'path("notes/", type("Own", (LoginRequiredMixin, Notes), {}).as_view())',
    "a decorated class": (
        'path("notes/", method_decorator(login_required, name="dispatch")'
        '(type("Own", (Notes,), {})).as_view())'
    ),
    "a decorated method": (
        'path("notes/", type("Own", (Notes,), {"get": method_decorator(login_required)'
        "(lambda self, request: page(request))}).as_view())"
    ),
}


@pytest.mark.parametrize(
    "further", ["", 'path("notes/", login_required(page)), path("accounts/register/", page)']
)
def test_open_pages_and_a_sign_up_are_no_login_wall(make_project, kit_json, further):
    urls = f"{INNER_PAGES}urlpatterns += [{further}]\n"

    document = kit_json("survey", make_project({"site1/urls.py": urls}, settings=SIGNING_IN))

    assert findings(document, "login-wall") == []
    assert document["manifest"]["login"]["first_account"] is False


def test_a_login_wall_is_seen(make_project, kit_json):
    view = """
    from django.contrib.auth.decorators import login_required
    from django.http import HttpResponse
    from django.urls import path

    urlpatterns = [path("", login_required(lambda request: HttpResponse("in")))]
    """
    root = make_project(
        {"site1/urls.py": view},
        settings="""
        INSTALLED_APPS += ["django.contrib.sessions"]
        MIDDLEWARE = [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ]
        """,
    )

    document = kit_json("survey", root)
    (wall,) = findings(document, "login-wall")

    assert document["manifest"]["login"]["first_account"] is True
    assert wall["severity"] == "handled"
    assert "asks for the first account (tried: / then answers 200)" in wall["do"]
    assert "--set login.first_account=false" in wall["do"]
    assert "--set login.user=NAME" in wall["do"]

    document = kit_json("survey", root, "--set", "login.first_account=false")
    (wall,) = findings(document, "login-wall")

    assert document["manifest"]["login"]["first_account"] is False
    assert wall["severity"] == "handled", "it was decided"
    assert "(tried: / then answers 200)" in wall["do"]


@pytest.mark.parametrize("guard", GUARDED)
def test_inner_pages_that_nobody_gets_into_are_a_login_wall(make_project, kit_json, guard):
    urls = f"{INNER_PAGES}urlpatterns += [{GUARDED[guard]}]\n"

    document = kit_json("survey", make_project({"site1/urls.py": urls}, settings=SIGNING_IN))

    (wall,) = findings(document, "login-wall")
    assert wall["severity"] == "handled"
    assert "pages ask to sign in (/notes/" in wall["what"]
    assert "--set login.user=NAME --set login.create=true" in wall["do"]
    assert "(tried: /notes/ then answers 200)" in wall["do"]


def test_a_user_model_that_cannot_be_made_leaves_the_decision(make_project, kit_json):
    model = """
    from django.contrib.auth.models import AbstractBaseUser, UserManager
    from django.db import models

    class People(UserManager):
        def create_superuser(self, card):
            pass

    class Person(AbstractBaseUser):
        card = models.CharField(max_length=10, unique=True)
        USERNAME_FIELD = "card"
        objects = People()
    """
    urls = f"{INNER_PAGES}urlpatterns = [path('', login_required(page))]\n"
    files = {"site1/urls.py": urls, "cards/__init__.py": "", "cards/models.py": model}
    settings = f'{SIGNING_IN}INSTALLED_APPS += ["cards"]\nAUTH_USER_MODEL = "cards.Person"\n'
    root = make_project(files, settings=settings)

    document = kit_json("survey", root)
    assert findings(document, "login-wall")[0]["severity"] == "decide"
    assert document["manifest"]["login"]["first_account"] is False

    document = kit_json("survey", root, "--set", "login.first_account=true")
    (refused,) = findings(document, "first-account")
    assert refused["severity"] == "blocked"
    assert "People.create_superuser() got an unexpected keyword argument" in refused["what"]


ADMIN = (
    SIGNING_IN
    + """
INSTALLED_APPS += ["django.contrib.admin", "django.contrib.messages", "site1"]
MIDDLEWARE += ["django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
              "OPTIONS": {"context_processors": [
                  "django.template.context_processors.request",
                  "django.contrib.auth.context_processors.auth",
                  "django.contrib.messages.context_processors.messages"]}}]
"""
)
ADMIN_URLS = """
from django.contrib import admin
from django.http import HttpResponse
from django.urls import path

urlpatterns = [
    path("", lambda request: HttpResponse("open to everybody")),
    path("manage/", admin.site.urls),
]
"""
MODEL = """
from django.contrib import admin
from django.db import models


class Note(models.Model):
    text = models.TextField()


{registered}
"""


@pytest.mark.parametrize("is_registered", [True, False])
def test_an_admin_of_its_own_models_needs_somebody_who_may_enter(
    make_project, kit_json, is_registered
):
    """The first page is open; without an account nobody can fill it."""
    registered = "admin.site.register(Note)" if is_registered else ""
    files = {"site1/models.py": MODEL.format(registered=registered), "site1/urls.py": ADMIN_URLS}
    root = make_project(files, settings=ADMIN)

    document = kit_json("survey", root)

    assert document["manifest"]["login"]["first_account"] is is_registered
    assert [each["severity"] for each in findings(document, "login-wall")] == (
        ["handled"] if is_registered else []
    )
    if is_registered:
        assert "pages ask to sign in (/manage/)" in findings(document, "login-wall")[0]["what"]
        off = kit_json("survey", root, "--set", "login.first_account=false")
        assert off["manifest"]["login"]["first_account"] is False


def test_an_admin_that_is_the_only_page_needs_somebody_too(make_project, kit_json):
    """Behind an interface for programs there is nothing else to open."""
    urls = ADMIN_URLS.replace('path("",', 'path("api/",')
    document = kit_json("survey", make_project({"site1/urls.py": urls}, settings=ADMIN))

    assert document["facts"]["urls"]["walled"] == ["/manage/"]
    assert document["manifest"]["login"]["first_account"] is True
    assert [each["severity"] for each in findings(document, "login-wall")] == ["handled"]


def test_a_wall_of_somebody_elses_admin_counts_too(make_project, kit_json):
    urls = ADMIN_URLS.replace(
        'path("manage/", admin.site.urls)',
        'path("cms/", lambda request: HttpResponseRedirect("/cms/login/?next=/cms/"))',
    ).replace("HttpResponse\n", "HttpResponse, HttpResponseRedirect\n")
    document = kit_json("survey", make_project({"site1/urls.py": urls}, settings=SIGNING_IN))

    assert document["facts"]["urls"]["walled"] == ["/cms/"]


def test_a_project_that_sets_itself_up_makes_its_first_user(make_project, kit_json):
    urls = ADMIN_URLS.replace(
        'HttpResponse("open to everybody")', 'HttpResponseRedirect("/setup/")'
    ).replace("HttpResponse\n", "HttpResponse, HttpResponseRedirect\n")
    files = {
        "site1/models.py": MODEL.format(registered="admin.site.register(Note)"),
        "site1/urls.py": urls + 'urlpatterns += [path("setup/", lambda r: HttpResponse("hi"))]\n',
    }
    document = kit_json("survey", make_project(files, settings=ADMIN))

    assert document["manifest"]["login"]["first_account"] is False
