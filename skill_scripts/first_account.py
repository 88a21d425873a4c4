"""Whether the first launch can ask for the first account, found out by making one."""

from collections.abc import Iterable

from skill_scripts.findings import BLOCKED, Finding
from skill_scripts.manifest import Manifest
from skill_scripts.probing import run_probe
from skill_scripts.surveyed import Survey

KEY = "login.first_account"
OFF = f"--set {KEY}=false"


def is_open(decisions: Iterable[str], is_adapted: bool) -> bool:
    """Whether nobody has decided about it; a desktop.toml that is there is a decision."""
    return not is_adapted and all(each.partition("=")[0].strip() != KEY for each in decisions)


def offer(result: Survey, home: str, is_open: bool) -> bool:
    """Turn it on where an account gets the first person in; whether it is on."""
    login = result.draft["login"]
    pages = result.facts.get("urls", {})
    if login["user"] or not (login["first_account"] or (is_open and not pages.get("sign_up"))):
        return False
    tried: Manifest = {
        **result.draft,
        "app": {**result.draft["app"], "home": home or result.draft["app"]["home"]},
        "login": {**login, "first_account": True},
    }
    assert result.interpreter is not None
    facts = run_probe(result.project, tried, result.interpreter)
    landing = facts.get("landing", {})
    error = facts["error"]["text"] if facts["error"] else ""
    if not login["first_account"]:
        login["first_account"] = not error and not landing.get("login")
    elif error:
        result.findings.append(Finding("first-account", BLOCKED, f"{KEY}: {error}", OFF))
    if login["first_account"]:
        result.facts["signed_in"] = landing | {"error": error}
    return login["first_account"]
