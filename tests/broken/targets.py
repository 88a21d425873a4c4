"""The table of broken targets: what is changed, and which criteria must notice.

`python -m tests.broken` runs the whole suite on each and writes the matrix for the docs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from checks import bundle, criteria
from tests.checks.legacy_electron import transpiled
from tests.electron import check_options

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "reference_app"
# Two starts decide them, and they are likely to notice a change that does more than it should.
# Not so NET-3: whose port is taken waits for it.
CHEAP = {"NET-1", "NET-2", "NET-4", "NET-5", "NET-6", "RDY-1", "RDY-2", "RDY-3", "ADP"}
IMPATIENT = ["-p", "tests.checks.impatient"]
APPLICATION = "desktop-app/dist/linux-unpacked"
# Off: run as Node, read NODE_OPTIONS, be inspected. On: start from the archive only.
FUSES = f"{bundle.SENTINEL.decode()}\x01\x06000001"
START = """process.env.SHELL_TEST_SOURCE = require("path").join(__dirname, "main.js");
require("./{made}/prelude.cjs");
require("./{made}/main.cjs");
"""
# The same of a shell: its first launch decides them.
FIRST_LAUNCH = {"SHL-1", "SHL-2", "SHL-3", "SHL-10", "SHL-12"}
RUNTIME = "desktop-app/desktop_runtime/"


@dataclass(frozen=True)
class Edit:
    """One replacement in one file; an empty `old` puts `new` at the start."""

    file: str
    old: str
    new: str

    def apply(self, root: Path) -> None:
        """Change the file. Raises ValueError when it is no longer as the edit expects."""
        path = root / self.file
        content = path.read_bytes()
        if self.old.encode() not in content:
            raise ValueError(f"{self.file} no longer holds {self.old!r}")
        path.write_bytes(content.replace(self.old.encode(), self.new.encode(), 1))


@dataclass(frozen=True)
class Broken:
    """One broken target."""

    name: str
    caught_by: frozenset[str]
    edits: tuple[Edit, ...]
    in_git: bool = False
    """Changed after it was adapted and committed."""
    staged: bool = False
    """Judged as a bundle."""
    shell: bool = False
    """Judged with its shell opened."""
    application: bool = False
    """Judged as a packaged application."""
    deaf: bool = False
    """Something of it never ends: nobody has to wait long to see that."""

    def options(self, path: Path, whole: bool) -> list[str]:
        """How the copy at `path` is judged: by the whole suite, or by its own criteria and the
        cheap families."""
        if self.application:
            # What is in its bundle is no matter of this table.
            place = ["--runtime", "packaged", "--app", str(path / APPLICATION)]
            return [*place, "--only", "PKG-9,PKG-10,PKG-11,UPD"]
        if self.staged:
            # The bundle is a makeshift, without static files: what bundles are made of is no matter
            # of this table.
            families = {i for i in criteria.load() if i[:3] not in ("PKG", "SHL")}
            families -= {"WEB-2", "WEB-3"}
            stage = ["--runtime", "staged"]
        else:
            families, stage = set(), []
        if self.shell:
            # What it changes is read by no other family.
            families, stage = {"SHL", "TOK-10", *CHEAP}, check_options()
        stage += IMPATIENT if self.deaf else []
        only = families if whole else {*self.caught_by, *(FIRST_LAUNCH if self.shell else CHEAP)}
        return [*stage, "--only", ",".join(sorted(only))] if only else stage


def broken(name: str, caught_by: str, *edits: tuple[str, str, str], **place: bool) -> Broken:
    """A row of the table; files without a folder are the runtime's."""
    full = (Edit(f if "/" in f else RUNTIME + f, old, new) for f, old, new in edits)
    return Broken(name, frozenset(caught_by.split()), tuple(full), **place)


def short(table: Sequence[Broken]) -> set[str]:
    """The rows that a short run judges: for every family the first one that breaks one criterion.

    Those that break many wait for the limit of each.
    """
    first: dict[str, str] = {}
    for target in table:
        if len(target.caught_by) == 1:
            (criterion,) = target.caught_by
            first.setdefault(criterion.partition("-")[0], target.name)
    return set(first.values())


BIND = "sock.bind((host, port))"
SHELL_ONLY = "if not self._is_shell(environ, cookies):"
EQUAL = 'return hmac.compare_digest(given.encode("latin-1", "replace"), expected)'
SAFE = "if not SAFE_PATH.fullmatch(following):"
LISTENED = "        self._obey(signal.SIGTERM, signal.SIGINT)\n"
BASE = "theme/templates/base.html"
HEAD = "</head>"
SCRIPT = "theme/static/theme/js/app.js"
SETTINGS = "config/settings/base.py"
VIEWS = "items/views.py"
LAUNCH = "desktop-app/launch.py"
ROUTINES = "tasks_demo/management/commands/routine_worker.py"
TOML = "desktop-app/desktop.toml"
# The reference app serves no websockets; a copy of any project that is served by ASGI does.
ASGI = (TOML, "[django]\n", '[django]\nserver = "asgi"\n')

# Its one queue is django.tasks. What a project with another one has.
APPS = "INSTALLED_APPS = [\n"
WORKER = '[[workers]]\nname = "tasks"\ncommand = ["routine_worker"]\nqueue = "django.tasks"\n'
RQ_WORKER = """[[workers]]
name = "rq"
command = ["rqworker", "default", "--with-scheduler", "--worker-class", "rq.SimpleWorker"]
redis = true
"""
RQ = (
    (SETTINGS, APPS, f'RQ_QUEUES = {{"default": {{}}}}\n{APPS}    "django_rq",\n'),
    (TOML, WORKER, RQ_WORKER),
)
DRAMATIQ_WORKER = """[[workers]]
name = "dramatiq"
module = "dramatiq"
args = ["desktop_runtime.dramatiqtasks", "--processes", "1", "--threads", "4"]
redis = true
"""
DRAMATIQ_BROKER = """DRAMATIQ_BROKER = {
    "BROKER": "dramatiq.brokers.redis.RedisBroker", "OPTIONS": {},
    "MIDDLEWARE": ["dramatiq.middleware.Retries"],
}
"""
DRAMATIQ = (
    (SETTINGS, APPS, f'{DRAMATIQ_BROKER}{APPS}    "django_dramatiq",\n'),
    (TOML, WORKER, DRAMATIQ_WORKER),
)
CRON = (
    (SETTINGS, APPS, f'CRONJOBS = []\n{APPS}    "django_crontab",\n'),
    (TOML, WORKER, '[[workers]]\nname = "cron"\nmodule = "desktop_runtime.cronjobs"\n'),
)

# The reference app has no users.
ACCOUNTS = (
    (
        SETTINGS,
        '    "django.contrib.humanize",\n',
        '    "django.contrib.auth",\n    "django.contrib.contenttypes",\n'
        '    "django.contrib.humanize",\n    "django.contrib.sessions",\n',
    ),
    (
        SETTINGS,
        '    "django.middleware.common.CommonMiddleware",\n',
        '    "django.contrib.sessions.middleware.SessionMiddleware",\n'
        '    "django.middleware.common.CommonMiddleware",\n',
    ),
    (
        SETTINGS,
        '    "django.contrib.messages.middleware.MessageMiddleware",\n',
        '    "django.contrib.auth.middleware.AuthenticationMiddleware",\n'
        '    "django.contrib.messages.middleware.MessageMiddleware",\n',
    ),
    (TOML, "[data]\n", "[login]\nfirst_account = true\n\n[data]\n"),
)
ONE_PERSON = (
    *ACCOUNTS[:-1],
    (TOML, "[data]\n", '[login]\nuser = "me"\ncreate = true\n\n[data]\n'),
)

