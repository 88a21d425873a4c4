from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Sighting",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80)),
                ("magnitude", models.DecimalField(max_digits=4, decimal_places=2, default=1)),
                ("chart", models.FileField(upload_to="charts", blank=True)),
            ],
            options={"ordering": ["magnitude", "name"]},
        ),
    ]
