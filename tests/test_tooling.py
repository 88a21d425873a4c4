"""What surrounds the kit: lock files, aliases, workflows and the wheel."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from skill_scripts.layer.ci import SECRETS
from skill_scripts.versions import OLDEST_NODE
from tools import jobs, linters, packages

ROOT = Path(__file__).resolve().parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = ROOT / "action.yml"
ACTIONS = [ACTION, *sorted((ROOT / ".github" / "actions").glob("*/action.yml"))]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def tool(name: str) -> str:
    """A program of the environment the tests run in."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert found, f"{name} is not installed: python3 kit.py install"
    return found


def run(*command: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [tool(command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, **options
    )


# --- lock files -----------------------------------------------------------------------------------


def pins(lock: Path) -> dict[tuple[str, str], str]:
    """Version by (name, marker) of a hashed requirement file."""
    found = {}
    for line in re.sub(r"\\\n", "", lock.read_text()).splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            requirement, *hashes = line.split("--hash=")
            assert hashes, f"{lock.name}: no hash for {requirement}"
            parsed = Requirement(requirement.strip())
            name = canonicalize_name(parsed.name)
            found[name, str(parsed.marker or "")] = str(parsed.specifier)
    return found


def names(lock: Path) -> set[str]:
    return {name for name, _ in pins(lock)}


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    wanted = {"kit": [*project["project"]["dependencies"], *groups["build"]]}
    wanted["app"] = [*wanted["kit"], *groups["app"]]
    wanted["dev"] = [*wanted["app"], *(each for each in groups["dev"] if isinstance(each, str))]
    for lock, requirements in wanted.items():
        direct = {canonicalize_name(Requirement(each).name) for each in requirements}
        assert direct <= names(ROOT / "requirements" / f"{lock}.txt"), lock


def test_each_lock_file_holds_all_of_the_one_before():
    smaller = set()
    for lock in packages.LOCKS:
        assert smaller <= names(ROOT / "requirements" / f"{lock}.txt"), lock
        smaller = names(ROOT / "requirements" / f"{lock}.txt")


def test_what_opens_the_reference_app_holds_what_it_imports(monkeypatch):
    app = tomllib.loads((ROOT / "reference_app" / "pyproject.toml").read_text())
    declared = {canonicalize_name(Requirement(r).name) for r in app["project"]["dependencies"]}
    runtime = names(ROOT / "reference_app" / "desktop-app" / "requirements.txt")
    installed = []
    monkeypatch.setattr(packages, "python_packages", installed.append)
    jobs.JOBS["start"].prepare(["--browser"])
    (lock,) = installed
    assert declared | runtime <= names(ROOT / "requirements" / f"{lock}.txt")


def test_the_oldest_node_is_the_same_everywhere():
    package = ROOT / "reference_app" / "desktop-app" / "electron" / "package.json"
    engines = json.loads(package.read_text(encoding="utf-8"))["engines"]
    assert engines == {"node": f">={OLDEST_NODE}"}
    assert OLDEST_NODE.major == packages.OLDEST_NODE


def test_lock_files_agree_on_every_version():
    versions = {}
    for lock in LOCKS:
        for key, version in pins(lock).items():
            versions.setdefault(key, set()).add(version)
    assert not {key: found for key, found in versions.items() if len(found) > 1}


# --- aliases and hooks ----------------------------------------------------------------------------


def recipes() -> list[str]:
    return run("just", "--summary").stdout.split()


def test_the_aliases_are_those_people_look_for():
    system = {"linux": "linux", "darwin": "macos", "win32": "windows"}[sys.platform]
    assert {
        *("install", "start", "test", "docs", "stage", f"build-{system}"),
        *("workflow-run", "runs", "download-latest", "clean-artifacts"),
    } == set(recipes())


@pytest.mark.parametrize("recipe", recipes())
@pytest.mark.slow
def test_an_alias_is_one_documented_command(recipe):
    lines = run("just", "--dry-run", recipe).stderr.strip().splitlines()
    assert len(lines) == 1
    program, *rest = lines[0].split()
    if program == "gh":
        workflow = next(word for word in rest if word.endswith(".yml"))
        file = ROOT / ".github" / "workflows" / workflow
        # YAML 1.1 reads `on` as true
        assert "workflow_dispatch" in yaml.safe_load(file.read_text())[True]
        return
    assert program in ("python3", "py")
    assert rest[0] == "kit.py"
    if rest[1] not in jobs.JOBS:
        assert run("desktop-django", rest[1], "--help").returncode == 0


def test_hooks_are_valid_and_run_the_pinned_linters():
    config = ROOT / ".pre-commit-config.yaml"
    assert run("pre-commit", "validate-config", str(config)).returncode == 0
    repositories = yaml.safe_load(config.read_text())["repos"]
    assert {repository["repo"] for repository in repositories} == {"local", "meta"}
    local = next(r for r in repositories if r["repo"] == "local")
    assert [hook["entry"] for hook in local["hooks"]] == ["python3 kit.py lint"]


# --- workflows ------------------------------------------------------------------------------------


def test_workflows_match_their_schema():
    result = run(
        "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS)
    )
    assert result.returncode == 0, result.stdout


def test_issue_forms_match_their_schema_and_ask_for_what_is_needed():
    forms = linters.issue_forms()
    result = run(
        "check-jsonschema", "--builtin-schema", "vendor.github-issue-forms", *map(str, forms)
    )
    assert result.returncode == 0, result.stdout
    asked = (ROOT / ".github" / "ISSUE_TEMPLATE" / "adaptation.yml").read_text()
    assert "survey PATH --json" in asked
    assert "check PATH --report-json" in asked


def test_actions_match_their_schema():
    result = run(
        "check-jsonschema", "--builtin-schema", "vendor.github-actions", *map(str, ACTIONS)
    )
    assert result.returncode == 0, result.stdout


def test_workflows_pass_the_audit():
    result = run("zizmor", "--offline", *map(str, [*WORKFLOWS, *ACTIONS]))
    assert result.returncode == 0, result.stdout


GATE = "$/.github/actions/check"


def test_the_gate_has_one_implementation():
    called = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text())
    for steps in (
        called["jobs"]["check"]["steps"],
        yaml.safe_load(ACTION.read_text())["runs"]["steps"],
    ):
        (gate,) = [step for step in steps if step.get("uses", "").startswith("$/")]
        assert gate["uses"] == GATE
        assert set(gate["with"]) == {"path", "options"}
    assert "kit.py" not in str(called) + ACTION.read_text()
    assert "kit.py" in (ROOT / GATE.removeprefix("$/") / "action.yml").read_text()


@pytest.mark.parametrize(
    "workflow", [*WORKFLOWS, *ACTIONS], ids=lambda path: path.parent.name + path.name
)
def test_what_is_used_of_this_repository_is_there(workflow):
    """The runner refuses `$/` alone, and any path with no action or workflow behind it."""
    for path in re.findall(r"uses: *\$/(\S*)", workflow.read_text()):
        assert path, "there must be a path after $/"
        file = ROOT / path if path.endswith(".yml") else ROOT / path / "action.yml"
        assert file.is_file()


@pytest.mark.parametrize(
    "workflow", [*WORKFLOWS, *ACTIONS], ids=lambda path: path.parent.name + path.name
)
def test_actions_are_pinned_by_commit_with_their_version_beside(workflow):
    used = re.findall(r"uses: *(\S+)(.*)", workflow.read_text())
    foreign = [(action, note) for action, note in used if not action.startswith(("./", "$/"))]
    assert [
        (action, note)
        for action, note in foreign
        if not re.search(r"@[0-9a-f]{40}$", action) or not re.match(r" # v\d", note)
    ] == []


@pytest.mark.parametrize(
    ("name", "slug"), [("Flying Stable", "flying-stable"), ("Ä & Co. 2!", "co-2"), ("馬", "app")]
)
def test_artefacts_are_named_after_the_app(name, slug, tmp_path):
    (tmp_path / "desktop-app").mkdir()
    toml = f'[app]\nname = "{name}"\n'
    (tmp_path / "desktop-app" / "desktop.toml").write_text(toml, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("given", ROOT / ".ci" / "given.py")
    given = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(given)
    assert given.slug(tmp_path) == slug
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "packages.yml").read_text())
    names = [step.get("with", {}).get("name") for step in workflow["jobs"]["build"]["steps"]]
    assert "${{ steps.given.outputs.app }}-${{ matrix.name }}" in names


