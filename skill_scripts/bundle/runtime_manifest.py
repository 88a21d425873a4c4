"""What a bundle consists of: its manifest, its parts list (CycloneDX) and their licences."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from skill_scripts import SPEC_VERSION, __version__
from skill_scripts.backend import interpreter_flags
from skill_scripts.bundle.pruning import Pruned
from skill_scripts.bundle.source_files import Source
from skill_scripts.dependencies.bundled_python import Runtime
from skill_scripts.dependencies.platforms import Platform
from skill_scripts.findings.finding import Finding
from skill_scripts.offline import kept
from skill_scripts.project import git
from skill_scripts.project.files import PAYLOAD_FOLDER, distribution_name

MANIFEST = "runtime-manifest.json"
SBOM = "sbom.cdx.json"
LICENCES = "LICENCES.txt"
VERSION = "VERSION"
SCHEMA = 1
# What differs between two stages of the same commit.
VARYING = {
    MANIFEST: "staged_at, and the hashes of the other files named here",
    VERSION: "the time of staging",
    "first-run/*.sqlite3": "columns that hold a date or a time",
}
MADE_BY_STAGE = tuple(f"{PAYLOAD_FOLDER}/{name}" for name in ("staged*", "locks"))
LICENCE_NAME = re.compile(r"(?i)^(licen[cs]e|copying|notice|authors)")


def write_parts(bundle: Path, runtime: Runtime, settings: Mapping[str, Any]) -> None:
    """Write the SBOM and the licences of everything that is in `bundle`/python, and of
    the files of other hosts."""
    found = sorted(
        distributions(path=[str(runtime.packages)]), key=lambda each: distribution_name(each.name)
    )
    offline = kept.parts(bundle / "app")
    (bundle / SBOM).write_text(
        json.dumps(_sbom(found, offline, runtime, settings), indent=1, ensure_ascii=False) + "\n",
        encoding="utf-8", newline="\n",
    )  # fmt: skip
    texts = [*_python_licence(bundle), *(_licence_text(each) for each in found)]
    for each in offline:
        title = f"{each.name} {each.version}".strip()
        texts.append(
            _section(
                f"{title}: {each.licence or 'licence not named'}",
                [each.notice] if each.notice else [],
            )
        )
    text = "\n".join(texts)
    (bundle / LICENCES).write_text(text, encoding="utf-8", newline="\n")


def write_version(bundle: Path, root: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Write VERSION; returns what of it the manifest repeats."""
    revision = git.revision(root)
    changed = bool(revision) and git.is_changed(root, *MADE_BY_STAGE)
    staged_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    app = settings["app"]
    shown = f"{revision or 'unknown'}{' with uncommitted changes' if changed else ''}"
    (bundle / VERSION).write_text(
        f"{app['name']} {app['version']}\nrevision {shown}\nstaged {staged_at}\n",
        encoding="utf-8", newline="\n",
    )  # fmt: skip
    return {"revision": revision, "changed": changed, "staged_at": staged_at}


def write_manifest(
    bundle: Path,
    *,
    platform: Platform,
    runtime: Runtime,
    settings: Mapping[str, Any],
    source: Source,
    allow_old_sqlite: bool,
    version: Mapping[str, Any],
    pruned: Pruned,
    uncompiled: Sequence[str] = (),
    findings: Sequence[Finding] = (),
) -> dict[str, Any]:
    """Write runtime-manifest.json last: it names the hash of every other file."""
    app = settings["app"]
    content = {
        "schema": SCHEMA,
        "spec": SPEC_VERSION,
        "kit": __version__,
        "app": {key: app[key] for key in ("name", "identifier", "version")},
        **version,
        "platform": platform.name,
        "interpreter": {
            "path": platform.interpreter,
            "version": runtime.version,
            "sqlite": runtime.sqlite,
            **runtime.build.as_dict(),
        },
        "allow_old_sqlite": allow_old_sqlite,
        "entry": [platform.interpreter, *interpreter_flags(), f"app/{PAYLOAD_FOLDER}/launch.py"],
        "first_run": "prebuilt" if (bundle / "first-run").is_dir() else "first launch",
        "decisions": [each.as_dict() for each in findings],
        "packages": {
            distribution_name(each.name): each.version
            for each in distributions(path=[str(runtime.packages)])
        },
        "left_out": source.left_out,
        "languages": pruned.spoken,
        "window_languages": pruned.window,
        "pruned": pruned.saved,
        "uncompiled": list(uncompiled),
        "varying": VARYING,
        "files": file_hashes(bundle),
    }
    content["packages"] = dict(sorted(content["packages"].items()))
    (bundle / MANIFEST).write_text(
        json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n"
    )
    return content


def file_hashes(bundle: Path) -> dict[str, str]:
    """The sha256 of every file but the manifest, by path relative to the bundle."""
    return dict(sorted(_hashes(bundle)))


