"""Keeps the contract without Django; its arguments say how it misbehaves.

fake_backend.py FOLDER [MANNER...]
"""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

TOKEN = os.environ["DESKTOP_DJANGO_AUTH_TOKEN"]
PORT = int(os.environ["DESKTOP_DJANGO_PORT"])


def say(event: str, **values: object) -> None:
    print(json.dumps({"event": event, **values}), flush=True)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        address = urlsplit(self.path)
        is_bootstrap = address.path == "/desktop-auth/bootstrap/"
        given = parse_qs(address.query).get("token", [""])[0] if is_bootstrap else None
        given = given or self.headers.get("X-Desktop-Django-Token")
        self.send_response(200 if given == TOKEN else 403)
        if is_bootstrap:
            cookie = f"desktop_session_{PORT}=of-{TOKEN}; HttpOnly; SameSite=Strict; Path=/"
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def main(folder: Path, manners: list[str]) -> None:
    os.setpgid(0, 0)
    count = folder / "starts"
    starts = len(count.read_text()) if count.exists() else 0
    count.write_text("x" * (starts + 1))
    (folder / "environment.json").write_text(json.dumps(dict(os.environ)))
    if "taken" in manners and not starts:
        sys.exit(11)
    if "running" in manners and starts < 2:
        say("failed", code="DDK-RUN-12", exit=12, message="It runs already.", hint="")
        sys.exit(12)
    if "silent" in manners:
        print("Traceback: of a project", file=sys.stderr, flush=True)
        sys.exit(17)
    if "failing" in manners:
        say("failed", code="DDK-RUN-14", exit=14, message="No.", hint="Do.", report="For you.")
        sys.exit(14)
    ThreadingHTTPServer.allow_reuse_address = True
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("a project that prints", flush=True)
    say("listening", host="127.0.0.1", port=PORT, pid=os.getpid())
    say("migrating", done=1, total=3, name="items.0001", seconds_left=150)
    say("ready", seconds=0.1)
    if "deaf" in manners:
        signal.pause()
    sys.stdin.read()
    say("stopping", reason="lifeline")
    (folder / "clean").touch()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
