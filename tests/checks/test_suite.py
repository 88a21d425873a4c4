"""The suite as a program: what it says to bad targets, and what hostile ones cannot do to it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.broken.targets import IMPATIENT, ROOT, judge
from tests.checks.again import IN_RANDOM_ORDER

MINIMAL = Path(__file__).parent / "minimal_target"
RUNSERVER = Path(__file__).parent / "runserver_target"
HOSTILE = Path(__file__).parent / "hostile_target"


def run(*arguments, environment=None):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "checks", "-p", "no:cacheprovider", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )


def copied(source, folder):
    return Path(shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__")))


def change(path, old, new):
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def minimal(tmp_path):
    return copied(MINIMAL, tmp_path / "minimal")


class TestBadTargets:
    """One clear error each, exit code 2, and nothing started."""

    @pytest.mark.parametrize(
        ("make", "code", "said"),
        [
            (lambda p: None, "DDK-CHK-01", "there is no"),
            (lambda p: p.write_text(""), "DDK-CHK-02", "is a file"),
            (lambda p: p.mkdir(), "DDK-CHK-03", "no desktop.toml"),
            (lambda p: shutil.copytree(ROOT / "tests" / "broken", p), "DDK-CHK-03", "adapt"),
        ],
        ids=["missing", "file", "empty", "not adapted"],
    )
    def test_target(self, make, code, said, tmp_path):
        path = tmp_path / "target"
        make(path)
        done = run("--target", path)
        assert done.returncode == 2
        assert code in done.stderr and said in done.stderr
        assert "Traceback" not in done.stdout + done.stderr

    @pytest.mark.parametrize(
        ("options", "code"),
        [
            (["--only", "TOK-99"], "DDK-CHK-08"),
            (["--only", "DAT-14"], "DDK-CHK-08"),  # younger than what the target names
            (["--expected-failures", "nowhere.txt"], "DDK-CHK-09"),
            (["--runtime", "staged"], "DDK-CHK-06"),
            (["--runtime", "packaged"], "DDK-CHK-07"),
            (["--manifest", "nowhere.toml"], "DDK-CHK-03"),
            (["--report-json", str(Path(__file__, "report.json"))], "DDK-CHK-11"),
            pytest.param(
                ["--report-md", str(Path(__file__, "report.md"))],
                "DDK-CHK-11",
                marks=pytest.mark.long,
            ),
            pytest.param(
                ["--report-html", str(Path(__file__, "report.html"))],
                "DDK-CHK-11",
                marks=pytest.mark.long,
            ),
            (["--own-page", __file__], "DDK-CHK-13"),
        ],
    )
    @pytest.mark.slow
    def test_options(self, options, code):
        done = run("--target", MINIMAL, *options)
        assert done.returncode == 2
        assert code in done.stderr

    def test_no_target(self):
        done = run()
        assert done.returncode == 2
        assert "DDK-CHK-01" in done.stderr

    def test_a_manifest_that_is_not_toml_is_refused(self, minimal):
        (minimal / "desktop-app" / "desktop.toml").write_text("[app\n")
        done = run("--target", minimal)
        assert done.returncode == 2
        assert "DDK-CHK-04" in done.stderr

    @pytest.mark.slow
    def test_interpreter_that_does_not_exist(self, minimal):
        path = minimal / "desktop-app" / "desktop.toml"
        path.write_text(path.read_text() + '\n[python]\ninterpreter = "no/python"\n')
        done = run("--target", minimal)
        assert done.returncode == 2
        assert "DDK-CHK-05" in done.stderr

    def test_list(self):
        done = run("--list")
        assert done.returncode == 0
        assert "TOK-1" in done.stdout and "UPD-4" in done.stdout


def test_a_module_that_cannot_be_imported_is_told(tmp_path):
    module = tmp_path / "test_it.py"
    module.write_text("import no_such_module_anywhere\n")
    command = [sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml", "--rootdir", "."]
    command += ["-p", "no:cacheprovider", str(module)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no_such_module_anywhere" in done.stdout and "1 error" in done.stdout
    assert "user_properties" not in done.stdout + done.stderr


class TestExpectedFailures:
    """Listed and failing is accepted, listed and passing is stale, unlisted and failing fails."""

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("listed", "exit_code", "verdict"),
        [
            ("ADP-4 known  # until the next release", 0, "expected"),
            ("ADP-5", 1, "FAIL"),
            ("ADP-4\nADP-5", 1, "expected"),
        ],
    )
    def test_verdict(self, listed, exit_code, verdict, minimal, tmp_path):
        change(minimal / "desktop-app" / "desktop.toml", "[app]", '[app]\ncolour = "teal"')
        (tmp_path / "known.txt").write_text(listed)
        options = ["--only", "ADP", "--expected-failures", str(tmp_path / "known.txt")]
        code, verdicts = judge(minimal, tmp_path / "report.json", *options)
        assert code == exit_code
        assert verdicts["ADP-4"] == verdict
        assert verdicts["ADP-5"] == ("stale" if "ADP-5" in listed else "pass")


class TestReports:
    """JSON as the schema says, Markdown, and the table."""

    def test_all_of_them(self, minimal, tmp_path):
        files = {"json": tmp_path / "r.json", "md": tmp_path / "r.md", "xml": tmp_path / "r.xml"}
        page = tmp_path / "r.html"
        done = run(
            *("--target", minimal, "--only", "ADP,WIN,RDY-1", "--junitxml", files["xml"]),
            *("--report-json", files["json"], "--report-md", files["md"]),
            *("--report-html", page),
        )
        assert done.returncode == 0
        document = json.loads(files["json"].read_text(encoding="utf-8"))
        jsonschema = pytest.importorskip("jsonschema")
        schema = json.loads((ROOT / "checks" / "report.schema.json").read_text(encoding="utf-8"))
        jsonschema.validate(document, schema)
        assert document["django"]
        assert "| RDY-1 | Says listening, then ready" in files["md"].read_text(encoding="utf-8")
        assert "<td>RDY-1" in page.read_text(encoding="utf-8")
        assert "testcase" in files["xml"].read_text(encoding="utf-8")
        assert "needs Windows" in done.stdout
        assert "3 passed, 0 failed" in done.stdout

    @pytest.mark.slow
    def test_only_may_be_said_more_than_once(self, minimal):
        done = run("--target", minimal, "--only", "ADP-4", "--only", "ADP-5")
        assert "2 passed, 0 failed" in done.stdout

    @pytest.mark.slow
    def test_a_fault_behind_many_criteria_is_told_once(self, minimal, tmp_path):
        change(minimal / "settings.py", "import", "raise RuntimeError('no such pony')\nimport")
        report, page = tmp_path / "r.md", tmp_path / "r.html"
        done = run(
            *("--target", minimal, "--only", "RDY,NET"),
            *("--report-md", report, "--report-html", page),
        )
        assert done.returncode == 1
        for text in (done.stdout, report.read_text("utf-8"), page.read_text("utf-8")):
            assert text.count("no such pony") == 1 and "as NET-1" in text

    @pytest.mark.slow
    @pytest.mark.long
    def test_a_warning_is_no_failure_while_it_runs_either(self, minimal):
        foreign = minimal / "notes" / "urls.py"
        change(foreign, "<form", "<img src='https://pictures.example.org/pony.png'><form")
        done = run("--target", minimal, "--only", "WEB-4")
        assert "1 warnings" in done.stdout and "F" not in done.stdout.split("target ")[0]

    @pytest.mark.slow
    def test_a_page_begins_with_its_pictures(self, minimal, tmp_path):
        page = tmp_path / "r.html"
        run("--target", minimal, "--only", "WEB-1", "--report-html", page)
        text = page.read_text(encoding="utf-8")
        opening = text.index('<section class="opening">')
        assert opening < text.index("in the app</figcaption><img") < text.index("<table>")
        assert opening < text.index("own server was not looked at") < text.index("<h1>")

    @pytest.mark.parametrize("why_not", ["", "runserver does not come up"])
    def test_a_page_begins_with_the_targets_own_server_too(self, minimal, tmp_path, why_not):
        own, page = tmp_path / "own.json", tmp_path / "r.html"
        (tmp_path / "own.png").write_bytes(b"\x89PNG")
        found = {"picture": "" if why_not else "own.png", "why_not": why_not}
        own.write_text(json.dumps(found), encoding="utf-8")
        run("--target", minimal, "--only", "ADP-4", "--report-html", page, "--own-page", own)
        text = page.read_text(encoding="utf-8").partition("<h1>")[0]
        assert ('own runserver</figcaption><img alt="/ on' in text) is (not why_not)
        assert ("server: runserver does not come up</p>" in text) is bool(why_not)
        assert "This run has no picture of the app." in text

    @pytest.mark.long
    def test_the_table_has_the_last_word(self, minimal):
        for options in ([], ["-v"], ["-n", "2"]):
            done = run("--target", minimal, "--only", "ADP", *options)
            assert done.returncode == 0
            assert done.stdout.rstrip().splitlines()[-1].startswith("2 passed, 0 failed"), options

    @pytest.mark.slow
    def test_relative_paths_are_the_callers(self, minimal, tmp_path):
        (tmp_path / "checks.py").write_text("raise SystemExit('not the kit')")
        command = [sys.executable, "-P", "-m", "skill_scripts", "check", minimal.name]
        command += ["--only", "ADP-5", "--report-json", "made/for it/report.json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert (tmp_path / "made" / "for it" / "report.json").exists()
        assert "nodes" not in done.stdout, "xdist speaks of its workers"


SET_UP = """
from django.http import HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token

