"""A record is saved through whatever the target offers; if nothing does, the report says so."""

import json
import subprocess
import sys

import jsonschema
import pytest

from tests.broken.targets import ROOT
from tests.checks.with_payload import with_payload
from tests.scripts import projects

pytestmark = pytest.mark.slow

PERSISTENCE = "DAT-2,DAT-4,WEB-6"
SETTINGS = """
INSTALLED_APPS += [
    "django.contrib.admin", "django.contrib.messages", "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
"""
URLS = """
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.urls import path
from django.utils.html import format_html


def home(request):
    return HttpResponse("<!doctype html><title>Home</title><h1>Nothing to fill in here</h1>")


def write(request):
    if request.method == "POST":
        Group.objects.create(name=request.POST["name"])
    return HttpResponse(format_html(
        "<!doctype html><title>Write</title><form method=post><input name=name>"
        "<button>Save</button>"
        '<input type=hidden name=csrfmiddlewaretoken value="{}"></form>', get_token(request)
    ))


def change(request):
    if request.method == "POST":
        Group.objects.update_or_create(pk=1, defaults={"name": request.POST["name"]})
        return write(HttpRequest())
    return write(request)


urlpatterns = [path("", home), path("deep/down/write/", write), path("change/", change)]
"""
MANIFEST = """
spec = "1.0"
[app]
name = "A"
identifier = "org.example.a"
"""


@pytest.fixture
def make_target(tmp_path):
    def make(further=""):
        root = projects.project(
            tmp_path / "target", {"site1/urls.py": URLS + further}, settings=SETTINGS
        )
        return with_payload(root, MANIFEST)

    return make


def judge(root, tmp_path, *options, exit_code=0):
    """The report as JSON, and what a person and a CI summary see."""
    files = [tmp_path / "report.json", tmp_path / "report.md"]
    command = [sys.executable, "-P", "-m", "pytest", "-c", "checks/pytest.ini", "--rootdir", ".",
               "checks", "-p", "no:cacheprovider", "--target", str(root), "--only", PERSISTENCE,
               "--report-json", str(files[0]), "--report-md", str(files[1]), *options]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == exit_code, done.stdout + done.stderr
    document, text = (file.read_text(encoding="utf-8") for file in files)
    schema = (ROOT / "checks" / "report.schema.json").read_text(encoding="utf-8")
    jsonschema.validate(json.loads(document), json.loads(schema))
    return json.loads(document), done.stdout, text


def verdicts(document):
    return {each["id"]: (each["verdict"], each["seen"]) for each in document["criteria"]}


@pytest.mark.browser
@pytest.mark.long
def test_an_admin_at_another_path_is_asked_for_by_its_name(make_target, tmp_path):
    root = make_target('urlpatterns.append(path("back-office/", admin.site.urls))\n')

    # WEB-4 has signed in to the admin by then, with the account that WEB-6 asks for.
    document, _, _ = judge(root, tmp_path, "--only", "WEB-4")

    seen = verdicts(document)
    assert {verdict for verdict, _ in seen.values()} == {"pass"}, seen
    assert (
        "/back-office/auth/group/add/" in seen["DAT-2"][1] and "/back-office/" in seen["WEB-6"][1]
    )
    assert document["not_tested"] == []


@pytest.mark.browser
@pytest.mark.long
def test_an_admin_without_groups_has_other_forms(make_target, tmp_path):
    """Nor does it matter that the project fails a system check: the app runs without them."""
    further = """
from django.contrib.contenttypes.models import ContentType

admin.site.unregister(Group)
admin.site.register(ContentType)
urlpatterns.append(path("admin/", admin.site.urls))
handler400 = "site1.nowhere"
"""
    document, _, _ = judge(make_target(further), tmp_path)

    seen = verdicts(document)
    assert {verdict for verdict, _ in seen.values()} == {"pass"}, seen
    assert "/admin/contenttypes/contenttype/add/" in seen["DAT-2"][1]


