"""Static files that are in no clone and that no build makes: the npm packages they come from, and
the step that copies them."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from skill_scripts.findings.finding import DECIDE, Finding
from skill_scripts.findings.frontend import ICON, install_command, package_files
from skill_scripts.findings.surveyed import Survey
from skill_scripts.offline.fetch import FetchError
from skill_scripts.offline.npm import Npm

MOST_PACKAGES = 8  # that are looked into
COPY = "for(let a=process.argv.slice(1);a.length;)fs.cpSync(a.shift(),a.shift(),{recursive:true})"
SHOWN = 3


def from_packages(survey: Survey) -> Finding | None:
    """What to do about missing static files whose packages a package.json lists; None where it
    lists none that may hold them."""
    missing = [*_missing(survey)]
    for file in package_files(survey.project) if missing else ():
        listed = _listed(survey.project.source(file))
        likely = [name for name in listed if any(_is_related(name, each) for each in missing)]
        if likely:
            return _finding(survey, missing, file, {name: listed[name] for name in likely})
    return None


def _missing(survey: Survey) -> Iterator[str]:
    """Names below STATIC_URL that pages want and nobody has."""
    found = dict.fromkeys(survey.facts.static_missing)
    prefix = f"/{str(survey.facts.settings.get('STATIC_URL') or '').strip('/')}/"
    for page in (survey.rehearsal or {}).get("pages", ()):
        if page["is_part"] and page["status"] == 404 and page["path"].startswith(prefix):
            found[page["path"].removeprefix(prefix).partition("?")[0]] = None
    return (name for name in found if name and not ICON.search(name))


def _listed(text: str) -> dict[str, str]:
    """The packages of a package.json, each with its version."""
    try:
        content = json.loads(text)
        found = [content.get(each) or {} for each in ("dependencies", "devDependencies")]
        return {str(name): str(version) for each in found for name, version in each.items()}
    except (ValueError, AttributeError, RecursionError):
        return {}


def _is_related(package: str, file: str) -> bool:
    """Whether a path speaks of a package: vendor/jquery/jquery.min.js of jquery."""
    name = re.sub(r"\W", "", package.rpartition("/")[2]).removesuffix("js").lower()
    words = [re.sub(r"\W", "", part).lower() for part in PurePosixPath(file).parts]
    return len(name) > 1 and any(word.startswith(name) for word in words)


def _finding(survey: Survey, missing: Sequence[str], file: str, likely: dict[str, str]) -> Finding:
    folder = PurePosixPath(file).parent
    shown = ", ".join(missing[:SHOWN]) + (" …" if len(missing) > SHOWN else "")
    what = (
        f"pages want {shown}: not there; {file} lists {', '.join(likely)}, and no build that would "
        "copy them"
    )
    copies, why = _copies(missing, likely, _folder_for(survey, missing))
    if not copies:
        do = f"install them and copy what the pages want: --set 'frontend.build=…' ({why})"
        return Finding("frontend-build", DECIDE, what, do, file)
    pairs = [
        part
        for source, target in copies.items()
        for part in ((folder / "node_modules" / source).as_posix(), target)
    ]
    build = [install_command(survey.project, file), ["node", "-e", COPY, *pairs]]
    option = f"--set 'frontend.build={json.dumps(build)}'"
    do = f"adapt installs and copies them in a copy of the project: {option}"
    return Finding("frontend-build", DECIDE, what, do, file)


def _copies(
    missing: Sequence[str], likely: dict[str, str], static: str
) -> tuple[dict[str, str], str]:
    """From where in node_modules to where in the project, and why nothing could be found."""
    npm, found, why = Npm(), {}, "no package has a file of that name"
    for name, version in [*likely.items()][:MOST_PACKAGES]:
        try:
            files = npm.package(name, version).files
        except FetchError as error:
            why = str(error)
            continue
        for each in missing:
            if _is_related(name, each) and (place := _place(each, files)):
                source, target = _as_folder(name, each, place)
                found.setdefault(f"{name}/{source}", f"{static}/{target}")
    return found, why


def _place(wanted: str, files: Sequence[str]) -> str:
    """The file of a package that is most like the wanted one; "" if no name is the same."""
    name = PurePosixPath(wanted).name
    same = [each for each in files if PurePosixPath(each).name == name]
    return min(same, key=lambda each: (-_alike(wanted, each), each.count("/"), each), default="")


def _alike(one: str, other: str) -> int:
    """How many parts at the end of two paths are the same."""
    pairs = zip(one.split("/")[::-1], other.split("/")[::-1], strict=False)
    return next(
        (n for n, (a, b) in enumerate(pairs) if a != b), min(one.count("/"), other.count("/")) + 1
    )


def _as_folder(package: str, wanted: str, place: str) -> tuple[str, str]:
    """Source and target; the folder around a file where that is the package's own: a style finds
    its fonts there."""
    alike = _alike(wanted, place)
    source, target = ("/".join(each.split("/")[:-alike]) for each in (place, wanted))
    own = PurePosixPath(target).name.lower() in (package.rpartition("/")[2].lower(), package)
    return (source or ".", target) if own and target else (place, wanted)


def _folder_for(survey: Survey, missing: Sequence[str]) -> str:
    """The project's folder of static files that fits best; one of our own where it has none."""
    root, folders = survey.project.root, survey.facts.static_folders
    tops = {name.partition("/")[0] for name in missing}
    fitting = [each for each in folders if any((root / each / top).is_dir() for top in tops)]
    return next(iter([*fitting, *folders]), "static")
