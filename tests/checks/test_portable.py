"""Criteria of exports and backups on a target that has what the reference app lacks."""

import pytest

from tests.broken.targets import copy_reference_app, judge

# About three starts of the backend, with waiting.
pytestmark = [pytest.mark.slow, pytest.mark.long]

ACCOUNTS = '["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]'


def test_exports_with_accounts_and_scheduled_backups_pass(tmp_path):
    root = copy_reference_app(tmp_path / "target")
    settings = root / "config" / "settings" / "desktop.py"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(f"{text}\nINSTALLED_APPS += {ACCOUNTS}\n", encoding="utf-8")
    toml = root / "desktop-app" / "desktop.toml"
    text = toml.read_text(encoding="utf-8")
    changed = text.replace("[data]\n", "[data]\nbackups = { daily = 3, weekly = 2 }\n")
    toml.write_text(changed, encoding="utf-8")

    _, verdicts = judge(root, tmp_path / "report.json", "--only", "DAT-28,DAT-29")

    assert {verdicts[each] for each in ("DAT-28", "DAT-29")} == {"pass"}, verdicts
