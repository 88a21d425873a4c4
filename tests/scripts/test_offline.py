"""Files of other hosts: what is found, what is fetched from where, and what is kept."""

import base64
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from skill_scripts import desktop_toml
from skill_scripts.errors import KitError
from skill_scripts.layer import record
from skill_scripts.layer.payload import sha256
from skill_scripts.offline import addresses, assets, fetch, googlefonts, hosts, kept, npm
from skill_scripts.offline.assets import offline
from skill_scripts.project.files import find_project
from skill_scripts.remove import remove
from tests.scripts.projects import commit, contents, project

Answer = Callable[[BaseHTTPRequestHandler], None]
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


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.close()


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


CDN = "https://cdn.example/a"


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (f'<script src="{CDN}.js"></script>', [(f"{CDN}.js", "script")]),
        ('<script src="//cdn.example/a.js"></script>', [(f"{CDN}.js", "script")]),
        (f'<script type="module" src="{CDN}.js"></script>', [(f"{CDN}.js", "module")]),
        (f'<link rel="stylesheet" href="{CDN}?a=1&amp;b=2">', [(f"{CDN}?a=1&b=2", "style")]),
        (f"<link href={CDN}.css rel=stylesheet>", [(f"{CDN}.css", "style")]),
        (f'<link rel="preload" as="font" href="{CDN}.woff2">', [(f"{CDN}.woff2", "font")]),
        (f'<link rel="icon" href="{CDN}.ico">', []),
        ('<link rel="preconnect" href="https://cdn.example">', []),
        (f'<a href="{CDN}.js">read it</a> <input value="{CDN}.js">', []),
        (f'<img src="{CDN}.png">', []),
        (f'<!-- <script src="{CDN}.js"></script> -->', []),
        (f'{{# <script src="{CDN}.js"></script> #}}', []),
        (f'{{% comment %}}<script src="{CDN}.js"></script>{{% endcomment %}}', []),
        ('<script src="{% static "a.js" %}"></script>', []),
        (f"<style>@import url({CDN}.css); a {{ color: red }}</style>", [(f"{CDN}.css", "style")]),
        (f"<style>@import '{CDN}.css' screen;</style>", [(f"{CDN}.css", "style")]),
        (f'<script>import x from "{CDN}.js"; y()</script>', [(f"{CDN}.js", "module")]),
        (f'<script>s.src = "{CDN}.js"</script>', [(f"{CDN}.js", "script")]),
        (f'<script type="application/json">{{"s": import("{CDN}.js")}}</script>', []),
        (
            f'<script type="importmap">{{"imports": {{"a": "{CDN}.js", "b/": "{CDN}/"}}}}</script>'
            '<script type="module">import {c} from "b/c.js"</script>',
            [(f"{CDN}.js", "module"), (f"{CDN}/", "folder"), (f"{CDN}/c.js", "module")],
        ),
        ('<script src="https://cdn.example/{{ v }}/a.js"></script>',
         [("https://cdn.example/{{ v }}/a.js", "script")]),
    ],
)  # fmt: skip
def test_address_in_a_template(markup, expected):
    assert [(each.address, each.kind) for each in addresses.in_markup(markup)] == expected


def test_addresses_of_a_project_have_a_place(tmp_path):
    project(
        tmp_path,
        {
            "templates/base.html": f'<p>\n<script src="{CDN}.js" integrity="sha256-x"></script>',
            "shop/static/own.css": f'p {{ }}\n\n@font-face {{ src: url("{CDN}.woff2") }}',
            "shop/static/own.js": f'import a from "{CDN}.mjs"',
            "shop/admin.py": f'class Media:\n    css = {{"all": ["{CDN}.css"]}}',
            "shop/tests/page.html": '<script src="https://cdn.example/test.js"></script>',
        },
    )
    found = {each.place: each for each in addresses.find(find_project(tmp_path))}
    assert {place: each.address for place, each in found.items()} == {
        "templates/base.html:2": f"{CDN}.js",
        "shop/static/own.css:3": f"{CDN}.woff2",
        "shop/static/own.js:1": f"{CDN}.mjs",
        "shop/admin.py:2": f"{CDN}.css",
    }
    assert found["templates/base.html:2"].integrity == "sha256-x"


