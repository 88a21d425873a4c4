"""Which of a project's files are shipped."""

import subprocess

import pytest

from skill_scripts import desktop_toml
from skill_scripts.bundle.source_files import find_source
from skill_scripts.errors import KitError

FILES = (
    "manage.py",
    "app/models.py",
    "app/tests/test_models.py",
    "app/tests.py",
    "exams/tests/apps.py",
    "exams/tests/models.py",
    "conftest.py",
    ".env",
    ".env.example",
    "deploy.env",
    "server.key",
    "db.sqlite3",
    "words.db",
    "media/upload.jpg",
    "media_app/media/__init__.py",
    "uploads/__init__.py",
    "frontend/node_modules/x/index.js",
    ".github/workflows/ci.yml",
    "built/app.js",
    "ponyenv/bin/activate",
    "ponyenv/lib/python3.11/heapq.py",
    "desktop-app/electron/main.js",
    "desktop-app/launch.py",
    "desktop-app/desktop.toml",
    "desktop-app/desktop_runtime/backend.py",
)


@pytest.fixture(params=["git", "no git"])
def root(request, tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
    if request.param == "git":
        (tmp_path / ".gitignore").write_text("built/\n", encoding="utf-8")
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def settings(**stage):
    content = desktop_toml.defaults()
    content["stage"].update(stage)
    return content


def test_developers_things_stay(root):
    source = find_source(root, settings(), root)
    shipped = {name for name in source.files if not name.startswith("built")}
    assert shipped == {
        "manage.py", "app/models.py", "exams/tests/apps.py", "exams/tests/models.py",
        "media_app/media/__init__.py", "uploads/__init__.py", "desktop-app/launch.py",
        "desktop-app/desktop.toml", "desktop-app/desktop_runtime/backend.py",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("app/tests/test_models.py", "tests"),
        ("app/tests.py", "tests"),
        (".env", "environment"),
        (".env.example", "example"),
        ("deploy.env", "environment"),
        ("server.key", "secret"),
        ("db.sqlite3", "database"),
        ("words.db", "database"),
        ("media/upload.jpg", "uploads"),
    ],
)
def test_reason_is_kept(root, name, why):
    assert find_source(root, settings(), root).left_out[name] == why


def test_an_environment_that_is_committed_stays(root):
    assert not [name for name in find_source(root, settings(), root).files if "ponyenv" in name]


def test_a_configuration_with_a_private_key_stays(root):
    key = "tls: |\n  -----BEGIN PRIVATE KEY-----\n  MIIE\n"
    for name in ("identity.yml", "app/keys.py"):
        (root / name).write_text(key, encoding="utf-8")

    source = find_source(root, settings(), root)

    assert source.left_out["identity.yml"] == "secret"
    assert "app/keys.py" in source.files
    assert "identity.yml" in find_source(root, settings(include=["identity.yml"]), root).files


def test_what_git_ignores_is_shipped_only_when_listed(root):
    ignored = (root / ".git").exists()
    assert ("built/app.js" in find_source(root, settings(), root).files) != ignored
    assert "built/app.js" in find_source(root, settings(include=["built"]), root).files


def test_listed_files_are_shipped_whatever_they_are_called(root):
    source = find_source(root, settings(include=["words.db", "app/tests*"]), root)
    assert {"words.db", "app/tests.py", "app/tests/test_models.py"} <= set(source.files)
    assert "words.db" not in source.left_out


def test_excluded_files_stay(root):
    source = find_source(root, settings(exclude=["app"]), root)
    assert source.left_out["app/models.py"] == "desktop.toml"


def test_seeds_are_shipped(root):
    content = settings()
    content["data"]["seed"] = [{"from": "media", "to": "media"}]
    assert "media/upload.jpg" in find_source(root, content, root).files


def test_link_out_of_the_project_is_not_followed(root, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "private.txt"
    outside.write_text("private", encoding="utf-8")
    (root / "notes.txt").symlink_to(outside)
    assert find_source(root, settings(), root).left_out["notes.txt"] == "link out of the project"


def test_copy_is_of_contents_not_of_links(root, tmp_path_factory):
    (root / "alias.py").symlink_to(root / "manage.py")
    target = tmp_path_factory.mktemp("copy")
    find_source(root, settings(), root).copy(target)
    assert (target / "alias.py").read_text(encoding="utf-8") == "manage.py"
    assert not (target / "alias.py").is_symlink()


def test_listed_path_that_is_absent_is_said(root):
    with pytest.raises(KitError) as refused:
        find_source(root, settings(include=["nothing"]), root)
    assert refused.value.code == "DDK-STG-08"
