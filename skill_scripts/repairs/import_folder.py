"""Finds a module in a folder of the project that is not on the import path."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from skill_scripts.findings.finding import HANDLED, Finding
from skill_scripts.findings.surveyed import Survey
from skill_scripts.probe.facts import Failure
from skill_scripts.repairs.missing import missing_module

# A file that imports its neighbours is nothing without its package.
RELATIVE = re.compile(r"^\s*from\s+\.", re.MULTILINE)


@dataclass(frozen=True)
class Folder:
    """A folder of the project, and the module in it."""

    folder: str
    module: str

    def apply(self, survey: Survey) -> None:
        """Enter it into [django] path."""
        survey.draft["django"]["path"].append(self.folder)

    def finding(self, survey: Survey) -> Finding:
        """Where the module is."""
        what = f"module {self.module} is in {self.folder}"
        return Finding("import-folder", HANDLED, what, "added to django.path")


def add(survey: Survey, failure: Failure) -> Folder | None:
    """The folder from which the module can be imported, as for a src layout."""
    module = missing_module(failure)
    if not module or "." in module:
        return None
    project, paths = survey.project, survey.draft["django"]["path"]
    here = PurePosixPath(project.manage).parent.as_posix()
    folders = {
        "/".join(parts[: parts.index(module)]) or "."
        for name in project.python_files()
        if module in (parts := (*PurePosixPath(name).with_suffix("").parts,))
        and not (parts[-1] == module and RELATIVE.search(project.source(name)))
    } - {here, *paths}
    if not folders:
        return None
    return Folder(min(folders, key=lambda each: (each.count("/"), len(each))), module)
