from django.core.management.base import BaseCommand
from django.db import transaction

from items.models import Item, SeedRecord

ROSTER = [
    ("Stardust", "Learning to land on the north paddock without startling the hens.", "backlog"),
    ("Comet", "Prefers tailwinds. Bring apples.", "active"),
    ("Moonbeam", "Wings brushed, hooves polished, ribbon chosen.", "done"),
    ("Thistle", "Afraid of heights. We are working on it.", "backlog"),
]


class Command(BaseCommand):
    help = "Put a small roster into a database that has never had one."

    def handle(self, **options) -> None:
        with transaction.atomic():
            _, first_time = SeedRecord.objects.get_or_create(name="roster")
            if not first_time or Item.objects.exists():
                self.stdout.write("Nothing to seed: this database has been used before.")
                return
            for title, notes, status in reversed(ROSTER):
                Item.objects.create(title=title, notes=notes, status=status)
        self.stdout.write(f"Seeded {len(ROSTER)} items.")
