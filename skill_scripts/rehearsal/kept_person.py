"""Executed by the project's own `launch.py manage shell`: signs in somebody the data have.

A superuser if there is one. The last line it prints is the session's cookie as JSON: [NAME, VALUE].
Imports nothing of the kit.
"""

import json

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

people = [each for each in get_user_model()._base_manager.order_by("pk") if each.is_active]
people.sort(key=lambda each: not getattr(each, "is_superuser", False))
if people:
    client = Client()
    client.force_login(people[0])
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    print(json.dumps([cookie.key, cookie.value]))
