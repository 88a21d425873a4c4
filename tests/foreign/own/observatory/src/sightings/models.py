from django.db import models


class Sighting(models.Model):
    name = models.CharField(max_length=80)
    magnitude = models.DecimalField(max_digits=4, decimal_places=2, default=1)
    chart = models.FileField(upload_to="charts", blank=True)

    class Meta:
        ordering = ["magnitude", "name"]
