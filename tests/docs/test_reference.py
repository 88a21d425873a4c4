"""Whatever a person can type, set or meet is in the reference."""

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from checks import criteria
from skill_scripts.dependencies.packages import PACKAGES
from skill_scripts.errors import ERRORS
from skill_scripts.findings.finding import DECIDE, FINDINGS, Meaning
from skill_scripts.findings.frontend import LOADERS

from .pages import DOCS, KIT

REFERENCE = DOCS / "reference"
READS_VARIABLE = re.compile(
    r"""(?:os\.environ|\benviron)(?:\.get\(|\.setdefault\(|\[)\s*["']([A-Z][A-Z0-9_]+)["']"""
    r"""|getenv\(\s*["']([A-Z][A-Z0-9_]+)["']"""
    r"""|process\.env\.([A-Z][A-Z0-9_]+)|(?<!django\.)\benv\.([A-Z][A-Z0-9_]+)"""
)
# Read because every program does, and explained nowhere else either.
SYSTEM = {"PATH", "HOME"}


@pytest.fixture
def generator():
    """A fresh copy: tests take words and help out of it."""
    for name in [name for name in sys.modules if name.startswith("tools.docs.generate")]:
        del sys.modules[name]
    return importlib.import_module("tools.docs.generate")


def text(name):
    return (REFERENCE / name).read_text(encoding="utf-8")


def test_generated_pages_are_up_to_date(generator):
    stale = [
        path for path, wanted in generator.generated().items() if generator.current(path) != wanted
    ]
    assert not stale, "run: python -m tools.docs.generate"


def test_an_option_without_help_stops_the_generator(generator):
    command = generator.typer.main.get_command(generator.app).commands["adapt"]
    option = next(each for each in command.params if each.opts == ["--dry-run"])
    option.help = ""
    with pytest.raises(SystemExit, match="desktop-django adapt --dry-run has no help"):
        generator._options("desktop-django adapt", command)


def test_an_option_without_help_stops_the_generator_for_the_checks_too(generator):
    with pytest.raises(SystemExit, match="option --new has no help"):
        generator._OptionReader().addoption("--new", action="store_true")


def test_the_help_of_check_lists_the_options_of_the_suite():
    command = [sys.executable, "-m", "skill_scripts", "check", "--help"]
    done = subprocess.run(command, cwd=KIT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed = set(re.findall(r"^  (--[a-z-]+)", done.stdout, re.MULTILINE))
    named = re.findall(r'add\(\s*"(--[a-z-]+)"', (KIT / "checks/plugin.py").read_text("utf-8"))
    assert listed == set(named)


def test_a_key_without_a_line_stops_the_generator(generator):
    with pytest.raises(SystemExit, match=r"\[app\] motto"):
        generator._note({"app": {}}, "app", "motto")


def test_every_criterion_has_an_anchor_of_its_own():
    headings = re.findall(r"^### ([A-Z]{3}-\d+)$", text("criteria.md"), re.M)
    assert headings == list(criteria.load())
    for criterion in criteria.load().values():
        page, _, anchor = criterion.docs.partition("#")
        assert (KIT / page).is_file()
        assert anchor.upper() in headings


def test_every_error_code_is_listed():
    listed = text("errors.md")
    assert [code for code in ERRORS if f"`{code}`" not in listed] == []


def made_in(tree):
    """Id and severity of the findings that source makes, as far as they are plain; a computed id
    by its beginning."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Name("Finding"), [ast.Constant(str(name)), ast.Name(severity), *_]):
                yield name, severity.lower()
            case ast.Call(ast.Name("Finding"), [ast.JoinedStr([ast.Constant(start), *_]), ast.Name(
                severity
            ), *_]):  # fmt: skip
                yield f"{start}…", severity.lower()


def test_every_finding_is_in_the_registry_with_its_severities():
    made = {(name, DECIDE) for name in LOADERS.values()}
    made |= {(each.notice.id, each.notice.severity) for each in PACKAGES.values() if each.notice}
    for file in (KIT / "skill_scripts").rglob("*.py"):
        made.update(made_in(ast.parse(file.read_text(encoding="utf-8"))))
    assert made == {(n, severity) for n, each in FINDINGS.items() for severity in each.severities}


def test_every_finding_is_listed():
    listed = text("findings.md")
    assert [name for name in FINDINGS if f"| `{name}` |" not in listed] == []


def test_a_decision_without_a_question_stops_the_generator(generator, monkeypatch):
    monkeypatch.setitem(FINDINGS, "new", Meaning((DECIDE,), "It is new."))
    with pytest.raises(SystemExit, match="has no question for new"):
        generator.skill()


def test_every_exit_code_of_the_backend_is_listed():
    source = (KIT / "reference_app/desktop-app/desktop_runtime/contract.py").read_text()
    codes = re.findall(r"^    [A-Z_]+ = (\d+)$", source, re.M)
    listed = text("specification.md")
    assert codes
    assert [code for code in codes if f"| {code} |" not in listed] == []


def test_every_event_is_shown():
    runtime = KIT / "reference_app" / "desktop-app" / "desktop_runtime"
    sent = {
        name
        for file in runtime.glob("*.py")
        for name in re.findall(r'\.send\(\s*"(\w+)"', file.read_text(encoding="utf-8"))
    }
    assert sent
    assert [name for name in sent if f'"event": "{name}"' not in text("specification.md")] == []


def test_every_key_of_the_manifest_is_listed():
    schema = json.loads((KIT / "checks" / "desktop.schema.json").read_text(encoding="utf-8"))
    listed = text("desktop-toml.md")
    for table, description in schema["properties"].items():
        properties = description.get("items", description).get("properties", {})
        assert [key for key in properties if f"`{key}`" not in listed] == [], table


def test_every_variable_that_is_read_is_explained():
    sources = [
        KIT / "kit.py",
        *(KIT / "tools").glob("*.py"),
        *(KIT / "skill_scripts").rglob("*.py"),
        *(KIT / "checks").glob("*.py"),
        *(KIT / "reference_app" / "desktop-app" / "desktop_runtime").rglob("*.py"),
        *(KIT / "reference_app" / "desktop-app" / "electron").glob("*.*js"),
    ]
    read = {
        name: path.name
        for path in sources
        for match in READS_VARIABLE.finditer(path.read_text(encoding="utf-8"))
        for name in match.groups()
        if name
        and name not in SYSTEM
        and not name.startswith(("CONTENT_", "HTTP_", "QUERY_", "REQUEST_", "SSL"))
    }
    for name in ("PATH_INFO", "REQUEST_METHOD"):  # of a request
        read.pop(name, None)
    explained = text("environment.md")
    assert {n: f for n, f in read.items() if f"`{n}" not in explained} == {}


def test_every_dependency_has_its_reason():
    project = tomllib.loads((KIT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.match(r"[\w-]+", each)[0] for each in project["dependencies"]]
    shell = KIT / "reference_app" / "desktop-app" / "electron" / "package.json"
    package = json.loads(Path(shell).read_text(encoding="utf-8"))
    names += [*package["dependencies"], *package["devDependencies"]]
    decisions = (DOCS / "decisions.md").read_text(encoding="utf-8")
    table = decisions[decisions.index("## Dependencies") :]
    assert [name for name in names if not re.search(rf"(?<![\w-]){name}(?![\w-])", table)] == []
