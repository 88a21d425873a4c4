from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Dish",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80)),
                ("cooked_by", models.IntegerField(null=True)),
                ("is_clean", models.BooleanField(default=False)),
            ],
        ),
    ]
