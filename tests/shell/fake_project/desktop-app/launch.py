"""A backend that keeps the contract with the shell without any Django, and misbehaves when told to.

FAKE_MODE is a comma-separated list of: slow (3 s until ready), hang (never ready), late (the first
start is never ready), update (one
migration of three minutes), fail13, fail14, exit3,
taken (the first port it is given is always taken), noisy, stubborn (ignores the end of its
lifeline), children (one more process), remains (one more that outlives it), dropped (loses the
first health request), popups (its first page opens windows unasked), windows (the same, as
ordinary pages do), receipt (its first page prints one), mute (restoring ends without an answer),
long (a backup, an export and a restore wait for the end of their lifeline).
FAKE_TARGET is the address of a foreign server for hostile pages.

`restore` keeps the contract of the real one with whatever lies in `backups`: a file that says
"damaged" is, and the data is the file `data`. `backup` writes it to a file, which `restore` reads;
`export` writes it into a folder.
`password` leaves its marker.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

HERE = Path(__file__).parent
MODE = set(os.environ.get("FAKE_MODE", "").split(","))
FOREIGN = os.environ.get("FAKE_TARGET", "")
APP_DATA = Path(os.environ["DESKTOP_DJANGO_APP_DATA_DIR"])
HOST = os.environ.get("DESKTOP_DJANGO_HOST", "")
PORT = int(os.environ.get("DESKTOP_DJANGO_PORT", "0"))
TOKEN = os.environ.pop("DESKTOP_DJANGO_AUTH_TOKEN", "")
HEADER = "X-Desktop-Django-Token"

# What the pages of an office app hold.
OFFICE = """<a id=blob download=list.txt>list</a>
<a id=data download=note.txt href="data:text/plain,note">note</a>
<form action=/uploaded method=post enctype=multipart/form-data>
<input type=file id=file name=file><input type=date name=date id=date><button>send</button></form>
<dialog id=dialog>A question</dialog><button id=copy>copy</button>
<div id=drop style="position: fixed; top: 50%; height: 50%; width: 100%">drop here</div>
<script>
const at = (id) => document.getElementById(id);
at("blob").href = URL.createObjectURL(new Blob(["a list"]));
at("copy").onclick = () => navigator.clipboard.writeText("copied").then(() => fetch("/copied"));
at("drop").ondragover = (event) => event.preventDefault();
at("drop").ondrop = (event) => {
  event.preventDefault();
  fetch("/dropped", { method: "POST", body: event.dataTransfer.files[0] });
};
for (const moment of ["beforeprint", "afterprint"]) {
  addEventListener(moment, () => navigator.sendBeacon(`/${moment}`));
}
</script>"""

# Answers one address itself and passes the others on.
WORKER = """
addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  if (event.request.url.endsWith("/kept")) event.respondWith(new Response("kept"));
  else event.respondWith(fetch(event.request));
});
"""

# What a link with target=_blank and a button for a receipt do.
WINDOWS = """<script>
const receipt = window.open("");
if (receipt) fetch("/receipt/written");
window.open("/report.csv");
</script>"""

# And the button for a receipt that is printed and put away.
RECEIPT = """<script>
const receipt = window.open("");
receipt.document.write("<h1>receipt</h1>");
for (const moment of ["beforeprint", "afterprint"]) {
  receipt.addEventListener(moment, () => navigator.sendBeacon(`/receipt/${moment}`));
}
receipt.addEventListener("afterprint", () => receipt.close());
receipt.setTimeout(() => receipt.print());
</script>"""

serving = threading.Event()
busy = threading.Semaphore(64)
dropped = threading.Event()


def say(**event: object) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def page(title: str, body: str = "") -> str:
    return f"<!doctype html><title>{title}</title><h1>{title}</h1>{body}"


def hostile() -> str:
    return page(
        "hostile",
        f"""<img src="{FOREIGN}/pixel.png"><link rel="stylesheet" href="{FOREIGN}/hang.css">
        <iframe src="{FOREIGN}/frame"></iframe>
        <a id="external" href="https://example.org/page">out</a>
        <a id="foreign" href="{FOREIGN}/page">loopback</a>
        <a id="redirect" href="/redirect">redirect</a>
        <a id="file" href="file:///etc/passwd">file</a>
        <a id="action" href="desktop-shell://action/restart">action</a>
        <a id="download" href="/download">download</a><p>pony, another pony</p>""",
    )


def popups() -> str:
    addresses = [
        "https://example.org/blank",
        "mailto:someone@example.org",
        f"{FOREIGN}/popup",
        "file:///etc/passwd",
        "about:blank",
        "desktop-shell://pages/error",
        "/child",
        "/redirect",
    ]
    script = f"for (const address of {json.dumps(addresses)}) window.open(address)"
    return page("popups", f"<script>{script}</script>")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with busy:
            self.answer()

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        (APP_DATA / "sent").write_bytes(content)
        self.do_GET()

    def answer(self) -> None:
        if "dropped" in MODE and not dropped.is_set():
            dropped.set()
            self.close_connection = True
            return
        serving.wait()
        url = urlsplit(self.path)
        with (APP_DATA / "visits").open("a", encoding="utf-8") as visits:
            visits.write(f"{url.path}\n")
        if self.headers.get(HEADER) != TOKEN:
            self.send(403, "text/plain", "refused")
        elif url.path == "/health/":
            self.send(200, "application/json", '{"status":"ready"}')
        elif url.path == "/home" and "popups" in MODE:
            self.send(200, "text/html", popups())
        elif url.path == "/home" and "windows" in MODE:
            self.send(200, "text/html", page("windows", WINDOWS))
        elif url.path == "/home" and "receipt" in MODE:
            self.send(200, "text/html", page("receipt", RECEIPT))
        elif url.path == "/child":
            bridge = "<script>fetch('/bridge/' + Object.keys(window.desktop))</script>"
            self.send(200, "text/html", page("child", bridge))
        elif url.path == "/home":
            self.send(200, "text/html", page("home", f"<p id=pid>{os.getpid()}</p>"))
        elif url.path == "/hostile":
            self.send(200, "text/html", hostile())
        elif url.path == "/redirect":
            self.send(302, "text/plain", "", {"Location": f"{FOREIGN}/redirected"})
        elif url.path == "/download":
            name = {"Content-Disposition": 'attachment; filename="report.txt"'}
            self.send(200, "text/plain", "the report", name)
        elif url.path == "/report.pdf":
            self.send(200, "application/pdf", HERE.joinpath("red.pdf").read_bytes())
        elif url.path == "/report.csv":
            name = {"Content-Disposition": 'attachment; filename="report.csv"'}
            self.send(200, "text/csv", "a,b", name)
        elif url.path in ("/iframe", "/object", "/embed"):
            tag, source = url.path[1:], "data" if url.path == "/object" else "src"
            shown = f'<{tag} type="application/pdf" width=500 height=400 {source}=/report.pdf>'
            self.send(200, "text/html", page(tag, f"{shown}</{tag}>"))
        elif url.path == "/worker.js":
            self.send(200, "text/javascript", WORKER)
        elif url.path == "/office":
            self.send(200, "text/html", page("office", OFFICE))
        elif url.path == "/busy":
            time.sleep(float(parse_qs(url.query)["seconds"][0]))
            (APP_DATA / "worked").write_text("done", encoding="utf-8")
            self.send(200, "text/plain", "done")
        elif url.path == "/full":
            said = {"code": "DDK-RUN-16", "hint": "Free some space.", "message": "No backup."}
            say(event="not-backed-up", **said)
            self.send(200, "text/plain", "said")
        elif url.path == "/headers":
            self.send(200, "application/json", json.dumps(dict(self.headers)))
        else:
            self.send(200, "text/html", page(url.path.strip("/")))

    def send(
        self, status: int, kind: str, body: str | bytes, headers: dict[str, str] | None = None
    ) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True


def fail(code: int, message: str) -> int:
    say(event="failed", code=f"DDK-RUN-{code}", exit=code, message=message, hint="Do this.")
    return code


def backups() -> list[dict[str, object]]:
    files = sorted((APP_DATA / "backups").glob("*"), reverse=True)
    return [
        {
            "name": file.name,
            "database": file.name.partition("-")[0],
            "made": f"2026-11-{10 + number}T02:03:04Z",
            "bytes": file.stat().st_size,
            "sound": file.read_text(encoding="utf-8") != "damaged",
        }
        for number, file in reversed([*enumerate(reversed(files))])
    ]


def refuse(code: int, message: str) -> int:
    say(error={"code": f"DDK-RUN-{code}", "message": message, "hint": "Choose another one."})
    return code


def running() -> bool:
    pid = int((APP_DATA / "starts").read_text(encoding="utf-8").split()[-3])
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def restore(words: list[str]) -> int:
    if "mute" in MODE:
        print("Traceback: restoring is broken", file=sys.stderr)
        return 1
    if words == ["--list"]:
        say(backups=backups())
        return 0
    if words[0] == "--show":
        return carry(Path(words[1]), writes=False)
    if running():
        return refuse(12, "It is running already.")
    if Path(words[0]).is_absolute() and "long" in MODE:
        return carry(Path(words[0]), writes=False)
    backup = APP_DATA / "backups" / words[0]
    if backup.read_text(encoding="utf-8").startswith("hidden damage"):
        return refuse(15, f"{backup.name} is damaged and was left as it is.")
    aside = APP_DATA / "set-aside"
    aside.mkdir()
    (APP_DATA / "data").replace(aside / "data")
    (APP_DATA / "data").write_bytes(backup.read_bytes())
    say(restored=backup.name, set_aside="set-aside/data")
    return 0


def carry(file: Path, writes: bool) -> int:
    """Write the data to a file, or verify one."""
    say(event="progress", done=1, total=3)
    if "long" in MODE:
        sys.stdin.read()
        say(cancelled=True)
        return 0
    if not writes and file.read_text(encoding="utf-8").startswith("foreign"):
        return refuse(23, f"{file.name} is a backup of another app, Other.")
    if writes and not file.parent.is_dir():
        return refuse(16, f"The backup {file.name} cannot be written.")
    if writes and sys.argv[1] == "export":
        file.mkdir()
        file /= "data"
    if writes:
        file.write_bytes((APP_DATA / "data").read_bytes())
    made = "2026-11-10T02:03:04Z"
    say(app="Fake", version="1.0", made=made, rows=1234, files=1, bytes=5_600_000)
    return 0


def ask_for_password() -> int:
    if running():
        return refuse(12, "It is running already.")
    (APP_DATA / "new-password.json").write_text("{}", encoding="utf-8")
    say(asked="at the next start")
    return 0


def main() -> int:
    if sys.argv[1:2] == ["password"]:
        return ask_for_password()
    if sys.argv[1:2] in (["backup"], ["export"]):
        return carry(Path(sys.argv[2]), writes=True)
    if sys.argv[1:2] == ["restore"]:
        return restore(sys.argv[2:])
    if os.name == "posix":
        os.setpgid(0, 0)
    with (APP_DATA / "starts").open("a", encoding="utf-8") as starts:
        starts.write(f"{os.getpid()} {PORT} {TOKEN}\n")
    print("fake backend starts", file=sys.stderr)
    if "exit3" in MODE:
        print("Traceback: broken", file=sys.stderr)
        return 3
    if "taken" in MODE and not (APP_DATA / "taken").exists():
        (APP_DATA / "taken").write_text(str(PORT), encoding="utf-8")
        return fail(11, f"Port {PORT} is taken.")
    try:
        server = Server((HOST, PORT), Handler)
    except OSError:
        return fail(11, f"Port {PORT} is taken.")
    say(event="listening", host=HOST, port=PORT, pid=os.getpid())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    children = []
    if "children" in MODE:
        children.append(
            subprocess.Popen(
                [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
            )
        )
    if "remains" in MODE:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    if "noisy" in MODE:
        sys.stderr.write("noise " * 400_000)
        sys.stdout.write("not an event\n[1]\nnull\n")
        sys.stdout.flush()

    def ready() -> None:
        if "slow" in MODE:
            for done in range(1, 7):
                say(event="migrating", done=done, total=6, name=f"app.000{done}")
                time.sleep(0.5)
        if "update" in MODE:
            say(event="migrating", done=0, total=1, name="app.0002", seconds_left=180)
        if "fail14" in MODE:
            say(event="failed", code="DDK-RUN-14", exit=14, message="It failed.", report="a report")
            os._exit(14)
        if "fail13" in MODE:
            fail(13, "The data was written by a newer version.")
            os._exit(13)
        first = (APP_DATA / "starts").read_text(encoding="utf-8").count("\n") == 1
        if "hang" not in MODE and not ("late" in MODE and first):
            serving.set()
            say(event="ready", seconds=0.1, python="3.11", django="none", database="created")

    threading.Thread(target=ready, daemon=True).start()
    sys.stdin.buffer.read()
    if "stubborn" in MODE:
        time.sleep(600)
    serving.set()
    server.shutdown()
    server.socket.close()
    for _ in range(64):
        busy.acquire()
    say(event="stopping", reason="lifeline")
    (APP_DATA / "stopped").write_text("clean", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