@pytest.mark.parametrize(
    ("address", "package", "version", "path"),
    [
        ("cdn.jsdelivr.net/npm/bootstrap@5.3.3/dist/a.css", "bootstrap", "5.3.3", "dist/a.css"),
        ("cdn.jsdelivr.net/npm/@popperjs/core@2/dist/a.js", "@popperjs/core", "2", "dist/a.js"),
        ("cdn.jsdelivr.net/npm/chart.js", "chart.js", "", None),
        ("unpkg.com/htmx.org@1.9.12", "htmx.org", "1.9.12", None),
        ("unpkg.com/@scope/name@^1/x.js", "@scope/name", "^1", "x.js"),
        ("cdnjs.cloudflare.com/ajax/libs/twitter-bootstrap/4.6.0/css/a.css", "bootstrap", "4.6.0",
         "dist/css/a.css"),
        ("cdnjs.cloudflare.com/ajax/libs/font-awesome/6.5.1/css/all.min.css",
         "@fortawesome/fontawesome-free", "6.5.1", "css/all.min.css"),
        ("ajax.googleapis.com/ajax/libs/jquery/3.6.0/jquery.min.js", "jquery", "3.6.0",
         "dist/jquery.min.js"),
        ("code.jquery.com/jquery-3.5.1.slim.min.js", "jquery", "3.5.1", "dist/jquery.slim.min.js"),
        ("code.jquery.com/ui/1.13.2/jquery-ui.min.js", "jquery-ui", "1.13.2",
         "dist/jquery-ui.min.js"),
        ("ajax.googleapis.com/ajax/libs/jqueryui/1.12.1/themes/base/jquery-ui.css",
         "jquery-ui-dist", "1.12.1", "jquery-ui.css"),
        ("cdn.datatables.net/1.10.21/css/dataTables.bootstrap4.min.css", "datatables.net-bs4",
         "1.10.21", "css/dataTables.bootstrap4.min.css"),
        ("stackpath.bootstrapcdn.com/bootstrap/4.5.2/js/a.js", "bootstrap", "4.5.2",
         "dist/js/a.js"),
        ("maxcdn.bootstrapcdn.com/font-awesome/4.7.0/css/a.css", "font-awesome", "4.7.0",
         "css/a.css"),
        ("use.fontawesome.com/releases/v5.15.4/css/all.css", "@fortawesome/fontawesome-free",
         "5.15.4", "css/all.css"),
    ],
)  # fmt: skip
def test_package_behind_an_address(address, package, version, path):
    found = hosts.packaged(f"https://{address}")
    assert (found.package, found.version) == (package, version)
    assert path is None or path in found.paths


@pytest.mark.parametrize("address", ["https://cdn.example/a.js", "https://esm.sh/react@18"])
def test_no_package_is_guessed(address):
    assert hosts.packaged(address) is None


def test_families_of_google_fonts():
    new = "https://fonts.googleapis.com/css2?family=Open+Sans:ital,wght@0,400;1,700&family=Play"
    old = "https://fonts.googleapis.com/css?family=Roboto:400,700italic|Lato"
    ranged = "https://fonts.googleapis.com/css2?family=Inter:wght@300..500"
    assert [*googlefonts.families(new)] == [
        ("Open Sans", [(400, False), (700, True)]),
        ("Play", [(400, False)]),
    ]
    assert [*googlefonts.families(old)] == [
        ("Roboto", [(400, False), (700, True)]),
        ("Lato", [(400, False)]),
    ]
    assert [*googlefonts.families(ranged)] == [
        ("Inter", [(300, False), (400, False), (500, False)])
    ]


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


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (("text/html; charset=utf-8", b"<p>blocked"), "answers with a page instead of a script"),
        (("text/javascript", b"\n<!DOCTYPE html>"), "answers with a page instead of a script"),
        (("text/javascript", b""), "answers with nothing"),
        (redirect("/a.js"), "redirects in a circle"),
        (redirect("file:///etc/hosts"), "leads to what is no web address"),
        (announce(100_000_000, 1), "is 100 MB; at most 0 are kept"),
        (announce(0, 2000), "is larger than 0 MB"),
        (announce(100, 20), "breaks off"),
        (lambda request: request.send_error(503), "answers 503"),
    ],
)
def test_bad_host(host, answer, message):
    host.answers["/a.js"] = answer
    with pytest.raises(fetch.FetchError, match=message):
        fetch.fetch(f"{host.origin}/a.js", "script", largest=1000)


