"""The site builds strictly, links hold, and it works from the file system with nothing else."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from .pages import DOCS, KIT, blocks, run_line, said

pytestmark = pytest.mark.slow

EXTERNAL_PARTS = {"script": "src", "img": "src", "iframe": "src", "source": "src"}
RESOURCE_LINKS = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch"}
TOP_LEVEL = ("README.md", "SKILL.md", "AGENTS.md", "CONTRIBUTING.md", "SECURITY.md", "llms.txt")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=KIT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


class Page(HTMLParser):
    """The identifiers, links and resources of one page."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.resources = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if attributes.get("id"):
            self.ids.add(attributes["id"])
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        if tag in EXTERNAL_PARTS and attributes.get(EXTERNAL_PARTS[tag]):
            self.resources.append(attributes[EXTERNAL_PARTS[tag]])
        if tag == "link" and attributes.get("rel") in RESOURCE_LINKS:
            self.resources.append(attributes["href"])


@pytest.fixture(scope="session")
def pages(site):
    return {path: Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def test_has_the_pages_of_the_navigation(pages):
    assert len(pages) >= 20


def test_all_pages_are_in_one_file_beside_the_site(site):
    full = (site / "llms-full.txt").read_text(encoding="utf-8")
    listed = re.findall(r"\]\((docs/[^)]+)\)", (KIT / "llms.txt").read_text(encoding="utf-8"))
    assert sorted(re.findall(r"^<!-- (docs/.+) -->$", full, re.M)) == sorted(listed)
    assert len(full) > 200_000


def test_internal_links_and_anchors_hold(pages):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                broken.append(f"{path.name}: {link}")
            elif parts.fragment and target in pages:
                anchor = unquote(parts.fragment)
                if anchor != "__tabbed" and anchor not in pages[target].ids | {"__skip"}:
                    broken.append(f"{path.name}: {link} has no such anchor")
    assert broken == []


def test_nothing_is_loaded_from_another_host(pages, site):
    foreign = [r for page in pages.values() for r in page.resources if urlsplit(r).netloc]
    assert foreign == []
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", style.read_text(encoding="utf-8")), style


def test_links_of_the_repository_hold():
    broken = []
    for name in TOP_LEVEL:
        text = (KIT / name).read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if not urlsplit(link).scheme and not (KIT / link).exists():
                broken.append(f"{name}: {link}")
    assert broken == []


def test_spelling():
    files = ["docs", "references", "mkdocs.yml", *TOP_LEVEL, "SPEC.md"]
    done = subprocess.run(
        [sys.executable, "-m", "codespell_lib", *files], cwd=KIT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


# Pages with marked commands; what stands together is run in this order on the same project.
EXECUTED = (
    ("tutorial.md",),
    ("how-to/own-project.md",),
    (
        "how-to/login-wall.md",
        "how-to/checks.md",
        "how-to/data-and-workers.md",
        "how-to/stage.md",
    ),
)


def test_every_page_with_marked_commands_is_run():
    marked = {
        page.relative_to(DOCS).as_posix()
        for page in DOCS.rglob("*.md")
        if "<!-- run" in page.read_text(encoding="utf-8")
    }
    assert marked == {name for names in EXECUTED for name in names}


@pytest.fixture
def kit_folder(tmp_path):
    """Where a reader stands: beside it lies `myproject`, committed, made by somebody else."""
    project = tmp_path / "myproject"
    shutil.copytree(KIT / "tests" / "foreign" / "own" / "clubhouse", project)
    for command in ("init --quiet", "add .", "-c user.name=n -c user.email=e commit -qm project"):
        subprocess.run(["git", "-C", str(project), *command.split()], check=True)
    folder = tmp_path / "kit"
    folder.mkdir()
    return folder


@pytest.mark.network
@pytest.mark.browser
@pytest.mark.timeout(3600)
@pytest.mark.long
@pytest.mark.parametrize("names", EXECUTED, ids=[Path(names[0]).stem for names in EXECUTED])
def test_marked_commands_run_in_order(names, kit_folder, tmp_path):
    for block in [block for name in names for block in blocks(DOCS / name)]:
        for line in block.commands:
            done = run_line(line, kit_folder, tmp_path / "home")
            assert done.returncode == block.exit, said(line, done)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = next(
        (p for p in ("/usr/bin/chromium", "/usr/bin/google-chrome") if Path(p).exists()), None
    )
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    with playwright.sync_playwright() as play:
        opened = play.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"] if root else []
        )
        yield opened
        opened.close()


@pytest.fixture
def opened(browser, site):
    """A function that opens a page from the file system; nothing foreign, no errors."""
    contexts, problems = [], []

    def open_page(name, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
        page.on(
            "request",
            lambda request: (
                problems.append(f"foreign: {request.url}")
                if not request.url.startswith(("file:", "data:", "blob:", "about:"))
                else None
            ),
        )
        page.goto((site / name).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.mark.browser
def test_search_works_from_the_file_system(opened):
    page = opened("index.html")
    page.keyboard.press("/")
    page.keyboard.type("login wall")
    result = page.locator(".md-search-result__link", has_text="login wall").first
    result.wait_for(timeout=10_000)
    assert "how-to/login-wall.html" in result.get_attribute("href")


@pytest.mark.browser
def test_the_keyboard_reaches_the_content(opened):
    page = opened("tutorial.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent").strip() == "Skip to content"
    assert page.evaluate("document.documentElement.lang") == "en"


CONTRAST = """
() => {
  const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) =>
    0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const paint = (colours) => {
    pen.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      pen.fillStyle = colour;
      pen.fillRect(0, 0, 1, 1);
    }
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const behind = (element) => {
    const colours = [];
    for (let e = element; e; e = e.parentElement) {
      colours.unshift(getComputedStyle(e).backgroundColor);
    }
    return ["white", ...colours];
  };
  const wanted = ".md-content h1, .md-content p, .md-content a:not(.headerlink), .md-content td, " +
    ".md-content code, .md-content .go, .md-header__title";
  return [...document.querySelectorAll(wanted)]
    .filter((e) => e.offsetParent && e.textContent.trim())
    .map((e) => {
      const below = behind(e);
      const text = luminance(paint([...below, getComputedStyle(e).color]));
      const page = luminance(paint(below));
      const ratio = (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05);
      return [ratio, e.tagName, e.textContent.slice(0, 40)];
    })
    .filter(([ratio]) => ratio < 4.5);
}
"""


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["tutorial.html", "reference/criteria.html"])
def test_text_has_enough_contrast(opened, name, scheme):
    page = opened(name, color_scheme=scheme)
    expected = "default" if scheme == "light" else "slate"
    assert page.evaluate("document.body.dataset.mdColorScheme") == expected
    assert page.evaluate(CONTRAST) == []
