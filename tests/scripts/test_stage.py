"""What a stage of the reference app consists of, and that it runs anywhere."""

import contextlib
import json
import os
import shutil
import sqlite3
import stat
import struct
import subprocess
import sys

import pytest

from skill_scripts.bundle import runtime_manifest
from skill_scripts.stage import current, stage

pytestmark = pytest.mark.slow

UNCHECKED_HASH = 0b01
PROGRAMS = ("python3", ".so", ".so.1.0")
# Brings `lo` up (SIOCSIFFLAGS, IFF_UP), then becomes the command.
LOOPBACK_ONLY = """
import fcntl, os, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))
os.execvp(sys.argv[1], sys.argv[1:])
"""
CHILD = "import sys; from django.conf import settings; print(settings.DATABASES['default']['NAME'])"


def modules(bundle):
    return [each for part in ("python", "app") for each in (bundle / part).rglob("*.py")]


def bytecode_of(module, tag):
    return module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc"


@pytest.fixture(scope="module")
def bundle(staged_project):
    return staged_project.staged


@pytest.fixture(scope="module")
def manifest(bundle):
    return json.loads((bundle / "runtime-manifest.json").read_text(encoding="utf-8"))


def test_manifest_names_every_file_with_its_hash(bundle, manifest):
    assert manifest["files"] == runtime_manifest.file_hashes(bundle)


def test_manifest_says_what_runs(staged_project, manifest):
    assert manifest["interpreter"]["version"] == staged_project.build.version
    assert manifest["interpreter"]["sqlite"] == staged_project.build.sqlite
    assert manifest["allow_old_sqlite"] is True
    assert manifest["entry"][0] == manifest["interpreter"]["path"]
    assert manifest["revision"] == staged_project.git("rev-parse", "HEAD").strip()
    assert manifest["changed"] is False


def test_every_module_has_bytecode_that_no_clock_makes_stale(bundle, manifest):
    tag = f"cpython-{''.join(manifest['interpreter']['version'].split('.')[:2])}"
    for module in modules(bundle):
        if module.relative_to(bundle).as_posix() not in manifest["uncompiled"]:
            header = bytecode_of(module, tag).read_bytes()[4:8]
            assert struct.unpack("<I", header)[0] == UNCHECKED_HASH, module


def test_bundle_has_no_links_and_no_path_of_the_build_machine(bundle, staged_project):
    assert not [each for each in bundle.rglob("*") if each.is_symlink()]
    wanted = str(staged_project.root).encode()
    assert not [
        each for each in bundle.rglob("*") if each.is_file() and wanted in each.read_bytes()
    ]


@pytest.mark.parametrize("name", ["pip", "idlelib", "test", "tkinter", "ensurepip", "include"])
def test_python_is_free_of(bundle, name):
    packages = {"site-packages", "dist-packages"}
    found = (bundle / "python").rglob(name)
    assert not [each for each in found if not packages & {*each.parts}]


def test_python_keeps_one_program(bundle):
    assert [each.name for each in (bundle / "python" / "bin").iterdir()] == ["python3"]


@pytest.mark.skipif(os.name == "nt", reason="a bundle has no modes there")
def test_whoever_runs_it_can_read_it_though_another_installed_it(bundle):
    wanted = {path: 0o755 if path.is_dir() else 0o444 for path in bundle.rglob("*")}
    closed = [path for path, mode in wanted.items() if path.stat().st_mode & mode != mode]
    assert not closed


def test_app_is_the_source_without_its_tests(bundle):
    shipped = {each.relative_to(bundle / "app").parts[0] for each in (bundle / "app").iterdir()}
    assert {"manage.py", "config", "items", "desktop-app"} <= shipped
    assert "tests" not in shipped
    payload = {each.name for each in (bundle / "app" / "desktop-app").iterdir()}
    assert payload == {"launch.py", "desktop_runtime", "desktop.toml", "offline", "__pycache__"}


