"""What a new installation needs."""

import pytest

from tests.scripts.documents import findings

pytestmark = pytest.mark.slow


def test_what_a_new_installation_needs_is_proposed(make_project, kit_json):
    root = make_project(
        {
            "shop/fixtures/initial_data.json": "[]",
            "shop/fixtures/orders.json": "[]",
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
    assert (
        """--set 'data.first_run=[["loaddata", "initial_data"], ["setup_shop"]]'"""
        in (commands["do"])
    )
    (translations,) = findings(document, "translations")
    assert translations["place"] == "shop/locale/de/LC_MESSAGES/django.po"
    assert translations["what"].startswith("1 translations")