def test_many_redirects_are_a_circle(host):
    for number in range(9):
        host.answers[f"/{number}"] = redirect(f"/{number + 1}")
    with pytest.raises(fetch.FetchError, match="redirects in a circle"):
        fetch.fetch(f"{host.origin}/0", "script")


def test_slow_host(host, monkeypatch):
    leave = threading.Event()
    monkeypatch.setattr(fetch, "SILENCE_SECONDS", 0.2)
    host.answers["/a.js"] = lambda _: leave.wait(60)
    with pytest.raises(fetch.UnreachableError, match=r"is silent for 0\.2 s"):
        fetch.fetch(f"{host.origin}/a.js", "script")
    leave.set()


def test_closed_port_is_unreachable(host):
    host.close()
    with pytest.raises(fetch.UnreachableError, match="cannot be reached"):
        fetch.fetch(f"{host.origin}/a.js", "script")


def test_style_and_its_fonts_are_kept(tmp_path, host):
    host.answers["/lib/a.css"] = ("text/css", STYLE)
    host.answers["/lib/fonts/a.woff2?v=1"] = ("font/woff2", b"font")
    address = f"{host.origin}/lib/a.css"
    page = f'<link rel="stylesheet" href="{address}" integrity="{digest(STYLE)}">'
    root = adapted(tmp_path, page, add=(address,))
    done = offline(root)
    files = listed(root)
    assert not done.missing
    assert sorted(files) == [address, f"{host.origin}/lib/fonts/a.woff2?v=1"]
    assert files[address]["integrity"] == [digest(STYLE)]
    assert "changed" not in files[address]
    folder = root / "desktop-app/offline"
    assert (folder / files[address]["file"]).read_bytes() == STYLE
    assert files[address]["type"] == "text/css"
    assert [each.id for each in done.findings()] == ["offline"]

    before = {each.name: each.stat().st_mtime_ns for each in folder.iterdir()}
    host.close()
    again = offline(root)
    assert (again.missing, again.changed, again.new) == ([], False, [])
    assert {each.name: each.stat().st_mtime_ns for each in folder.iterdir()} == before


def test_two_projects_get_the_same_folder(tmp_path, host):
    host.answers["/a.css"] = ("text/css", STYLE)
    host.answers["/fonts/a.woff2?v=1"] = ("font/woff2", b"font")
    contents = []
    for name in ("one", "two"):
        root = adapted(tmp_path / name, add=(f"{host.origin}/a.css",))
        offline(root)
        folder = root / "desktop-app/offline"
        contents.append({each.name: each.read_bytes() for each in folder.iterdir()})
    assert contents[0] == contents[1]


def test_address_from_the_root_of_its_host_leads_to_the_app(tmp_path, host):
    module = b'import{a}from"/lib/b.js";import c from"./c.js";'
    host.answers |= {
        "/m.js": ("text/javascript", module),
        "/lib/b.js": ("text/javascript", b"export const a = 1"),
        "/c.js": ("text/javascript", b'export default 2; import "../m.js"'),
    }
    address = f"{host.origin}/m.js"
    page = f'<script type="module" src="{address}" integrity="{digest(module)}"></script>'
    root = adapted(tmp_path, page, add=(address,))
    done = offline(root)
    entry = listed(root)[address]
    content = (root / "desktop-app/offline" / entry["file"]).read_bytes()
    own = f"/desktop-offline/127.0.0.1:{host.server.server_port}/lib/b.js".encode()
    assert content == module.replace(b"/lib/b.js", own)
    assert entry["changed"] == digest(content)
    assert len(done.entries) == 3


def test_redirected_module_finds_its_neighbours(tmp_path, host):
    host.answers |= {
        "/m": redirect("/m@1.0/dist/m.js"),
        "/m@1.0/dist/m.js": ("text/javascript", b'import "./n.js"'),
        "/m@1.0/dist/n.js": ("text/javascript", b"n()"),
    }
    page = f'<script type="module" src="{host.origin}/m"></script>'
    root = adapted(tmp_path, page, add=(f"{host.origin}/m",))
    offline(root)
    entry = listed(root)[f"{host.origin}/m"]
    content = (root / "desktop-app/offline" / entry["file"]).read_text("utf-8")
    assert content == f'import "/desktop-offline/{host.origin[7:]}/m@1.0/dist/n.js"'


