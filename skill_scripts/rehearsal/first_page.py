"""Which page the app opens: `/` if anything answers there, else what the project itself names."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from skill_scripts.project.files import Project
from skill_scripts.rehearsal.visitor import OWN_PAGES, Answer, Visitor

ROOT = "/"
MOST_TRIED = 15
# Addresses for programs and for developers, and those that only make sense after another page.
NEVER = re.compile(
    r"(^|[/_.-])(api|v\d+|graphql|graphiql|rest|rpc|swagger|redoc|openapi|schema|debug|__debug__|"
    r"silk|hijack|rosetta|oauth2?|o|openid|oidc|saml|callback|webhooks?|hooks?|health|healthz|"
    r"healthcheck|ping|metrics|rss|atom|sitemap|robots|static|media|i18n|jsi18n|"
    r"logout|signout|sign-out|log-out|404|500)([/_.?-]|$)|\.(json|xml|txt|js|css|ico)$",
    re.IGNORECASE,
)
README = re.compile(r"(^|/)readme(\.\w+)?$", re.IGNORECASE)
LOCAL_ADDRESS = re.compile(r"https?://(?:127\.0\.0\.1|localhost|0\.0\.0\.0)(?::\d+)?(/[\w./-]*)")
# Django's own page for a project without URLs: https://github.com/django/django, default_urlconf.
WELCOME = re.compile(r"docs\.djangoproject\.com/en/[^\"]+/releases/")


@dataclass(frozen=True)
class FirstPage:
    """The page, and why it is this one."""

    answer: Answer
    why: str
    root: Answer  # what `/` answers
    others: tuple[str, ...] = ()  # that answer too

    @property
    def path(self) -> str:
        """Where the app opens."""
        return self.answer.path

    @property
    def is_found(self) -> bool:
        """Whether a person sees a page there."""
        return is_first_page(self.answer)


def choose(
    visitor: Visitor, project: Project, pointers: Mapping[str, str], routes: Iterable[str]
) -> FirstPage:
    """The first page of a started project; `pointers` name one, `routes` are all it has."""
    root = visitor.open(ROOT)
    if is_first_page(root):
        return FirstPage(root, "", root)
    named = {path: why for why, path in _named(project, pointers)}
    paths = [each for each in dict.fromkeys((*named, *routes)) if _may_be_first(each)]
    tried: list[Answer] = []
    for path in paths[:MOST_TRIED]:
        if visitor.has_time:
            tried.append(visitor.open(path))
    good = [each for each in tried if is_first_page(each)]
    if not good:
        return FirstPage(root, "", root)
    documents = {page.path: visitor.document(page) for page in good}
    linked = Counter(each for page in documents.values() for each in {*visitor.linked(page)})
    good.sort(
        key=lambda page: (
            page.path not in named,
            # Every page may lead to where one signs in; nobody opens an app for it.
            any(form.passwords for form in documents[page.path].forms),
            "admin" in page.path,
            page.path != page.place,  # a page of its own before one that leads on
            -linked[page.path],
        )
    )
    best = good[0]
    count = linked[best.path]
    why = named.get(best.path) or (f"{count} pages lead to it" if count else "it answers")
    return FirstPage(best, why, root, tuple(each.path for each in good[1:]))


def is_first_page(answer: Answer) -> bool:
    """Whether somebody who opens the app sees a page of the project there."""
    place = urlsplit(answer.place).path
    if place.startswith(OWN_PAGES) or NEVER.search(place) or WELCOME.search(answer.text):
        return False
    return answer.is_page


def _may_be_first(path: str) -> bool:
    return path.startswith("/") and path != ROOT and not NEVER.search(path.partition("?")[0])


def _named(project: Project, pointers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Who names a page, and which."""
    for why, path in pointers.items():
        # Django's own default, which most projects do not serve.
        if path != "/accounts/profile/":
            yield why, urlsplit(path).path
    files = sorted((name for name in project.files if README.search(name)), key=len)
    for name in files[:1]:
        for match in LOCAL_ADDRESS.finditer(project.source(name)):
            yield name, match[1]
