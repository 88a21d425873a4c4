"""survey: what it says about projects of different shapes."""

import json
import subprocess
import sys
import time

import pytest

from skill_scripts.survey import survey

from . import projects


def findings(document, identifier):
    return [each for each in document["findings"] if each["id"] == identifier]


def test_a_plain_project_has_nothing_to_decide(make_project, kit):
    result = kit("survey", make_project(), "--json")

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert document["counts"]["decide"] == document["counts"]["blocked"] == 0
    assert document["facts"]["settings_module"] == "site1.settings"
    assert document["facts"]["landing"] == {"status": 200, "path": "/", "login": False}


def test_json_is_the_only_thing_on_stdout_of_the_real_command(make_project):
    root = make_project(settings="print('noise'); import sys; print('more', file=sys.stderr)")

    command = [sys.executable, "-m", "skill_scripts", "survey", str(root), "--json"]
    done = subprocess.run(command, capture_output=True, text=True)

    assert json.loads(done.stdout)["counts"]["blocked"] == 0
    assert done.stderr == ""


def test_variables_without_a_default_are_found_and_get_values(make_project, kit_json):
    root = make_project(
        settings="""
        SECRET_KEY = os.environ["SECRET_KEY"]
        ALLOWED_HOSTS = os.getenv("ALLOWED_HOSTS").split(",")
        WORKERS = int(os.environ["WORKERS_WANTED"])
        """
    )

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["env"] == {
        "SECRET_KEY": "generate:secret",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "WORKERS_WANTED": "1",
    }
    severities = {each["what"].split()[2]: each["severity"] for each in document["findings"]
                  if each["id"] == "variable"}  # fmt: skip
    assert severities == {
        "SECRET_KEY": "handled", "ALLOWED_HOSTS": "handled", "WORKERS_WANTED": "decide"
    }  # fmt: skip
    (workers,) = [each for each in document["findings"] if "WORKERS" in each["what"]]
    assert workers["place"] == "site1/settings.py:16"
    assert "--set django.env.WORKERS_WANTED=VALUE" in workers["do"]


def test_a_decided_variable_is_used_as_it_is(make_project, kit_json):
    root = make_project(settings='assert os.environ["MODE"] == "desk top"')

    document = kit_json("survey", root, "--set", "django.env.MODE=desk top")

    assert document["facts"]["error"] is None
    assert not findings(document, "variable")


def test_a_server_database_is_replaced_and_its_fields_are_reported(make_project, kit_json):
    root = make_project(
        settings="""
        DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "x"}}
        CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}}
        """
    )

    document = kit_json("survey", root)

    assert findings(document, "database")[0]["severity"] == "handled"
    assert findings(document, "cache")[0]["severity"] == "handled"
    assert document["facts"]["databases"]["default"]["engine"].endswith("postgresql")


def test_another_python_in_the_bundle_is_told(make_project, kit_json):
    root = make_project()
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    other = "3.14" if here != "3.14" else "3.13"

    (found,) = findings(kit_json("survey", root, "--set", f"python.version={other}"), "pythons")
    same = kit_json("survey", root, "--set", f"python.version={here}")

    assert found["severity"] == "handled" and here in found["what"] and other in found["what"]
    assert f"--set python.version={here}" in found["do"]
    assert findings(same, "pythons") == []


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


@pytest.mark.parametrize("guard", GUARDED)
def test_inner_pages_that_nobody_gets_into_are_a_login_wall(make_project, kit_json, guard):
    urls = f"{INNER_PAGES}urlpatterns += [{GUARDED[guard]}]\n"

    document = kit_json("survey", make_project({"site1/urls.py": urls}, settings=SIGNING_IN))

    (wall,) = findings(document, "login-wall")
    assert wall["severity"] == "handled"
    assert "pages ask to sign in (/notes/" in wall["what"]
    assert "--set login.user=NAME --set login.create=true" in wall["do"]
    assert "(tried: /notes/ then answers 200)" in wall["do"]