def test_mismatch_is_an_error_with_both_hashes(tmp_path, host):
    host.answers["/a.js"] = ("text/javascript", b"evil()")
    wanted = digest(b"good()")
    page = f'<p>\n<script src="{host.origin}/a.js" integrity="{wanted}"></script>'
    root = adapted(tmp_path, page, add=(f"{host.origin}/a.js",))
    done = offline(root)
    (finding,) = done.findings()
    assert finding.id == "offline-integrity"
    assert wanted in finding.what
    assert digest(b"evil()") in finding.what
    assert finding.place == "templates/page.html:2"
    assert not (root / "desktop-app/offline").exists()


def test_strongest_integrity_counts():
    weak = "sha256-" + base64.b64encode(hashlib.sha256(b"a").digest()).decode()
    assets._verify(b"a", f"{weak} {digest(b'a')}")
    assets._verify(b"a", "md5-unknown")
    with pytest.raises(fetch.FetchError):
        assets._verify(b"a", f"{weak} {digest(b'b')}")


def test_too_much_changes_nothing(tmp_path, host, monkeypatch):
    host.answers["/a.js"] = ("text/javascript", b"a()")
    host.answers["/b.js"] = ("text/javascript", b"b();" * 100)
    root = adapted(tmp_path, add=(f"{host.origin}/a.js",))
    offline(root)
    folder = root / "desktop-app/offline"
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    toml = root / "desktop-app/desktop.toml"
    text = toml.read_text("utf-8")
    toml.write_text(text.replace('/a.js"]', f'/a.js", "{host.origin}/b.js"]'), encoding="utf-8")
    monkeypatch.setattr(assets, "BUDGET", 100)
    with pytest.raises(KitError, match="the largest: ") as error:
        offline(root)
    assert error.value.code == "DDK-OFF-01"
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


def test_what_is_no_longer_named_goes(tmp_path, host):
    host.answers["/a.js"] = ("text/javascript", b"a()")
    host.answers["/b.js"] = ("text/javascript", b"b()")
    first, second = f"{host.origin}/a.js", f"{host.origin}/b.js"
    root = adapted(tmp_path, add=(first, second))
    offline(root, seen=())
    toml = root / "desktop-app/desktop.toml"
    toml.write_text(toml.read_text("utf-8").replace(f', "{second}"', ""), encoding="utf-8")
    offline(root)
    assert [*listed(root)] == [first]
    assert len([*(root / "desktop-app/offline").iterdir()]) == 2


def test_address_that_only_a_shown_page_names_stays(tmp_path, host, monkeypatch):
    monkeypatch.setattr(hosts, "why_not", lambda _: "")  # a host of this machine is none to fetch
    host.answers["/a.css"] = ("text/css", b"a{}")
    root = adapted(tmp_path)
    assert offline(root, seen=(f"{host.origin}/a.css#x",)).new == [f"{host.origin}/a.css"]
    host.close()
    assert [each.address for each in offline(root).entries] == [f"{host.origin}/a.css"]


def test_damaged_file_is_fetched_again(tmp_path, host):
    host.answers["/a.js"] = ("text/javascript", b"a()")
    root = adapted(tmp_path, add=(f"{host.origin}/a.js",))
    offline(root)
    file = root / "desktop-app/offline" / listed(root)[f"{host.origin}/a.js"]["file"]
    file.write_bytes(b"")
    assert offline(root).new == [f"{host.origin}/a.js"]
    assert file.read_bytes() == b"a()"


def test_refresh_takes_the_newer_file(tmp_path, host):
    host.answers["/a.js"] = ("text/javascript", b"a()")
    root = adapted(tmp_path, add=(f"{host.origin}/a.js",))
    offline(root)
    host.answers["/a.js"] = ("text/javascript", b"newer()")
    assert not offline(root).changed
    assert offline(root, refresh=True).changed


def test_without_a_network_it_says_what_is_missing(tmp_path, host):
    host.close()
    root = adapted(tmp_path, f'<script src="{host.origin}/a.js"></script>',
                   add=(f"{host.origin}/a.js", f"{host.origin}/b.js"))  # fmt: skip
    done = offline(root)
    assert [each.id for each in done.findings()] == ["offline-missing"] * 2
    assert all("desktop-django offline" in each.do for each in done.findings())
    assert "cannot be reached" in done.missing[0].why


