from django.db import models


class Call(models.Model):
    text = models.CharField(max_length=80)
