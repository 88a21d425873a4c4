"""Files and licences of npm packages."""

import pytest

from skill_scripts.offline import fetch, hosts, npm
from skill_scripts.offline.assets import offline
from tests.scripts.offline.host import adapted, listed, release


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