def test_known_services_are_skipped_and_entered(tmp_path):
    root = adapted(
        tmp_path,
        '<script src="https://www.googletagmanager.com/gtag/js?id={{ id }}"></script>'
        '<script src="https://www.google.com/recaptcha/api.js?render=k"></script>'
        '<script src="https://cdn.tailwindcss.com"></script>',
    )
    done = offline(root)
    assert not done.missing
    assert {each.id for each in done.findings()} == {"offline-skipped"}
    skip = desktop_toml.read(root / "desktop-app/desktop.toml")["offline"]["skip"]
    assert sorted(skip) == [
        "https://cdn.tailwindcss.com",
        "https://www.google.com/recaptcha/api.js",
        "https://www.googletagmanager.com/gtag/js",
    ]
    assert "Tailwind" in skip["https://cdn.tailwindcss.com"]
    assert record.read(root).changed(root / "desktop-app") == []


def test_address_with_a_variable_is_named(tmp_path):
    root = adapted(tmp_path, '<script src="https://cdn.example/{{ v }}/a.js"></script>')
    (missing,) = offline(root).missing
    assert "[offline] add" in missing.why


@pytest.mark.parametrize(
    ("entry", "is_covered"),
    [
        ("https://cdn.example/a.js", True),
        ("https://cdn.example/a.js?v=1", True),
        ("cdn.example", True),
        ("http://cdn.example/a.js", True),
        ("https://cdn.example/", True),
        ("https://cdn.example/a", False),
        ("example", False),
    ],
)
def test_what_an_entry_of_skip_covers(entry, is_covered):
    assert bool(kept.covers({entry: "why"}, "https://cdn.example/a.js?v=1")) is is_covered


def test_remove_takes_what_is_kept(tmp_path, host):
    host.answers["/a.js"] = ("text/javascript", b"a()")
    root = adapted(tmp_path, add=(f"{host.origin}/a.js",))
    offline(root)
    (root / "desktop-app/offline/notes.txt").write_text("mine")
    done = remove(root)
    assert done.kept == ["desktop-app/offline/notes.txt"]
    assert [each.name for each in (root / "desktop-app").rglob("*")] == ["offline", "notes.txt"]


@pytest.mark.network  # the runtime's own packages are installed
def test_adapt_keeps_update_leaves_and_remove_takes(make_project, kit, kit_json, host):
    host.answers["/a.js"] = ("text/javascript", b"a()")
    root = commit(make_project({"templates/page.html": f'<script src="{host.origin}/a.js">'}))
    before = contents(root)
    decision = f'offline.add=["{host.origin}/a.js", "{host.origin}/b.js"]'
    done = kit_json("adapt", root, "--set", decision)
    assert done["steps"][-1] == "keep 1 file(s) of other hosts (0.0 MB)"
    assert [each["id"] for each in done["decisions_open"]] == ["offline-missing"]
    assert [*listed(root)] == [f"{host.origin}/a.js"]
    assert kit("update", root).exit_code == 0
    assert kit("offline", root).exit_code == 1
    assert kit_json("adapt", root)["steps"] == []
    assert [*listed(root)] == [f"{host.origin}/a.js"]
    assert kit_json("remove", root)["kept"] == []
    assert contents(root) == before


def test_parts_of_a_list_are_packages_and_files(tmp_path):
    root = adapted(tmp_path)
    entries = (
        kept.Entry(f"{CDN}.css", "a.css", "1" * 64, "text/css", "npm:@s/lib@1/a.css", "1", "MIT"),
        kept.Entry(f"{CDN}.js", "a.js", "2" * 64, "text/css", "npm:@s/lib@1/a.js", "1", "MIT"),
        kept.Entry(f"{CDN}.mjs", "b.js", "3" * 64, "text/css", f"{CDN}.mjs"),
    )
    kept.write(root, kept.Kept(entries), {})
    assert [(each.reference, each.licence, len(each.hashes)) for each in kept.parts(root)] == [
        (f"{CDN}.mjs", "", 1),
        ("pkg:npm/%40s/lib@1", "MIT", 2),
    ]


