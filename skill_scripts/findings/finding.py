"""Every finding that a survey or a stage can report: one table of ids, one type."""

from dataclasses import asdict, dataclass
from typing import NamedTuple

FINE, HANDLED, DECIDE, BLOCKED = "fine", "handled", "decide", "blocked"
SEVERITIES = (BLOCKED, DECIDE, HANDLED, FINE)  # as they are shown


class Meaning(NamedTuple):
    """What a finding is about, and for SKILL.md how somebody decides on it."""

    severities: tuple[str, ...]
    means: str
    question: str = ""
    decision: str = ""
    like: str = ""  # the finding with the same question and decision


# An id that ends with … is the beginning of several. The order is that of SKILL.md's table.
FINDINGS: dict[str, Meaning] = {
    "first-page": Meaning(
        (DECIDE, HANDLED),
        "Nothing is served at `/`; another page was chosen, the only one where it is *handled*.",
        "Which page should a person see first?",
        "look at the project's URLs and README; `--set app.home=/PATH/`",
    ),
    "landing": Meaning((DECIDE,), "The first page fails.", like="first-page"),
    "login-wall": Meaning(
        (DECIDE, HANDLED),
        "Pages ask to sign in.",
        "Does one person use the app alone? *handled*: the first launch asks for the first "
        "account, nothing to do unless the user wants another way. *decide*: without an answer "
        "nobody gets past these pages on a new installation",
        "handled: default. Else yes: `--set login.user=NAME --set login.create=true`, where NAME "
        "is a value of the user "
        "model's `USERNAME_FIELD` (it may have to be an email address). Unclear: ask. No: default. "
        "Load [references/decisions.md](references/decisions.md)",
    ),
    "offline-missing": Meaning(
        (DECIDE,),
        "A style, script or font of another host cannot be fetched.",
        "Can the address be reached from another network, or does the app do without it?",
        "`desktop-django offline PROJECT` there; a template's variable: `--set "
        "'offline.add=[\"ADDRESS\"]'` with what it becomes; not needed: `[offline] skip` in "
        "`desktop.toml`, with the reason",
    ),
    "offline-integrity": Meaning(
        (DECIDE,),
        "A file of another host is not what the page's integrity says.",
        "Which of the two is right, the page's `integrity` or the file?",
        "a change of the project: report both hashes; a browser refuses that file on the project's "
        "own site too",
    ),
    "broken-page": Meaning(
        (DECIDE,),
        "A page that the first one leads to fails.",
        "What does the page lack, and does the app need it?",
        "a package or a value: the `--set` of its `do`. Rows: `data.first_run`. A fault of the "
        "project: report it with file and line",
    ),
    "variable": Meaning(
        (DECIDE, HANDLED),
        "The settings need an environment variable; it got a value.",
        "Is the proposed value harmless?",
        "a secret: default (`generate:secret`). An address of a service: default, and say that the "
        "feature does not work. A value that changes behaviour: `--set django.env.NAME=VALUE`",
    ),
    "settings-module": Meaning(
        (DECIDE,),
        "The settings module is not in the repository, or left to the environment.",
        "Which settings are closest to production without its services? The one that `manage.py` "
        "names may be a local file that git ignores: it is in no clone and in no bundle",
        "a tracked module: `--set django.settings=NAME`. `git check-ignore FILE` tells. None is "
        "tracked: ask the user to commit one",
    ),
    "no-dependencies": Meaning(
        (DECIDE,),
        "The project declares no dependencies.",
        "What does the project import?",
        '`--set \'python.extra=["django==X.Y", "NAME"]\'` with the versions the project was '
        "written for",
    ),
    "undeclared": Meaning(
        (DECIDE, HANDLED),
        "A module is imported whose package is not declared.",
        "*handled*: nothing to do, it is installed and in `python.extra`. *decide*: which package "
        "is it, or which file that is in no clone?",
        "a package: `--set 'python.extra=[\"NAME\"]'`. A file: as the project's own documentation "
        "says; report it",
    ),
    "too-new": Meaning(
        (DECIDE,),
        "Today's versions of the packages do not work; those of an earlier day are taken.",
        "Is one package at fault? `what` names it where it can be told",
        "yes: the `--set` of its `do` instead of all the pins. No: default, versions of that day "
        "are pinned in `python.extra`. Tell the user that the project needs pins or an update",
    ),
    "unbuilt": Meaning(
        (DECIDE,),
        "A package does not build on this machine, or cannot be fetched.",
        "Does a page need the package?",
        "no: default. Yes: tell the user which library its build needs, or name a release: "
        "`--set 'python.extra=[\"NAME\"]'`",
    ),
    "bundled-python": Meaning(
        (DECIDE,),
        "The project asks for another Python than the one that is bundled.",
        "Does the project run on the bundled Python?",
        "default; say which package holds it back",
    ),
    "python-of-packages": Meaning(
        (DECIDE,),
        "A package asks for another Python than the bundled one.",
        like="bundled-python",
    ),
    "python-version": Meaning(
        (DECIDE,),
        "The project asks for another Python than the bundled one.",
        like="bundled-python",
    ),
    "no-migrations": Meaning(
        (DECIDE, HANDLED),
        "An app has models and no migrations, or git ignores them.",
        "Will these models change in a later version?",
        "no: default, the tables are made without. Yes: ask the user to commit the migrations "
        "(`makemigrations` where there are none), or "
        "`--set 'stage.include=[\"FOLDER/migrations\"]'`",
    ),
    "first-run-commands": Meaning(
        (DECIDE,),
        "The project brings fixtures or commands for a new database.",
        "Does a new installation need these rows?",
        "rows the app cannot do without: `--set` as the finding says; a command that needs a user: "
        "`data.first_run_after_login`, see [references/decisions.md](references/decisions.md). "
        "Examples and demos: default",
    ),
    "translations": Meaning(
        (DECIDE,),
        "Translations are not compiled.",
        "Do users need another language?",
        "ask the user to run `compilemessages`; ignored files: "
        "`--set 'stage.include=[\"FOLDER/locale\"]'`",
    ),
    "leftovers": Meaning(
        (DECIDE,),
        "Files appeared in the project's folder during the survey.",
        "Which program of the project made them?",
        "show the user what appeared; delete it only with consent; then as `writes`",
    ),
    "writes": Meaning(
        (DECIDE, HANDLED),
        "The project writes into its own folder when it starts.",
        "Which setting names the folder?",
        "`--set 'django.set.NAME={app_data}/folder'`, or the variable it reads: "
        "`--set 'django.env.NAME={app_data}/folder'`",
    ),
    "frontend-build": Meaning(
        (DECIDE, HANDLED),
        "Pages want files that only the project's own build makes.",
        "Does a page want a file that only a build makes? Open the pages in `run`",
        "yes: the `--set frontend.build=…` of its `do`. The build failed: correct what it names, "
        "`adapt` again. Tell the user to build before each stage",
    ),
    "webpack": Meaning(
        (DECIDE,), "A build is read that no package.json declares.", like="frontend-build"
    ),
    "vite": Meaning(
        (DECIDE,), "A build is read that no package.json declares.", like="frontend-build"
    ),
    "health": Meaning(
        (DECIDE,),
        "Our health path covers a page of the project.",
        "Does the project need its own page at that path?",
        "yes: `--set django.health_path=/desktop-health/`. No: default",
    ),
    "event-stream": Meaning(
        (DECIDE,),
        "A page streams events.",
        "Do several windows stay open on it?",
        "default",
    ),
    "runserver": Meaning(
        (DECIDE,),
        "Code looks for `runserver` or `RUN_MAIN`, which a desktop app has not.",
        "Does it start something that the app needs, such as a scheduler?",
        "yes: `--set 'django.argv=[\"runserver\"]' --set django.env.RUN_MAIN=true`. No: default",
    ),
    "old-address": Meaning(
        (DECIDE,),
        "A page or script names the address of Django's own server.",
        "Is it this app, and do pages or only Python code use it?",
        "pages or scripts: `--set 'app.addresses=[\"http://localhost:8000\"]'`. Python code that "
        "asks it: a change is the project's own",
    ),
    "engine-bound-field": Meaning(
        (DECIDE,),
        "A model has a field of another engine.",
        "Does a page that saves or filters by this field work? Try it in `run`",
        "works: default. Fails: list the pages. A change is the project's own",
    ),
    "engine-bound-query": Meaning(
        (DECIDE,),
        "A query only works on PostgreSQL.",
        "Which pages use the query?",
        "default; list the pages. A change is the project's own",
    ),
    "dramatiq": Meaning(
        (DECIDE, HANDLED),
        "Dramatiq's own worker runs beside the app; with another broker than Redis only if asked.",
        "Does a page send messages?",
        "handled: default. Else yes: the `--set` of its `do`. No: default",
    ),
    "asgi": Meaning(
        (HANDLED,), "The project serves websockets or asynchronous streams: uvicorn serves it."
    ),
    "elasticsearch": Meaning(
        (DECIDE,),
        "Search needs a server.",
        "Is there another backend for the search?",
        "`--set` as the finding says; else say that search does not work",
    ),
    "haystack": Meaning((DECIDE,), "Search may need a server.", like="elasticsearch"),
    "social-login": Meaning(
        (DECIDE,),
        "Signing in with other services needs the network.",
        "Is there another way in?",
        "as `login-wall`",
    ),
    "django": Meaning(
        (DECIDE, FINE),
        "The release of Django; one before 4.2 is not supported.",
        "One before 4.2: does it load, and does `check` pass?",
        "go on as with any other; it is judged by the same criteria. Report: this Django is not "
        "supported, by the kit or by anybody; an upgrade is a change of the project's own. If it "
        "does not load, do not take a newer Django by `python.extra`: stop",
    ),
    "known-password": Meaning(
        (DECIDE,),
        "Every installation gets an account with the same password.",
        "Who made that account, a migration or a fixture?",
        "default; tell the user: every installation would have the same password",
    ),
    "first-run": Meaning(
        (DECIDE, FINE),
        "Whether the first launch copies ready data.",
        "May all installations share these rows?",
        "default: each makes its own. Yes: `--set data.prebuilt=true`",
    ),
    "first-data": Meaning(
        (HANDLED,),
        "Every installation begins with data that `import --into stage` has put there.",
    ),
    "first-run-clock": Meaning(
        (DECIDE,),
        "The data of a first launch could not be made on another day for comparison.",
        "Does a migration write the date into a text?",
        "default",
    ),
    "left-out": Meaning(
        (HANDLED,),
        "Packages that were excluded are not installed.",
        "Does the app read one of these files at run time?",
        "no: default. Yes: `--set 'stage.include=[\"PATH\"]'`, never for secrets",
    ),
    "not-shipped-…": Meaning((DECIDE,), "Files are not shipped, and why.", like="left-out"),
    "wheels-…": Meaning(
        (DECIDE,),
        "The packages are not available for a platform.",
        "Is the package needed, is that system wanted?",
        "exclude it, take another version, or say that the system is not supported",
    ),
    # Nobody has to decide on these.
    "pruned-…": Meaning((HANDLED,), "The bundle does without something that nothing in it needs."),
    "offline": Meaning((HANDLED,), "Files of other hosts are kept with the app and served by it."),
    "offline-skipped": Meaning((HANDLED,), "An address of another host is not fetched, and why."),
    "other-hosts": Meaning((HANDLED,), "Pages load styles, scripts or fonts from other hosts."),
    "load": Meaning((BLOCKED,), "The project does not load."),
    "web-view": Meaning((BLOCKED,), "The Toga shell needs packages of the system."),
    "first-account": Meaning((BLOCKED,), "The first launch cannot make the account it asks for."),
    "login-group": Meaning((HANDLED,), "The first account needs a group of the project."),
    "own-fault": Meaning(
        (HANDLED,), "A page, its part or its form is broken on the project's own server too."
    ),
    "slow-imports": Meaning(
        (FINE,),
        "What each start spends on importing packages and modules of the project, the slowest "
        "first, and which module imports them.",
    ),
    "impossible-database": Meaning((BLOCKED,), "A migration does not work on SQLite."),
    "first-start": Meaning((BLOCKED,), "The first start fails."),
    "gis": Meaning((BLOCKED,), "GeoDjango needs GDAL and a spatial database."),
    "tenants": Meaning((BLOCKED,), "django-tenants needs PostgreSQL schemas."),
    "environment": Meaning((HANDLED, FINE), "The environment that runs the project."),
    "import-folder": Meaning((HANDLED,), "A module was found in a folder of the project."),
    "older-python": Meaning((HANDLED,), "The project needs a module that newer Pythons lack."),
    "server-only": Meaning((HANDLED,), "A package is only useful on a server; it is left out."),
    "database": Meaning((HANDLED, FINE), "A database becomes SQLite in the app data folder."),
    "cache": Meaning((HANDLED,), "A cache on a server becomes one in memory."),
    "cache-table": Meaning((HANDLED,), "The table of a cache is made at the first start."),
    "sessions": Meaning((HANDLED,), "Sessions in the cache become lasting ones."),
    "mail": Meaning((HANDLED,), "Mail is written to the folder outbox."),
    "storage": Meaning((HANDLED,), "Files of a storage service are kept in app data."),
    "apscheduler": Meaning((HANDLED,), "Jobs of APScheduler run while the app is open."),
    "celery": Meaning((HANDLED,), "Celery's own worker runs beside the app."),
    "celery-beat": Meaning((HANDLED,), "Celery's beat runs beside the app."),
    "django-cron": Meaning((HANDLED,), "A clock of the runtime runs the jobs of django-cron."),
    "django-crontab": Meaning((HANDLED,), "A clock of the runtime runs the jobs of CRONJOBS."),
    "django-q": Meaning((HANDLED,), "A cluster of django-q runs beside the app."),
    "django-tasks": Meaning((HANDLED,), "The database worker of django.tasks runs beside the app."),
    "rq": Meaning((HANDLED,), "RQ's own worker runs beside the app, on a Redis server of its own."),
    "huey": Meaning((HANDLED,), "Huey's own worker runs beside the app."),
    "daphne": Meaning((HANDLED,), "The desktop backend takes the place of Daphne."),
    "compressor": Meaning((HANDLED,), "django-compressor compresses when pages are shown."),
    "phone-home": Meaning((HANDLED,), "Reports to a service are off."),
    "script-name": Meaning((HANDLED,), "The app is served at /."),
    "https": Meaning((HANDLED,), "Pages insist on https; on 127.0.0.1 it is plain http."),
    "cors": Meaning((HANDLED,), "Pages of other origins may not read answers."),
    "python": Meaning((FINE,), "The Python that runs the project."),
    "pythons": Meaning((HANDLED,), "Another Python runs the project here than in its bundle."),
    "settings": Meaning((FINE,), "The settings module."),
    "migrations": Meaning((FINE,), "How many migrations a first start applies."),
    "rehearsal": Meaning((FINE,), "Whether survey has started the app once, and how that went."),
}


@dataclass(frozen=True)
class Finding:
    """One thing about the project that matters on a desktop."""

    id: str
    severity: str
    what: str
    do: str = ""  # what was done about it, or the exact option that decides it
    place: str = ""  # file:line in the project
    key: str = ""  # what a later finding must be about to take its place; not printed

    def as_dict(self) -> dict[str, str]:
        """The finding as --json prints it."""
        return {name: value for name, value in asdict(self).items() if name != "key"}