PRUNE_AT_ONCE = """        self._mark(change)
        for file in self._backed_up:
            backups.prune(file, self.folder)
        return change"""
# Answers early connections itself until the project can serve.
EARLY = """
        def answer_early():
            import select
            while self.stage != "serving":
                if select.select([sock], [], [], 0.02)[0] and self.stage != "serving":
                    try:
                        client, _ = sock.accept()
                    except OSError:
                        continue
                    client.settimeout(1)
                    client.recv(65536)
                    client.sendall({answer})
                    client.close()
        threading.Thread(target=answer_early, daemon=True).start()
"""
KEEP_UPLOAD = """def kept(request):
    for name, upload in request.FILES.items():
        (settings.BASE_DIR / f"{name}.txt").write_bytes(upload.read())
    return HttpResponse("kept")


"""
KEEP_PRIVATELY = """from django.conf import settings
    settings.SENDFILE_ROOT.mkdir(parents=True, exist_ok=True)
    (settings.SENDFILE_ROOT / "report.pdf").write_bytes(b"a report")"""
# A page of the project that does what `{}` says.
PAGE = "def added(request):\n    {}\n    return HttpResponse('added')\n\n\ndef splash("
ADDED = (
    "config/urls.py",
    "urlpatterns = [",
    "from config.views import added\n\nurlpatterns = [\n    path('added/', added),",
)
# And a form that asks for it.
FORM = (
    BASE,
    HEAD,
    '</head><form action="/added/" method="post">{% csrf_token %}<input type="hidden"></form>',
)
OK = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"status":"ready"}'
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"

# Whatever asks for an answer.
UNREACHABLE = (
    "NET-2 NET-4 NET-5 NET-6 RDY-3 RDY-5 RDY-6 TOK-1 TOK-2 TOK-3 TOK-4 TOK-5 TOK-6 TOK-7 TOK-8 "
    "TOK-9 DAT-1 DAT-2 DAT-3 DAT-4 DAT-8 DAT-9 DAT-11 DAT-12 DAT-13 PRC-2 PRC-3 PRC-4 PRC-5 PRC-7 "
    "PRC-8 PRC-9 NET-7 NET-8 NET-9 TOK-11 DAT-23 PRC-10 PRC-11 WEB-9 WEB-10 WEB-12 WEB-13 PRC-12 "
    "WEB-1 WEB-2 WEB-3 WEB-4 WEB-5 WEB-8 WEB-11 WEB-14 TSK-1 TSK-2 TSK-3 TSK-4 TSK-5"
)

SCHEDULED = "[data]\nbackups = { daily = 3, weekly = 2 }\n"
# Long enough that a kill meets it.
SLOW_SWAP = "    time.sleep(0.5)\n    finish(app_data)\n    return"
REPLACED = "        remove(scratch / JOURNAL)\n    except OSError as error:"

