from django.db import models


class Order(models.Model):
    text = models.CharField(max_length=80)
    done_by = models.CharField(max_length=80, blank=True)
