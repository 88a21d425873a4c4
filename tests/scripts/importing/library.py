"""A project whose data have everything that is hard to carry over, and a server full of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from tests.scripts import projects

SETTINGS = """
    INSTALLED_APPS += ["django.contrib.sessions", "library", "authtoken"]
    MIDDLEWARE = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    AUTH_USER_MODEL = "library.Person"
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    USE_TZ = True
    TIME_ZONE = "America/New_York"
    # Hashing on purpose slowly is not what is tested here.
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    MEDIA_ROOT = BASE_DIR / "uploads"
    if os.environ.get("LIBRARY_DATABASE"):
        import json
        DATABASES["default"] = json.loads(os.environ["LIBRARY_DATABASE"])
"""

MODELS = """
import uuid

from django.contrib.auth.models import AbstractUser
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Person(AbstractUser):
    friends = models.ManyToManyField("self", blank=True)


class Tag(models.Model):
    name = models.CharField(max_length=40)
    content_type = models.ForeignKey(ContentType, on_delete=models.CASCADE)
    object_id = models.PositiveIntegerField()
    thing = GenericForeignKey()


class VisibleManager(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(hidden=False)


class Publication(models.Model):
    title = models.CharField(max_length=200)
    hidden = models.BooleanField(default=False)
    changed = models.DateTimeField(auto_now=True)
    follows = models.ForeignKey("self", null=True, on_delete=models.SET_NULL)
    tags = GenericRelation(Tag)
    objects = VisibleManager()


class Book(Publication):
    isbn = models.UUIDField(default=uuid.uuid4, unique=True)
    price = models.DecimalField(max_digits=20, decimal_places=10, null=True)
    facts = models.JSONField(default=dict)
    maybe = models.JSONField(null=True)
    length = models.DurationField(null=True)
    raw = models.BinaryField(null=True)
    day = models.DateField(null=True)
    weight = models.FloatField(null=True)
    number = models.PositiveIntegerField(null=True)
    cover = models.FileField(upload_to="covers", blank=True)
    authors = models.ManyToManyField(Person, through="Authorship")


class Authorship(models.Model):
    book = models.ForeignKey(Book, on_delete=models.CASCADE)
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    share = models.FloatField(default=1)


class Shelf(models.Model):
    name = models.CharField(max_length=40, unique=True)
    books = models.ManyToManyField(Book)

    class ShelfManager(models.Manager):
        def get_by_natural_key(self, name):
            return self.get(name=name)

    objects = ShelfManager()

    def natural_key(self):
        return (self.name,)


class Box:
    # Without words for itself, and whole only once it is saved.

    def __init__(self, text):
        self.text = text


class BoxField(models.TextField):
    def to_python(self, value):
        return value if isinstance(value, Box) else Box(value)

    def value_to_string(self, obj):
        return self.value_from_object(obj).text

    def from_db_value(self, value, expression, connection):
        return Box(value)

    def get_prep_value(self, value):
        if not isinstance(value, Box):
            return value
        return value.text if "#" in value.text else f"{value.text}#{uuid.uuid4()}"


class Label(models.Model):
    shelf = models.ForeignKey(Shelf, on_delete=models.CASCADE)
    text = models.TextField(default="")
    words = models.JSONField(default=list)
    box = BoxField(default="open")

    class Meta:
        db_table = "Library_Label"


class Loud(Shelf):
    class Meta:
        proxy = True


class Elsewhere(models.Model):
    class Meta:
        managed = False
        db_table = "elsewhere"
"""

# Named like the app of a library that lets programs in.
TOKENS = """
from django.db import models


class Token(models.Model):
    key = models.CharField(max_length=40, primary_key=True)
"""

FIRST_SHELF = """
from django.db import migrations


def fill(apps, schema_editor):
    apps.get_model("library", "Shelf").objects.create(name="from the migration")


class Migration(migrations.Migration):
    dependencies = [("library", "0001_initial")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
"""

FILL = """
import datetime, decimal, pathlib, sys, uuid
import django
django.setup()
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import JSONField, Value
from django.utils import timezone
from authtoken.models import Token
from library.models import *

# Numbers that no new database gives to content types and permissions.
with connection.cursor() as cursor:
    for table, column, shift in (
        ("auth_permission", "content_type_id", 100), ("django_content_type", "id", 100),
        ("auth_permission", "id", 1000),
    ):
        cursor.execute({
            "sqlite": "PRAGMA foreign_keys=OFF",
            "postgresql": "SET session_replication_role = replica",
            "mysql": "SET foreign_key_checks = 0",
        }[connection.vendor])
        cursor.execute(f"UPDATE {table} SET {column} = {column} + {shift}")
ContentType.objects.clear_cache()
connection.close()

rows = int(sys.argv[1]) if len(sys.argv) > 1 else 3
people = [Person.objects.create_user(f"person{n}", password="secret") for n in range(3)]
people[0].friends.add(people[1])
group = Group.objects.create(name="readers")
group.permissions.add(Permission.objects.get(codename="change_book"))
people[1].user_permissions.add(Permission.objects.get(codename="delete_shelf"))
Shelf.objects.all().delete()
shelf = Shelf.objects.create(name="top")
Label.objects.create(shelf=shelf)
noon = datetime.datetime(2020, 7, 1, 12, 0, 0, 123456, tzinfo=datetime.timezone.utc)
covers = pathlib.Path(settings.MEDIA_ROOT, "covers")
covers.mkdir(parents=True, exist_ok=True)
(covers / "one.txt").write_text("cover one")
(pathlib.Path(settings.MEDIA_ROOT) / "thumb.txt").write_text("named by no row")
last = None
for n in range(rows):
    book = Book.objects.create(
        title=f"Book {n} é", hidden=n % 2 == 1, follows=last,
        price=decimal.Decimal("19.9900000001"),
        facts={"b": [1, 2.5, None], "a": "é"}, maybe=Value(None, JSONField()) if n == 0 else None,
        length=datetime.timedelta(days=1, microseconds=7), raw=b"\\0\\xff", weight=0.1,
        isbn=uuid.UUID(int=n + 1), day=datetime.date(2020, 2, 29), number=n,
        cover="covers/one.txt" if n == 0 else "",
    )
    Publication._base_manager.filter(pk=book.pk).update(changed=noon + datetime.timedelta(hours=n))
    if n < 3:
        Authorship.objects.create(book=book, person=people[n], share=0.5)
        shelf.books.add(book)
        Tag.objects.create(name=f"tag {n}", thing=book)
    last = book.publication_ptr
Book.objects.create(title="gone").delete()
Token.objects.create(key="secret")
Session.objects.create(session_key="k" * 32, session_data="x", expire_date=timezone.now())
"""


def make(root: Path, environment: Path) -> Path:
    """Write the project, with its migrations, in `root`."""
    files = {
        "library/__init__.py": "", "library/models.py": MODELS,
        "library/migrations/__init__.py": "", "fill.py": FILL,
        "authtoken/__init__.py": "", "authtoken/models.py": TOKENS,
        "authtoken/migrations/__init__.py": "",
    }  # fmt: skip
    projects.project(root, files, SETTINGS)
    (root / ".venv").symlink_to(environment, target_is_directory=True)
    (root / ".gitignore").write_text(".venv\n", encoding="utf-8")
    manage(root, "makemigrations", "library", "authtoken", "-v0")
    migration = {"library/migrations/0002_first_shelf.py": FIRST_SHELF}
    return projects.write(root, migration)


def manage(root: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """What the project's own manage.py says."""
    return _python(root, "manage.py", *arguments, env=env)


def fill(root: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
    """Put data into the project's own database, and files into its uploads."""
    manage(root, "migrate", "-v0", env=env)
    _python(root, "fill.py", *arguments, env=env)


def sql(root: Path, statement: str, env: dict[str, str]) -> int:
    """Run a statement on the project's own database; how many rows it changed."""
    code = (
        "import sys, django; django.setup()\n"
        "from django.db import connection as c\n"
        "with c.cursor() as cursor: cursor.execute(sys.argv[1]); print(cursor.rowcount)"
    )
    return int(_python(root, "-c", code, statement, env=env))


def start(root: Path, *arguments: str, env: dict[str, str]) -> subprocess.Popen:
    """The project's own Python, in the background."""
    return subprocess.Popen(**_command(root, arguments, env), stdout=subprocess.PIPE, text=True)


def _python(root: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(**_command(root, arguments, env), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _command(root: Path, arguments: tuple[str, ...], env: dict[str, str] | None) -> dict[str, Any]:
    own = {**os.environ, "DJANGO_SETTINGS_MODULE": "site1.settings", **(env or {})}
    own.pop("DESKTOP_DJANGO_APP_DATA_DIR", None)  # else it is taken for a running app
    return {"args": [str(root / ".venv" / "bin" / "python"), *arguments], "cwd": root, "env": own}