@pytest.mark.parametrize(
    "further", ["", 'path("notes/", login_required(page)), path("accounts/register/", page)']
)
def test_open_pages_and_a_sign_up_are_no_login_wall(make_project, kit_json, further):
    urls = f"{INNER_PAGES}urlpatterns += [{further}]\n"

    document = kit_json("survey", make_project({"site1/urls.py": urls}, settings=SIGNING_IN))

    assert findings(document, "login-wall") == []
    assert document["manifest"]["login"]["first_account"] is False


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


def test_without_a_page_at_the_root_another_is_opened(make_project, kit_json):
    urls = """
    from django.http import HttpResponse
    from django.urls import include, path

    pages = [path("list/", lambda request: HttpResponse("list")), path("<int:pk>/", None)]
    urlpatterns = [path("items/", include(pages))]
    """.replace("None", "lambda request, pk: HttpResponse(pk)")
    document = kit_json("survey", make_project({"site1/urls.py": urls}))

    assert document["manifest"]["app"]["home"] == "/items/list/"
    assert findings(document, "first-page")[0]["severity"] == "decide"


def test_a_page_that_answers_goes_before_one_that_does_not(make_project, kit_json):
    urls = """
    from django.http import Http404, HttpResponse
    from django.urls import path

    def gone(request):
        raise Http404

    def broken(request):
        1 / 0

    urlpatterns = [
        path("", gone), path("a/", gone), path("b/", broken),
        path("c/", lambda request: HttpResponse("c")),
    ]
    """
    document = kit_json("survey", make_project({"site1/urls.py": urls}))

    assert document["manifest"]["app"]["home"] == "/c/"


def test_what_a_new_installation_needs_is_proposed(make_project, kit_json):
    root = make_project(
        {
            "shop/fixtures/initial_data.json": "[]",
            "shop/fixtures/orders.json": "[]",
            "tests/fixtures/default.json": "[]",
            "shop/management/commands/setup_shop.py": "",
            "shop/management/commands/report.py": "",
            "shop/locale/de/LC_MESSAGES/django.po": "",
            "shop/locale/fr/LC_MESSAGES/django.po": "",
            "shop/locale/fr/LC_MESSAGES/django.mo": "",
        }
    )

    document = kit_json("survey", root)

    (commands,) = findings(document, "first-run-commands")
    assert (
        """--set 'data.first_run=[["loaddata", "initial_data"], ["setup_shop"]]'"""
        in (commands["do"])
    )
    (translations,) = findings(document, "translations")
    assert translations["place"] == "shop/locale/de/LC_MESSAGES/django.po"
    assert translations["what"].startswith("1 translations")


def test_a_variable_that_the_message_only_hints_at_is_found(make_project, kit_json):
    root = make_project(
        settings="""
        if not os.environ.get("SHOP_API_TOKEN"):
            raise ValueError("Unable to determine API_TOKEN.")
        """
    )

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["env"] == {"SHOP_API_TOKEN": "generate:secret"}


def test_a_page_at_our_health_path_is_reported_but_not_a_pattern_for_everything(
    make_project, kit_json
):
    urls = projects.URLS + 'urlpatterns.append(path("health/", lambda request: None))\n'
    document = kit_json("survey", make_project({"site1/urls.py": urls}))
    assert "--set django.health_path=" in findings(document, "health")[0]["do"]

    everything = projects.URLS.replace('path(""', 'path("<path:any>"').replace(
        "lambda request", "lambda request, any"
    )
    document = kit_json(
        "survey", make_project({"site1/urls.py": everything}, name="catches everything")
    )
    assert not findings(document, "health")


@pytest.mark.parametrize("package", [{}, {"news/migrations/__init__.py": ""}])
def test_apps_without_migrations_and_event_streams_are_reported_with_their_place(
    make_project, kit_json, package
):
    root = make_project(
        {
            **package,
            "news/__init__.py": "",
            "news/models.py": """
                from django.db import models

                class Story(models.Model):
                    title = models.TextField()
                """,
            "news/views.py": "\n\nKIND = 'text/event-stream'\n",
        },
        settings="INSTALLED_APPS += ['news']; DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'",
    )

    document = kit_json("survey", root)

    assert "makemigrations news" in findings(document, "no-migrations")[0]["do"]
    assert findings(document, "event-stream")[0]["place"] == "news/views.py:3"


