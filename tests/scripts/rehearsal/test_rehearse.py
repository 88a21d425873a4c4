"""The rehearsal of small projects: what is seen, what is kept, and that nothing else stays."""

import shutil
import zlib

import pytest

from skill_scripts.rehearsal import result, start

from .. import projects
from ..neighbour import listening

pytestmark = [pytest.mark.slow, pytest.mark.network]  # the runtime's own packages are installed

MODELS = """\
from django.db import models


class Page(models.Model):
    path = models.CharField(max_length=100)
    text = models.TextField()
"""
MIGRATION = """\
from django.db import migrations, models


def fill(apps, editor):
    {code}


class Migration(migrations.Migration):
    initial = True
    dependencies = [("auth", "0012_alter_user_first_name_max_length")]
    operations = [
        migrations.CreateModel(
            name="Page",
            fields=[
                ("id", models.AutoField(primary_key=True)),
                ("path", models.CharField(max_length=100)),
                ("text", models.TextField()),
            ],
        ),
        migrations.RunPython(fill),
        {further}
    ]
"""
PAGES = """\
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import re_path

from site1.models import Page


def page(request, path):
    return HttpResponse("<p>" + get_object_or_404(Page, path=path).text)


urlpatterns = [re_path("^(.*)$", page)]
"""
IS_AN_APP = 'INSTALLED_APPS += ["site1"]'


def findings(document, identifier):
    return [each for each in document["decisions_open"] if each["id"] == identifier]


def with_rows(code="pass", further="", **files):
    """Files of a project that keeps its pages in the database."""
    return {
        "site1/models.py": MODELS,
        "site1/migrations/__init__.py": "",
        "site1/migrations/0001_initial.py": MIGRATION.format(code=code, further=further),
        "site1/urls.py": PAGES,
        **files,
    }


def test_what_needs_the_migrated_rows_is_seen(make_project, kit_json):
    """The page at / is a row, a migration writes into the project and makes an account."""
    code = """\
        from pathlib import Path
        from django.contrib.auth.hashers import make_password
        apps.get_model("site1", "Page").objects.create(path="", text="<a href='/b'>b</a>")
        apps.get_model("site1", "Page").objects.create(path="b", text="b")
        apps.get_model("auth", "User").objects.create(username="root", password=make_password("x"))
        Path(__file__).with_name("written").write_text("by a migration")
    """.strip().replace("        ", "    ")
    root = projects.commit(make_project(with_rows(code), settings=IS_AN_APP))
    before = projects.contents(root)

    document = kit_json("adapt", root)

    seen = document["rehearsal"]
    assert [(each["path"], each["status"]) for each in seen["pages"]] == [("/", 200), ("/b", 200)]
    assert seen["home"] == "/" and not findings(document, "first-page")
    assert seen["writes"] == ["site1/migrations/written"]
    assert "written" in findings(document, "writes")[0]["what"]
    assert "'root'" in findings(document, "known-password")[0]["what"]
    assert seen["migrations"] > 1 and seen["start_seconds"] > 0
    after = projects.contents(root)
    assert {name: after[name] for name in before} == before
    assert {name.split("/")[0] for name in after.keys() - before.keys()} == {"desktop-app"}
    assert projects.status(root) == ["?? desktop-app/"]


@pytest.mark.skipif(not shutil.which("chromium"), reason="the picture is drawn by Chromium")
def test_adapt_says_where_the_picture_is(make_project, kit):
    root = projects.commit(make_project())

    shown = kit("adapt", root).stderr

    picture = root / "desktop-app" / ".rehearsal" / "first-page.png"
    assert f"the first page: {picture}" in shown
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert kit("remove", root).exit_code == 0
    assert not (root / "desktop-app").exists()


