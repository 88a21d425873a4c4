"""Development: `python manage.py runserver`."""

import sys
from importlib.util import find_spec

from .base import *  # noqa: F403
from .base import INSTALLED_APPS, MIDDLEWARE, SECRET_KEY

DEBUG = True
SECRET_KEY = SECRET_KEY or "development-only-never-shipped"

# Its event stream holds one server thread for each open page, which only runserver has to spare.
BROWSER_RELOAD = sys.argv[1:2] == ["runserver"] and find_spec("django_browser_reload") is not None
if BROWSER_RELOAD:
    INSTALLED_APPS = [*INSTALLED_APPS, "django_browser_reload"]
    MIDDLEWARE = [*MIDDLEWARE, "django_browser_reload.middleware.BrowserReloadMiddleware"]
