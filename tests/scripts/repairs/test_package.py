"""A package that is imported and not installed."""

import pytest

from tests.scripts import projects
from tests.scripts.documents import findings

pytestmark = pytest.mark.slow


@pytest.mark.network
def test_server_packages_are_left_out_and_undeclared_ones_added(tmp_path, kit_json):
    root = projects.project(
        tmp_path / "bare",
        {
            "requirements.txt": "\ufeffdjango<6\r\ngunicorn\r\nmysqlclient\r\n-i https://gone.invalid/\r\n"
        },
        settings="import yaml",
    )

    document = kit_json("survey", root)

    assert document["facts"]["error"] is None
    assert document["manifest"]["python"]["exclude"] == ["gunicorn", "mysqlclient"]
    assert document["manifest"]["python"]["extra"] == ["pyyaml"]


@pytest.mark.network
def test_what_one_survey_installed_the_next_one_still_names(tmp_path, kit_json):
    root = projects.project(tmp_path / "bare", {"requirements.txt": "django<6"}, "import yaml")

    first, second = kit_json("survey", root), kit_json("survey", root)

    assert first["manifest"] == second["manifest"]
    assert second["manifest"]["python"]["extra"] == ["pyyaml"]


@pytest.mark.network
@pytest.mark.parametrize(
    "gone",
    [
        "django-taggit @ git+https://127.0.0.1:9/me/taggit.git",
        pytest.param("git+https://127.0.0.1:9/me/django-taggit.git@v6", marks=pytest.mark.long),
        pytest.param("https://127.0.0.1:9/me/django-taggit/archive/0f.zip", marks=pytest.mark.long),
    ],
)
def test_a_package_whose_address_is_gone_is_replaced_by_its_release(
    tmp_path, kit_json, monkeypatch, gone
):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    files = {"requirements.txt": f"django<6\n{gone}\n"}
    root = projects.project(tmp_path / "bare", files, "import taggit")

    document = kit_json("survey", root)

    assert document["facts"]["error"] is None
    assert document["manifest"]["python"]["extra"] == ["django-taggit"]
    assert document["manifest"]["python"]["exclude"] == []
    assert not findings(document, "unbuilt")


@pytest.mark.network
@pytest.mark.parametrize(
    "also",
    ["", pytest.param("https://127.0.0.1:9/me/gone/archive/0f.zip\n", marks=pytest.mark.long)],
)
def test_an_undeclared_package_leaves_the_versions_that_were_asked_for(
    tmp_path, kit_json, monkeypatch, also
):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    files = {"requirements.txt": f"django==4.2.*\n{also}"}
    root = projects.project(tmp_path / "bare", files, settings="import debug_toolbar")

    document = kit_json("survey", root)

    assert document["facts"]["error"] is None
    assert document["facts"]["django"].startswith("4.2.")