def test_the_reference_app_has_what_a_debian_package_names():
    """builder.config.mjs makes none without, so that packages.yml would show none."""
    file = ROOT / "reference_app" / "desktop-app" / "desktop.toml"
    settings = tomllib.loads(file.read_text(encoding="utf-8"))
    assert re.search(r"<[^<>@\s]+@[^<>@\s]+>", settings["app"]["author"])
    assert settings["package"]["homepage"]


def test_every_secret_that_signs_reaches_the_builder():
    """Of both ways to notarise that docs/how-to/package.md offers."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "packages.yml").read_text())
    secrets = set(workflow[True]["workflow_call"]["secrets"])
    steps = {step.get("name"): step for step in workflow["jobs"]["build"]["steps"]}
    assert set(steps["Package"]["env"]) == secrets == set(SECRETS)
    page = (ROOT / "docs" / "how-to" / "package.md").read_text()
    named = set(re.findall(r"`((?:WIN_)?CSC_\w+|APPLE_\w+)`", page)) - {"CSC_NAME"}
    assert named == secrets
    verified = steps["Every program and library of the application is signed"]["env"]["NOTARISED"]
    for name in ("CSC_LINK", "APPLE_API_KEY", "APPLE_APP_SPECIFIC_PASSWORD"):
        assert f"secrets.{name}" in verified


def test_a_release_is_published_by_hand_and_after_its_files_are_verified():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    assert list(workflow[True]) == ["workflow_dispatch"]  # YAML 1.1 reads `on` as true
    steps = [step.get("run", "") for step in workflow["jobs"]["promote"]["steps"]]
    published = next(number for number, step in enumerate(steps) if "--draft=false" in step)
    verified = next(number for number, step in enumerate(steps) if "checksums.py" in step)
    assert verified < published


def test_the_wheel_is_published_by_hand_after_the_tests_by_a_trusted_publisher():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "wheel.yml").read_text())
    assert list(workflow[True]) == ["workflow_dispatch"]  # YAML 1.1 reads `on` as true
    parts = workflow["jobs"]
    assert parts["test"]["uses"] == "$/.github/workflows/ci.yml"
    publish = parts["publish"]
    assert set(publish["needs"]) == {"test", "build"}
    assert (publish["environment"], publish["permissions"]["id-token"]) == ("pypi", "write")
    steps = [str(step.get("run", step.get("uses"))) for step in publish["steps"]]
    attested = next(n for n, step in enumerate(steps) if "attest-build-provenance" in step)
    published = next(n for n, step in enumerate(steps) if "--trusted-publishing always" in step)
    assert attested < published
    assert "secrets." not in str(workflow)


@pytest.mark.network
@pytest.mark.long
def test_the_wheel_alone_surveys_adapts_and_checks_a_project(wheel):
    result = run(sys.executable, str(ROOT / ".ci" / "wheel.py"), str(wheel.parent))
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_folder_without_one_wheel_is_refused(tmp_path):
    result = run(sys.executable, str(ROOT / ".ci" / "wheel.py"), str(tmp_path))
    assert result.returncode == 1
    assert "0 wheels" in result.stderr


@pytest.fixture
def given(tmp_path):
    """What packages.yml gives to a draft: installers, their lists, what lies beside them."""
    for system in ("linux", "windows"):
        installer = tmp_path / f"app-1.0-{system}.zip"
        installer.write_text(system)
        digest = hashlib.sha256(system.encode()).hexdigest()
        (tmp_path / f"SHA256SUMS-{system}").write_text(f"{digest}  {installer.name}\n")
        (tmp_path / f"sbom-{system}.cdx.json").write_text("{}")
    return tmp_path


def checksums(folder: Path) -> subprocess.CompletedProcess:
    return run(sys.executable, str(ROOT / ".ci" / "checksums.py"), str(folder))


def test_checksums_of_a_release_become_one_list(given):
    for _ in range(2):  # a second try after a failed upload
        result = checksums(given)
        assert result.returncode == 0, result.stderr
    lines = (given / "SHA256SUMS").read_text().splitlines()
    assert [line[66:] for line in lines] == ["app-1.0-linux.zip", "app-1.0-windows.zip"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: (folder / "app-1.0-linux.zip").write_text("other"), "app-1.0-linux.zip"),
        (lambda folder: (folder / "app-1.0-linux.zip").unlink(), "app-1.0-linux.zip"),
        (lambda folder: (folder / "extra.exe").write_text("x"), "list of checksums: extra.exe"),
        (lambda folder: [f.unlink() for f in folder.glob("SHA*")], "no checksums"),
    ],
    ids=["changed", "missing", "unlisted", "no lists"],
)
def test_a_release_whose_files_differ_is_refused(given, change, said):
    change(given)
    result = checksums(given)
    assert result.returncode == 1
    assert said in result.stderr
    assert not (given / "SHA256SUMS").exists()


# --- the wheel ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    result = run(
        *("uv", "build", "--wheel", "--no-build-isolation", "--offline", "--quiet"),
        *("--python", sys.executable, "--out-dir", str(folder)),
    )
    assert result.returncode == 0, result.stderr
    return next(folder.glob("*.whl"))


def test_wheel_carries_scripts_checks_specification_and_the_payload_byte_for_byte(wheel):
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "reference_app/desktop-app"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        assert {"skill_scripts/cli.py", "checks/plugin.py", "checks/SPEC.md"} <= inside
        assert archive.read("checks/SPEC.md") == (ROOT / "SPEC.md").read_bytes()
        payload = {name for name in inside if name.startswith("skill_scripts/payload/")}
        for name in filter(None, tracked):
            packed = name.replace("reference_app/desktop-app", "skill_scripts/payload")
            assert archive.read(packed) == (ROOT / name).read_bytes()
            payload.discard(packed)
    assert not {
        name for name in payload if re.search(r"node_modules|\.venv|\.packages|staged|dist/", name)
    }


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def desktop_django(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The console command as an installation in `folder` would run it."""
    code = "import sys; from skill_scripts import cli; sys.argv[0] = 'desktop-django'; cli.app()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_console_command_of_the_unpacked_wheel_answers(unpacked):
    result = desktop_django(unpacked, "--help")
    assert result.returncode == 0, result.stderr
    assert "survey" in result.stdout


@pytest.mark.long
def test_checks_of_the_unpacked_wheel_list_their_criteria(unpacked):
    result = desktop_django(unpacked, "check", str(ROOT / "reference_app"), "--list")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "TOK-1" in result.stdout
