from django.db import models


class Dish(models.Model):
    name = models.CharField(max_length=80)
    cooked_by = models.IntegerField(null=True)
    is_clean = models.BooleanField(default=False)
