"""Every error a person can meet: one table of codes, one exception."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Text(NamedTuple):
    """What an error means and what helps; both may use the fields of the error's details."""

    meaning: str
    remedy: str


ERRORS: dict[str, Text] = {
    # SUR: reading a project
    "DDK-SUR-01": Text(
        "The path must be the folder of a Django project.",
        "Give the folder of the project: desktop-django survey FOLDER",
    ),
    "DDK-SUR-02": Text(
        "There is no manage.py here, and no wsgi.py or asgi.py that names a settings module.",
        "Give the folder of a Django project, or name the settings: --set django.settings=NAME",
    ),
    "DDK-SUR-03": Text(
        "Several manage.py could be the project's own, and guessing would adapt the wrong one.",
        "Name it: --manage {first}",
    ),
    "DDK-SUR-04": Text(
        "The path given with --manage is not a file inside the project.",
        "Give it relative to the project folder, for example --manage backend/manage.py",
    ),
    "DDK-SUR-05": Text(
        "A declaration of dependencies cannot be read, so its packages are unknown.",
        "Repair {file}, or name other files: --set 'python.requirements=[\"FILE\"]'",
    ),
    # ENV: interpreters and environments
    "DDK-ENV-01": Text(
        "The declared dependencies do not install on this machine.",
        "Leave a package out (--set 'python.exclude=[\"NAME\"]'), install what its build needs, "
        "or make an environment yourself in the project's .venv",
    ),
    "DDK-ENV-02": Text(
        "The desktop runtime needs Python 3.11 or newer, and the project does not run on one.",
        "Let the project run on Python 3.11 or newer (its declaration or its environment), "
        "then try again",
    ),
    "DDK-ENV-03": Text(
        "uv, which makes environments and installs packages, is missing or does not start.",
        "Install the kit again so that its dependency uv comes with it",
    ),
    "DDK-ENV-04": Text(
        "The interpreter that was named cannot be started.",
        "Give the path of one that starts: --set python.interpreter=PATH",
    ),
    "DDK-ENV-05": Text(
        "No Python on this machine fits the project, and uv could not provide one.",
        "Install a Python that the project asks for, or make an environment in the project's .venv",
    ),
    "DDK-ENV-06": Text(
        "The shell shows the pages in the web view of the system, and what binds Python to it is "
        "built on this machine.",
        "On Debian and Ubuntu: sudo apt-get install {packages}. Elsewhere the same under another "
        "name; or --set app.shell=electron",
    ),
    # ADP: changing a project
    "DDK-ADP-01": Text(
        "Uncommitted changes would mix with what adapt adds.",
        "Commit or stash them, or say that it is fine: --allow-dirty",
    ),
    "DDK-ADP-02": Text(
        "This project carries the desktop layer of another version of the kit.",
        "Bring it to this one: desktop-django update {root} (what you changed stays)",
    ),
    "DDK-ADP-03": Text(
        "A folder desktop-app is there already, but adapt did not make it.",
        "Rename or delete {folder}, then try again",
    ),
    "DDK-ADP-04": Text(
        "Nothing can be added to this project.",
        "Make the folder writable, or work on a copy",
    ),
    "DDK-ADP-05": Text(
        "The survey found something that the desktop layer cannot handle.",
        "Decide on each finding as it says, then try again",
    ),
    "DDK-ADP-06": Text(
        "Git would not see these files of the desktop layer, so a commit would lose them.",
        "Change the rule in {rule}, then try again",
    ),
    "DDK-ADP-07": Text(
        "A decision given with --set is not one that desktop.toml knows.",
        "Write KEY=VALUE with a key of desktop.toml and a TOML value, for example "
        "--set app.home=/start/",
    ),
    "DDK-ADP-08": Text(
        "desktop.toml does not have the form the runtime expects.",
        "Repair {file}; the reference page 'desktop.toml' lists every key",
    ),
    "DDK-ADP-09": Text(
        "There is no desktop layer of this kit here.",
        "Adapt the project first: desktop-django adapt {root}",
    ),
    "DDK-ADP-10": Text(
        "The record of what adapt added cannot be read, so nothing is removed by guess.",
        "Restore {file} from version control, or delete {folder} yourself",
    ),
    "DDK-ADP-11": Text(
        "This project carries the desktop layer of a newer kit, and update does not go back.",
        "Use kit {kit} or newer",
    ),
    "DDK-ADP-12": Text(
        "The workflow belongs into a git repository and must name one with the kit.",
        "Run `git init`, and give --ci OWNER/NAME@COMMIT",
    ),
    "DDK-ADP-13": Text(
        "A workflow of this name is there already, and adapt did not write it like that.",
        "Rename or delete {file}, then try again",
    ),
    # KIT: the kit itself
    "DDK-KIT-01": Text(
        "This is a bug of the kit, not of the project.",
        "Report it with the lines above; the project was not changed half-way",
    ),
    # STG: making a bundle
    "DDK-STG-01": Text(
        "Bundles are made for six platforms; this platform is not supported.",
        "Choose one of: {known}",
    ),
    "DDK-STG-02": Text(
        "The list of downloads has no build of this Python for the platform.",
        "Choose one of {known} for [python] version in desktop.toml, or give a newer list: "
        "--python-downloads FILE",
    ),
    "DDK-STG-03": Text(
        "Without a list that names a checksum for each download, anything could be installed.",
        "Restore {file}; each entry needs its sha256",
    ),
    "DDK-STG-04": Text(
        "The Python that is bundled could not be downloaded.",
        "Check the network. Where its host is closed, fetch {url} elsewhere and name a copy: "
        "--python-mirror ADDRESS takes the place of all before the last two parts and may be "
        "file:///FOLDER; --python-downloads FILE is a list whose url may be file:///ARCHIVE",
    ),
    "DDK-STG-05": Text(
        "What was downloaded is not the Python that the list names, so it is not used.",
        "Try again; if it stays, the mirror or the network changes files on their way",
    ),
    "DDK-STG-06": Text(
        "The downloaded Python does not run on this machine, or not from another folder.",
        "Use a relocatable build for this platform (python-build-standalone)",
    ),
    "DDK-STG-07": Text(
        "SQLite before 3.51.3 can lose rows that were saved, so it must not be shipped.",
        "Use a build with a newer SQLite; for a test that nobody is given: --allow-old-sqlite",
    ),
    "DDK-STG-08": Text(
        "[stage] or [data] of desktop.toml names something that does not exist.",
        "Correct {entry}, or make it first (the project's own frontend build, for example)",
    ),
    "DDK-STG-09": Text(
        "There is no room on the disk; what was begun is gone, an earlier result is as it was.",
        "Free a gigabyte, then try again",
    ),
    "DDK-STG-10": Text(
        "A package is not there ready-made for the platform, and an app must not compile anything.",
        "Take a version that has wheels, or leave it out: --set 'python.exclude=[\"{package}\"]'",
    ),
    "DDK-STG-11": Text(
        "The declared packages do not fit together.",
        "Correct the declaration, or leave a package out: --set 'python.exclude=[\"NAME\"]'",
    ),
    "DDK-STG-12": Text(
        "The chosen packages could not be installed into the bundle.",
        "Read the lines above; if versions are gone, delete desktop-app/locks and try again",
    ),
    "DDK-STG-13": Text(
        "A bundle is made and tried on the system it is for.",
        "Run it there, or see what would work: desktop-django stage PATH --platform {platform} "
        "--dry-run. The workflow packages.yml builds for all of them",
    ),
    "DDK-STG-14": Text(
        "The declared packages do not bring Django.",
        "Name it: --set 'python.extra=[\"django==VERSION\"]'",
    ),
    "DDK-STG-15": Text(
        "The app's static files could not be collected, so its pages would have no styles.",
        "Read the project's own message above. Files that are git-ignored are not shipped unless "
        "[stage] include names them",
    ),
    "DDK-STG-16": Text(
        "The project could not prepare the data of a first launch.",
        "Read the project's own message above. Files that are git-ignored, tests and .env are not "
        "shipped unless [stage] include names them; values go to [django.env]",
    ),
    "DDK-STG-17": Text(
        "The bundle is complete, but the app does not start from it.",
        "Read the project's own message above; an earlier bundle is as it was",
    ),
    "DDK-STG-18": Text(
        "The bundle could not be written.",
        "Make {folder} writable, and close what uses it",
    ),
    "DDK-STG-19": Text(
        "A bundle never changes once it is installed: it may be read-only, and signed.",
        "Let the project write to a folder of the app data: {{app_data}} in [django.env] or "
        "[django.set]",
    ),
    # OFF: files of other hosts
    "DDK-OFF-01": Text(
        "What pages load from other hosts is too much to carry along; nothing was changed.",
        "Leave some of it out, with the reason: [offline] skip in desktop.toml",
    ),
    "DDK-OFF-02": Text(
        "The list of the files of other hosts is damaged.",
        "Restore {file} from version control, or delete its folder and run: "
        "desktop-django offline {root}",
    ),
    # PKG: making installers
    "DDK-PKG-01": Text(
        "Installers are made of a finished bundle.",
        "Make it: desktop-django stage {root}",
    ),
    "DDK-PKG-02": Text(
        "The project was changed after the bundle was made, so the app would be an old one.",
        "Make it again: desktop-django stage {root}",
    ),
    "DDK-PKG-03": Text(
        "Installers are made by electron-builder, which needs Node.js 22.12 or newer.",
        "Install it from https://nodejs.org, then try again",
    ),
    "DDK-PKG-04": Text(
        "The shell's packages are not installed.",
        "Run npm ci in {folder}",
    ),
    "DDK-PKG-05": Text(
        "electron-builder did not make the installers; an earlier result is as it was.",
        "Read its own message above. If a download failed because its host is closed: "
        "ELECTRON_OVERRIDE_DIST_PATH names the folder of an Electron that is on this machine; "
        "ELECTRON_MIRROR and ELECTRON_BUILDER_BINARIES_MIRROR name addresses that have what it "
        "fetches",
    ),
    "DDK-PKG-06": Text(
        "[package] sign demands signed installers, and they are not signed.",
        "Give the certificate in the environment ({variables}), or set sign = false",
    ),
    "DDK-PKG-07": Text(
        "Updates are taken from an encrypted address, or from this computer in a test.",
        "Give package.feed in {file} an address that begins with https://",
    ),
    "DDK-PKG-08": Text(
        "The protections of the finished program are not as they must be, so it is not kept.",
        "Report it with the electron version; nothing was put into {folder}",
    ),
    "DDK-PKG-09": Text(
        "This bundle is for tests: its SQLite can lose rows that were saved.",
        "Stage with a current Python; to build a package that nobody is given: --allow-old-sqlite",
    ),
    "DDK-PKG-10": Text(
        "Apple's notary service is asked with a key, which is a file AuthKey_….p8.",
        "Give APPLE_API_KEY the path of that file, its text, or its text as base64",
    ),
    "DDK-PKG-11": Text(
        "Installers are made and judged on the system they are for; this one is {here}.",
        "Run the same there, or let packages.yml make all of them (adapt --ci)",
    ),
    "DDK-PKG-12": Text(
        "Toga draws windows by .NET, and what starts .NET for it has no library for ARM.",
        "Package it on Windows for x64, whose packages run on ARM too, or take the other shell: "
        "desktop-django adapt PROJECT --set app.shell=electron",
    ),
    "DDK-PKG-13": Text(
        "A program that makes a part of the packages refused; an earlier result is as it was.",
        "Read its message above; desktop-django package PROJECT --dir makes the folder alone",
    ),
    "DDK-PKG-14": Text(
        "The application's program and the installer for Windows are made by NSIS.",
        "Install it: winget install NSIS.NSIS, or choco install nsis",
    ),
    "DDK-PKG-15": Text(
        "[package] sign demands signed packages, and the kit signs none of this shell on Windows.",
        "Set sign = false and sign the installer yourself (signtool), or take the other shell: "
        "desktop-django adapt PROJECT --set app.shell=electron",
    ),
    # ICO: drawing icons
    "DDK-ICO-01": Text(
        "Icons belong to the desktop layer, which this project does not have yet.",
        "Add it first: desktop-django adapt {root}",
    ),
    "DDK-ICO-02": Text(
        "Icons are drawn from an SVG or a PNG.",
        "Give the path of one; a browser must be able to show it",
    ),
    "DDK-ICO-03": Text(
        "Icons are square, and the largest are drawn from a large picture.",
        "Give a square SVG, or a square PNG of {smallest} pixels or more, better 1024",
    ),
    "DDK-ICO-04": Text(
        "Icons are drawn by Chromium, which is not installed or does not start.",
        "Install it: playwright install chromium (in the environment of desktop-django)",
    ),
    # LOK: looking at pages
    "DDK-LOK-01": Text(
        "Pictures are made in Chromium, which is not installed or does not start.",
        "Install it: playwright install chromium (in the environment of desktop-django)",
    ),
    # IMP: bringing existing data in
    "DDK-IMP-01": Text(
        "What --from or --media names is not there, or may not be read.",
        "Give the path of a file, or the address of a database",
    ),
    "DDK-IMP-02": Text(
        "Data come from an SQLite file, from dumpdata (.json, .jsonl, .xml, .yaml, also with .gz), "
        "from a plain or custom file of pg_dump, from a folder that an app has exported or from "
        "the address of a database.",
        "Make one where the data are: python manage.py dumpdata --all -o dump.jsonl.gz",
    ),
    "DDK-IMP-03": Text(
        "The source is damaged, or ends in the middle; nothing was imported.",
        "Make the copy or the dump again, and compare the sizes",
    ),
    "DDK-IMP-04": Text(
        "The source is of another project, or of one whose models differ; nothing was imported.",
        "Give the data of this project, and check out the version of the code that made them",
    ),
    "DDK-IMP-05": Text(
        "The source has migrations that this code does not know: it is newer.",
        "Check out the version that the server runs. What was removed on purpose is listed under "
        "[data] retired_migrations",
    ),
    "DDK-IMP-06": Text(
        "The server's code is older than this one, and its database is only read.",
        "Check out the version that the server runs, or update the server first",
    ),
    "DDK-IMP-07": Text(
        "The YAML of a dump is read by PyYAML, which the project's environment does not have.",
        "Dump as JSON: python manage.py dumpdata --all -o dump.jsonl",
    ),
    "DDK-IMP-08": Text(
        "SQLite cannot hold these values, or a constraint of the models forbids them; nothing was "
        "imported.",
        "Correct the rows in the source, or the fields of the models, then try again",
    ),
    "DDK-IMP-09": Text(
        "The source has rows that refer to nothing, which the app's database forbids; nothing was "
        "imported.",
        "Correct or delete those rows in the source. A dump needs all models that others refer to, "
        "and the rows that a manager hides: dumpdata --all",
    ),
    "DDK-IMP-10": Text(
        "What was written is not what was read, so it is not used.",
        "Report it with the models named above; the data before it are as they were",
    ),
    "DDK-IMP-11": Text(
        "There is no room on the disk; nothing was imported.",
        "Free some space on the disk of {folder}, then try again",
    ),
    "DDK-IMP-12": Text(
        "The database cannot be reached from here or does not let this user read it, or the "
        "project's environment has no driver.",
        "Check address, user and password; a driver is a package: psycopg for PostgreSQL, "
        "mysqlclient or PyMySQL for MySQL and MariaDB",
    ),
    "DDK-IMP-13": Text(
        "The project's own code failed while its data were brought in; nothing was imported.",
        "Read the project's own message above; `desktop-django run` shows whether it starts at all",
    ),
    "DDK-IMP-14": Text(
        "The new data are made beside the old, and that folder cannot be written.",
        "Make {folder} writable",
    ),
    "DDK-IMP-15": Text(
        "Content types and permissions have other numbers in every database, and this dump does "
        "not say which is which.",
        "Dump them too (no --exclude), or dump with --natural-foreign",
    ),
    "DDK-IMP-16": Text(
        "Rows name uploads that are not there; nothing was imported.",
        "Name the folder that has them: --media FOLDER. To import all the same: "
        "--allow-missing-files",
    ),
    "DDK-IMP-17": Text(
        "A PostgreSQL reads such a file, and this computer has none that the import could start.",
        "Run on the server: python manage.py dumpdata --all --format jsonl -o dump.jsonl.gz. Or "
        "install PostgreSQL here (Debian and Ubuntu: apt install postgresql)",
    ),
    "DDK-IMP-18": Text(
        "The PostgreSQL of this computer, started for this import alone, could not load the file; "
        "nothing was imported.",
        "Where a newer PostgreSQL made the file, install that one here; where an extension is "
        "missing, its package. Or run on the server: python manage.py dumpdata --all --format "
        "jsonl -o dump.jsonl.gz",
    ),
    # DAT: development data in one file
    "DDK-DAT-01": Text(
        "The app's own runtime could not back up, restore or export the development data; they are "
        "as they were.",
        "If launch.py does not know the command, bring the layer to this kit's: desktop-django "
        "update {root}",
    ),
    # STA: starting an adapted project
    "DDK-STA-01": Text(
        "The backend ended before it could serve.",
        "Read the project's own message above; its log files are in {app_data}/logs",
    ),
    "DDK-STA-02": Text(
        "Data that is in use is not set aside.",
        "Close the app (and what else has {app_data} open), then try again",
    ),
}


class KitError(Exception):
    """Raised when the work cannot be done for a reason the user can act on; nothing was written.

    `message` says what happened, `details` are machine-readable facts.
    The meaning and the remedy come from ERRORS, filled in from the details.
    """

    def __init__(self, code: str, message: str, remedy: str = "", **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details: Mapping[str, Any] = details
        text = ERRORS[code]
        self.meaning = text.meaning.format_map(_Fields(details))
        self.remedy = remedy or text.remedy.format_map(_Fields(details))

    def as_dict(self) -> dict[str, Any]:
        """The error as --json prints it."""
        return {
            "code": self.code,
            "message": self.message,
            "meaning": self.meaning,
            "remedy": self.remedy,
            "details": dict(self.details),
        }

    def __str__(self) -> str:
        return f"error {self.code}: {self.message}\n  means: {self.meaning}\n  do: {self.remedy}"


class _Fields(dict[str, Any]):
    """Details for a text; a field that is missing shows its own name instead of failing."""

    def __missing__(self, key: str) -> str:
        return key.upper()