def test_first_data_is_migrated_and_seeded(bundle, tmp_path):
    copy = shutil.copy(bundle / "first-run" / "db.sqlite3", tmp_path)
    with contextlib.closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT count(*) FROM django_migrations").fetchone()[0] > 10
        assert database.execute("SELECT count(*) FROM items_item").fetchone()[0] > 0
    assert [each.name for each in (bundle / "first-run").iterdir()] == ["db.sqlite3"]


def test_parts_list_names_every_package_with_its_licence(bundle, manifest):
    parts = json.loads((bundle / "sbom.cdx.json").read_text(encoding="utf-8"))
    listed = {each["purl"] for each in parts["components"]}
    assert {
        f"pkg:pypi/{name}@{version}" for name, version in manifest["packages"].items()
    } <= listed
    assert parts["components"][-1] == {
        "type": "library",
        "bom-ref": "pkg:npm/%40scope/lib@1.2.0",
        "name": "@scope/lib",
        "version": "1.2.0",
        "purl": "pkg:npm/%40scope/lib@1.2.0",
        "licenses": [{"license": {"name": "WTFPL"}}],
    }
    licences = (bundle / "LICENCES.txt").read_text(encoding="utf-8")
    assert "Do what you like." in licences
    assert "PYTHON SOFTWARE FOUNDATION LICENSE" in licences
    assert all(f"{each['name']} {each['version']}" in licences for each in parts["components"][2:])


