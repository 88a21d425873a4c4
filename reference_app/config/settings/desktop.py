"""The desktop app: a developer's settings while it is developed, the plain ones once packaged.

This choice is all the manifest cannot say. Everything else the desktop needs is layered on top by
`desktop-app/desktop_runtime`, for either choice.
"""

import os

if os.environ.get("DESKTOP_DJANGO_RUNTIME_MODE") == "development":
    from .local import *  # noqa: F403
else:
    from .base import *  # noqa: F403
