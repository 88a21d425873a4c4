"""A migration that works, and stays applied when the next one fails."""

from django.db import migrations


class Migration(migrations.Migration):
    """A table of its own."""

    dependencies = []  # noqa: RUF012 -- Django's own idiom
    operations = [migrations.RunSQL("CREATE TABLE ddk_probe_first (text)")]  # noqa: RUF012
