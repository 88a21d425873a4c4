"""Whether the first launch can ask for the first account, found out by making one."""

from skill_scripts.desktop_toml import Manifest
from skill_scripts.findings.finding import BLOCKED, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import SignedIn
from skill_scripts.probe.run import run_probe

KEY = "login.first_account"
OFF = f"--set {KEY}=false"


def offer(result: Survey, home: str) -> bool:
    """Turn it on where an account gets the first person in; whether it is on."""
    login, pages = result.draft["login"], result.facts.urls
    is_open = tuple(KEY.split(".")) not in result.decided
    can_sign_up = bool(pages and pages.sign_up)
    if login["user"] or not (login["first_account"] or (is_open and not can_sign_up)):
        return False
    tried: Manifest = {
        **result.draft,
        "app": {**result.draft["app"], "home": home or result.draft["app"]["home"]},
        "login": {**login, "first_account": True},
    }
    assert result.interpreter is not None
    signed_in = SignedIn.seen(run_probe(result.project, tried, result.interpreter))
    if not login["first_account"]:
        login["first_account"] = not signed_in.error and not signed_in.login
    elif signed_in.error:
        result.findings.append(Finding("first-account", BLOCKED, f"{KEY}: {signed_in.error}", OFF))
    if login["first_account"]:
        result.facts = result.facts.also(signed_in=signed_in)
    return login["first_account"]
