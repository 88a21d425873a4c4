"""Copied into a scratch copy of the target as `ddk_agent`: pages that do what the suite asks for.

Where the folder `ddk_probe_agent` lies beside it, the first page and the probe's pages fetch
scripts and tell what came of them: the suite writes `asked.json` there and reads the answers.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from django.http import HttpRequest, HttpResponse

PREFIX = "/ddk-probe/agent/"
FOLDER = Path(__file__).with_name("ddk_probe_agent")
# The colour that the suite looks for on the screen.
GROUND = "<style>html { background: #00bb77 }</style>"
FIRST = f"<!doctype html><html lang=en><title>Probe</title>{GROUND}<p>The first page.</p>"
# Asks for the next script again and again; each page has a name of its own.
LOOP = """(() => {
    if (window !== top) return;
    const page = Math.random().toString(36).slice(2);
    const next = async () => {
        try {
            const place = encodeURIComponent(location.href);
            const answer = await fetch(`PREFIXnext?page=${page}&place=${place}`);
            const asked = answer.ok ? (await answer.json()).asked : 0;
            if (asked) {
                const src = `PREFIXscript?asked=${asked}`;
                document.head.append(Object.assign(document.createElement("script"), { src }));
            }
        } catch {}
        setTimeout(next, 100);
    };
    next();
})();
""".replace("PREFIX", PREFIX)
SCRIPT = """(() => {
    const run = async () => {
        let answer;
        try {
            answer = { value: await (SCRIPT) };
        } catch (error) {
            answer = { error: String(error) };
        }
        await fetch("PREFIXanswer?asked=NUMBER", { method: "POST", body: JSON.stringify(answer) });
    };
    CLICKED ? addEventListener("click", run, { once: true, capture: true }) : run();
})();
""".replace("PREFIX", PREFIX)


def element() -> str:
    """What a page needs to be asked; empty where nobody asks."""
    return f'{GROUND}<script src="{PREFIX}loop"></script>' if FOLDER.is_dir() else ""


def is_first_page(request: HttpRequest) -> bool:
    """Whether the request is for the page that a shell opens with."""
    home = FOLDER / "home"
    is_page = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
    return is_page and home.is_file() and request.path == home.read_text(encoding="utf-8")


def first_page(request: HttpRequest) -> HttpResponse | None:
    """The page in the place of the project's own; None for other addresses."""
    if not is_first_page(request):
        return None
    delay = FOLDER / "delay"
    if delay.is_file():  # once
        seconds = float(delay.read_text(encoding="utf-8"))
        delay.unlink()
        time.sleep(seconds)
    return HttpResponse(FIRST + element())


def answer(request: HttpRequest, name: str) -> HttpResponse:
    """What the scripts of a page ask for, and tell."""
    if name == "loop":
        return HttpResponse(LOOP, content_type="text/javascript")
    if name == "next":
        return HttpResponse(json.dumps(_next(request)), content_type="application/json")
    number = request.GET["asked"]
    if name == "answer":
        _write(f"answer-{number}.json", request.body)
        return HttpResponse(status=204)
    asked = _asked()
    script = SCRIPT.replace("NUMBER", number).replace("SCRIPT", asked["script"])
    script = script.replace("CLICKED", json.dumps(asked["clicked"]))
    (FOLDER / f"taken-{number}").touch()
    return HttpResponse(script, content_type="text/javascript")


def _next(request: HttpRequest) -> dict:
    page = request.GET["page"]
    seen = {"page": page, "place": request.GET["place"], "at": time.time()}
    _write(f"page-{page}.json", json.dumps(seen).encode())
    asked = _asked()
    number = asked.get("number", 0)
    mine = asked.get("page") == page and not (FOLDER / f"handed-{number}").exists()
    if mine:
        (FOLDER / f"handed-{number}").touch()
    return {"asked": number if mine else 0}


def _asked() -> dict:
    try:
        return json.loads((FOLDER / "asked.json").read_bytes())
    except FileNotFoundError:
        return {}


def _write(name: str, content: bytes) -> None:
    part = FOLDER / f"{name}.{time.monotonic_ns()}"
    part.write_bytes(content)
    part.replace(FOLDER / name)
