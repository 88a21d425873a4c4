"""What the settings hold as secrets is in nothing that leaves the server or the computer."""

import shutil
import zipfile
from pathlib import Path

import pytest

from skill_scripts import desktop_toml, portable
from skill_scripts.run import serve

from .test_sqlite import change

# The runtime's own packages are installed; two imports, and a start of the app.
pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.network]

SECRET, KEPT = b"marker-of-a-secret", b"marker-of-a-row"
SETTINGS = """
SECRET_KEY = "marker-of-a-secret key of the server"
PAYMENTS = {"api_key": "marker-of-a-secret of the bank"}
EMAIL_HOST_PASSWORD = os.environ.get("MAIL_PASSWORD", "marker-of-a-secret of the mail")
DATABASES["default"]["PASSWORD"] = "marker-of-a-secret of the database"
"""


@pytest.fixture
def root(server, tmp_path) -> Path:
    """The adapted project, with secrets in its settings and a row that can be found."""
    root = Path(shutil.copytree(server, tmp_path / "library", symlinks=True))
    with (root / "site1" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(SETTINGS)
    rename = f"UPDATE library_shelf SET name = '{KEPT.decode()}'"
    change(root / "db.sqlite3", rename)
    return root


def files_with(marker: bytes, product: Path) -> list[str]:
    """The files of a folder, or of a zip, that hold the marker."""
    if product.is_dir():
        found = filter(Path.is_file, product.rglob("*"))
        contents = [(str(each), each.read_bytes()) for each in found]
    else:
        with zipfile.ZipFile(product) as archive:
            contents = [(name, archive.read(name)) for name in archive.namelist()]
    return [name for name, content in contents if marker in content]


def test_secrets_of_the_settings_never_travel(root, bring, app_data, tmp_path, monkeypatch):
    monkeypatch.setenv("MAIL_PASSWORD", "marker-of-a-secret in the environment")
    products = {"import": app_data, "into a file": tmp_path / "team.zip"}
    for into in ([], ["--into", products["into a file"]], ["--into", "stage"]):
        done = bring(root, root / "db.sqlite3", *into)
        assert done.exit_code == 0, done.stdout
        assert SECRET.decode() not in done.stdout + done.stderr
    products["first data"] = root / "desktop-app" / "first-data.zip"

    def follow(backend):
        found = next(e for e in backend.events() if e["event"] in ("ready", "failed"))
        return None if found["event"] == "ready" else found

    serve(root, desktop_toml.read(root / desktop_toml.PLACE), app_data, follow)
    products |= {"backup": tmp_path / "backup.zip", "export": tmp_path / "export"}
    portable.backup(root, products["backup"])
    portable.export(root, products["export"])
    for name, product in products.items():
        assert files_with(KEPT, product), f"{name}: the search finds nothing"
        # Bytecode of the settings, on the developer's own machine.
        found = [each for each in files_with(SECRET, product) if not each.endswith(".pyc")]
        assert not found, f"{name}: {found}"
    assert (app_data / "secret_key").is_file()
    own = (app_data / "secret_key").read_bytes().strip()
    carried = [p for name, p in products.items() if name != "import"]
    assert not [p for p in carried if files_with(own, p)]
