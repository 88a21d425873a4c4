"""offline: what is fetched, kept, missing and skipped."""

import base64
import hashlib

import pytest

from skill_scripts import desktop_toml
from skill_scripts.errors import KitError
from skill_scripts.layer import record
from skill_scripts.offline import assets, fetch, hosts
from skill_scripts.offline.assets import offline
from skill_scripts.remove import remove
from tests.scripts.offline.host import (
    STYLE,
    adapted,
    digest,
    listed,
    redirect,
)
from tests.scripts.projects import commit, contents, project


def test_a_project_that_is_not_adapted_is_refused(tmp_path):
    project(tmp_path)
    with pytest.raises(KitError) as error:
        offline(tmp_path)
    assert error.value.code == "DDK-ADP-09"


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


def test_without_a_network_it_says_what_is_missing(tmp_path, host):
    host.close()
    root = adapted(tmp_path, f'<script src="{host.origin}/a.js"></script>',
                   add=(f"{host.origin}/a.js", f"{host.origin}/b.js"))  # fmt: skip
    done = offline(root)
    assert [each.id for each in done.findings()] == ["offline-missing"] * 2
    assert all("desktop-django offline" in each.do for each in done.findings())
    assert "cannot be reached" in done.missing[0].why


def test_address_with_a_variable_is_named(tmp_path):
    root = adapted(tmp_path, '<script src="https://cdn.example/{{ v }}/a.js"></script>')
    (missing,) = offline(root).missing
    assert "[offline] add" in missing.why


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


def test_strongest_integrity_counts():
    weak = "sha256-" + base64.b64encode(hashlib.sha256(b"a").digest()).decode()
    assets._verify(b"a", f"{weak} {digest(b'a')}")
    assets._verify(b"a", "md5-unknown")
    with pytest.raises(fetch.FetchError):
        assets._verify(b"a", f"{weak} {digest(b'b')}")


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
    monkeypatch.setattr(
        hosts, "why_not", lambda _: ""
    )  # a host of this machine is not fetched from
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


def test_remove_takes_what_is_kept(tmp_path, host):
    host.answers["/a.js"] = ("text/javascript", b"a()")
    root = adapted(tmp_path, add=(f"{host.origin}/a.js",))
    offline(root)
    (root / "desktop-app/offline/notes.txt").write_text("mine")
    done = remove(root)
    assert done.kept == ["desktop-app/offline/notes.txt"]
    assert [each.name for each in (root / "desktop-app").rglob("*")] == ["offline", "notes.txt"]


@pytest.mark.slow
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
