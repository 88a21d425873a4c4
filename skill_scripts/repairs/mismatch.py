"""Names the two that do not fit, where an import fails although everything is installed.

A package may be too old for this Python or Django, or too new for what uses it. A package of the
missing name would not help; another version of one of the two does.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from packaging.version import Version

from skill_scripts.probe.facts import Facts, Failure, Frame
from skill_scripts.versions import OLDEST_DJANGO

# Modules of the standard library, and the Python that no longer has them.
GONE_FROM_PYTHON = {
    "asynchat": "3.12", "asyncore": "3.12", "distutils": "3.12", "imp": "3.12", "smtpd": "3.12",
    "audioop": "3.13", "cgi": "3.13", "crypt": "3.13", "imghdr": "3.13", "lib2to3": "3.13",
    "nntplib": "3.13", "pipes": "3.13", "telnetlib": "3.13", "uu": "3.13", "xdrlib": "3.13",
}  # fmt: skip
# A copy of six from before 1.16, which many old packages bring, finds its `moves` no more:
# https://docs.python.org/3/whatsnew/3.12.html#removed (find_module of importers).
MOVES_OF_SIX = re.compile(r"(^|\.)six\.moves(\.|$)")
WITHOUT_MOVES = "3.12"
OF_PYTHON_2 = frozenset(
    {
        "ConfigParser", "Cookie", "HTMLParser", "Queue", "StringIO", "UserDict", "UserList",
        "__builtin__", "cPickle", "cStringIO", "commands", "cookielib", "exceptions",
        "htmlentitydefs", "httplib", "md5", "sets", "sha", "thread", "urllib2", "urlparse",
        "xmlrpclib",
    }
)  # fmt: skip
# What old packages import most, and the Django that no longer has it.
GONE_FROM_DJANGO = {
    "django.conf.urls.defaults": "1.6", "django.conf.urls.patterns": "1.10",
    "django.conf.urls.url": "4.0", "django.contrib.comments": "1.8",
    "django.contrib.formtools": "1.8", "django.contrib.staticfiles.templatetags": "3.0",
    "django.core.context_processors": "1.10", "django.core.files.storage.get_storage_class": "5.1",
    "django.core.urlresolvers": "2.0", "django.db.models.loading": "1.9",
    "django.shortcuts.render_to_response": "3.0", "django.utils.datetime_safe": "5.0",
    "django.utils.encoding.force_text": "4.0", "django.utils.encoding.smart_text": "4.0",
    "django.utils.encoding.python_2_unicode_compatible": "3.0",
    "django.utils.http.is_safe_url": "4.0", "django.utils.http.urlquote": "4.0",
    "django.utils.importlib": "1.9", "django.utils.lru_cache": "3.0",
    "django.utils.simplejson": "1.7", "django.utils.six": "3.0", "django.utils.timezone.utc": "5.0",
    "django.utils.translation.ugettext": "4.0", "django.utils.translation.ugettext_lazy": "4.0",
    "django.utils.translation.ugettext_noop": "4.0", "django.utils.translation.ungettext": "4.0",
    "django.utils.translation.ungettext_lazy": "4.0",
}  # fmt: skip
SAYS_ABSENT = tuple(
    re.compile(pattern)
    for pattern in (
        r"No module named '?(?P<module>[\w.]+)",
        r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'",
        r"module '(?P<module>[\w.]+)' has no attribute '(?P<name>\w+)'",
    )
)


class Mismatch(NamedTuple):
    """What does not fit what, and the option that changes it."""

    what: str
    do: str


class _User(NamedTuple):
    """Whose line the import is on."""

    package: str  # "" for the project
    version: str
    place: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}" if self.package else self.place


def gone_from_python(module: str) -> str:
    """The Python on which a module cannot be imported any more, "" where it is another's."""
    if MOVES_OF_SIX.search(module):
        return WITHOUT_MOVES
    return GONE_FROM_PYTHON.get(module.partition(".")[0], "")


