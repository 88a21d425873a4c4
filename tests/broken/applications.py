"""The table of broken applications: the reference app, packaged with one small change."""

from __future__ import annotations

from tests.broken.shells import SHELL
from tests.broken.targets import APPLICATION, FUSES, TOML, Broken, broken

FEED = 'feed = "https://updates.example/"\n'


def application(name: str, caught_by: str, *edits: tuple[str, str, str]) -> Broken:
    """A row of the table; the files are the shell's where no folder is named."""
    files = ((file if "/" in file else SHELL + file, old, new) for file, old, new in edits)
    return broken(name, caught_by, *files, application=True)


APPLICATIONS = (
    application(
        "asks for a newer version without a feed",
        "UPD-1",
        ("main.js", "import { app, ", "import { app, net, "),
        (
            "main.js",
            "if (manifest) {",
            'app.whenReady().then(() => net.request("http://updates.example/latest.yml").end());\n'
            "if (manifest) {",
        ),
    ),
    application(
        "fetches a dictionary",
        "UPD-1",
        ("spelling.js", "wanted() ? ", "true ? "),
    ),
    application(
        "fetches an update before anybody agrees",
        "UPD-1",
        (TOML, "[package]\n", f"[package]\n{FEED}"),
        ("updates.js", "autoDownload: false", "autoDownload: true"),
    ),
    application(
        "keeps its data in its own folder",
        "PKG-10",
        ("places.js", "import { isAbsolute, join }", "import { dirname, isAbsolute, join }"),
        (
            "places.js",
            '  const base = env.XDG_DATA_HOME ?? "";',
            '  const base = join(dirname(process.execPath), "data");',
        ),
    ),
    application(
        "runs as Node",
        "PKG-9",
        (f"{APPLICATION}/flying-stable", FUSES, FUSES.replace("000001", "100001")),
    ),
    application(
        "checksum of another file",
        "PKG-11",
        ("desktop-app/dist/flying-stable.tar.gz", "an archive", "another archive"),
    ),
)