def test_what_looks_for_djangos_own_server_is_named(make_project, kit_json):
    root = make_project(
        {
            "news/__init__.py": "",
            "news/jobs.py": "import os\nif os.environ.get('RUN_MAIN') == 'true':\n    pass\n",
            "news/quiet.py": "import sys\nRUNNING = 'run_server' in sys.argv\n",
            "news/static/news/app.js": "\nfetch('http://localhost:8000/api/')\n",
            "news/static/news/fine.js": "fetch('http://localhost:9000/api/')\n",
        },
        settings="INSTALLED_APPS += ['news']; CORS = ['http://localhost:8000']",
    )

    document = kit_json("survey", root)

    assert [f["place"] for f in findings(document, "runserver")] == ["news/jobs.py:2"]
    places = [f["place"] for f in findings(document, "old-address")]
    assert places == ["news/static/news/app.js:2"]


def test_a_module_beside_the_project_is_found(make_project, kit_json):
    root = make_project(
        {"src/mylib/__init__.py": "NAME = 'x'\n"}, settings="from mylib import NAME"
    )

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["path"] == ["src"]


def test_manage_in_a_subfolder(make_project, kit_json, tmp_path):
    root = make_project(name="outer")
    inner = root / "backend"
    inner.mkdir()
    for name in ("manage.py", "site1"):
        (root / name).rename(inner / name)

    document = kit_json("survey", root)

    assert document["project"]["manage"] == "backend/manage.py"
    assert document["facts"]["step"] == "done"


def test_the_settings_of_a_project_whose_default_is_not_in_the_repository(make_project, kit_json):
    root = make_project({"site1/settings/__init__.py": "", "site1/settings/base.py": ""})
    (root / "site1" / "settings.py").rename(root / "site1" / "settings" / "base.py")
    manage = projects.MANAGE.replace("site1.settings", "site1.settings.local")
    projects.write(root, {"manage.py": manage})

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["settings"] == "site1.settings.base"
    assert document["facts"]["error"] is None
    assert findings(document, "settings-module")[0]["severity"] == "decide"


def test_settings_that_git_ignores_are_to_be_decided(make_project, kit_json):
    root = make_project({"site1/base.py": projects.SETTINGS})
    projects.write(root, {".gitignore": ".venv\nsite1/settings.py\n"})
    projects.commit(root)

    (found,) = findings(kit_json("survey", root), "settings-module")
    chosen = kit_json("survey", root, "--set", "django.settings=site1.base")

    assert found["severity"] == "decide" and found["place"] == "site1/settings.py"
    assert "git ignores" in found["what"] and "site1.base" in found["do"]
    assert findings(chosen, "settings-module") == []
    add = ["git", "-C", str(root), "add", "--force", "site1/settings.py"]
    subprocess.run(add, check=True)
    assert findings(kit_json("survey", root), "settings-module") == []


def test_a_manage_py_that_leaves_the_settings_to_the_environment(make_project, kit_json):
    manage = "from django.core.management import execute_from_command_line as run; run()"
    root = make_project({"manage.py": manage})

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["settings"] == "site1.settings"
    assert findings(document, "settings-module")[0]["severity"] == "decide"


def test_a_lazy_value_in_the_settings_is_left_alone(make_project, kit_json):
    root = make_project(
        settings="""
        from django.urls import reverse_lazy
        LOGIN_URL = LOGIN_REDIRECT_URL = reverse_lazy("home")
        """
    )
    assert kit_json("survey", root)["facts"]["error"] is None


@pytest.mark.network
def test_what_one_survey_installed_the_next_one_still_names(tmp_path, kit_json):
    root = projects.project(tmp_path / "bare", {"requirements.txt": "django<6"}, "import yaml")

    first, second = kit_json("survey", root), kit_json("survey", root)

    assert first["manifest"] == second["manifest"]
    assert second["manifest"]["python"]["extra"] == ["pyyaml"]


