"""Small Django projects, written to disk as the tests need them."""

import hashlib
import subprocess
import sysconfig
from pathlib import Path
from textwrap import dedent

from uv import find_uv_bin

TOML = """\
spec = "1.1"
[app]
name = "X"
identifier = "org.example.x"
version = "0.1.0"
"""

MANAGE = """\
import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""

SETTINGS = """\
import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "test"
DEBUG = True
ROOT_URLCONF = "site1.urls"
STATIC_URL = "static/"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}
}
"""

URLS = """\
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse("hello"))]
"""


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write `files` (path to content) below `root`."""
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            file.write_text(dedent(content), encoding="utf-8")
    return root


def project(root: Path, files: dict[str, str | bytes] | None = None, settings: str = "") -> Path:
    """A project that serves one page; `settings` is added to its settings."""
    own = {
        "manage.py": MANAGE,
        "site1/__init__.py": "",
        "site1/settings.py": SETTINGS + dedent(settings),
        "site1/urls.py": URLS,
    }
    return write(root, own | (files or {}))


def environment(folder: Path) -> Path:
    """A virtual environment that sees the kit's own packages, Django among them."""
    subprocess.run([find_uv_bin(), "venv", "--quiet", "--no-project", folder], check=True)
    packages = next(folder.glob("[Ll]ib*/**/site-packages"))
    (packages / "kit.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder


def commit(root: Path) -> Path:
    """Put the project under git, everything committed."""
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=root, check=True)
    return root


def status(root: Path) -> list[str]:
    """What git status shows."""
    command = ["git", "status", "--porcelain"]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def contents(root: Path) -> dict[str, str]:
    """Every file, folder and link below `root` except git's own, with its content's hash."""
    found = {}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if name.startswith(".git/"):
            continue
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_dir():
            found[name] = "folder"
        elif not path.is_file():
            found[name] = "neither file nor folder"
        else:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
