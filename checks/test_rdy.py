"""RDY: what the backend tells the shell, and when."""

from __future__ import annotations

import pytest

from checks.backend import Backend, Ending, run_to_end
from checks.scratch_copy import switched
from checks.starts.app_data import Copies
from checks.starts.chatty import Chatty
from checks.starts.first_run import FirstRun
from checks.target import Target
from checks.verdicts import Record, Seen


@pytest.mark.criterion("RDY-1")
def test_events(first_run: FirstRun, seen: Seen, record_property: Record) -> None:
    """Says listening, then ready, and nothing else."""
    names = [e["event"] for e in first_run.events]
    assert not first_run.noise, f"standard output carries {first_run.noise[0][:60]!r}"
    for name in ("listening", "ready"):
        assert name in names, (
            f"the event `{name}` did not come; these came: {', '.join(names) or 'none'}"
        )
    assert names.index("listening") < names.index("ready"), "`ready` came before `listening`"
    listening = first_run.events[names.index("listening")]
    assert listening.get("port") == first_run.port, (
        f"`listening` names port {listening.get('port')}"
    )
    ready = first_run.events[names.index("ready")]
    for fact in ("python", "django"):
        record_property(f"fact:{fact}", ready.get(fact))
    seen(", ".join(dict.fromkeys(names)))


@pytest.mark.criterion("RDY-2")
def test_health_after_migrations(first_run: FirstRun, seen: Seen) -> None:
    """Health answers 200 only once migrated."""
    if 200 in first_run.early:
        now, later = len(first_run.applied_at_health), len(first_run.applied_later)
        assert now == later, f"answered 200 with {now} of {later} migrations applied"
        seen(f"{later} migrations applied at the first 200")
    else:
        seen("no 200 before `ready`")


@pytest.mark.criterion("RDY-3")
def test_health(live: Backend, target: Target, seen: Seen) -> None:
    """Health needs the token and tells nothing."""
    path = target.health_path
    refused = live.get(path, token=None).status
    assert refused == 403, f"GET {path} without token answered {refused}, expected 403"
    answer = live.get(path)
    assert answer.status == 200, f"GET {path} answered {answer.status}, expected 200"
    assert answer.json() == {"status": "ready"}, f"GET {path} answered {answer.text[:60]!r}"
    caching = answer.headers.get("cache-control", "")
    assert "no-store" in caching, f"GET {path} has Cache-Control {caching!r}, expected no-store"
    seen(answer.text.strip())


@pytest.fixture(scope="session")
def load_failure(probe_target: Target, copies: Copies) -> Ending:
    """A start of a copy that raises an error when it is loaded."""
    app_data = copies("unloadable")
    with switched(probe_target, "ddk_probe_fail"):
        return run_to_end(probe_target, app_data)


@pytest.mark.criterion("RDY-4")
def test_load_failure(load_failure: Ending, seen: Seen) -> None:
    """Ends with exit 17 when the project cannot load."""
    assert load_failure.announced(17), f"{load_failure}, expected exit 17 and a `failed` event"
    seen(load_failure)


@pytest.mark.criterion("RDY-5")
def test_chatty_project(chatty: Chatty, seen: Seen) -> None:
    """Stays undisturbed by a project that prints and reads."""
    assert not chatty.noise, f"the project's output is in the events: {chatty.noise[0][:60]!r}"
    assert not chatty.reason, chatty.reason
    seen("events clean, lifeline works")


@pytest.mark.criterion("RDY-6")
def test_flood(chatty: Chatty, seen: Seen) -> None:
    """Is not blocked by output nobody reads."""
    assert not chatty.flooded, f"after 2 MiB of output: {chatty.flooded}"
    seen("answers after 2 MiB on each stream")
