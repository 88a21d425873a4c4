"""The first account: asked for once, made whole, signed in; and a new password."""

from __future__ import annotations

import http.client
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.foreign import projects
from tests.runtime.backends import (
    HEADERS,
    PAYLOAD,
    SETTINGS,
    Backend,
    ended,
    make_project,
    manage,
)

pytestmark = pytest.mark.slow

PAGE = "/desktop-auth/first-account/"
NEW_PASSWORD = "/desktop-auth/new-password/"
FORM = {**HEADERS, "Content-Type": "application/x-www-form-urlencoded"}
GOOD = {"password1": "a horse, of course", "password2": "a horse, of course"}
ON = "\n[login]\nfirst_account = true\n"
WALL = (
    SETTINGS
    + """
INSTALLED_APPS += ["people"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
"""
)
URLS = """
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import include, path
def home(request):
    user = request.user
    return HttpResponse(f"{user.get_username()} {user.is_superuser} {user.has_usable_password()}")
urlpatterns = [path("", login_required(home)),
               path("accounts/", include("django.contrib.auth.urls"))]
"""
OWN_MODEL = """
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
class People(BaseUserManager):
    {manager}
class Person(AbstractBaseUser):
    email = models.EmailField("Mail", unique=True)
    born = models.DateField("Born")
    is_superuser = models.BooleanField(default=False)
    objects = People()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["born"]
"""
MANAGER = """def create_superuser(self, email, born, password):
        if not password:
            raise ValueError("a password is needed")
        person = self.model(email=self.normalize_email(email), born=born, is_superuser=True)
        person.set_password(password)
        person.save()
"""
OTHER_MANAGER = """def create_superuser(self, mail, secret):
        raise AssertionError("is not reached")
"""
LASTING = """
import time
from pathlib import Path
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models.signals import post_save
class Profile(models.Model):
    name = models.CharField(max_length=100)
def add_profile(instance, created, **_):
    if created:
        Profile.objects.create(name=instance.get_username())
        place = Path(__file__).with_name("reached")
        if place.exists():
            place.unlink()
            time.sleep(60)
post_save.connect(add_profile, sender="auth.User")
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def project(folder: Path, people: str = "", manifest: str = ON, settings: str = "") -> Path:
    files = {
        "settings.py": WALL + settings,
        "urls.py": URLS,
        "people/__init__.py": "",
        "people/models.py": people,
    }
    return make_project(folder, files, manifest)


class Person:
    """Whoever sits before the window, with a cookie jar."""

    def __init__(self, backend: Backend) -> None:
        self.backend, self.cookie = backend, ""

    def get(self, path: str) -> tuple[int, dict, str]:
        status, headers, body = self.backend.get(path, {**HEADERS, "Cookie": self.cookie})
        return status, headers, body.decode()

    def secret(self, page: str = PAGE) -> str:
        return re.search('name="secret" value="([^"]+)"', self.get(page)[2])[1]

    def send(self, values: dict[str, str], page: str = PAGE) -> tuple[int, dict, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.backend.port, timeout=60)
        connection.request("POST", page, urlencode(values), FORM)
        answer = connection.getresponse()
        headers, body = dict(answer.getheaders()), answer.read().decode()
        self.cookie = headers.get("Set-Cookie", "").partition(";")[0]
        return answer.status, headers, body

    def make(self, kind: str, **values: str) -> tuple[int, dict, str]:
        return self.send({"secret": self.secret(), "kind": kind, **values})


def counted(root: Path, data: Path, model: str = "auth.User") -> int:
    code = f"from django.apps import apps; print(apps.get_model('{model}').objects.count())"
    return int(manage(root, data, "shell", "-c", code).stdout.split()[-1])


def test_the_first_person_makes_an_account_and_is_signed_in(tmp_path, data):
    root = project(tmp_path / "p")
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        for path in ("/", "/accounts/login/", "/static/a.css", "/nowhere/"):
            assert person.get(path)[:2][1]["Location"] == PAGE
        status, headers, page = person.get(PAGE)
        assert status == 200
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'nonce")
        assert "<script" not in page

        status, headers, _ = person.make("named", username="anna", email="", **GOOD)

        assert (status, headers["Location"]) == (302, "/")
        assert person.get("/")[2] == "anna True True"
        assert person.get(PAGE)[1]["Location"] == "/"
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        assert person.get("/")[1]["Location"].startswith("/accounts/login/")
        assert person.get(PAGE)[0] == 303


def test_just_me_is_signed_in_at_every_launch_and_has_no_password(tmp_path, data):
    root = project(tmp_path / "p")
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        assert person.make("alone")[0] == 302
    for _ in range(2):
        with Backend(root, data) as backend:
            assert Person(backend.ready()).get("/")[2] == "me True False"


ANONYMOUS = """
from django.contrib.auth.models import User
from django.db.models.signals import post_migrate
def make(**_):
    if not User.objects.filter(username="nobody").exists():
        User.objects.create_user("nobody")
