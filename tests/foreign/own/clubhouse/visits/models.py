from django.conf import settings
from django.db import models


class Visit(models.Model):
    guest = models.CharField(max_length=80)
    note = models.TextField(blank=True)
    host = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    arrived = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-arrived"]
