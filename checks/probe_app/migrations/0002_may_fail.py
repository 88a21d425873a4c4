"""A migration that fails or lasts where a file says so."""

import time
from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parents[2]


def work(apps, schema_editor) -> None:  # noqa: ANN001 -- Django's own signature
    """Note where it runs; fail or last on demand."""
    place = Path(schema_editor.connection.settings_dict["NAME"])
    notes = HERE / "ddk_probe_note_migration"
    if notes.exists():
        with Path(notes.read_text(encoding="utf-8")).open("a", encoding="utf-8") as file:
            file.write(f"{place}\n")
    if asked("ddk_probe_slow_migration", place):
        time.sleep(60)
    if asked("ddk_probe_fail_migration", place):
        raise RuntimeError("provoked by the checks")


def asked(switch: str, place: Path) -> bool:
    """Whether the file is there, and names this database or none."""
    file = HERE / switch
    named = file.read_text(encoding="utf-8") if file.exists() else None
    return named is not None and (not named or place.samefile(named))


class Migration(migrations.Migration):
    """A second table, then perhaps an error."""

    dependencies = [("ddk_probe_app", "0001_works")]  # noqa: RUF012 -- Django's own idiom
    operations = [  # noqa: RUF012
        migrations.RunSQL("CREATE TABLE ddk_probe_second (text)"),
        migrations.RunPython(work, migrations.RunPython.noop),
    ]
