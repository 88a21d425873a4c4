"""A migration that fails or lasts where a file says so."""

import time
from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parents[2]


def fail(apps, schema_editor) -> None:  # noqa: ANN001 -- Django's own signature
    """Fail or last on demand."""
    if (HERE / "ddk_probe_slow_migration").exists():
        time.sleep(60)
    if (HERE / "ddk_probe_fail_migration").exists():
        raise RuntimeError("provoked by the checks")


class Migration(migrations.Migration):
    """A second table, then perhaps an error."""

    dependencies = [("ddk_probe_app", "0001_works")]  # noqa: RUF012 -- Django's own idiom
    operations = [  # noqa: RUF012
        migrations.RunSQL("CREATE TABLE ddk_probe_second (text)"),
        migrations.RunPython(fail, migrations.RunPython.noop),
    ]