BROKEN = (
    # NET
    broken("binds every interface", "NET-1", ("system.py", BIND, 'sock.bind(("0.0.0.0", port))')),
    broken(
        "fixed port",
        f"{UNREACHABLE} RDY-4 PRC-6",
        ("system.py", BIND, "sock.bind((host, 8765))"),
    ),
    broken(
        "ignores the given port",
        f"{UNREACHABLE} NET-3",
        ("system.py", BIND, "sock.bind((host, 0))"),
    ),
    broken(
        "listens on a second port",
        "NET-2",
        (
            "system.py",
            BIND,
            f"{BIND}\n        listen.second = socket.create_server((host, 0))",
        ),
    ),
    broken(
        "a Redis server for everybody",
        "NET-2",
        (TOML, 'command = ["routine_worker"]\n', 'command = ["routine_worker"]\nredis = true\n'),
        ("rediskeeper.py", "requirepass {password}", "user default on nopass ~* &* +@all"),
    ),
    broken(
        "serves elsewhere when the port is taken",
        "NET-3",
        (
            "system.py",
            BIND,
            f"try:\n            {BIND}\n        except OSError:\n            sock.bind((host, 0))",
        ),
    ),
    broken("wrong exit code for a taken port", "NET-3", ("contract.py", "TAKEN = 11", "TAKEN = 1")),
    broken(
        "Host not validated",
        "NET-4",
        ("guard.py", 'if environ.get("HTTP_HOST", "").lower() not in self.hosts:', "if False:"),
    ),
    broken(
        "allows any origin",
        "NET-5",
        (
            "guard.py",
            "        present = {",
            '        headers.append(("Access-Control-Allow-Origin", "*"))\n        present = {',
        ),
    ),
    broken(
        "turns early connections away",
        "NET-6",
        ("backend.py", LISTENED, LISTENED + EARLY.format(answer=BUSY)),
    ),
    # RDY
    broken(
        "a line on the event stream",
        "RDY-1 RDY-5",
        (
            "channel.py",
            "                os.write(self._events, line.encode())",
            '                os.write(self._events, b"hello\\n" + line.encode())',
        ),
    ),
    broken(
        "names another port in its event",
        "RDY-1",
        ("backend.py", "host=address.host, port=address.port", "host=address.host, port=1"),
    ),
    broken(
        "health before migrations",
        "RDY-2",
        ("backend.py", LISTENED, LISTENED + EARLY.format(answer=OK)),
    ),
    broken(
        "health tells about the data",
        "RDY-3",
        ("guard.py", """'{"status":"ready"}'""", """'{"status":"ready","items":3}'"""),
    ),
    broken(
        "health needs data",
        "NET-4 NET-6 NET-7 PRC-5 RDY-3 TOK-3 TOK-8",
        (
            "guard.py",
            "        if path == self.health_path:\n",
            "        if path == self.health_path:\n"
            "            from items.models import Item\n\n"
            "            if Item.objects.count() < 99:\n"
            '                return _answer("503 Empty", "")\n',
        ),
    ),
    broken(
        "health without a token",
        "RDY-3 TOK-1 TOK-2 TOK-6",
        (
            "guard.py",
            SHELL_ONLY,
            "if path != self.health_path and not self._is_shell(environ, cookies):",
        ),
    ),
    broken(
        "wrong exit code when it cannot load",
        "RDY-4",
        ("contract.py", "PROJECT_FAILED = 17", "PROJECT_FAILED = 1"),
    ),
    broken(
        "prints go to the event stream",
        "RDY-1 RDY-5 RDY-6",
        ("channel.py", "        os.dup2(2, 1)\n", ""),
    ),
    broken(
        "output into a pipe that nobody reads",
        "RDY-6",
        ("channel.py", "        os.dup2(2, 1)\n", "        os.dup2(os.pipe()[1], 1)\n"),
    ),
    # TOK
    *(
        broken(
            f"{kind} without a token",
            caught,
            (
                "guard.py",
                SHELL_ONLY,
                f"if not path.startswith({prefix!r}) and not self._is_shell(environ, cookies):",
            ),
        )
        for kind, prefix, caught in (
            ("static files", "/static/", "TOK-1 TOK-6"),
            ("media", "/media/", "TOK-1 TOK-6"),
            ("admin", "/admin/", "TOK-1 TOK-6"),
            ("unknown paths", "/ddk-unknown/", "TOK-1 TOK-6"),
        )
    ),
    broken(
        "pages without a token",
        "TOK-1 TOK-2 TOK-6 TOK-8",
        ("guard.py", SHELL_ONLY, 'if path != "/" and not self._is_shell(environ, cookies):'),
    ),
    broken(
        "token compared by prefix",
        "TOK-2 TOK-4",
        (
            "guard.py",
            EQUAL,
            'given_bytes = given.encode("latin-1", "replace")\n'
            "    return bool(given_bytes) and expected.startswith(given_bytes)",
        ),
    ),
    broken(
        "token compared without letter case",
        "TOK-2",
        (
            "guard.py",
            EQUAL,
            'return given.encode("latin-1", "replace").lower() == expected.lower()',
        ),
    ),
    broken(
        "token that is not ASCII raises an error",
        "TOK-2 TOK-4",
        ("guard.py", EQUAL, "return hmac.compare_digest(given, expected.decode())"),
    ),
    broken(
        "landing page refused in spite of the token",
        "DAT-11 TOK-3 TOK-4 WEB-1 WEB-8",
        ("guard.py", SHELL_ONLY, 'if path == "/" or not self._is_shell(environ, cookies):'),
    ),
    broken("cookie without HttpOnly", "TOK-4", ("guard.py", " HttpOnly;", "")),
    broken("cookie without SameSite", "TOK-4", ("guard.py", " SameSite=Strict;", "")),
    broken(
        "cookie that is the token",
        "TOK-4",
        (
            "guard.py",
            'hmac.new(self.token, b"desktop-session", hashlib.sha256).hexdigest()',
            "address.token",
        ),
    ),
    broken("bootstrap to //evil", "TOK-5", ("guard.py", SAFE, 'if not following.startswith("/"):')),
    broken(
        "bootstrap to \\\\evil",
        "TOK-5",
        (
            "guard.py",
            SAFE,
            'if not SAFE_PATH.fullmatch(following) and not following.startswith("\\\\"):',
        ),
    ),
    broken(
        "bootstrap to /\\evil",
        "TOK-5",
        ("guard.py", SAFE, 'if not following.startswith("/") or following.startswith("//"):'),
    ),
    broken("bootstrap to https:evil", "TOK-5", ("guard.py", SAFE, 'if "//" in following:')),
    broken(
        "bootstrap over control characters",
        "TOK-5",
        ("guard.py", SAFE, 'if not re.fullmatch(r"/(?![/\\\\])[^\\\\]*", following, re.S):'),
    ),
    broken(
        "bootstrap that writes markup",
        "TOK-5",
        ("guard.py", SAFE, 'if not re.fullmatch(r"/(?![/\\\\]).*", following):'),
        ("guard.py", "html.escape(following)", "following"),
    ),
    broken(
        "token in the query of any path",
        "TOK-6",
        (
            "guard.py",
            "        if TOKEN_HEADER in environ:",
            '        if self.token.decode() in environ.get("QUERY_STRING", ""):\n'
            "            return True\n        if TOKEN_HEADER in environ:",
        ),
    ),
    broken(
        "token in the log",
        "TOK-7",
        (
            "backend.py",
            LISTENED,
            LISTENED + "        print(address, file=sys.stderr, flush=True)\n",
        ),
    ),
    broken(
        "token in a file of the app data folder",
        "TOK-7",
        (
            "backend.py",
            LISTENED,
            LISTENED + '        (installation.app_data / "token").write_text(address.token)\n',
        ),
    ),
    broken(
        "token in a page",
        "TOK-7",
        (
            "guard.py",
            "return headers + self._within_origin(environ)",
            "return [*headers, ('X-Token', self.token.decode()), *self._within_origin(environ)]",
        ),
    ),
    broken(
        "token in a child's environment",
        "TOK-7",
        (
            "contract.py",
            'environ.pop(PREFIX + "AUTH_TOKEN", "")',
            'environ.get(PREFIX + "AUTH_TOKEN", "")',
        ),
    ),
    broken(
        "same session at every launch",
        "TOK-8",
        ("guard.py", 'hmac.new(self.token, b"desktop-session"', 'hmac.new(b"ours", b"session"'),
    ),
    broken(
        "CSRF off",
        "TOK-9",
        (SETTINGS, '    "django.middleware.csrf.CsrfViewMiddleware",\n', ""),
    ),
    # ACC
    broken(
        "asks for the first account at every launch",
        "ACC-1",
        *ACCOUNTS,
        ("entrance.py", "        return not accounts.exist()", "        return not self.done"),
        ("ownpages.py", "self.done = not self.is_wanted()", "self.done = True"),
    ),
    broken(
        "its form is taken from any page",
        "ACC-2",
        *ACCOUNTS,
        ("ownpages.py", "if not constant_time_compare(", "if False and constant_time_compare("),
    ),
    broken(
        "an account in two transactions",
        "ACC-3",
        *ACCOUNTS,
        ("accounts.py", "with transaction.atomic(using=database):", "if True:"),
    ),
    broken(
        "an account for each submission",
        "ACC-4",
        *ACCOUNTS,
        ("accounts.py", "            if exist():\n                return None\n", ""),
        ("ownpages.py", "            if not self.is_wanted():\n", "            if False:\n"),
    ),
    broken(
        "an account that comes with the data",
        "ACC-1 ACC-2 ACC-3 ACC-4 ACC-5",
        *ACCOUNTS,
        (
            "migrations.py",
            "        if self.manifest.login_create:\n",
            "        if True:\n",
        ),
        (
            "migrations.py",
            "{model.USERNAME_FIELD: manifest.login_user}",
            '{model.USERNAME_FIELD: "admin"}',
        ),
        staged=True,
    ),
    # DAT
    broken(
        "database in the bundle",
        "DAT-1 DAT-5 DAT-6 DAT-7 DAT-8 DAT-10",
        (
            "layers.py",
            "installation.app_data / names[alias]",
            "installation.bundle / names[alias]",
        ),
    ),
    broken(
        "uploads in the bundle",
        "DAT-1",
        (
            "layers.py",
            "    values = {\n",
            "    values = {\n",
        ),
        (
            "layers.py",
            "        **_sign_in(settings, installation, manifest),\n",
            "        **_sign_in(settings, installation, manifest),\n"
            '        "MEDIA_ROOT": str(installation.bundle / "uploads"),\n',
        ),
    ),
    broken(
        "a log in the bundle",
        "DAT-1",
        (
            "backend.py",
            LISTENED,
            LISTENED + '        (installation.bundle / "started.log").touch()\n',
        ),
    ),
    broken(
        "bytecode in the bundle",
        "DAT-1",
        (LAUNCH, "import sys\n", "import sys\n\nsys.pycache_prefix = None\n"),
    ),
    broken(
        "records gone after a stop",
        "DAT-2",
        (
            "migrations.py",
            '                    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")',
            '                    cursor.execute("DELETE FROM items_item")\n'
            '                    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")',
        ),
    ),
    broken("no WAL", "DAT-3", ("layers.py", "journal_mode=WAL", "journal_mode=DELETE")),
    broken("sync off", "DAT-3", ("layers.py", "synchronous=NORMAL", "synchronous=OFF")),
    broken(
        "answers before it saves",
        "DAT-4",
        (
            VIEWS,
            "class ItemEditView(",
            "def save_later(self, form):\n"
            "    import threading\n"
            "    from django.http import HttpResponseRedirect\n"
            "    threading.Timer(0.6, form.save).start()\n"
            "    return HttpResponseRedirect(self.success_url)\n\n\n"
            "ItemCreateView.form_valid = save_later\n\n\n"
            "class ItemEditView(",
        ),
    ),
    broken(
        "no backup",
        "DAT-5",
        (
            "recovery.py",
            '        """The change has succeeded."""\n',
            "        for name in self._backed_up.values():\n"
            "            (self.folder / name).unlink()\n",
        ),
    ),
    broken(
        "an update empties the database",
        "UPD-3",
        (
            "migrations.py",
            "        if new:\n            self._first_run(",
            '        if not new:\n            call_command("flush", interactive=False)\n'
            "        if new:\n            self._first_run(",
        ),
        staged=True,
    ),
    broken(
        "backup that is a torn copy",
        "DAT-5 DAT-6",
        (
            "backups.py",
            "        partial.replace(target)\n",
            "        partial.write_bytes(partial.read_bytes()[:-8192])\n"
            "        partial.replace(target)\n",
        ),
    ),
    broken(
        "failed migration not restored",
        "DAT-6",
        (
            "migrations.py",
            "            self._put_back(change)\n        except",
            "            pass\n        except",
        ),
    ),
    broken(
        "newer database opened",
        "DAT-7",
        ("versions.py", "        if unknown:", "        if False:"),
    ),
    broken(
        "damaged database overwritten",
        "DAT-8",
        (
            "recovery.py",
            "        databases.require_whole(file, thorough=not left_clean)\n",
            "        try:\n"
            "            databases.require_whole(file, thorough=not left_clean)\n"
            "        except BackendError:\n"
            "            return file.unlink()\n",
        ),
    ),
    broken(
        "constant SECRET_KEY",
        "DAT-9",
        ("layers.py", ", secret_key(installation.app_data)", ', "x" * 50'),
    ),
    broken(
        "SECRET_KEY of one launch",
        "DAT-9",
        ("layers.py", ", secret_key(installation.app_data)", ', __import__("secrets").token_hex()'),
    ),
    broken(
        "key that everyone can read",
        "DAT-9 DAT-23",
        (
            "data.py",
            "    temporary.replace(file)\n",
            "    temporary.chmod(0o644)\n    temporary.replace(file)\n",
        ),
    ),
    broken(
        "crashes on a folder it cannot write",
        "DAT-10",
        (
            "data.py",
            '    what, hint = f"{path} cannot be written"',
            '    raise error\n    what, hint = f"{path} cannot be written"',
        ),
    ),
    broken(
        "read-only database noticed at the first save",
        "DAT-10",
        (
            "databases.py",
            "        if not os.access(file, os.W_OK):",
            "        return\n        if True:",
        ),
    ),
    broken(
        "only ASCII in the app data path",
        "DAT-11",
        (
            "contract.py",
            "        if not folders[name].is_absolute():",
            "        if not folders[name].is_absolute() or not str(folders[name]).isascii():",
        ),
    ),
    broken(
        "backup at every start",
        "DAT-13",
        (
            "migrations.py",
            "if new or any(plans.values()) or self.unrecorded or (code != before and not first):",
            "if True:",
        ),
    ),
    # PRC
    broken(
        "lifeline ignored",
        "PRC-1 PRC-3 PRC-4 PRC-8 PRC-10 PRC-11 RDY-5 DAT-12",
        ("channel.py", "            callback()\n", ""),
        deaf=True,
    ),
    broken(
        "wrong exit code after a stop",
        "PRC-1 PRC-10 TSK-5",
        (
            "backend.py",
            "            system.end_descendants()\n        return Exit.CLEAN",
            "            system.end_descendants()\n        return 1",
        ),
    ),
    broken(
        "request in flight dropped",
        "PRC-2",
        (
            "server.py",
            "        while self._close_idle() and",
            "        for channel in [*self._server.active_channels.values()]:\n"
            "            channel.handle_close()\n"
            "        while self._close_idle() and",
        ),
    ),
    broken(
        "children of the project left behind",
        "PRC-3 PRC-4 PRC-11",
        ("backend.py", "            system.end_descendants()\n", "            pass\n"),
        deaf=True,
    ),
    broken(
        "worker left behind",
        "PRC-3 PRC-4 PRC-11 TSK-5",
        (
            "backend.py",
            "            system.end_descendants()\n",
            "            system._end_group()\n",
        ),
        (
            "workers.py",
            "                stderr=log,\n",
            "                stderr=log,\n                start_new_session=True,\n",
        ),
        (
            "workers.py",
            'after the grace period."""\n',
            'after the grace period."""\n        return\n',
        ),
        ("workers.py", "    system.interrupt_main()\n", "    return\n"),
        (TOML, 'queue = "django.tasks"\n', ""),  # it starts with the app
        deaf=True,
    ),
    broken(
        "takes long to end",
        "PRC-3 PRC-10",
        (
            "backend.py",
            "        self.crew.stop()\n",
            "        time.sleep(6)\n        self.crew.stop()\n",
        ),
    ),
    broken(
        "two backends on one folder",
        "PRC-5",
        (
            "system.py",
            "            _lock(file, fcntl.F_WRLCK)",
            "            pass",
        ),
    ),
    broken(
        "second backend migrates before it looks",
        "PRC-5",
        ("backend.py", "        held = open_folder(data)\n", ""),
        ("backend.py", "            held.close()\n", "            pass\n"),
        (
            "backend.py",
            "        state = databases.prepare(self._progress, trial)\n",
            "        state = databases.prepare(self._progress, trial)\n"
            "        self.held = open_folder(installation.app_data)\n",
        ),
    ),
    broken(
        "reads the user's PYTHONPATH",
        "PRC-6",
        (
            LAUNCH,
            "import sys\n",
            'import os\nimport sys\n\nsys.path[:0] = os.environ.get("PYTHONPATH", "").split(":")\n',
        ),
    ),
    broken(
        "port lost to TIME_WAIT",
        "PRC-7",
        ("system.py", "sock.setsockopt(socket.SOL_SOCKET, option, 1)", "pass"),
    ),
    broken(
        "cannot be stopped while it starts",
        "PRC-8",
        (
            "backend.py",
            "        if self.stopping.is_set():\n            return\n",
            '        if self.stopping.is_set() or self.stage != "serving":\n            return\n',
        ),
    ),
    broken(
        "overlay missing in a child",
        "PRC-9",
        ("backend.py", 'os.environ["PYTHONPATH"] = ', "_ = "),
    ),
    # WEB
    broken(
        "empty landing page",
        "WEB-1",
        (
            VIEWS,
            "class ItemCreateView(",
            "def nothing(self, request):\n"
            "    from django.http import HttpResponse\n"
            '    return HttpResponse("")\n\n\n'
            "ItemListView.get = nothing\n\n\n"
            "class ItemCreateView(",
        ),
    ),
    broken("console error", "WEB-2", (SCRIPT, "", 'console.error("broken");\n')),
    broken("script error", "WEB-2", (SCRIPT, "", "setTimeout(() => nothing.here());\n")),
    broken(
        "static file missing",
        "WEB-2 WEB-3",
        (BASE, HEAD, f'<script src="/static/gone.js"></script>{HEAD}'),
    ),
    broken(
        "external picture",
        "WEB-4",
        (BASE, HEAD, f'{HEAD}<img src="https://pictures.example/pony.png" alt="">'),
        (SETTINGS, "default-src 'self';", "default-src *;"),
    ),
    broken(
        "external font",
        "WEB-4 WEB-11",
        (BASE, HEAD, f'<link rel="stylesheet" href="https://fonts.example/play.css">{HEAD}'),
        (SETTINGS, "default-src 'self';", "default-src *;"),
    ),
    broken(
        "external script",
        "WEB-4 WEB-11",
        (BASE, HEAD, f'<script src="https://cdn.example/lib.js"></script>{HEAD}'),
        (SETTINGS, "default-src 'self';", "default-src *;"),
    ),
    broken(
        "a linked page fails",
        "WEB-5 WEB-14",
        (
            VIEWS,
            "class ItemCreateView(",
            "def fail(self, request, pk):\n    raise ValueError\n\n\nclass ItemCreateView(",
        ),
        (VIEWS, "class ItemDeleteView(", "ItemEditView.get = fail\n\n\nclass ItemDeleteView("),
    ),
    broken(
        "a link to a page that only takes forms",
        "WEB-5",
        (
            VIEWS,
            "class ItemDeleteView(",
            "ItemEditView.http_method_names = ['post']\n\n\nclass ItemDeleteView(",
        ),
    ),
    broken(
        "a form that the page's script holds back",
        "WEB-6",
        (SCRIPT, "", 'document.addEventListener("submit", (e) => e.preventDefault());\n'),
    ),
    broken(
        "DEBUG on in a bundle",
        "WEB-7",
        ("layers.py", 'values["DEBUG"] = False', 'values["DEBUG"] = True'),
        staged=True,
    ),
    broken(
        "no Content-Security-Policy",
        "WEB-8",
        (SETTINGS, '    "config.middleware.content_security_policy",\n', ""),
        ("guard.py", 'if "content-security-policy" not in present:', "if False:"),
    ),
    # ADP
    broken("changes a file of the project", "ADP-1", ("./manage.py", "", "# ours\n"), in_git=True),
    broken("ignored by git", "ADP-2", (".git/info/exclude", "", "desktop-app/\n"), in_git=True),
    broken("not as recorded", "ADP-3", (LAUNCH, "", "# theirs\n"), in_git=True),
    broken("unknown key in desktop.toml", "ADP-4", (TOML, "[app]\n", '[app]\ncolour = "teal"\n')),
    broken("unknown version of the specification", "ADP-5", (TOML, 'spec = "1.1"', 'spec = "9.9"')),
    # Since 1.1: what the last run left
    broken(
        "backups ordered by the clock and pruned at once",
        "DAT-14",
        ("backups.py", 'Backup(int(parts["number"] or 0), ', "Backup(0, "),
        ("backups.py", "months = {each.stamp[:6]: each.file for each in older}", "months = {}"),
        ("recovery.py", "        self._mark(change)\n        return change", PRUNE_AT_ONCE),
    ),
    broken(
        "backup put back unread",
        "DAT-15",
        (
            "recovery.py",
            "        for backup in pairs.values():\n            self.require_sound(backup)\n",
            "",
        ),
    ),
    broken(
        "journal of a crash left alone",
        "DAT-17",
        ("recovery.py", "            databases.roll_back(file)\n", ""),
    ),
    broken(
        "any log is replayed",
        "DAT-18",
        ("recovery.py", "if was_clean and databases", "if not file.name and databases"),
    ),
    broken(
        "a lost database is made anew",
        "DAT-19",
        ("recovery.py", "                raise _lost(file)\n", "                return\n"),
    ),
    broken(
        "the project loads before its data are judged",
        "DAT-20",
        (
            "backend.py",
            "            recovery.run()\n            self._judge_version(recovery, manifest)\n",
            "",
        ),
        (
            "backend.py",
            "manifest, lateready.install)\n",
            "manifest, lateready.install)\n            recovery.run()\n"
            "            self._judge_version(recovery, manifest)\n",
        ),
    ),
    # Since 1.1: first run, updates, shipped data
    broken(
        "first run over before its commands",
        "DAT-16",
        (
            "migrations.py",
            "        if new:\n            self._first_run(change, ",
            "        self.recovery.end()\n"
            "        first_run.end(self.installation.app_data)\n"
            "        if new:\n            __import__('time').sleep(6)\n"
            "            self._first_run(change, ",
        ),
    ),
    # Since 1.1: strangers, stops, other users, uploads
    broken(
        "idle connections keep everybody out",
        "NET-7",
        ("channels.py", "if len(strangers) > STRANGERS:", "if False:"),
        ("limits.py", "STRANGER_SECONDS = 10", "STRANGER_SECONDS = 3600"),
        ("server.py", "connection_limit=1000", "connection_limit=100"),
    ),
    broken(
        "a body is received before the token is looked at",
        "NET-8",
        ("channels.py", "if self.adj.guard.admits(environ):", "if True:"),
    ),
    broken(
        "pages with the cookie ask other origins",
        "TOK-11",
        ("guard.py", "return headers + self._within_origin(environ)", "return headers"),
    ),
    broken(
        "app data folder as open as the umask has it",
        "DAT-23",
        ("data.py", "        system.keep_private(app_data)\n", ""),
    ),
    broken(
        "uploads readable for all",
        "DAT-23",
        ("layers.py", '"FILE_UPLOAD_PERMISSIONS": 0o600,', '"FILE_UPLOAD_PERMISSIONS": 0o644,'),
    ),
    broken(
        "drains for longer than a stop may take",
        "PRC-10",
        ("limits.py", "DRAIN_SECONDS = 3\n", "DRAIN_SECONDS = 12\n"),
        ("server.py", "or channel.is_endless", ""),
    ),
    broken(
        "drains asynchronous streams for longer than a stop may take",
        "PRC-10",
        ASGI,
        ("limits.py", "DRAIN_SECONDS = 3\n", "DRAIN_SECONDS = 12\n"),
        ("asgiserver.py", 'if getattr(connection, "is_endless", False):', "if False:"),
        ("asgiserver.py", "loop.call_later(STREAM_SECONDS, self._end_streams)", "pass"),
    ),
    # Since 1.1: websockets
    broken(
        "websockets without a token",
        "SOC-1",
        ASGI,
        (
            "guard.py",
            "        refused = self.judge(environ)\n",
            "        self.judge(environ)\n        refused = None\n",
        ),
    ),
    broken(
        "websockets of every origin",
        "SOC-2",
        ASGI,
        ("guard.py", 'environ.get("HTTP_ORIGIN", "") not in self.origins', "False"),
    ),
    broken(
        "websockets of every port",
        "SOC-2",
        ASGI,
        (
            "guard.py",
            'environ.get("HTTP_ORIGIN", "") not in self.origins',
            'not environ.get("HTTP_ORIGIN", "").startswith("http://127.0.0.1:")',
        ),
    ),
    broken(
        "websockets without an origin",
        "SOC-2",
        ASGI,
        (
            "guard.py",
            'environ.get("HTTP_ORIGIN", "") not in self.origins',
            'environ.get("HTTP_ORIGIN") not in {None, *self.origins}',
        ),
    ),
    broken(
        "websockets of a window with the cookie refused",
        "SOC-3",
        ASGI,
        (
            "guard.py",
            "        refused = self.judge(environ)\n",
            "        refused = self.judge(environ)\n"
            "        if refused is None and environ[BY_COOKIE]:\n"
            '            refused = _answer("403 Forbidden", "")\n',
        ),
    ),
    broken("no websockets", "SOC-3 SOC-4", ASGI, ("asgiserver.py", 'ws="wsproto"', 'ws="none"')),
    broken(
        "websockets cut off at a stop",
        "SOC-4",
        ASGI,
        (
            "asgiserver.py",
            'getattr(connection, "is_endless", False)',
            'getattr(connection, "is_endless", True)',
        ),
    ),
    # Since 1.1: tasks
    broken(
        "results of tasks thrown away",
        "TSK-1",
        (
            ROUTINES,
            "class PromptWorker(Worker):\n",
            "class PromptWorker(Worker):\n"
            "    def run_task(self, found):\n"
            "        super().run_task(found)\n"
            "        found.delete()\n\n",
        ),
    ),
    broken(
        "a worker that overlooks what is scheduled",
        "TSK-2",
        (
            ROUTINES,
            "SECONDS_BETWEEN_LOOKS = 0.5\n",
            "SECONDS_BETWEEN_LOOKS = 0.5\n"
            "ready = DBTaskResult.objects.ready\n"
            "DBTaskResult.objects.ready = lambda: ready().filter(run_after__year=9999)\n",
        ),
    ),
    broken(
        "every task run twice",
        "TSK-3",
        (
            ROUTINES,
            "class PromptWorker(Worker):\n",
            "class PromptWorker(Worker):\n"
            "    def run_task(self, found):\n"
            "        found.task.call(*found.task_result.args)\n"
            "        super().run_task(found)\n\n",
        ),
    ),
    broken(
        "the queue of a killed worker thrown away",
        "TSK-4",
        (
            ROUTINES,
            "    return DBTaskResult.objects.filter(interrupted).update(\n",
            "    if DBTaskResult.objects.filter(interrupted).exists():\n"
            "        DBTaskResult.objects.filter(status=TaskResultStatus.READY).delete()\n"
            "    return DBTaskResult.objects.filter(interrupted).update(\n",
        ),
    ),
    broken(
        "a task's own process left behind",
        "TSK-5",
        (
            ROUTINES,
            "class PromptWorker(Worker):\n",
            "class PromptWorker(Worker):\n"
            "    def run_task(self, found):\n"
            "        import subprocess\n"
            "        command = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
            "        subprocess.Popen(command, env={}, start_new_session=True)\n"
            "        super().run_task(found)\n\n",
        ),
    ),
    broken(
        "a Redis server that keeps its data in memory only",
        "TSK-1 TSK-4",
        *RQ,
        ("rediskeeper.py", "appendonly yes", "appendonly no"),
    ),
    broken(
        "every message of Dramatiq worked off twice",
        "TSK-3",
        *DRAMATIQ,
        (
            "dramatiqtasks.py",
            "        self._running[message.message_id] = message.actor_name\n",
            "        self._running[message.message_id] = message.actor_name\n"
            "        dramatiq.get_broker().get_actor(message.actor_name).fn(*message.args)\n",
        ),
    ),
    broken(
        "a clock of cron that stands still",
        "TSK-2",
        *CRON,
        ("clock.py", "        now = datetime.now(UTC)\n        for", "        return\n        for"),
    ),
    broken(
        "ends its process group alone",
        "PRC-11",
        (
            "backend.py",
            "            system.end_descendants()\n",
            "            system._end_group()\n",
        ),
    ),
    broken(
        "children of a failed start left behind",
        "PRC-11",
        (
            "backend.py",
            "        finally:\n            system.end_descendants()\n        return Exit.CLEAN\n",
            "        system.end_descendants()\n        return Exit.CLEAN\n",
        ),
    ),
    broken(
        "an upload answered with its neighbour",
        "WEB-9",
        (
            "files.py",
            "        return RangedFile(path, headers.items())\n",
            '        return RangedFile(path, headers.items(), encodings={"gzip": f"{path}.gz"})\n',
        ),
    ),
    broken(
        "uploaded documents run in the app's origin",
        "WEB-10",
        ("files.py", '= f"{CONTENT_POLICY}; sandbox"', "= CONTENT_POLICY"),
    ),
    broken(
        "a cookie made for https",
        "WEB-12",
        (SETTINGS, "", 'CSRF_COOKIE_NAME, CSRF_COOKIE_SECURE = "__Secure-csrftoken", True\n'),
        ("layers.py", 're.sub("^__(Secure|Host)-", "", own)', "own"),
    ),
    broken(
        "a cookie of another path",
        "WEB-12",
        (SETTINGS, "", 'CSRF_COOKIE_PATH = "/shop"\n'),
        ("layers.py", 'values[name] = "/"', "values[name] = own"),
    ),
    broken(
        "a cookie for other origins",
        "WEB-12",
        (SETTINGS, "", 'CSRF_COOKIE_SAMESITE, CSRF_COOKIE_SECURE = "None", True\n'),
        ("layers.py", 'values[name] = "Lax"', "values[name] = own"),
    ),
    broken(
        "a cookie of the public host",
        "WEB-12",
        (SETTINGS, "", 'CSRF_COOKIE_DOMAIN = ".shop.example"\n'),
        ("layers.py", "values[name] = None", "values[name] = own"),
    ),
    broken(
        "the first page leads to where the server had the project",
        "WEB-1",
        (SETTINGS, "", 'FORCE_SCRIPT_NAME, LOGIN_URL = "/shop", "/shop/items/new/"\n'),
        (
            VIEWS,
            "class ItemCreateView(",
            "def lead(self, request):\n"
            "    from django.conf import settings\n"
            "    from django.shortcuts import redirect\n\n"
            "    return redirect(settings.LOGIN_URL)\n\n\n"
            "ItemListView.get = lead\n\n\n"
            "class ItemCreateView(",
        ),
        ("layers.py", "if not settings.FORCE_SCRIPT_NAME:", "if True:"),
    ),
    broken(
        "a folder below the uploads stays in the project",
        "DAT-1",
        (
            SETTINGS,
            'STATIC_URL = "static/"\n',
            'STATIC_URL = "static/"\nMEDIA_ROOT = BASE_DIR / "uploads"\n'
            'SENDFILE_ROOT = MEDIA_ROOT / "private"\n',
        ),
        FORM,
        ADDED,
        ("config/views.py", "def splash(", PAGE.format(KEEP_PRIVATELY)),
        ("layers.py", '    values |= _below_uploads(settings, data / "media")\n', ""),
    ),
    broken(
        "every page locks the database",
        "DAT-24",
        (SETTINGS, '"NAME": BASE_DIR / "db', '"ATOMIC_REQUESTS": True, "NAME": BASE_DIR / "db'),
        ("serving.py", "    atomic.install()\n", ""),
    ),
    broken(
        "an upload kept in the project",
        "DAT-1",
        (
            BASE,
            HEAD,
            '</head><form action="/kept/" method="post" enctype="multipart/form-data">'
            '{% csrf_token %}<input type="file" name="upload" hidden></form>',
        ),
        (
            "config/urls.py",
            "urlpatterns = [",
            "from config.views import kept\n\nurlpatterns = [\n    path('kept/', kept),",
        ),
        ("config/views.py", "def splash(", KEEP_UPLOAD + "def splash("),
    ),
    broken(
        "a file left to a web server",
        "WEB-13",
        ("handover.py", "in NAMES)", "in ())"),
    ),
    broken(
        "a page behind a linked page fails",
        "WEB-14",
        (
            "theme/templates/items/item_form.html",
            "</section>",
            '<a href="/added/">on</a></section>',
        ),
        ADDED,
        ("config/views.py", "def splash(", PAGE.format("raise ValueError")),
    ),
    broken(
        "a form that fails",
        "WEB-14",
        FORM,
        ADDED,
        ("config/views.py", "def splash(", PAGE.format("raise ValueError")),
    ),
    broken(
        "a method that the project's cache had is missing",
        "WEB-14",
        (SETTINGS, "", 'CACHES = {"default": {"BACKEND": "django_redis.cache.RedisCache"}}\n'),
        FORM,
        ADDED,
        (
            "config/views.py",
            "def splash(",
            PAGE.format("__import__('django').core.cache.cache.delete_pattern('*')"),
        ),
        ("cache.py", "def delete_pattern(", "def delete_matching("),
    ),
    broken(
        "signs in by a backend that does not know the person",
        "TOK-9 WEB-5 WEB-14",
        *ONE_PERSON,
        (
            SETTINGS,
            "",
            'AUTHENTICATION_BACKENDS = ["config.views.Rights", '
            '"django.contrib.auth.backends.ModelBackend"]\n',
        ),
        ("config/views.py", "def splash(", "class Rights:\n    pass\n\n\ndef splash("),
        (
            "login.py",
            'if hasattr(backend, "get_user") and',
            "if not hasattr(backend, 'get_user') or",
        ),
    ),
    broken(
        "an old address of the app leads nowhere",
        "WEB-4",
        (BASE, HEAD, f'{HEAD}<img src="http://localhost:8000/static/brand/icon.svg" alt="">'),
        (SETTINGS, "default-src 'self';", "default-src *;"),
        (TOML, "[app]\n", '[app]\naddresses = ["http://localhost:8000"]\n'),
        ("serving.py", "    if manifest.addresses:", "    if False:"),
    ),
    broken(
        "a proxy is asked for this computer",
        "NET-9",
        ("overlay.py", "    keep_loopback_direct()\n", ""),
    ),
    broken(
        "other certificates than the computer's",
        "NET-9",
        ("environment.py", "if not system.finds_certificates():", "if True:"),
        ("environment.py", "certifi.where()", 'certifi.where() + "."'),
    ),
    broken(
        "an application around Django is left out",
        "WEB-15",
        (
            "config/wsgi.py",
            "application = get_wsgi_application()\n",
            "django = get_wsgi_application()\n\n\ndef application(environ, start_response):\n"
            "    return django(environ, start_response)\n",
        ),
        (
            "entry.py",
            "_made(partial(import_string, settings.WSGI_APPLICATION), ",
            "_made(WSGIHandler, ",
        ),
    ),
    broken(
        "links lead to example.com",
        "WEB-16",
        (
            SETTINGS,
            '    "django.contrib.humanize",\n',
            '    "django.contrib.humanize",\n    "django.contrib.sites",\n',
        ),
        (SETTINGS, "", "SITE_ID = 1\n"),
        ("backend.py", "        sites.install(manifest.name)\n", ""),
    ),
    broken(
        "an object of the project is kept from its page",
        "WEB-2",
        (SETTINGS, '    "config.middleware.content_security_policy",\n', ""),
        (BASE, HEAD, f'{HEAD}<object data="/static/brand/icon.svg"></object>'),
        ("guard.py", "object-src 'self' blob: data:", "object-src 'none'"),
    ),
    broken(
        "CSRF taken away by the layer",
        "TOK-9",
        (
            "layers.py",
            "    values = {\n",
            "    values = {\n"
            '        "MIDDLEWARE": [m for m in settings.MIDDLEWARE if "csrf" not in m],\n',
        ),
    ),
    broken(
        "streams hold the threads of pages",
        "PRC-12",
        ("channels.py", "        self.channel.server.make_room()\n", ""),
    ),
    broken(
        "an asynchronous stream read to its end",
        "PRC-10 PRC-12",
        ("serving.py", "    streams.install()\n", ""),
        deaf=True,
    ),
    broken(
        "nothing to apply, nothing recorded",
        "DAT-21",
        ("migrations.py", " or self.unrecorded or (code != before and not first):", ":"),
    ),
    broken(
        "shipped files never renewed",
        "DAT-22",
        ("shipped.py", 'if note.get("seen") == seen:', "if note:"),
    ),
    broken(
        "changed copies overwritten",
        "DAT-22",
        ("shipped.py", 'and (old := _folded_digest(target)) != note.get("copy")', "and not note"),
    ),
    # Since 1.1: all data in one file
    broken(
        "uploads listed before the databases are copied",
        "DAT-25",
        (
            "portable.py",
            "            for file in copied:\n",
            "            others = [*listed(self.app_data)]\n            for file in copied:\n",
        ),
        (
            "portable.py",
            "            for file in listed(self.app_data):",
            "            for file in others:",
        ),
    ),
    broken(
        "secret key in the backup",
        "DAT-25",
        ("portable.py", '"secret_key", "logs"', '"logs"'),
    ),
    broken(
        "database backed up as a file",
        "DAT-25",
        (
            "portable.py",
            "backups.copy(file, copy, lambda *_: self.progress(self.done, self.total))",
            "copy.write_bytes(file.read_bytes())",
        ),
    ),
    broken(
        "backup of another app restored",
        "DAT-26",
        ("portable.py", "if owner != identifier:", "if not owner:"),
    ),
    broken(
        "checksums of a backup not compared",
        "DAT-26",
        ("portable.py", "if digest.hexdigest() != expected:", "if not expected:"),
    ),
    broken(
        "newer backup restored",
        "DAT-26",
        ("restore.py", "versions.require_known(copies, ", "versions.require_known([], "),
    ),
    broken(
        "interrupted restore not finished",
        "DAT-27",
        ("backend.py", "            replacing.settle(data)\n", ""),
        ("replacing.py", "    finish(app_data)\n    return", SLOW_SWAP),
    ),
    broken(
        "data before a restore deleted",
        "DAT-27",
        ("replacing.py", REPLACED, REPLACED.replace("\n", "\n        shutil.rmtree(folder)\n", 1)),
        ("restore.py", "recovery.back_up(each)", "pass"),
    ),
    broken(
        "times exported in milliseconds",
        "DAT-28",
        ("rows.py", "cls=Exact", "cls=DjangoJSONEncoder"),
    ),
    broken(
        "sessions in the export",
        "DAT-28",
        (
            "config/settings/base.py",
            '"django.contrib.humanize",\n',
            '"django.contrib.humanize",\n    "django.contrib.sessions",\n',
        ),
        ("rows.py", "if not issubclass(model, AbstractBaseSession):", "if model:"),
    ),
    broken(
        "uploads not exported",
        "DAT-28",
        ("export.py", "                self._copy(file)\n", "                _size(file)\n"),
    ),
    broken(
        "secret key in the export",
        "DAT-28",
        (
            "export.py",
            "for file in self._others(in_rows):",
            'for file in [*self._others(in_rows), self.app_data / "secret_key"]:',
        ),
    ),
    broken(
        "scheduled backups of which none is removed",
        "DAT-29",
        (TOML, "[data]\n", SCHEDULED),
        ("scheduled.py", "                each.file.unlink()", "                pass"),
    ),
    broken(
        "scheduled backups without uploads",
        "DAT-29",
        (TOML, "[data]\n", SCHEDULED),
        ("scheduled.py", "complete=self._keep_uploads", "complete=lambda _: None"),
    ),
    broken(
        "scheduled backups push out those before migrations",
        "DAT-29",
        (TOML, "[data]\n", SCHEDULED),
        (
            "scheduled.py",
            "[each for each in made if each.scheduled]\n    kept",
            "[*made]\n    kept",
        ),
    ),
    broken(
        "update not tried on a copy",
        "DAT-30",
        (
            "backend.py",
            "databases.prepare(self._progress, trial)",
            "databases.prepare(self._progress)",
        ),
    ),
    broken(
        "migrated although it failed on the copy",
        "DAT-30",
        (
            "rehearsal.py",
            'case "failed" if said["exit"] == Exit.MIGRATION_FAILED:',
            'case "failed" if not said["exit"]:',
        ),
    ),
    broken(
        "report quotes what was raised",
        "DAT-30",
        ("report.py", "{_of_sqlite(each)}", ": {each}"),
    ),
    broken(
        "removed app taken for a newer version",
        "DAT-21",
        (
            "versions.py",
            "if known.get(a) and name not in known[a]",
            "if known and name not in known.get(a, ())",
        ),
    ),
)


