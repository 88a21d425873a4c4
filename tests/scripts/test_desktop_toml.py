"""desktop.toml: defaults, decisions, text."""

import json
import tomllib

import pytest

from skill_scripts import desktop_toml
from skill_scripts.desktop_toml import Decision
from skill_scripts.errors import ERRORS, KitError


@pytest.fixture
def draft():
    return desktop_toml.defaults()


def named(draft):
    return draft | {"app": draft["app"] | {"name": "A", "identifier": "org.example.a"}}


def test_the_table_of_keys_and_the_schema_agree():
    schema = json.loads(desktop_toml.SCHEMA.read_text(encoding="utf-8"))["properties"]
    for table, keys in desktop_toml.TABLES.items():
        assert list(keys) == list(schema[table]["properties"]), table


def test_the_defaults_are_valid_and_survive_writing(draft):
    text = desktop_toml.render(named(draft))
    assert list(desktop_toml.find_problems(tomllib.loads(text))) == []
    assert tomllib.loads(text) | {"workers": []} == named(draft)


def test_a_file_that_says_little_has_the_defaults(tmp_path, draft):
    file = tmp_path / "desktop.toml"
    file.write_text(
        'spec = "1.0"\n[app]\nname = "A"\nidentifier = "org.example.a"\nversion = "1.0.0"\n'
    )
    assert desktop_toml.read(file)["python"] == draft["python"]


@pytest.mark.parametrize(
    "decision, table, key, value",
    [
        ("app.home=/start/", "app", "home", "/start/"),
        ("app.name=Ünï 1", "app", "name", "Ünï 1"),
        ("app.name='12'", "app", "name", "12"),
        ("login.create=true", "login", "create", True),
        ('python.extra=["a", "b"]', "python", "extra", ["a", "b"]),
        ("django.env.PORT=5432", "django", "env", {"PORT": "5432"}),
        ("django.env.EMPTY=", "django", "env", {"EMPTY": ""}),
        ("django.env.QUERY=a=b", "django", "env", {"QUERY": "a=b"}),
        ("django.set.DEPTH=3", "django", "set", {"DEPTH": 3}),
        ("django.set.NAME=word", "django", "set", {"NAME": "word"}),
        ("django.set.A.b.0=word", "django", "set", {"A.b.0": "word"}),
    ],
)
def test_decisions(draft, decision, table, key, value):
    desktop_toml.decide(draft, Decision.parse(decision))
    assert draft[table][key] == value


def test_workers_are_decided_as_a_whole(draft):
    workers = 'workers=[{ name = "tasks", command = ["db_worker"] }]'
    desktop_toml.decide(draft, Decision.parse(workers))
    assert tomllib.loads(desktop_toml.render(named(draft)))["workers"] == draft["workers"]


@pytest.mark.parametrize(
    "decision",
    ["", "app.name", "nothing=1", "app.nothing=1", "app=1", "django.env=1", "django.set=1",
     "login.create=maybe", "app.identifier=one", "python.extra=a", "workers=1", "app.home=start"],
)  # fmt: skip
def test_what_is_no_decision(draft, decision):
    with pytest.raises(KitError) as caught:
        desktop_toml.decide(draft, Decision.parse(decision))
    assert caught.value.code == "DDK-ADP-07"


def test_every_error_says_what_it_means_and_what_to_do():
    for code, text in ERRORS.items():
        error = KitError(code, "what happened")
        assert str(error).startswith(f"error {code}: what happened\n  means: ")
        assert text.meaning.endswith(".") and not text.remedy.endswith(".")


def test_what_is_decided_can_be_decided_again():
    decisions = [
        "app.name=Pony Club",
        "django.set.CODE='007'",
        "django.set.NUMBER='3'",
        "django.set.SEARCH.default.PATH={app_data}/index",
        'django.set.OPTIONS={ a = [1, 2.5], "b c" = { d = "é" } }',
        'data.seed=[{ from = "seed", to = "media" }]',
        'data.first_run=[["loaddata", "ponies"]]',
        "login.create=true",
        'workers=[{ name = "tasks", command = ["db_worker"] }]',
    ]
    first, second = desktop_toml.defaults(), desktop_toml.defaults()
    for decision in decisions:
        desktop_toml.decide(first, Decision.parse(decision))
    for decision in desktop_toml.decided(first):
        desktop_toml.decide(second, Decision.parse(str(decision)))

    assert len(desktop_toml.decided(first)) == len(decisions)
    assert first == second