def set_up_first(get_response):
    def answer(request):
        if request.path != "/set-up/":
            return HttpResponseRedirect("/set-up/")
        return get_response(request)
    return answer

def form(request):
    token = get_token(request)
    return HttpResponse(f"<form method=post action='ACTION'><input name=csrfmiddlewaretoken "
                        f"value={token}><input name=text></form>")
"""


@pytest.mark.parametrize(("action", "verdict"), [("", "pass"), ("/save/", "not applicable")])
@pytest.mark.slow
def test_a_project_that_wants_to_be_set_up_first(action, verdict, minimal, tmp_path):
    (minimal / "notes" / "set_up.py").write_text(SET_UP.replace("ACTION", action))
    change(minimal / "settings.py", '["django.m', '["notes.set_up.set_up_first", "django.m')
    urls = minimal / "notes" / "urls.py"
    change(urls, "from notes.models", "from notes import set_up\nfrom notes.models")
    change(urls, '[path("", notes)]', '[path("set-up/", set_up.form)]')
    _, verdicts = judge(minimal, tmp_path / "report.json", "--only", "TOK-9")
    assert verdicts == {"TOK-9": verdict}


ADMIN = """
INSTALLED_APPS += [f"django.contrib.{name}" for name in
                   ("admin", "auth", "contenttypes", "sessions", "messages")]
