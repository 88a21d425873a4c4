"""What a new installation needs."""

import pytest

from tests.scripts.documents import findings

pytestmark = pytest.mark.slow


def test_what_a_new_installation_needs_is_proposed(make_project, kit_json):
    root = make_project(
        {
            "shop/fixtures/initial_data.json": "[]",
            "shop/fixtures/orders.json": "[]",
            "shop/fixtures/roles.json": '[{"model": "auth.group", "fields": {"name": "Riders"}}]',
            "tests/fixtures/default.json": "[]",
            "shop/management/commands/setup_shop.py": "",
            "shop/management/commands/report.py": "",
            "shop/locale/de/LC_MESSAGES/django.po": "",
            "shop/locale/fr/LC_MESSAGES/django.po": "",
            "shop/locale/fr/LC_MESSAGES/django.mo": "",
        }
    )

    document = kit_json("survey", root)

    (commands,) = findings(document, "first-run-commands")
    wanted = '[["loaddata", "initial_data"], ["loaddata", "roles"], ["setup_shop"]]'
    assert f"--set 'data.first_run={wanted}'" in commands["do"]
    (translations,) = findings(document, "translations")
    assert translations["place"] == "shop/locale/de/LC_MESSAGES/django.po"
    assert translations["what"].startswith("1 translations")