def test_no_manage_but_a_server_entry_point(make_project, kit_json):
    wsgi = """
    import os
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")
    """
    root = make_project({"site1/wsgi.py": wsgi})
    (root / "manage.py").unlink()

    document = kit_json("survey", root)

    assert (
        document["manifest"]["django"] | {"manage": "", "settings": "site1.settings"}
        == (document["manifest"]["django"])
    )
    assert document["facts"]["step"] == "done"


def test_ten_thousand_files_cost_little_more_than_reading_them(make_project):
    root = make_project()
    for folder in range(100):
        (root / f"data{folder}").mkdir()
        for number in range(100):
            (root / f"data{folder}" / f"module{number}.py").write_text("x = 1\n")
    (root / "data1" / "loop").symlink_to(root, target_is_directory=True)

    # The processor's time, not the clock's: the machine may be busy.
    begin = time.process_time()
    read = [each.read_bytes() for each in root.rglob("*.py")]
    floor = time.process_time() - begin
    found = survey(root)

    assert len(found.project.files) > len(read) > 10_000
    ratio = (time.process_time() - begin - floor) / floor
    assert ratio < 20, "the time grows with more than the number of files"


@pytest.mark.network
def test_a_project_without_an_environment_gets_one_in_the_users_cache(tmp_path, kit_json):
    settings = "# Generated by 'django-admin startproject' using Django 5.2.1.\n"
    root = projects.project(tmp_path / "bare", settings=settings)
    (root / "site1" / "settings.py").write_text(settings + projects.SETTINGS)
    before = projects.contents(root)

    document = kit_json("survey", root)

    assert document["python"]["environment"] == "cache"
    assert document["facts"]["django"].startswith("5.2.")
    assert "declares no dependencies" in findings(document, "no-dependencies")[0]["what"]
    assert projects.contents(root) == before


@pytest.mark.network
def test_server_packages_are_left_out_and_undeclared_ones_added(tmp_path, kit_json):
    root = projects.project(
        tmp_path / "bare",
        {
            "requirements.txt": "\ufeffdjango<6\r\ngunicorn\r\nmysqlclient\r\n-i https://gone.invalid/\r\n"
        },
        settings="import yaml",
    )

    document = kit_json("survey", root)

    assert document["facts"]["error"] is None
    assert document["manifest"]["python"]["exclude"] == ["gunicorn", "mysqlclient"]
    assert document["manifest"]["python"]["extra"] == ["pyyaml"]


def test_a_file_that_is_in_no_clone_is_named_with_its_example(make_project, kit_json):
    files = {"site1/local/secrets.py.example": "PASSWORD = 'x'"}
    root = make_project(files, settings="from site1.local.secrets import PASSWORD")

    document = kit_json("survey", root)

    (finding,) = [each for each in document["findings"] if each["severity"] == "blocked"]
    assert "site1.local.secrets is a file of the project" in finding["do"]
    assert "site1/local/secrets.py.example shows what it holds" in finding["do"]


@pytest.mark.network
@pytest.mark.parametrize(
    "gone",
    [
        "django-taggit @ git+https://127.0.0.1:9/me/taggit.git",
        "git+https://127.0.0.1:9/me/django-taggit.git@v6",
        "https://127.0.0.1:9/me/django-taggit/archive/0f.zip",
    ],
)
def test_a_package_whose_address_is_gone_is_replaced_by_its_release(
    tmp_path, kit_json, monkeypatch, gone
):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    files = {"requirements.txt": f"django<6\n{gone}\n"}
    root = projects.project(tmp_path / "bare", files, "import taggit")

    document = kit_json("survey", root)

    assert document["facts"]["error"] is None
    assert document["manifest"]["python"]["extra"] == ["django-taggit"]
    assert document["manifest"]["python"]["exclude"] == []
    assert not findings(document, "unbuilt")


@pytest.mark.network
@pytest.mark.parametrize("also", ["", "https://127.0.0.1:9/me/gone/archive/0f.zip\n"])
def test_an_undeclared_package_leaves_the_versions_that_were_asked_for(
    tmp_path, kit_json, monkeypatch, also
):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    files = {"requirements.txt": f"django==4.2.*\n{also}"}
    root = projects.project(tmp_path / "bare", files, settings="import debug_toolbar")

    document = kit_json("survey", root)

    assert document["facts"]["error"] is None
    assert document["facts"]["django"].startswith("4.2.")


