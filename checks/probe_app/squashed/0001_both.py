"""What a later version has in the place of both migrations."""

from django.db import migrations


class Migration(migrations.Migration):
    """Both tables at once."""

    replaces = [  # noqa: RUF012 -- Django's own idiom
        ("ddk_probe_app", "0001_works"),
        ("ddk_probe_app", "0002_may_fail"),
    ]
    dependencies = []  # noqa: RUF012
    operations = [  # noqa: RUF012
        migrations.RunSQL("CREATE TABLE ddk_probe_first (text)"),
        migrations.RunSQL("CREATE TABLE ddk_probe_second (text)"),
    ]
