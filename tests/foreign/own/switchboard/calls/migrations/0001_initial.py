from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            "Call",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("text", models.CharField(max_length=80)),
            ],
        )
    ]
