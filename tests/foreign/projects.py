"""Real Django projects, obtained at test time from the package registry the machine is set up for.

Nothing of these projects is kept here: only where each comes from, pinned, and what shape it
adds to the table. Source distributions are located through `uv pip compile` and unpacked, so no
`setup.py` runs; generated sites come from their generator's own command.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import urllib.request
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.specifiers import SpecifierSet
from uv import find_uv_bin

# Resolves every environment as of one day, so that a new release of somebody else's package
# cannot turn these tests red.
AS_OF = "2026-11-20T00:00:00Z"

HERE = Path(__file__).parent

DOWNLOAD_SECONDS = 120
INSTALL_SECONDS = 600


class UnobtainableError(Exception):
    """Raised when a project cannot be prepared on this machine: no interpreter, no registry."""


@dataclass(frozen=True)
class Sdist:
    """A source distribution, unpacked as it is."""

    requirement: str


@dataclass(frozen=True)
class Generator:
    """A site written by the generator of an installed package.

    `arguments` go to the Python of an environment that holds `requirements`, in the empty
    project folder; each of `then` likewise, afterwards. `answers` is what a person would type.
    """

    requirements: tuple[str, ...]
    arguments: tuple[str, ...]
    then: tuple[tuple[str, ...], ...] = ()
    answers: str = ""


@dataclass(frozen=True)
class Own:
    """A small project of ours under `own/`, for a shape no package on the registry has."""

    folder: str


@dataclass(frozen=True)
class Clone:
    """A git repository on this machine, of which nothing is kept here."""

    folder: Path


@dataclass(frozen=True)
class Public:
    """A public repository on GitHub, fetched by git at one commit."""

    repository: str
    commit: str


@dataclass(frozen=True)
class Project:
    """One row of the table.

    `target` is the folder given to `desktop-django`, relative to the git repository; `manage` the
    manage.py to name where several compete. `decisions` are the `--set` values a person would have
    to give, `form` the page whose form the checks are to send. `environment`, if any, is installed
    into `.venv` of the target, as its developer would have done; otherwise the kit makes one from
    the declarations it finds. `tests` are the arguments to its Python that run the tests it ships,
    `tests_need` the packages only they import. With `window` its shell is judged too, in a real
    one. `lacks` is what in the project itself keeps it from being whole, found by looking.
    """

    name: str
    shape: str
    source: Sdist | Generator | Own | Clone | Public
    python: str = ">=3.11"
    target: str = "."
    manage: str = ""
    environment: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    form: str = ""
    tests: tuple[str, ...] = ()
    tests_need: tuple[str, ...] = ()
    quick: bool = False
    window: bool = False
    lacks: str = ""


# Run as `-c`: the generators' console scripts lie in different places on different systems.
WAGTAIL = "from wagtail.bin.wagtail import main; main()"
CODEREDCMS = "from coderedcms.bin.coderedcms import main; main()"
SPIRIT = """
import os, sys
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
from spirit.extra.bin.spirit import create_project
create_project("mysite", ".", sys.exit)
"""
WOOEY = """
import os, sys
os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
sys.argv = ["wooify", "-p", "mysite"]
from wooey.backend.command_line import bootstrap
bootstrap()
"""
DYNACONF = "from dynaconf.cli import main; main()"
BEATDROP = """
from pathlib import Path
from dj_beat_drop import new, utils
utils.get_django_releases = lambda: {"latest": "5.2", "releases": ["5.2"]}
new.create_new_project(
    name="mysite", use_lts=True, project_dir=Path.cwd() / "mysite",
    initialize_uv=False, initialize_env=True,
)
"""

PROJECTS = (
    Project(
        name="startproject-5.2",
        shape="fresh project, no declarations, its own .venv",
        source=Generator(("django==5.2.*",), ("-m", "django", "startproject", "mysite", ".")),
        environment=("django==5.2.*",),
        quick=True,
        window=True,
    ),
    Project(
        name="startproject-6",
        shape="fresh project on the newest Django",
        source=Generator(("django==6.*",), ("-m", "django", "startproject", "mysite", ".")),
        python=">=3.12",
        environment=("django==6.*",),
        quick=True,
    ),
    Project(
        name="wagtail-start",
        shape="settings package base/dev/production, media, hundreds of migrations",
        source=Generator(
            ("wagtail==7.0.*",),
            ("-c", WAGTAIL, "start", "mysite", "."),
        ),
        quick=True,
        window=True,
    ),
    Project(
        name="wagtail-start-7.4",
        shape="the same from a newer generator, on Django 6.0",
        source=Generator(("wagtail==7.4.*",), ("-c", WAGTAIL, "start", "mysite", ".")),
        python=">=3.12",
        tests=("manage.py", "test"),
    ),
    Project(
        name="coderedcms",
        shape="CMS generator: custom user and media apps, file cache, data migration",
        source=Generator(
            ("coderedcms==6.0.*",),
            (
                "-c",
                CODEREDCMS,
                *("start", "mysite", ".", "--template", "pro", "--domain", "www.example.com"),
            ),
        ),
    ),
    Project(
        name="mezzanine",
        shape="older CMS on Django 4.2, local_settings.py, generator",
        source=Generator(
            # Its generator still imports distutils, which setuptools brings back.
            ("mezzanine==6.1.*", "setuptools<81"),
            ("-m", "mezzanine.bin.mezzanine_project", "mysite", "."),
        ),
        environment=("mezzanine==6.1.*", "setuptools<81"),
        quick=True,
    ),
    Project(
        name="dynaconf",
        shape="dynaconf replaces the settings object",
        source=Generator(
            ("django==5.2.*", "dynaconf==3.3.*"),
            ("-m", "django", "startproject", "mysite", "."),
            then=(
                (
                    *("-c", DYNACONF),
                    *("init", "-y", "--django", "mysite/settings.py"),
                ),
            ),
            answers="y\n",
        ),
        environment=("django==5.2.*", "dynaconf==3.3.*"),
        quick=True,
    ),
    Project(
        name="beatdrop",
        shape="environs, required variables only in a committed .env",
        source=Generator(
            ("dj-beat-drop==0.6.*", "setuptools<81"),
            ("-c", BEATDROP),
        ),
        target="mysite",
        environment=("django==5.2.*", "environs[django]==14.*"),
    ),
    Project(
        name="observatory",
        lacks="it only shows: there is nothing to save",
        shape="src layout, django-configurations, tuples, i18n prefix, log in the cwd",
        source=Own("observatory"),
        quick=True,
    ),
    Project(
        name="allauth-example",
        shape="login wall, example among three manage.py of a library",
        source=Sdist("django-allauth==65.21.1"),
        target="examples/regular-django",
        quick=True,
    ),
    Project(
        name="celery-example",
        lacks="its pages start tasks: there is nothing to save",
        shape="package whose `__init__` imports a Celery app, AMQP broker, no root page",
        source=Sdist("celery==5.7.0"),
        target="examples/django",
        quick=True,
    ),
    Project(
        name="tables2-example",
        shape="example package inside a library, editable requirement on the parent folder",
        source=Sdist("django-tables2==3.0.1"),
        target="example",
        decisions=('python.extra=["django<5", "django-tables2==3.0.1"]',),
    ),
    Project(
        name="debug-toolbar-example",
        lacks="MooTools 1.6.0 and Prototype 1.7.3 are in no npm package, only on their host",
        shape="settings choose by sys.argv and environment, jinja2, committed database",
        source=Sdist("django-debug-toolbar==8.0.0"),
        manage="example/manage.py",
        environment=("django==5.2.*", "django-debug-toolbar==8.0.0", "jinja2", "whitenoise"),
    ),
    Project(
        name="ephios",
        lacks="an empty setting of its own, SELECT2_I18N_PATH, makes the address /de.js",
        shape="src layout, eight required variables, login wall, folders made at import",
        source=Sdist("ephios==0.27.1"),
        decisions=(
            "django.env.DATA_DIR={app_data}/project",
            'data.first_run=[["compilejsi18n"]]',
            "login.user=owner",
            "login.create=true",
        ),
    ),
    Project(
        name="pretalx",
        shape="complete application, manage.py in src/, own configuration files",
        source=Sdist("pretalx==2026.1.2"),
        python=">=3.12",
        # One of its pages asks the Redis server behind a queue; without one its tasks run at once.
        decisions=("django.env.PRETALX_DATA_DIR={app_data}/project", "workers=[]"),
        form="/orga/organiser/new",
    ),
    Project(
        name="coldfront",
        shape="settings assembled from modules, django-environ, database in the working directory",
        source=Sdist("coldfront==1.1.10"),
        # Behind its wall a page answers 500 and a form leads nowhere until its own set-up has run.
        decisions=('data.first_run=[["initial_setup", "-f"]]',),
        tests=("manage.py", "test", "coldfront"),
        tests_need=("factory-boy", "faker"),
        quick=True,
        window=True,
    ),
    Project(
        name="clubhouse",
        shape="PostgreSQL, Redis, a second database, decouple, Sentry, https only, login wall",
        source=Own("clubhouse"),
        quick=True,
        decisions=(
            "login.user=owner",
            "login.create=true",
        ),
    ),
    Project(
        name="workshop",
        shape="a wrapper of SQLite, cache table, own users in no migration, Huey, django-q, "
        "Dramatiq, RQ, Channels, Haystack",
        source=Own("workshop"),
        quick=True,
        decisions=(
            "django.set.HAYSTACK_CONNECTIONS="
            '{ default = { ENGINE = "haystack.backends.simple_backend.SimpleEngine" } }',
        ),
    ),
    Project(
        name="switchboard",
        shape="Channels and Daphne: consumers of both kinds, a channel layer on Redis, an "
        "asynchronous stream",
        source=Own("switchboard"),
        quick=True,
    ),
    Project(
        name="kitchen",
        shape="Celery on Redis, told in celery.py, with django-celery-beat and -results: a queue "
        "of its own for one task, two schedules",
        source=Own("kitchen"),
        quick=True,
    ),
    Project(
        name="linkding",
        shape="bookmarks behind a login wall, Huey on its own SQLite file",
        source=Public("sissbruecker/linkding", "65813a75404b1319aca8b09700fadc0b15adabaf"),
        python=">=3.13",
        decisions=("login.user=owner", "login.create=true"),
    ),
    Project(
        name="yamtrack",
        shape="Celery on Redis with django-celery-results, a cache in Redis, beat",
        source=Public("FuzzyGrim/Yamtrack", "e5a138cf33bc61254b899912d658ff4a7992da9d"),
        decisions=("login.user=owner", "login.create=true"),
    ),
    Project(
        name="rq-contact-form",
        shape="django-rq without versions: a job that a page follows by asking",
        source=Public(
            "stuartmaxwell/django-django_rq-advanced-example",
            "f9c88b4fa5c4377143fb9986888c11adf95c57ef",
        ),
        decisions=("login.first_account=false",),
    ),
    Project(
        name="paperless",
        shape="Celery with beat, Channels on Redis, cachalot, Whoosh, manage.py in src/",
        source=Public("paperless-ngx/paperless-ngx", "05e48b23166df7c7afe6f329b460b0511a89496c"),
        # Its pages are a program in Angular, whose packages npm refuses; the font is of the system.
        decisions=(
            "login.user=owner",
            "login.create=true",
            "frontend.build=[]",
            "django.env.PAPERLESS_THUMBNAIL_FONT_NAME=DejaVuSans.ttf",
        ),
    ),
    Project(
        name="appointment",
        shape="django-q2 where the environment asks for it, mails and reminders by it",
        source=Public("adamspd/django-appointment", "7745df9f48efbeb89a8399318ba22a7b19ad1493"),
        decisions=("django.env.USE_DJANGO_Q=True", "login.user=owner", "login.create=true"),
    ),
    Project(
        name="mini-chat",
        shape="Channels in memory, a websocket for each room, uv.lock",
        source=Public(
            "RustamovAkrom/Mini-chat-Django-Channels", "7aa0b5f55eae9600f81dab0b7db2891dbc9f12fb"
        ),
        python=">=3.12",
    ),
    Project(
        name="promgen",
        shape="manage.py inside the package, required SECRET_KEY, old Django",
        source=Sdist("promgen==0.61.0"),
        lacks="its models import its tests, whose examples its source distribution leaves out",
        decisions=(
            "django.settings=promgen.settings",
            "django.env.SECRET_KEY=generate:secret",
            'python.extra=["setuptools<81"]',
        ),
    ),
    Project(
        name="byro",
        shape="no manage.py but a console entry, configuration parser",
        source=Sdist("byro==2026.4.0"),
        python=">=3.12",
        decisions=(
            "django.settings=byro.settings",
            "django.env.BYRO_DATA_DIR={app_data}/project",
            "django.env.BYRO_FILESYSTEM_STATIC={app_data}/staticfiles",
            "login.user=owner",
            "login.create=true",
        ),
    ),
    Project(
        name="django-ca",
        shape="settings from YAML and environment, custom layers, ca/manage.py",
        source=Sdist("django-ca==3.2.0"),
        decisions=(
            "django.env.DJANGO_CA_SECRET_KEY=generate:secret",
            "app.home=/admin/",
        ),
    ),
    Project(
        name="guardian",
        shape="a library's own test project, no application",
        source=Sdist("django-guardian==3.5.2"),
        decisions=("app.home=/admin/",),
    ),
    Project(
        name="user-sessions-example",
        lacks="Bootstrap 3.0.2 and jQuery 2.0.3 are in no npm package, only on their host",
        shape="pages of another host's styles, sessions of a library, admin as the way in",
        source=Sdist("django-user-sessions==2.0.0"),
        manage="example/manage.py",
        environment=(
            "django==5.2.*",
            "django-user-sessions==2.0.0",
            "django-debug-toolbar",
            "setuptools<81",
        ),
    ),
    Project(
        name="wildewidgets-demo",
        lacks="its source distribution leaves out book_manager, an app of the demo",
        shape="charts, tables and icons from a CDN, fixtures in migrations",
        source=Sdist("django-wildewidgets==1.6.1"),
        manage="demo/manage.py",
        # Its settings name it, and no list of packages does.
        decisions=('python.extra=["django-chartjs"]',),
    ),
    Project(
        name="unicorn-example",
        shape="components in the page, scripts of two CDNs, package named after its folder",
        source=Sdist("django-unicorn==0.67.0"),
        manage="example/manage.py",
        # One of its pages imports it; the finding names the option.
        decisions=('python.extra=["pydantic"]',),
    ),
    Project(
        name="bootstrap5-example",
        lacks="it shows forms and saves none",
        shape="styles and scripts of a CDN through template tags, with integrity",
        source=Sdist("django-bootstrap5==26.4"),
        manage="example/manage.py",
        # One of its forms takes a picture.
        environment=("django==5.2.*", "django-bootstrap5==26.4", "pillow"),
    ),
    Project(
        name="spirit",
        shape="forum generator: login wall with sign-up by mail, categories from a migration",
        source=Generator(("django-spirit==0.14.*", "setuptools<81"), ("-c", SPIRIT)),
        environment=("django-spirit==0.14.*", "setuptools<81"),
    ),
    Project(
        name="wooey",
        lacks="DataTables Responsive 1.0.5 is in no npm package, only on its host",
        shape="generator: login wall, Celery, styles and scripts of four CDNs",
        source=Generator(("wooey==0.14.*", "setuptools<81"), ("-c", WOOEY)),
        target="mysite",
        environment=("wooey==0.14.*", "setuptools<81"),
    ),
    Project(
        name="crm-admin",
        shape="complete application behind the admin's login, groups and fixtures by a command",
        source=Sdist("django-crm-admin==3.1.0"),
    ),
    Project(
        name="constance-example",
        lacks="its own field of JSON raises for other text; its database lies outside its "
        "folder, so its own server was sent no form",
        shape="example inside a library, everything behind the admin's login",
        source=Sdist("django-constance==4.4.0"),
        manage="example/manage.py",
    ),
)


def interpreter(wanted: str) -> Path:
    """The first Python on this machine that satisfies `wanted`, the running one preferred.

    pyenv's folders are read directly, for its shims answer only for the selected version.

    Raises:
        UnobtainableError: if there is none.
    """
    wish = SpecifierSet(wanted)
    for version, path in interpreters():
        if version in wish:
            return path
    raise UnobtainableError(f"no Python {wanted} on this machine")


@cache
def interpreters() -> tuple[tuple[str, Path], ...]:
    """Version and path of every Python found, the running one first."""
    found = [(platform.python_version(), Path(getattr(sys, "_base_executable", sys.executable)))]
    names = [f"python3.{minor}" for minor in range(12, 15)]
    candidates = [*Path.home().glob(".pyenv/versions/*/bin/python")]
    candidates += [Path(path) for name in names if (path := shutil.which(name))]
    for candidate in candidates:
        answer = subprocess.run(
            [candidate, "-c", "import platform; print(platform.python_version())"],
            capture_output=True,
            text=True,
            timeout=30,
        )
        if answer.returncode == 0:
            found.append((answer.stdout.strip(), candidate))
    return tuple(found)


def materialise(project: Project, folder: Path) -> Path:
    """Obtain `project` into `folder`, a new git repository, and return its target folder.

    Raises:
        UnobtainableError: if an interpreter is missing, or the registry does not answer.
    """
    python = interpreter(project.python)
    folder.mkdir(parents=True)
    match project.source:
        case Sdist(requirement):
            unpack(sdist_archive(requirement, python), folder)
        case Generator() as generator:
            generate(generator, folder, python)
        case Own(name):
            shutil.copytree(HERE / "own" / name, folder, dirs_exist_ok=True)
        case Public(repository, commit):
            fetch(repository, commit, folder)
        case Clone(origin):
            for name in filter(None, git(origin, "ls-files", "-z").split("\0")):
                if (origin / name).is_file():  # one that is too large may not have been obtained
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(origin / name, folder / name, follow_symlinks=False)
    target = folder / project.target
    git(folder, "init", "--quiet")
    # What a source distribution ships belongs to the project, whatever its ignore rules say.
    force = ["--force"] if isinstance(project.source, Sdist) else []
    git(folder, "add", "--all", *force)
    git(folder, "commit", "--quiet", "--message", f"{project.name} as obtained")
    if project.environment:
        environment(target / ".venv", project.environment, python)
    return target


def fetch(repository: str, commit: str, folder: Path) -> None:
    """Fill `folder` with the files of one commit, without its history.

    Raises:
        UnobtainableError: with git's own words.
    """
    try:
        git(folder, "init", "--quiet")
        git(folder, "fetch", "--quiet", "--depth=1", f"https://github.com/{repository}", commit)
        git(folder, "checkout", "--quiet", "FETCH_HEAD")
    except subprocess.CalledProcessError as error:
        raise UnobtainableError(f"{repository}: {error.stderr.strip()}") from error
    shutil.rmtree(folder / ".git")


def sdist_archive(requirement: str, python: Path) -> bytes:
    """The verified bytes of the source distribution `requirement` names."""
    lock = tomllib.loads(
        uv(
            *("pip", "compile", "--quiet", "--no-deps", "--no-header", "--format", "pylock.toml"),
            *("--python", python, "-"),
            text=requirement,
        )
    )
    source = lock["packages"][0]["sdist"]
    try:
        with urllib.request.urlopen(source["url"], timeout=DOWNLOAD_SECONDS) as answer:
            archive = answer.read()
    except OSError as error:
        raise UnobtainableError(f"{requirement}: {error}") from error
    if hashlib.sha256(archive).hexdigest() != source["hashes"]["sha256"]:
        raise UnobtainableError(f"{requirement}: the download does not match its hash")
    return archive


def unpack(archive: bytes, folder: Path) -> None:
    """Unpack a source distribution without its one top folder."""
    # Debian 12's Python 3.11.2 has no filters yet; what is unpacked was checked by its hash.
    filtered = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as bundle:
        for member in bundle.getmembers():
            _, _, member.name = member.name.partition("/")
            if member.name:
                bundle.extract(member, folder, **filtered)


def generate(generator: Generator, folder: Path, python: Path) -> None:
    """Run the generator in `folder`."""
    with tempfile.TemporaryDirectory() as scratch:
        venv = Path(scratch) / "venv"
        environment(venv, generator.requirements, python)
        for arguments in (generator.arguments, *generator.then):
            subprocess.run(
                [python_of(venv), *arguments],
                cwd=folder,
                check=True,
                input=generator.answers,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
                env=clean_environment() | {"PYTHONDONTWRITEBYTECODE": "1"},
            )


def environment(venv: Path, requirements: tuple[str, ...], python: Path) -> None:
    """Make a virtual environment that holds `requirements`."""
    uv("venv", "--quiet", "--python", python, venv)
    uv("pip", "install", "--quiet", "--python", python_of(venv), *requirements)


def python_of(venv: Path) -> Path:
    """The interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def clean_environment() -> dict[str, str]:
    """This process's environment without what would steer a foreign Python or Django."""
    steering = ("PYTHON", "DJANGO_", "VIRTUAL_ENV", "PYTEST_", "COV_")
    return {name: value for name, value in os.environ.items() if not name.startswith(steering)} | {
        "UV_EXCLUDE_NEWER": AS_OF
    }


def uv(*arguments: str | Path, text: str | None = None) -> str:
    """Run uv and return what it printed.

    Raises:
        UnobtainableError: with uv's own words.
    """
    answer = subprocess.run(
        [find_uv_bin(), *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        env=clean_environment(),
    )
    if answer.returncode:
        raise UnobtainableError(answer.stderr.strip())
    return answer.stdout


def git(folder: Path, *arguments: str) -> str:
    """Run git in `folder` as a person of no consequence and return its output."""
    identity = ("-c", "user.name=Foreign", "-c", "user.email=foreign@example.org")
    return subprocess.run(
        ["git", *identity, "-c", "core.autocrlf=false", "-C", folder, *arguments],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def fingerprint(folder: Path) -> str:
    """One hash over every path, kind, mode and content below `folder`, git's and .venv left out."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if inside.parts[0] == ".git" or ".venv" in inside.parts:
            continue
        if path.is_symlink():
            content = os.fsencode(path.readlink())
        else:
            content = path.read_bytes() if path.is_file() else b""
        entry = f"{inside.as_posix()} {path.lstat().st_mode:o} {len(content)}\n"
        digest.update(entry.encode() + content)
    return digest.hexdigest()
