"""Executed by the project's own `manage.py shell`: makes an account and signs it in.

The last line it prints is the session's cookie as JSON: [NAME, VALUE]. Imports nothing of the kit.
"""

import json

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.test import Client

ANYTHING = ("me", "me@example.org", "1", "2001-02-03", "+12025550100")
model = get_user_model()
values = {}
for name in dict.fromkeys((model.USERNAME_FIELD, *model.REQUIRED_FIELDS)):
    for each in ANYTHING:
        try:
            values[name] = model._meta.get_field(name).clean(each, None)
            break
        except ValidationError:
            continue
model._default_manager.create_superuser(**values, password="Quite1-long-and-odd")
client = Client()
client.force_login(model._base_manager.latest("pk"))
cookie = client.cookies[settings.SESSION_COOKIE_NAME]
print(json.dumps([cookie.key, cookie.value]))