def sizes(bundle: Path) -> dict[str, int]:
    """Bytes by part: the interpreter, its packages, the app and the rest."""
    found = dict.fromkeys(
        ("interpreter", "packages", "app", "static files", "first-run", "other"), 0
    )
    parts = {"app": "app", "staticfiles": "static files", "first-run": "first-run"}
    for base, _, names in os.walk(bundle):
        inner = Path(base).relative_to(bundle).parts
        part = parts.get(inner[0], "other") if inner else "other"
        if inner[:1] == ("python",):
            packages = {"site-packages", "dist-packages"} & set(inner)
            part = "packages" if packages else "interpreter"
        found[part] += sum(Path(base, name).stat().st_size for name in names)
    return found


def read(bundle: Path) -> dict[str, Any] | None:
    """The manifest of a finished stage, None if there is none."""
    try:
        content = json.loads((bundle / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and "files" in content else None


def changes_since(manifest: Mapping[str, Any], source: Source) -> list[str]:
    """Files of the project that are not as they were staged."""
    staged = {
        name.removeprefix("app/"): value
        for name, value in manifest["files"].items()
        if name.startswith("app/") and "__pycache__" not in name.split("/")
    }
    now = source.hashes()
    return sorted(name for name in {*staged, *now} if staged.get(name) != now.get(name))


def _hashes(bundle: Path) -> Iterator[tuple[str, str]]:
    for base, folders, names in os.walk(bundle):
        folders.sort()
        for name in names:
            file = Path(base, name)
            relative = file.relative_to(bundle).as_posix()
            if relative != MANIFEST:
                with file.open("rb") as stream:
                    yield relative, hashlib.file_digest(stream, "sha256").hexdigest()


def _sbom(
    found: Sequence[Distribution],
    offline: Sequence[kept.Part],
    runtime: Runtime,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """https://cyclonedx.org/docs/1.6/json/; without serial number and time, to be reproducible."""
    app = settings["app"]
    reference = f"{app['identifier']}@{app['version']}"
    python = f"pkg:generic/cpython@{runtime.version}"
    components = [
        {
            "type": "application", "bom-ref": python, "name": "cpython",
            "version": runtime.version, "purl": python,
            "licenses": [{"license": {"id": "PSF-2.0"}}],
            "hashes": [{"alg": "SHA-256", "content": runtime.build.sha256}],
            "externalReferences": [{"type": "distribution", "url": runtime.build.url}],
        },
        {
            "type": "library", "bom-ref": f"pkg:generic/sqlite@{runtime.sqlite}", "name": "sqlite",
            "version": runtime.sqlite, "purl": f"pkg:generic/sqlite@{runtime.sqlite}",
        },
    ]  # fmt: skip
    for each in found:
        purl = f"pkg:pypi/{distribution_name(each.name)}@{each.version}"
        component = {"type": "library", "bom-ref": purl, "name": each.name,
                     "version": each.version, "purl": purl}  # fmt: skip
        if expression := each.metadata.get("License-Expression"):
            component["licenses"] = [{"expression": expression}]
        elif name := _short_licence(each):
            component["licenses"] = [{"license": {"name": name}}]
        components.append(component)
    for part in offline:
        is_package = part.reference.startswith("pkg:")
        component = {"type": "library" if is_package else "file", "bom-ref": part.reference,
                     "name": part.name}  # fmt: skip
        if part.version:
            component["version"] = part.version
        if is_package:
            component["purl"] = part.reference
        else:
            component["hashes"] = [{"alg": "SHA-256", "content": part.hashes[0]}]
        if part.licence:
            component["licenses"] = [{"license": {"name": part.licence}}]
        components.append(component)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "bom-ref": reference, "name": app["name"],
                          "version": app["version"]},
        },
        "components": components,
        "dependencies": [
            {"ref": reference, "dependsOn": [each["bom-ref"] for each in components]}
        ],
    }  # fmt: skip


def _short_licence(each: Distribution) -> str:
    """A licence's name: from the classifiers, or the field if it is not a whole text."""
    classifiers = each.metadata.get_all("Classifier") or []
    names = [name.rpartition(" :: ")[2] for name in classifiers if name.startswith("License ::")]
    field = (each.metadata.get("License") or "").strip()
    return " AND ".join(names) or (field if len(field) < 100 and "\n" not in field else "")


def _python_licence(bundle: Path) -> Iterator[str]:
    for file in sorted((bundle / "python").rglob("LICENSE.txt")):
        if "packages" not in file.parent.name and "dist-info" not in str(file.parent):
            yield _section("Python", [file])
            return
    yield _section("Python: https://docs.python.org/3/license.html", [])


def _licence_text(each: Distribution) -> str:
    files = [
        Path(str(each.locate_file(file)))
        for file in each.files or []
        if LICENCE_NAME.match(file.name) and ".dist-info" in str(file)
    ]
    name = each.metadata.get("License-Expression") or _short_licence(each) or "licence not named"
    return _section(
        f"{each.name} {each.version}: {name}", [each for each in files if each.is_file()]
    )


def _section(title: str, files: Sequence[Path]) -> str:
    texts = [file.read_text(encoding="utf-8", errors="replace").rstrip() for file in files]
    return "\n\n".join([f"{'=' * 79}\n{title}\n{'=' * 79}", *texts]) + "\n"
