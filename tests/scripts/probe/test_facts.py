"""What the probe wrote as JSON is read as types, and printed as it was written."""

from skill_scripts.probe.facts import Facts, Page, SignedIn

ERROR = {"type": "KeyError", "module": "builtins", "message": "'X'", "name": None,
         "frames": [{"file": "a.py", "line": 3, "code": "x"}]}  # fmt: skip
DOCUMENT = {
    "step": "landing",
    "error": {"text": "KeyError: 'X'", "chain": [ERROR], "file": "a.py", "line": 3},
    "python": "3.12.1",
    "settings": {"DEBUG": True, "INSTALLED_APPS": ["a"], "CACHES": {"default": "x"}},
    "settings_file": None,
    "databases": {"default": {"engine": "e", "name": "", "sqlite": True}},
    "models": {"count": 1, "apps": ["a"], "user": "", "engine_bound": [
        {"model": "a.A", "field": "f", "kind": "K", "module": "m", "file": "a.py", "line": 1}]},
    "urls": {"root": None, "health": "h", "pages": ["/a/"], "guarded": [], "sign_up": False,
             "walled": ["/admin/"]},
    "migrations": {"count": 2, "apps_without": ["a"]},
    "packages": {"a": ["A", "1.0"]},
    "landing": {"status": 500, "path": "/a/", "login": False, "error": "E"},
    "writes": ["old.log"],
}  # fmt: skip


def test_what_was_written_is_printed_as_it_was():
    assert Facts.read(DOCUMENT).as_dict() == DOCUMENT


def test_what_was_not_reported_has_a_default_and_is_not_printed():
    facts = Facts.read({"step": "start", "error": None})
    assert (facts.settings, facts.writes, facts.landing) == ({}, (), None)
    assert facts.as_dict() == {"step": "start", "error": None}


def test_values_are_types():
    facts = Facts.read(DOCUMENT)
    assert facts.error.place == "a.py:3"
    assert facts.error.chain[0].frames[0].code == "x"
    assert facts.landing == Page(500, "/a/", login=False, error="E")
    assert facts.models.engine_bound[0].field == "f"


def test_what_is_learned_later_is_printed_too():
    facts = Facts.read(DOCUMENT).also(error=None, signed_in=SignedIn("", 200, "/", login=False))
    signed_in = {"error": "", "status": 200, "path": "/", "login": False}
    assert facts.as_dict() == DOCUMENT | {"error": None, "signed_in": signed_in}


def test_facts_come_before_others():
    seen = Facts.read({"step": "manage", "error": None, "python": "3.12.1"})
    guessed = Facts.read({"python": "3.11", "explicit": ["DEBUG"]})
    assert seen.over(guessed).as_dict() == {
        "step": "manage", "error": None, "python": "3.12.1", "explicit": ["DEBUG"],
    }  # fmt: skip