def test_damaged_manifest_is_said(tmp_path):
    root = adapted(tmp_path)
    folder = root / "desktop-app/offline"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"files": [{"file": "../../x"}]}')
    with pytest.raises(KitError) as error:
        offline(root)
    assert error.value.code == "DDK-OFF-02"


def test_project_that_is_not_adapted(tmp_path):
    project(tmp_path)
    with pytest.raises(KitError) as error:
        offline(tmp_path)
    assert error.value.code == "DDK-ADP-09"


@pytest.fixture
def registry(host, tmp_path_factory, monkeypatch) -> Host:
    """A registry of packages on this machine, which npm is told to use."""
    cache = tmp_path_factory.mktemp("npm")
    monkeypatch.setenv("npm_config_registry", f"{host.origin}/")
    monkeypatch.setenv("npm_config_cache", str(cache))
    return host


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


def test_file_of_a_package(registry):
    content = {
        "dist/main.js": b"main()",
        "dist/a.css": b"a{}",
        "LICENSE.md": b"Do it.",
        "inner/deep.css": b"d{}",
    }
    release(registry, "lib", "2.1.0", content)
    packages = npm.Npm()
    found = packages.file(hosts.packaged("https://cdn.jsdelivr.net/npm/lib@2/dist/a.css"))
    assert (found.content, found.version, found.licence) == (b"a{}", "2.1.0", "MIT")
    assert found.notice == b"Do it."
    assert found.source == "npm:lib@2.1.0/dist/a.css"
    assert packages.file(hosts.packaged("https://unpkg.com/lib@2")).content == b"main()"
    shortened = hosts.packaged("https://cdn.jsdelivr.net/npm/lib@2/dist/main.min.js")
    assert packages.file(shortened).content == b"main()"
    with pytest.raises(fetch.FetchError, match=r"npm's lib 2\.1\.0 has no dist/b\.css"):
        packages.file(hosts.packaged("https://cdn.jsdelivr.net/npm/lib@2/dist/b.css"))
    with pytest.raises(fetch.FetchError, match=r"npm has no lib@7 \(ETARGET\)"):
        packages.file(hosts.packaged("https://cdn.jsdelivr.net/npm/lib@7/dist/b.css"))
    shallow = hosts.packaged("https://cdnjs.cloudflare.com/ajax/libs/lib/2.1.0/deep.min.css")
    assert packages.file(shallow).source == "npm:lib@2.1.0/inner/deep.css"
    assert registry.asked.count("/a.tgz") == 2  # of lib@2 and of lib@2.1.0


def test_licence_of_a_file_from_its_own_address(tmp_path, registry, monkeypatch):
    release(registry, "lib", "2.1.0", {"a.js": b"a()", "LICENSE": b"Do it."})
    registry.answers["/lib@2/a.js"] = ("text/javascript", b"a()")
    address = f"{registry.origin}/lib@2/a.js"
    monkeypatch.setattr(hosts, "packaged", lambda _: hosts.Packaged("lib", "2", ("a.js",)))
    root = adapted(tmp_path, add=(address,))
    offline(root)
    entry = listed(root)[address]
    assert (entry["source"], entry["version"], entry["licence"]) == (address, "2.1.0", "MIT")
    assert (root / "desktop-app/offline" / entry["notice"]).read_bytes() == b"Do it."


def test_registry_out_of_reach_is_asked_once(host, monkeypatch, tmp_path):
    monkeypatch.setenv("npm_config_registry", f"{host.origin}/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path))
    host.close()
    packages = npm.Npm()
    with pytest.raises(fetch.UnreachableError, match="npm reaches no registry"):
        packages.package("one", "1")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(fetch.UnreachableError, match="npm reaches no registry"):
        packages.package("two", "1")


def test_fonts_of_google_from_a_package(registry):
    style = b"@font-face { font-family: 'Play'; src: url(./files/p.woff2) format('woff2') }"
    release(registry, "@fontsource/play", "5.3.0", {"400.css": style, "files/p.woff2": b"f"})
    found = googlefonts.compose("https://fonts.googleapis.com/css2?family=Play", npm.Npm())
    inner = "https://cdn.jsdelivr.net/npm/@fontsource/play@5.3.0/files/p.woff2"
    assert f"url({inner})" in found.content.decode()
