"""UPD: a newer version in the place of an older."""

from __future__ import annotations

import pytest

from checks import database
from checks.application import Opened
from checks.starts.updates import Migrated
from checks.target import Target
from checks.verdicts import NotApplicable, NotRun, Seen

SHOWN = "tests/shell/units/updates.test.js of the kit shows it of the baseline shell"


@pytest.mark.criterion("UPD-1")
def test_consent(opened_application: Opened, seen: Seen) -> None:
    """Fetches nothing that nobody asked for."""
    opened = opened_application
    assert not opened.problem, opened.problem
    asked = opened.elsewhere if opened.has_feed else opened.requests
    feed = "an update was offered and nobody agreed" if opened.has_feed else "without a feed"
    assert not asked, f"{feed}, it asked for {asked[0]}"
    looks = len(opened.requests)
    seen(f"{feed}: {f'{looks} looks at the feed' if looks else 'no request'}")


@pytest.mark.criterion("UPD-2")
def test_backend_ended(target: Target) -> None:
    """Ends its backend before it installs an update."""
    raise_without_feed(target)
    raise NotRun(f"needs a person who agrees in a window of the system; {SHOWN}")


@pytest.mark.criterion("UPD-3")
def test_older_data(migrated: Migrated, seen: Seen) -> None:
    """Opens the data of an older version, with a backup."""
    assert len(migrated.applied) == 2, f"the migrations were not applied ({migrated.ending})"
    assert not migrated.lost, f"rows of the older version are gone: {', '.join(migrated.lost[:3])}"
    kept = [path for path in migrated.backups if database.contents(path) == migrated.before]
    assert kept, f"there is no backup of what was there before ({migrated.ending})"
    seen(f"{migrated.rows} rows there, {kept[-1].parent.name}/{kept[-1].name}")


@pytest.mark.criterion("UPD-4")
def test_wrong_updates(target: Target) -> None:
    """Refuses an update that is older or not as announced."""
    raise_without_feed(target)
    raise NotRun(f"needs a person who agrees in a window of the system; {SHOWN}")


def raise_without_feed(target: Target) -> None:
    """Raises NotApplicable where nothing updates the application."""
    if not target.manifest.get("package", {}).get("feed"):
        raise NotApplicable("desktop.toml names no feed: it is updated by hand")
