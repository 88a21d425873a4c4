from django.contrib.auth.models import AbstractUser


class Member(AbstractUser):
    """Its migrations are made where it is installed: this repository has none."""
