"""A variable that is not set."""

import pytest

from tests.scripts.documents import findings

pytestmark = pytest.mark.slow


def test_variables_without_a_default_are_found_and_get_values(make_project, kit_json):
    root = make_project(
        settings="""
        SECRET_KEY = os.environ["SECRET_KEY"]
        ALLOWED_HOSTS = os.getenv("ALLOWED_HOSTS").split(",")
        WORKERS = int(os.environ["WORKERS_WANTED"])
        """
    )

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["env"] == {
        "SECRET_KEY": "generate:secret",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "WORKERS_WANTED": "1",
    }
    severities = {each["what"].split()[0]: each["severity"] for each in document["findings"]
                  if each["id"] == "variable"}  # fmt: skip
    assert severities == {
        "SECRET_KEY": "handled", "ALLOWED_HOSTS": "handled", "WORKERS_WANTED": "decide"
    }  # fmt: skip
    (workers,) = [each for each in document["findings"] if "WORKERS" in each["what"]]
    assert workers["place"] == "site1/settings.py:16"
    assert "--set django.env.WORKERS_WANTED=VALUE" in workers["do"]


def test_a_decided_variable_is_used_as_it_is(make_project, kit_json):
    root = make_project(settings='assert os.environ["MODE"] == "desk top"')

    document = kit_json("survey", root, "--set", "django.env.MODE=desk top")

    assert document["facts"]["error"] is None
    assert not findings(document, "variable")


def test_a_variable_that_the_message_only_hints_at_is_found(make_project, kit_json):
    root = make_project(
        settings="""
        if not os.environ.get("SHOP_API_TOKEN"):
            raise ValueError("Unable to determine API_TOKEN.")
        """
    )

    document = kit_json("survey", root)

    assert document["manifest"]["django"]["env"] == {"SHOP_API_TOKEN": "generate:secret"}