def find_mismatch(failure: Failure, facts: Facts, root: Path) -> Mismatch | None:
    """The mismatch behind a failure of the project in `root`, None if it was something else."""
    for error in failure.chain:
        for absent, module in _absent(error.message):
            user = _user(error.frames, facts, root, _of_python(module))
            if user and (found := _judge(absent, module, user, facts, root)):
                return found
    return None


def _absent(message: str) -> Iterator[tuple[str, str]]:
    """The dotted name of what is absent, and the module in it."""
    for pattern in SAYS_ABSENT:
        if (match := pattern.search(message)) and "circular import" not in message:
            parts = match.groupdict()
            yield ".".join(filter(None, (parts["module"], parts.get("name")))), parts["module"]


def _of_python(module: str) -> bool:
    top = module.partition(".")[0]
    return bool(gone_from_python(module)) or top in sys.stdlib_module_names | OF_PYTHON_2


def _user(frames: Sequence[Frame], facts: Facts, root: Path, of_python: bool) -> _User | None:
    for frame in reversed(frames):
        file = PurePath(frame.file)
        entries = [each for each in facts.search_path if file.is_relative_to(each or ".")]
        if "site-packages" in file.parts or "dist-packages" in file.parts:
            top = file.relative_to(max(entries, key=len)).parts[0] if entries else ""
            name, version = facts.packages.get(top.removesuffix(".py"), ("", ""))
            if name.lower() == "django" and not of_python:  # imports what the project names
                return _User("", "", "the project")
            if name:
                return _User(name, version, "")
        elif file.is_relative_to(root):
            return _User("", "", f"{file.relative_to(root).as_posix()}:{frame.line}")
    return None


def _judge(absent: str, module: str, user: _User, facts: Facts, root: Path) -> Mismatch | None:
    top = module.partition(".")[0]
    packages = facts.packages
    newer = f"take a newer {user.package}: {_extra(f'{user.package}>{user.version}')}"
    if top == "pkg_resources" and user.package:
        return Mismatch(
            f"{user} imports pkg_resources, which setuptools has before version 81 only",
            f"{newer}; or {_extra('setuptools<81')}",
        )
    if _of_python(module):
        python, gone = facts.python, gone_from_python(module)
        older = f"make an environment with a Python before {gone}" if gone else ""
        return Mismatch(
            f"{user} is too old for Python {python}, which has no {absent}",
            "; or ".join(filter(None, [newer if user.package else "", older]))
            or "change the import in the project",
        )
    if top not in packages or (root / top).exists() or (root / f"{top}.py").exists():
        return None
    name, version = packages[top]
    if top == "django":
        gone = next(
            (v for n, v in GONE_FROM_DJANGO.items() if f"{absent}.".startswith(f"{n}.")), ""
        )
        if not gone:
            earlier = f"take an older {user.package}: {_extra(f'{user.package}<{user.version}')}"
            later = f"take a newer Django: {_extra(f'django>{version}')}"
            return Mismatch(
                f"{user} does not fit Django {version}, which has no {absent}: "
                "most likely it was written for a newer one",
                f"{earlier}; or {later}" if user.package else later,
            )
        unsupported = " (older than is supported)" if Version(gone) < OLDEST_DJANGO else ""
        older = f"take an older Django{unsupported}: {_extra(f'django<{gone}')}"
        return Mismatch(
            f"{user} is too old for Django {version}, which has no {absent}",
            f"{newer}; or {older}" if user.package else older,
        )
    if name == user.package:
        return None
    return Mismatch(
        f"{name} {version} does not fit {user}, for which it has no {absent}: "
        "most likely it is too new",
        f"take an older {name}: {_extra(f'{name}<{version}')}",
    )


def _extra(requirement: str) -> str:
    return f"--set 'python.extra=[\"{requirement}\"]'"
