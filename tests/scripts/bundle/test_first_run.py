"""Whether the data of a first launch are the same for everybody."""

import pytest

from skill_scripts.bundle import first_run

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_known_password_and_random_rows_are_told(project):
    project.append(
        "config/settings/desktop.py",
        '\nINSTALLED_APPS += ["django.contrib.auth", "django.contrib.contenttypes"]\n',
    )
    project.write(
        "items/migrations/0002_accounts.py",
        """
import uuid
from django.contrib.auth.hashers import make_password
from django.db import migrations


def fill(apps, schema_editor):
    apps.get_model("auth", "User").objects.create(username="admin", password=make_password("x"))
    apps.get_model("items", "Item").objects.create(title=str(uuid.uuid4()))


class Migration(migrations.Migration):
    dependencies = [("items", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(fill)]
""",
    )
    done = project.stage()
    found = {each.id: each for each in done.findings if each.severity == "decide"}
    assert "'admin'" in found["known-password"].what
    assert "items_item.title" in found["first-run"].what
    assert done.manifest["first_run"] == "first launch"
    assert not (project.staged / first_run.FOLDER).exists()


@pytest.mark.long
def test_text_that_depends_on_the_day_is_told(project):
    project.write(
        "items/migrations/0002_day.py",
        """
import datetime
from django.db import migrations


def fill(apps, schema_editor):
    title = f"Report {datetime.date.today().year}"
    apps.get_model("items", "Item").objects.create(title=title)


class Migration(migrations.Migration):
    dependencies = [("items", "0001_initial")]
    operations = [migrations.RunPython(fill)]
""",
    )
    done = project.stage()
    assert done.manifest["first_run"] == "first launch"
