"""The one example model, kept generic: what an item is called on screen is the theme's business."""

from django.db import models
from django.urls import reverse


class Item(models.Model):
    class Status(models.TextChoices):
        BACKLOG = "backlog"
        ACTIVE = "active"
        DONE = "done"

    title = models.CharField(max_length=120)
    notes = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.BACKLOG)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-updated_at", "-pk"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("items:edit", args=[self.pk])


class SeedRecord(models.Model):
    """Which starter data this database has ever received, so that an emptied list stays empty."""

    name = models.CharField(max_length=50, primary_key=True)
    seeded_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