MIDDLEWARE += ["django.contrib.sessions.middleware.SessionMiddleware",
               "django.contrib.auth.middleware.AuthenticationMiddleware",
               "django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
              "OPTIONS": {"context_processors": [
                  f"django.{name}" for name in ("template.context_processors.request",
                  "contrib.auth.context_processors.auth",
                  "contrib.messages.context_processors.messages")]}}]
"""
GREETING = """
{% extends "admin/base.html" %}
{% block welcome-msg %}<img src="https://pictures.example.org/me.png">{% endblock %}
"""


@pytest.mark.long
def test_a_foreign_host_that_only_the_admin_calls_is_seen(minimal, tmp_path):
    settings = minimal / "settings.py"
    settings.write_text(settings.read_text(encoding="utf-8") + ADMIN, encoding="utf-8")
    urls = minimal / "notes" / "urls.py"
    change(urls, "from notes.models", "from django.contrib import admin\nfrom notes.models")
    change(urls, '[path("", notes)]', '[path("", notes), path("admin/", admin.site.urls)]')
    (minimal / "notes" / "templates" / "admin").mkdir(parents=True)
    greeting = minimal / "notes" / "templates" / "admin" / "base_site.html"
    greeting.write_text(GREETING.strip(), encoding="utf-8")

    _, verdicts = judge(minimal, tmp_path / "report.json", "--only", "WEB-1,WEB-4")

    assert verdicts == {"WEB-1": "pass", "WEB-4": "warn"}


CONFTEST = """
import pathlib
pathlib.Path({trace!r}).write_text("ran")
def pytest_collection_modifyitems(items):
    items.clear()