PERSON = """
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class People(BaseUserManager):
    def create_superuser(self, email, born, password):
        person = self.model(email=email, born=born, is_superuser=True)
        person.set_password(password)
        person.save()


class Person(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(unique=True)
    born = models.DateField()
    is_staff = is_active = True
    objects = People()
    USERNAME_FIELD, REQUIRED_FIELDS = "email", ["born"]
"""


@pytest.mark.browser
@pytest.mark.long
def test_users_who_need_more_than_a_name_and_a_password(make_target, tmp_path):
    root = make_target('urlpatterns.append(path("admin/", admin.site.urls))\n')
    with (root / "site1" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write('\nINSTALLED_APPS += ["site1"]\nAUTH_USER_MODEL = "site1.Person"\n')
    (root / "site1" / "models.py").write_text(PERSON, encoding="utf-8")

    document, _, _ = judge(root, tmp_path)

    seen = verdicts(document)
    assert {verdict for verdict, _ in seen.values()} == {"pass"}, seen
    assert "/admin/auth/group/add/" in seen["WEB-6"][1]


@pytest.mark.browser
@pytest.mark.long
def test_what_cannot_be_tried_is_a_warning_in_every_report(make_target, tmp_path):
    document, shown, markdown = judge(make_target(), tmp_path)

    assert {verdict for verdict, _ in verdicts(document).values()} == {"not applicable"}
    (untested,) = document["not_tested"]
    assert untested["criteria"] == ["DAT-2", "DAT-4", "WEB-6"]
    assert "has no admin" in untested["reason"] and "--form PATH" in untested["do"]
    for text in (shown, markdown):
        assert f"not tested: DAT-2, DAT-4, WEB-6: {untested['reason']}" in text
        assert "NOT TESTED: DAT-2, DAT-4, WEB-6" in text.rstrip().splitlines()[-1]


@pytest.mark.long
@pytest.mark.browser
def test_a_page_with_a_form_can_be_named(make_target, tmp_path):
    document, _, _ = judge(make_target(), tmp_path, "--form", "/deep/down/write/")

    assert set(verdicts(document).values()) == {
        ("pass", "the form at /deep/down/write/"),
        ("pass", "3 records there, integrity ok"),
    }


@pytest.mark.browser
@pytest.mark.long
def test_a_named_page_without_a_form_that_saves_fails(make_target, tmp_path):
    document, _, _ = judge(make_target(), tmp_path, "--form", "/no/such/page/", exit_code=1)

    seen = verdicts(document)
    assert {verdict for verdict, _ in seen.values()} == {"FAIL"}, seen
    assert seen["DAT-2"][1] == "the form at /no/such/page/ saved no record"


@pytest.mark.browser
@pytest.mark.long
def test_a_form_that_changes_one_record_keeps_the_last_text(make_target, tmp_path):
    document, _, _ = judge(make_target(), tmp_path, "--form", "/change/")

    seen = verdicts(document)
    assert {verdict for verdict, _ in seen.values()} == {"pass"}, seen
    assert seen["DAT-4"][1] == "1 records there, integrity ok"


@pytest.mark.long
def test_a_target_that_keeps_nothing_needs_no_database(make_target, tmp_path):
    root = make_target()
    settings = root / "site1" / "settings.py"
    nothing = 'DATABASES = {}\nINSTALLED_APPS = ["django.contrib.staticfiles"]\nMIDDLEWARE = []\n'
    settings.write_text(f"{projects.SETTINGS}\n{nothing}", encoding="utf-8")
    (root / "site1" / "urls.py").write_text(projects.URLS, encoding="utf-8")

    document, _, _ = judge(root, tmp_path, "--only", "DAT-1,DAT-5,DAT-8")

    seen = verdicts(document)
    assert seen["DAT-1"] == ("pass", "bundle unchanged, database none")
    assert {seen["DAT-5"][0], seen["DAT-8"][0]} == {"not applicable"}
