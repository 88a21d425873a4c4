"""An unguarded shell, which the checks must catch: a project in pywebview as it comes.

    python3 webview_shell.py PROJECT

Runs where PyGObject, WebKitGTK and pywebview are. It keeps the contract with the backend and comes
in by the bootstrap address, and does nothing of what a shell has to do besides.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

import webview


def main(project: Path) -> None:
    """Start the backend, show its first page, end it with the window."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    token = secrets.token_urlsafe(32)
    app_data = os.environ["DESKTOP_DJANGO_APP_DATA_DIR"]
    own = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "AUTH_TOKEN": token,
        "APP_DATA_DIR": app_data,
        "BUNDLE_DIR": str(project),
        "RUNTIME_MODE": "development",
    }
    flags = ["-I", "-u", "-X", "utf8", "-X", f"pycache_prefix={app_data}/pycache"]
    logs = Path(app_data, "logs")
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / "backend.log").open("ab") as errors:
        backend = subprocess.Popen(
            [os.environ["PYTHON"], *flags, str(project / "desktop-app" / "launch.py")],
            env=os.environ | {f"DESKTOP_DJANGO_{name}": value for name, value in own.items()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
    for line in backend.stdout:
        if json.loads(line)["event"] == "ready":
            break
    query = f"token={token}&next=/"
    webview.create_window("Shell", f"http://127.0.0.1:{port}/desktop-auth/bootstrap/?{query}")
    webview.start(gui="gtk")
    backend.stdin.close()
    backend.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