def test_children_of_the_backend_get_its_settings(bundle, tmp_path):
    environment = {
        "DESKTOP_DJANGO_APP_DATA_DIR": str(tmp_path / "data"),
        "DESKTOP_DJANGO_BUNDLE_DIR": str(bundle),
        "DESKTOP_DJANGO_RUNTIME_MODE": "packaged",
        "DJANGO_SETTINGS_MODULE": "config.settings.desktop",
    }
    python = bundle / "python" / "bin" / "python3"
    code = f"import sys; sys.path.insert(0, {str(bundle / 'app')!r})\n{CHILD}"
    for isolated in ([], ["-I"]):
        command = [str(python), "-B", *isolated, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.stdout.strip() == str(tmp_path / "data" / "db.sqlite3"), done.stderr
    code = "import sys; print('desktop_runtime' in sys.modules)"
    done = subprocess.run([python, "-B", "-c", code], env={}, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_the_bundle_knows_whom_to_trust_where_the_computer_does_not(bundle, manifest, tmp_path):
    assert "certifi" in manifest["packages"]
    environment = {
        "DESKTOP_DJANGO_APP_DATA_DIR": str(tmp_path / "data"),
        "DESKTOP_DJANGO_BUNDLE_DIR": str(bundle),
        "DESKTOP_DJANGO_RUNTIME_MODE": "packaged",
        "SSL_CERT_FILE": str(tmp_path / "gone"),
        "SSL_CERT_DIR": str(tmp_path / "gone"),
    }
    program = [str(bundle / manifest["entry"][0]), *manifest["entry"][1:-1]]
    code = "import ssl; print(ssl.create_default_context().cert_store_stats()['x509_ca'])"
    command = [*program, str(bundle / manifest["entry"][-1]), "manage", "shell", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert int(done.stdout.split()[-1]) > 50, done.stderr


def test_moved_read_only_without_environment_and_network(bundle, manifest, tmp_path):
    moved = tmp_path / "Ünï cödé" / "a moved bundle"
    shutil.copytree(bundle, moved)
    for each in moved.rglob("*"):
        each.chmod(each.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    environment = {
        "DESKTOP_DJANGO_HOST": "127.0.0.1",
        "DESKTOP_DJANGO_PORT": "24680",
        "DESKTOP_DJANGO_AUTH_TOKEN": "t" * 32,
        "DESKTOP_DJANGO_APP_DATA_DIR": str(tmp_path / "däta"),
        "DESKTOP_DJANGO_BUNDLE_DIR": str(moved),
        "DESKTOP_DJANGO_RUNTIME_MODE": "packaged",
    }
    command = [str(moved / manifest["entry"][0]), *manifest["entry"][1:-1]]
    command = [*_alone(), *command, "-X", "importtime", str(moved / manifest["entry"][-1])]
    imports = tmp_path / "imports"
    with imports.open("w") as errors, subprocess.Popen(
        command, env=environment, cwd=moved, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=errors, text=True,
    ) as backend:  # fmt: skip
        events = []
        for line in backend.stdout:
            events.append(json.loads(line))
            if events[-1]["event"] == "ready":
                break
        backend.stdin.close()
        assert backend.wait(30) == 0, imports.read_text()[-2000:]
    assert events[-1]["event"] == "ready"
    assert events[-1]["database"] == "unchanged"
    assert "desktop_runtime.versions" in imports.read_text()
    loader = "django.db.migrations.loader"  # which imports every migration
    assert loader not in imports.read_text()
    assert runtime_manifest.file_hashes(moved) == manifest["files"]


def _alone() -> list[str]:
    """Words before a command that give it a network with nothing in it, where that is allowed."""
    for words in (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"]):
        command = [*words, sys.executable, "-c", LOOPBACK_ONLY]
        try:
            done = subprocess.run([*command, "true"], capture_output=True)
        except OSError:
            return []
        if done.returncode == 0:
            return command
    return []


def test_nothing_of_the_stage_shows_in_git_but_the_lock(staged_project):
    locks = {each.name for each in (staged_project.root / "desktop-app" / "locks").iterdir()}
    assert len(locks) == 1
    assert staged_project.git("status", "--porcelain").split() == ["??", "desktop-app/locks/"]


@pytest.mark.long
def test_second_stage_differs_only_in_what_is_listed(staged_project, manifest, tmp_path):
    first = runtime_manifest.file_hashes(staged_project.staged)
    copy = tmp_path / "copy"
    shutil.copytree(staged_project.root, copy, ignore=shutil.ignore_patterns("staged*"))
    build = staged_project.build
    done = stage(copy, downloads=build.downloads, mirror=build.mirror, allow_old_sqlite=True)
    second = done.manifest["files"]
    different = {name for name in {*first, *second} if first.get(name) != second.get(name)}
    assert different <= {"VERSION", "first-run/db.sqlite3"}
    assert done.seconds["choose packages"] < 1, "the lock was not used again"


@pytest.mark.long
def test_changed_source_is_told_from_the_staged_one(project):
    project.stage()
    assert current(project.root)["app"]["name"] == "Flying Stable"
    project.append("items/models.py", "\n# changed\n")
    with pytest.raises(Exception, match=r"items/models\.py") as refused:
        current(project.root)
    assert refused.value.code == "DDK-PKG-02"


def test_the_python_part_stays_small(bundle):
    files = [file for file in (bundle / "python").rglob("*") if file.is_file()]
    assert not [file for file in files if file.suffix == ".po" and file.with_suffix(".mo").exists()]
    # How large the programs are is up to who built this Python, see docs/decisions.md.
    ours = [file for file in files if not file.name.endswith(PROGRAMS)]
    assert sum(file.stat().st_size for file in ours) < 28_000_000


def test_what_is_left_out_is_said(staged_project, manifest):
    assert manifest["pruned"].keys() == {"sources", "translations"}
    assert min(manifest["pruned"].values()) > 5_000_000
    assert (manifest["languages"], manifest["window_languages"]) == (["en"], ["en"])
    assert not [*(staged_project.staged / "python").rglob("os.py")]


def test_equal_files_of_two_bundles_have_equal_times(bundle, manifest):
    times: dict[str, set[float]] = {}
    for name, value in manifest["files"].items():
        times.setdefault(value, set()).add((bundle / name).stat().st_mtime)
    assert {len(found) for found in times.values()} == {1}
    assert len({min(found) for found in times.values()}) > len(times) * 0.99