"""
INI = "[pytest]\naddopts = --no-such-option\ntestpaths = nowhere\n"


@pytest.mark.slow
class TestHostileConfiguration:
    """A target's conftest.py and pytest.ini, or those of a common parent, change nothing."""

    @pytest.mark.parametrize("where", ["target", pytest.param("parent", marks=pytest.mark.long)])
    @pytest.mark.parametrize("way", ["command", pytest.param("pytest", marks=pytest.mark.long)])
    def test_same_verdicts(self, where, way, tmp_path):
        trace = tmp_path / "trace"
        target = copied(MINIMAL, tmp_path / "parent" / "target")
        place = target if where == "target" else target.parent
        (place / "conftest.py").write_text(CONFTEST.format(trace=str(trace)))
        (place / "pytest.ini").write_text(INI)
        (place / "test_evil.py").write_text(CONFTEST.format(trace=str(trace)))
        report = tmp_path / "report.json"
        options = ("--only", "NET,RDY-1,ADP", "--report-json", str(report))
        if way == "command":
            code, verdicts = judge(target, report, *options)
        else:
            code = run("--target", target, *options).returncode
            criteria = json.loads(report.read_text(encoding="utf-8"))["criteria"]
            verdicts = {entry["id"]: entry["verdict"] for entry in criteria}
        assert not trace.exists()
        assert code == 0
        assert {v for i, v in verdicts.items() if i.startswith("NET")} == {"pass"}


@pytest.mark.slow
class TestOtherWaysToStart:
    """Targets that share no code with the payload."""

    @pytest.mark.long
    def test_hand_made_target_conforms_in_any_order(self, minimal, tmp_path):
        code, verdicts = judge(minimal, tmp_path / "report.json", "--strict-should")
        assert {i for i, v in verdicts.items() if v not in ("pass", "not run here")} == {
            "ADP-1",
            "ADP-2",
            "ADP-3",
        }
        assert code == 0
        report = tmp_path / "again.json"
        again = judge(minimal, report, "--strict-should", *IN_RANDOM_ORDER)
        assert again == (code, verdicts)

    @pytest.mark.long
    def test_runserver_fails_where_it_should(self, tmp_path):
        target = copied(RUNSERVER, tmp_path / "target")
        code, verdicts = judge(target, tmp_path / "report.json", *IMPATIENT)
        failed = {i for i, verdict in verdicts.items() if verdict == "FAIL"}
        assert code == 1
        assert "harness error" not in verdicts.values()
        assert failed >= {
            *("NET-3", "RDY-1", "RDY-3", "TOK-1", "TOK-2", "TOK-4", "TOK-6", "TOK-8"),
            *("DAT-1", "DAT-7", "DAT-9", "PRC-1", "PRC-3", "PRC-5"),
        }
        assert not failed & {"NET-1", "NET-2", "TOK-3", "WEB-1", "WEB-3", "WEB-5"}


@pytest.mark.slow
class TestHostileBackends:
    """Bounded, reported, cleaned up."""

    @pytest.mark.parametrize(
        ("mode", "only", "failed"),
        [
            pytest.param("silent", "PRC-1", "PRC-1", marks=pytest.mark.long),
            ("flood", "RDY-1", "RDY-1"),
            pytest.param("fork", "PRC-4", "PRC-4", marks=pytest.mark.long),
            pytest.param("deaf", "PRC-1", "PRC-1", marks=pytest.mark.long),
            pytest.param("slow", "RDY-3", "RDY-3", marks=pytest.mark.long),
            pytest.param("gigabytes", "RDY-3", "RDY-3", marks=pytest.mark.long),
        ],
    )
    def test_mode(self, mode, only, failed, tmp_path):
        target = copied(HOSTILE, tmp_path / "target")
        change(target / "desktop-app" / "desktop.toml", "MODE", mode)
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        before = {p.name for p in target.rglob("*")}
        report = tmp_path / "report.json"
        environment = {**os.environ, "TMPDIR": str(scratch)}
        options = (*IMPATIENT, "--target", target, "--only", only, "--report-json", report)
        done = run(*options, environment=environment)
        verdicts = {
            entry["id"]: entry["verdict"] for entry in json.loads(report.read_text())["criteria"]
        }
        assert done.returncode == 1, done.stdout
        assert verdicts[failed] == "FAIL"
        assert not list(scratch.iterdir())
        assert {p.name for p in target.rglob("*")} == before
        assert not [p for p in psutil.process_iter() if str(target) in " ".join(command_of(p))]


def command_of(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.mark.parametrize(("options", "asked"), [([], False), (["--spec", "1.1"], True)])
@pytest.mark.slow
@pytest.mark.long
def test_a_target_is_judged_by_the_version_it_names(options, asked, minimal, tmp_path):
    _, verdicts = judge(minimal, tmp_path / "report.json", "--only", "ADP,NET", *options)
    assert ("NET-7" in verdicts) is asked