def make(target: Broken, folder: Path) -> Path:
    """The broken copy, in `folder`."""
    copy = copy_reference_app(folder)
    if target.in_git:
        commit(copy)
    of_artefacts = [edit for edit in target.edits if "/dist/" in edit.file]
    for edit in target.edits:
        if edit not in of_artefacts:
            edit.apply(copy)
    if target.staged:
        stage(copy)
    if target.application:
        stage(copy)
        package(copy)
    for edit in of_artefacts:
        edit.apply(copy)
    return copy


def commit(copy: Path) -> None:
    """Leave the copy as `adapt` and a commit would."""
    payload = copy / "desktop-app"
    files = {
        path.relative_to(payload).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in payload.rglob("*")
        if path.is_file()
    }
    (payload / ".kit.json").write_text(json.dumps({"files": files}), encoding="utf-8")
    author = ["-c", "user.name=somebody", "-c", "user.email=somebody@localhost"]
    for words in (["init", "-q"], ["add", "-A"], [*author, "commit", "-q", "-m", "adapted"]):
        subprocess.run(["git", "-C", str(copy), *words], check=True)


def stage(copy: Path) -> None:
    """A makeshift bundle of the copy, with the Python that runs this."""
    staged = copy / "desktop-app" / "staged"
    shutil.copytree(copy, staged / "app", ignore=shutil.ignore_patterns("staged"))
    python = staged / "python"
    (python / "bin").mkdir(parents=True)
    (python / "bin" / "python3").symlink_to(Path(sys.executable).resolve())
    (python / "lib").symlink_to(Path(sys.prefix, "lib"))
    shutil.copyfile(Path(sys.prefix, "pyvenv.cfg"), python / "pyvenv.cfg")
    manifest = {"files": {}, "left_out": [], "allow_old_sqlite": True}
    (staged / "runtime-manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def package(copy: Path) -> None:
    """A makeshift application around the makeshift bundle: an old Electron that opens the shell."""
    electron = Path(os.environ["SHELL_TEST_LEGACY_ELECTRON"]).parent
    application = copy / APPLICATION
    resources = application / "resources"
    resources.mkdir(parents=True)
    for part in electron.iterdir():
        if part.name not in ("electron", "resources"):
            (application / part.name).symlink_to(part)
    program = application / "flying-stable"
    shutil.copy(electron / "electron", program)
    with program.open("ab") as file:
        file.write(FUSES.encode())
    shutil.move(copy / "desktop-app" / "staged", resources / "bundle")
    shell = Path(shutil.copytree(copy / "desktop-app" / "electron", resources / "app"))
    made = transpiled(shell).name
    (shell / "start.cjs").write_text(START.format(made=made), encoding="utf-8")
    about = {"name": "flying-stable", "version": "0.1.0", "main": "start.cjs"}
    (shell / "package.json").write_text(json.dumps(about), encoding="utf-8")
    archive = application.with_name("flying-stable.tar.gz")
    archive.write_text("an archive", encoding="utf-8")
    sums = f"{bundle.sha256(archive)}  {archive.name}\n"
    archive.with_name("SHA256SUMS").write_text(sums, encoding="utf-8")


def copy_reference_app(folder: Path) -> Path:
    """The reference app as it is, without what tools have made in it."""
    left_out = shutil.ignore_patterns(
        "node_modules", "__pycache__", ".venv", "staged", "dist", ".*_cache", "*.sqlite3"
    )
    return Path(shutil.copytree(REFERENCE, folder, ignore=left_out))


def judge(path: Path, report: Path, *options: str) -> tuple[int, dict[str, str]]:
    """Run the suite as `desktop-django check` does: its exit code, and the verdicts by id."""
    command = [sys.executable, "-P", "-m", "pytest", "-c", str(ROOT / "checks" / "pytest.ini")]
    command += ["--rootdir", str(ROOT), str(ROOT / "checks"), "-p", "no:cacheprovider"]
    command += ["--target", str(path), "--report-json", str(report), "-p", "tests.checks.warm"]
    command += options
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if not report.exists():
        raise RuntimeError(f"no report, exit {done.returncode}:\n{done.stdout}{done.stderr}")
    print(done.stdout)  # pytest shows it where the verdicts are not the expected ones
    criteria = json.loads(report.read_text(encoding="utf-8"))["criteria"]
    return done.returncode, {entry["id"]: entry["verdict"] for entry in criteria}


def caught(verdicts: dict[str, str]) -> set[str]:
    """The criteria that noticed something. Raises RuntimeError when the suite itself failed."""
    if errors := [i for i, verdict in verdicts.items() if verdict == "harness error"]:
        raise RuntimeError(f"harness errors: {', '.join(errors)}")
    return {i for i, verdict in verdicts.items() if verdict in ("FAIL", "warn")}
