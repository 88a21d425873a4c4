"""A web host on this machine, a registry of packages in it, and a project that names its files."""

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from skill_scripts import desktop_toml
from skill_scripts.layer import record
from skill_scripts.layer.payload import sha256
from tests.scripts.projects import project

Answer = Callable[[BaseHTTPRequestHandler], None]
CDN = "https://cdn.example/a"
STYLE = b"@font-face { src: url(fonts/a.woff2?v=1) format('woff2'), url(fonts/a.ttf) }\n"


class Host:
    """A web host on this machine, whose paths answer as a test says."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | tuple[str, bytes]] = {}
        self.asked: list[str] = []
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.asked.append(self.path)
                match host.answers.get(self.path):
                    case None:
                        self.send_error(404)
                    case (kind, content):
                        self.send_response(200)
                        self.send_header("Content-Type", kind)
                        self.send_header("Content-Length", str(len(content)))
                        self.end_headers()
                        self.wfile.write(content)
                    case answer:
                        answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def adapted(root: Path, page: str = "", add: tuple[str, ...] = ()) -> Path:
    """A project that has a desktop layer as far as this matters."""
    project(root, {"templates/page.html": page} if page else {})
    folder = root / "desktop-app"
    folder.mkdir()
    settings = desktop_toml.defaults()
    settings["app"] |= {"name": "Shop", "identifier": "org.example.shop"}
    settings["offline"]["add"] = list(add)
    (folder / "desktop.toml").write_text(desktop_toml.render(settings), encoding="utf-8")
    record.write(folder, {"desktop.toml": sha256(folder / "desktop.toml")}, [])
    return root


def digest(content: bytes) -> str:
    return "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()


def listed(root: Path) -> dict[str, dict]:
    content = json.loads((root / "desktop-app/offline/manifest.json").read_text("utf-8"))
    return {each["address"]: each for each in content["files"]}


def redirect(to: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", to)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def announce(size: int, sent: int) -> Answer:
    """Promise `size` bytes, 0 for no promise, and send `sent`."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        if size:
            request.send_header("Content-Length", str(size))
        request.end_headers()
        request.wfile.write(b"x" * sent)

    return answer


def release(host: Host, name: str, version: str, files: dict[str, bytes]) -> None:
    """Put a release into the registry `host`."""
    about = {"name": name, "version": version, "license": "MIT", "main": "dist/main.js"}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for path, content in {"package.json": json.dumps(about).encode(), **files}.items():
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    content = archive.getvalue()
    host.answers["/a.tgz"] = ("application/octet-stream", content)
    sha = hashlib.sha512(content).digest()
    dist = {"tarball": f"{host.origin}/a.tgz",
            "integrity": f"sha512-{base64.b64encode(sha).decode()}"}  # fmt: skip
    packument = {"name": name, "dist-tags": {"latest": version},
                 "versions": {version: {**about, "dist": dist}}}  # fmt: skip
    path = "/" + name.replace("/", "%2f")
    host.answers[path] = ("application/json", json.dumps(packument).encode())