def test_migrations_that_git_ignores_are_told_of(make_project, kit_json):
    files = {f"site1/migrations/{name}.py": "" for name in ("__init__", "0001_initial", "0002_x")}
    root = make_project(files)
    projects.commit(projects.write(root, {".gitignore": ".venv\n**/migrations/*\n"}))
    subprocess.run(["git", "add", "-f", "site1/migrations/0001_initial.py"], cwd=root, check=True)

    (finding,) = findings(kit_json("survey", root), "no-migrations")

    assert finding["severity"] == "decide" and finding["place"] == "site1/migrations/0002_x.py"
    assert """--set 'stage.include=["site1/migrations"]'""" in finding["do"]


def test_other_origins_are_told_of(make_project, kit_json):
    document = kit_json("survey", make_project(settings="CORS_ORIGIN_ALLOW_ALL = True"))
    assert findings(document, "cors")[0]["severity"] == "handled"


def test_queries_of_another_engine_are_reported_with_their_place(make_project, kit_json):
    query = "\n\nnewest = objects.distinct('author')\n"
    root = make_project({"site1/views.py": query, "site1/tests.py": query})

    (finding,) = findings(kit_json("survey", root), "engine-bound-query")

    assert finding["what"] == "distinct('author') only works on PostgreSQL"
    assert finding["place"] == "site1/views.py:3"


def test_a_first_page_that_fails_is_told(make_project, kit_json):
    urls = projects.URLS.replace('HttpResponse("hello")', "1 / 0")
    root = make_project({"site1/urls.py": urls})

    document = kit_json("survey", root)

    (finding,) = findings(document, "landing")
    assert finding["severity"] == "decide" and "ZeroDivisionError" in finding["what"]


def test_a_manage_py_inside_the_package_of_the_project(make_project, kit_json):
    manage = "from django.core.management import execute_from_command_line as run; run()"
    root = make_project({"site1/manage.py": manage})
    (root / "manage.py").unlink()

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["settings"] == "site1.settings"
    assert document["facts"]["error"] is None


@pytest.mark.network
def test_a_module_that_python_no_longer_has_leads_to_an_older_one(tmp_path, kit_json):
    root = projects.project(tmp_path / "bare", {"requirements.txt": "django<6"}, "import asyncore")

    document = kit_json("survey", root)

    if findings(document, "load"):
        pytest.skip("this machine has no Python before 3.12")
    assert document["python"]["version"].startswith("3.11.")
    assert document["manifest"]["python"]["version"] == "3.11"
    assert findings(document, "bundled-python")
    again = kit_json("survey", root)
    told = [{each["what"] for each in seen["findings"]} for seen in (document, again)]
    assert told[0] == told[1]


@pytest.mark.network
def test_a_field_that_sqlite_cannot_hold_blocks_with_its_place(tmp_path, kit, kit_json):
    files = {
        "requirements.txt": "django==5.2.*\npsycopg[binary]\n",
        "site1/models.py": """\
            from django.contrib.postgres.fields import ArrayField
            from django.db import models


            class Pony(models.Model):
                names = ArrayField(models.TextField())
            """,
    }
    settings = 'INSTALLED_APPS += ["site1"]'
    root = projects.project(tmp_path / "bare", files, settings=settings)
    before = projects.contents(root)

    (finding,) = findings(kit_json("survey", root), "engine-bound-field")
    refused = kit("adapt", root)

    assert finding["severity"] == "blocked" and finding["place"] == "site1/models.py:6"
    assert refused.exit_code == 3 and "DDK-ADP-05" in refused.stderr
    assert projects.contents(root) == before


@pytest.mark.network
def test_a_cache_in_the_database_gets_its_table(make_project, kit_json):
    backend = "django.core.cache.backends.db.DatabaseCache"
    settings = f'CACHES = {{"default": {{"BACKEND": "{backend}", "LOCATION": "cached"}}}}'

    document = kit_json("survey", make_project(settings=settings))

    assert findings(document, "cache-table")[0]["severity"] == "handled"
