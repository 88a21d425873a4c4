"""Print the name of an adapted project's app as the names of its installers begin.

usage: slug.py FOLDER
"""

import re
import sys
import tomllib
from pathlib import Path

# As electron/builder.config.mjs makes it.
app = tomllib.loads(Path(sys.argv[1], "desktop-app", "desktop.toml").read_text("utf-8"))["app"]
print(re.sub(r"[^a-z0-9]+", "-", app["name"].lower()).strip("-") or "app")