post_migrate.connect(make)
"""


def test_a_user_of_the_projects_own_is_nobody(tmp_path, data):
    root = project(tmp_path / "p", ANONYMOUS)
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        assert person.get("/")[1]["Location"] == PAGE
        assert person.make("alone")[0] == 302
    with Backend(root, data) as backend:
        assert Person(backend.ready()).get("/")[2] == "me True False"
    assert counted(root, data) == 2


COMMAND = """
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError
class Command(BaseCommand):
    def handle(self, **_):
        if not User.objects.exists():
            raise CommandError("nobody is there")
        Group.objects.create(name="Riders")
        User.objects.update(first_name="prepared")
"""
AFTER = ON.replace("[login]", "[data]\nfirst_run_after_login = [['prepare']]\n[login]")
WHO = "from django.contrib.auth.models import User; u = User.objects.first(); "
WHO += "print(u and (u.first_name, [group.name for group in u.groups.all()]))"


def with_command(folder: Path, manifest: str) -> Path:
    root = project(folder, manifest=manifest)
    commands = root / "people" / "management" / "commands"
    commands.mkdir(parents=True)
    (commands / "prepare.py").write_text(COMMAND, encoding="utf-8")
    return root


@pytest.mark.parametrize("kind", ["alone", "named", "unasked"])
def test_commands_that_need_the_first_user_run_when_it_is_there(tmp_path, data, kind):
    manifest = AFTER + "groups = ['Riders']\n"
    if kind == "unasked":
        manifest += "user = 'anna'\ncreate = true\n"
    root = with_command(tmp_path / "p", manifest)
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        if kind != "unasked":
            assert person.make(kind, username="anna", email="", **GOOD)[0] == 302
        assert "True" in person.get("/")[2]
    assert "('prepared', ['Riders'])" in manage(root, data, "shell", "-c", WHO).stdout


def test_a_group_that_nobody_makes_leaves_no_account(tmp_path, data):
    root = with_command(tmp_path / "p", AFTER + "groups = ['Grooms']\n")
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        status, _, page = person.make("alone")
        assert (status, "Group matching query does not exist" in page) == (422, True)
        assert person.get("/")[1]["Location"] == PAGE
    assert manage(root, data, "shell", "-c", WHO).stdout.strip().endswith("None")


def test_what_the_project_asks_of_a_password_is_said(tmp_path, data):
    root = project(tmp_path / "p")
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        same = dict.fromkeys(("password1", "password2"), "annabella")
        answers = {
            "This password is too short": {"password1": "a", "password2": "a"},
            "The two password fields": {**GOOD, "password2": "another horse"},
            "too similar to the username": same,
            "This field is required": {"username": "", **GOOD},
            "Enter a valid username": {"username": "a b", **GOOD},
        }
        for said, values in answers.items():
            status, _, page = person.make("named", **{"username": "annabella", **values})
            assert status == 422
            assert said in page
            assert "a horse" not in page
            assert 'aria-invalid="true"' in page
    assert counted(root, data) == 0


@pytest.mark.parametrize("secret", [None, "guessed", "é"])
def test_a_form_that_is_not_of_this_page_is_refused(tmp_path, data, secret):
    root = project(tmp_path / "p")
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        status, _, page = person.send({"kind": "alone"} | ({"secret": secret} if secret else {}))
        assert status == 403
        assert "once more" in page
        assert person.get("/")[1]["Location"] == PAGE
        assert backend.get(PAGE, {})[0] == 403
    assert counted(root, data) == 0


def test_many_submissions_make_one_account(tmp_path, data):
    root = project(tmp_path / "p")
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        secret = person.secret()

        def send(number: int) -> int:
            values = {"secret": secret, "kind": "named", "username": f"user{number}", **GOOD}
            return Person(backend).send(values)[0]

        with ThreadPoolExecutor(8) as pool:
            statuses = sorted(pool.map(send, range(8)))
    assert statuses == [302, *[303] * 7]
    assert counted(root, data) == 1


def test_killed_half_way_leaves_no_account_and_the_next_launch_asks_again(tmp_path, data):
    root = project(tmp_path / "p", LASTING)
    with Backend(root, data) as backend, ThreadPoolExecutor() as pool:
        person = Person(backend.ready())
        reached = root / "people" / "reached"
        reached.touch()
        sending = pool.submit(person.make, "alone")
        while reached.exists():
            assert not sending.done()
        backend.process.kill()
        with pytest.raises((OSError, http.client.HTTPException)):
            sending.result()
    assert counted(root, data) == counted(root, data, "people.Profile") == 0
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        assert person.make("alone")[0] == 302
        assert person.get("/")[2] == "me True False"
    assert counted(root, data) == counted(root, data, "people.Profile") == 1


OWN_USER = '\nAUTH_USER_MODEL = "people.Person"\n'


def test_another_user_model_is_asked_for_what_it_needs(tmp_path, data):
    root = project(tmp_path / "p", OWN_MODEL.format(manager=MANAGER), settings=OWN_USER)
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        page = person.get(PAGE)[2]
        assert page.count('type="date"') == 2
        assert page.count('type="email"') == 1
        assert (
            "Enter a valid email" in person.make("named", email="x", born="2001-02-03", **GOOD)[2]
        )
        assert "This field is required" in person.make("alone")[2]

        assert person.make("alone", born="2001-02-03")[0] == 302

        assert person.get("/")[2] == "me@localhost True False"


def test_a_manager_with_another_signature_ends_in_one_clear_message(tmp_path, data):
    root = project(tmp_path / "p", OWN_MODEL.format(manager=OTHER_MANAGER), settings=OWN_USER)
    with Backend(root, data) as backend:
        status, _, page = Person(backend.ready()).make("alone", born="2001-02-03")
    assert status == 422
    assert "The account could not be made: TypeError: People.create_superuser() got an" in page
    assert not (data / "just-me.json").exists()


@pytest.mark.parametrize("manifest", ["", f'{ON}user = "anna"\n'])
def test_it_is_off_unless_asked_for(tmp_path, data, manifest):
    with Backend(project(tmp_path / "p", manifest=manifest), data) as backend:
        answer = Person(backend.ready()).get("/")
    assert answer[1]["Location"].startswith("/accounts/login/")


def test_it_never_appears_once_there_is_a_user(tmp_path, data):
    root = project(tmp_path / "p")
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        secret = person.secret()
        command = ("createsuperuser", "--noinput", "--username", "anna", "--email", "a@b.org")
        assert manage(root, data, *command).returncode == 0
        status, headers, _ = person.send({"secret": secret, "kind": "alone"})
        assert (status, headers["Location"]) == (303, "/")
        assert person.get("/")[1]["Location"].startswith("/accounts/login/")
    assert counted(root, data) == 1


def test_a_forgotten_password_is_replaced_at_the_next_launch(tmp_path, data):
    root = project(tmp_path / "p")
    with Backend(root, data) as backend:
        assert Person(backend.ready()).make("alone")[0] == 302
        refused = ended(root, data, "password")
        assert (refused.returncode, "already running" in refused.stdout) == (12, True)
        assert Person(backend).get(NEW_PASSWORD)[0] == 404
    assert ended(root, data, "password", "me").returncode == 10
    assert ended(root, data, "password").returncode == 0
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        assert person.get("/")[1]["Location"] == NEW_PASSWORD
        values = {
            "user": "1",
            "new_password1": "a horse, of course",
            "new_password2": "a horse, of course",
        }
        assert person.send(values, NEW_PASSWORD)[0] == 403
        values["secret"] = person.secret(NEW_PASSWORD)
        short = dict.fromkeys(("new_password1", "new_password2"), "abc")
        assert "too short" in person.send({**values, **short}, NEW_PASSWORD)[2]

        assert person.send(values, NEW_PASSWORD)[0] == 302

        assert person.get("/")[2] == "me True True"
        person.cookie = ""
        assert person.get("/")[1]["Location"].startswith("/accounts/login/")
    with Backend(root, data) as backend:
        assert Person(backend.ready()).get(NEW_PASSWORD)[0] == 404


def test_a_password_may_stay_as_it_is(tmp_path, data):
    root = project(tmp_path / "p", manifest="")
    command = ("createsuperuser", "--noinput", "--username", "anna", "--email", "a@b.org")
    with Backend(root, data) as backend:
        backend.ready()
        assert manage(root, data, *command).returncode == 0
    assert ended(root, data, "password").returncode == 0
    with Backend(root, data) as backend:
        person = Person(backend.ready())
        values = {"kind": "leave", "secret": person.secret(NEW_PASSWORD)}
        status, headers, _ = person.send(values, NEW_PASSWORD)
        assert (status, headers["Location"]) == (303, "/")
        assert person.get("/")[1]["Location"].startswith("/accounts/login/")


OF_AN_OLD_DJANGO = """
from io import BytesIO
from types import SimpleNamespace
import django
from django.conf import settings
APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
settings.configure(INSTALLED_APPS=APPS, SECRET_KEY="x")
django.setup()
from desktop_runtime import accounts, ownpages
print(*accounts.named_form()().fields, *accounts.alone_form()().fields)
class Page(ownpages.OwnPage):
    name, accept, is_wanted = "new-password", None, lambda self: True
    context = lambda self, data=None: {"form": accounts.named_form()()}
page = Page(None, SimpleNamespace(name="A", home="/"))
request = {"REQUEST_METHOD": "GET", "PATH_INFO": page.path, "wsgi.input": BytesIO()}
page(request, lambda status, headers: print(status, dict(headers)["Cache-Control"]))
"""


@pytest.mark.long
@pytest.mark.network
def test_an_old_django_has_these_pages_too(tmp_path):
    python = projects.interpreter("<3.12")
    projects.environment(tmp_path / "venv", ("django==3.0.*",), python)
    done = subprocess.run(
        [projects.python_of(tmp_path / "venv"), "-c", OF_AN_OLD_DJANGO],
        cwd=PAYLOAD, check=True, stdout=subprocess.PIPE, text=True,
        env=projects.clean_environment(),
    )  # fmt: skip
    named, page = done.stdout.splitlines()
    assert named.split() == ["username", "email", "password1", "password2"]
    assert page == "200 OK no-store"