def top_left(picture):
    """Red, green and blue of the first pixel: before it there is nothing that a filter could use
    (https://www.w3.org/TR/png/#9Filters)."""
    content, at, packed = picture.read_bytes(), 8, b""
    while at < len(content):
        size, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        packed += content[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    return (*zlib.decompress(packed)[1:4],)


@pytest.mark.skipif(not shutil.which("chromium"), reason="the picture is drawn by Chromium")
def test_the_picture_is_of_what_a_person_sees_before_any_form_is_sent(make_project, kit_json):
    urls = """\
        from django.http import HttpResponse
        from django.urls import path

        FORM = "<form method=post action=/spoil/><input name=text></form>"
        colours = ["red"]


        def spoil(request):
            colours[0] = "lime"
            1 / 0


        urlpatterns = [
            path("", lambda request: HttpResponse(f"<body bgcolor={colours[0]}>Write: {FORM}")),
            path("spoil/", spoil),
        ]
        """
    root = projects.commit(make_project({"site1/urls.py": urls}))

    document = kit_json("adapt", root)

    sent = [each["path"] for each in document["rehearsal"]["pages"] if each["form_on"]]
    assert sent == ["/spoil/"]
    assert top_left(root / "desktop-app" / ".rehearsal" / "first-page.png") == (255, 0, 0)


@pytest.mark.skipif(not shutil.which("chromium"), reason="the picture is drawn by Chromium")
def test_what_the_picture_is_led_to_elsewhere_is_not_reached(make_project, kit):
    with listening() as (address, asked):
        urls = f"""
        from django.http import HttpResponse, HttpResponseRedirect
        from django.urls import path

        urlpatterns = [
            path("", lambda request: HttpResponse("hello <img src=/away/>")),
            path("away/", lambda request: HttpResponseRedirect("{address}")),
        ]
        """
        assert kit("adapt", make_project({"site1/urls.py": urls})).exit_code == 0

    assert asked == []


@pytest.mark.long
def test_a_result_is_kept_until_something_changes(make_project, kit):
    root = projects.commit(make_project())
    kit("adapt", root)
    assert result.read(result.place(root)).home == "/"

    assert kit("adapt", root).stderr.startswith("nothing to do")
    urls = root / "site1" / "urls.py"
    urls.write_text(projects.URLS.replace("hello", "hello again"), encoding="utf-8")
    assert "start it once" in kit("adapt", root).stderr
    assert "start it once" not in kit("adapt", root, "--no-rehearsal").stderr


def test_a_first_page_that_fails_is_told_with_its_place(make_project, kit_json):
    urls = projects.URLS.replace('HttpResponse("hello")', "1 / 0")
    root = make_project({"site1/urls.py": urls})

    (finding,) = findings(kit_json("adapt", root), "landing")

    assert finding["severity"] == "decide" and "ZeroDivisionError" in finding["what"]
    assert finding["place"] == "site1/urls.py:4"


def test_what_sqlite_cannot_do_is_named_and_nothing_stays(make_project, kit):
    further = 'migrations.RunSQL("CREATE EXTENSION hstore"),'
    root = projects.commit(make_project(with_rows(further=further), settings=IS_AN_APP))
    before = projects.contents(root)

    refused = kit("adapt", root)

    assert refused.exit_code == 3 and "DDK-ADP-05" in refused.stderr
    place = "site1/migrations/0001_initial.py:21"
    assert f"{place}: migration site1.0001_initial fails on SQLite" in refused.stderr
    assert "CREATE EXTENSION hstore" in refused.stderr
    assert projects.contents(root) == before
    assert kit("adapt", root, "--no-rehearsal").exit_code == 0


def test_a_field_of_another_engine_that_sqlite_holds_is_no_obstacle(make_project, kit_json):
    """As its authors run it: the column has a name that SQLite does not mind."""
    field = """\
from django.db import models


class Names(models.TextField):
    __module__ = "django.contrib.postgres.fields"


class Page(models.Model):
    path = models.CharField(max_length=100)
    text = Names()
"""
    code = 'apps.get_model("site1", "Page").objects.create(path="", text="text")'
    files = with_rows(code) | {"site1/models.py": field}
    document = kit_json("adapt", make_project(files, settings=IS_AN_APP))

    (finding,) = findings(document, "engine-bound-field")
    assert finding["severity"] == "decide" and finding["place"] == "site1/models.py:10"
    assert document["rehearsal"]["pages"][0]["status"] == 200


@pytest.mark.long
def test_a_start_without_end_is_ended(make_project, kit, monkeypatch):
    monkeypatch.setattr(start, "START_SECONDS", 15)
    code = "import time; time.sleep(3600)"
    root = projects.commit(make_project(with_rows(code), settings=IS_AN_APP))

    refused = kit("adapt", root)

    assert "the first start takes more than 15 seconds" in refused.stderr
    assert projects.status(root) == []


COMMAND = """\
from django.core.management.base import BaseCommand

from site1.models import Page


class Command(BaseCommand):
    def handle(self, *args, **options):
        Page.objects.create(path="front", text="front")
"""
NEEDS_A_ROW = """\
from django.http import HttpResponse
from django.urls import path

from site1.models import Page

urlpatterns = [path("", lambda request: HttpResponse(Page.objects.get(path="front").text))]
"""


def test_the_apps_own_address_is_no_other_host(make_project, kit_json):
    """As a CMS writes it for pages that other sites embed."""
    urls = """
        from django.http import HttpResponse
        from django.urls import path


        def page(request):
            address = request.build_absolute_uri("/own.js")
            return HttpResponse(f"<p>hello<script src={address}></script>")


        urlpatterns = [path("", page), path("own.js", lambda request: HttpResponse(""))]
        """
    document = kit_json("adapt", make_project({"site1/urls.py": urls}))

    assert document["rehearsal"]["other_hosts"] == []


@pytest.mark.long
@pytest.mark.parametrize(("name", "is_decided"), [("setup_pages", True), ("load_demo", False)])
def test_the_command_that_heals_the_first_page_is_found(make_project, kit_json, name, is_decided):
    """The first candidate does not help; what brings examples is left to a person."""
    package = "site1/management/commands"
    files = {
        "site1/urls.py": NEEDS_A_ROW,
        "site1/fixtures/initial.json": "[]",
        "site1/management/__init__.py": "",
        f"{package}/__init__.py": "",
        f"{package}/{name}.py": COMMAND,
    }
    root = projects.commit(make_project(with_rows() | files, settings=IS_AN_APP))

    document = kit_json("adapt", root)

    (finding,) = findings(document, "first-run-commands")
    assert "DoesNotExist" in finding["what"] and f"until {name} has run" in finding["what"]
    assert (f'first_run = [["{name}"]]' in document["manifest"]) is is_decided
    assert document["rehearsal"]["pages"][0]["status"] == (200 if is_decided else 500)
    assert (f'data.first_run=[["{name}"]]' in finding["do"]) is not is_decided
    assert projects.status(root) == ["?? desktop-app/"]


def test_what_the_projects_own_server_cannot_either_is_its_own_fault(make_project, kit_json):
    """Some pages and a form are broken everywhere, others only under the desktop's settings; one
    is the runtime's."""
    urls = """\
        from django.conf import settings
        from django.http import HttpResponse
        from django.urls import path


        def broken(request):
            1 / 0


        def sent(request):
            return HttpResponse() if "small" in request.POST else broken(request)


        def lazy(request):
            import slugify


        def ours(request):
            assert settings.DATABASES["default"]["NAME"].name == "db.sqlite3", "not ours"
            assert settings.BASE_DIR == settings.DATABASES["default"]["NAME"].parent
            return HttpResponse("as its authors see it")


        names = ("broken", "ours", "lazy", "list")
        links = "".join(f"<a href=/{each}/>{each}</a>" for each in names)
        links += "<img src=/gone.png><img src=/desktop-offline/gone.png>"
        form = "<form method=post action={}><input name=text></form>"
        forms = "<form method=post action=/send/><input name=small></form>"
        forms += form.format("/send/") + form.format("/send-ours/") + form.format("/ours/")
        urlpatterns = [
            path("", lambda request: HttpResponse(links)),
            path("broken/", broken),
            path("ours/", ours),
            path("lazy/", lazy),
            path("list/", lambda request: HttpResponse("<a href=/deep/>deep</a>" + forms)),
            path("deep/", broken),
            path("send/", sent),
            path("send-ours/", ours),
        ]
        """
    root = projects.commit(make_project({"site1/urls.py": urls}))
    before = projects.contents(root)

    document = kit_json("adapt", root)

    pages = document["rehearsal"]["pages"]
    seen = {each["path"]: each for each in pages if not each["form_on"]}
    assert document["rehearsal"]["not_compared"] == ""
    assert [(each["path"], each["form_on"], each["is_own_fault"]) for each in pages[8:]] == [
        ("/send/", "/list/", True), ("/send-ours/", "/list/", False), ("/ours/", "/list/", False),
    ]  # fmt: skip
    assert {path: each["is_own_fault"] for path, each in seen.items()} == {
        "/": False, "/broken/": True, "/ours/": False, "/lazy/": False, "/list/": False,
        "/deep/": True, "/gone.png": True, "/desktop-offline/gone.png": False,
    }  # fmt: skip
    assert seen["/ours/"]["status"] == 500 and seen["/gone.png"]["status"] == 404
    named = [each["what"].split(":")[0] for each in findings(document, "own-fault")]
    assert named == ["/broken/", "/deep/", "/gone.png", "the form of /list/ to /send/"]
    ours, lazy, form, _ = findings(document, "broken-page")
    assert form["what"] == "the form of /list/ to /send-ours/: AssertionError: "
    assert ours["what"] == "/ours/: AssertionError: " and ours["place"] == "site1/urls.py:20"
    assert "slugify" in lazy["what"] and "python.extra=" in lazy["do"]
    after = projects.contents(root)
    assert {name: after[name] for name in before} == before


def test_what_only_a_rendered_page_names_is_kept_for_the_app_to_serve(make_project, kit_json):
    """The style stands in no template, the script in none and not in the page either."""
    urls = """\
        from django.http import HttpResponse
        from django.urls import path

        origin = "https:" + "//cdn.jsdelivr.net/npm"
        page = f"<p>hello<link rel=stylesheet href={origin}/normalize.css@8.0.1/normalize.css>"
        page += "<script>let s = document.createElement('script'); s.src = ['https:', '',"
        page += "'cdn.jsdelivr.net/npm/htm@3.1.1/dist/htm.js'].join('/');"
        page += "document.head.append(s)</script>"
        urlpatterns = [path("", lambda request: HttpResponse(page))]
        """
    document = kit_json("adapt", root := projects.commit(make_project({"site1/urls.py": urls})))

    kept = (root / "desktop-app" / "offline" / "manifest.json").read_text(encoding="utf-8")
    assert "npm/normalize.css@8.0.1/normalize.css" in kept
    assert ("npm/htm@3.1.1/dist/htm.js" in kept) is (document["picture"] != "")
