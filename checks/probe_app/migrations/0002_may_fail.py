"""A migration that fails where a file says so."""

from pathlib import Path

from django.db import migrations

SWITCH = Path(__file__).parents[2] / "ddk_probe_fail_migration"


def fail(apps, schema_editor) -> None:  # noqa: ANN001 -- Django's own signature
    """Fail on demand."""
    if SWITCH.exists():
        raise RuntimeError("provoked by the checks")


class Migration(migrations.Migration):
    """A second table, then perhaps an error."""

    dependencies = [("ddk_probe_app", "0001_works")]  # noqa: RUF012 -- Django's own idiom
    operations = [  # noqa: RUF012
        migrations.RunSQL("CREATE TABLE ddk_probe_second (text)"),
        migrations.RunPython(fail, migrations.RunPython.noop),
    ]
