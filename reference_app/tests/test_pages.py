"""What holds for every page: policy, no foreign address, one splash for page and shell."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from items.models import Item

pytestmark = pytest.mark.django_db

PAGES = ["/", "/?status=done", "/items/new/", "/routines/", "/splash/"]
THEME = settings.BASE_DIR / "theme"
ADDRESS = re.compile(r"""(?:https?:)?//[\w.-]+\.\w+""")
NAMESPACES = "http://www.w3.org/2000/svg"


def source_files() -> list[Path]:
    brand = settings.BASE_DIR / "assets" / "brand"
    kinds = {".html", ".css", ".js", ".svg"}
    return [path for root in (THEME, brand) for path in root.rglob("*") if path.suffix in kinds]


@pytest.mark.parametrize("url", PAGES)
def test_every_page_is_served_under_the_strict_policy(client: Client, url: str) -> None:
    response = client.get(url)
    assert response.status_code == 200
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'")
    assert "unsafe" not in policy


@pytest.mark.parametrize("url", PAGES[:-1])
def test_pages_have_no_inline_script_or_style(client: Client, url: str) -> None:
    Item.objects.create(title="Comet")
    page = client.get(url).text
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)


def test_no_file_names_another_host() -> None:
    for path in source_files():
        text = path.read_text(encoding="utf-8").replace(NAMESPACES, "")
        assert not ADDRESS.search(text), path


def test_every_static_file_a_page_names_exists(client: Client) -> None:
    Item.objects.create(title="Comet")
    for url in PAGES:
        for name in re.findall(r'"/static/([^"#]+)', client.get(url).text):
            assert finders.find(name), name


def test_every_file_the_stylesheet_names_exists() -> None:
    stylesheet = THEME / "static" / "theme" / "css" / "theme.css"
    for name in re.findall(r'url\("([^"]+)"\)', stylesheet.read_text(encoding="utf-8")):
        assert (stylesheet.parent / name).is_file(), name


def test_bundled_font_comes_with_its_licence() -> None:
    fonts = THEME / "static" / "theme" / "fonts"
    assert "SIL Open Font License" in (fonts / "LICENSE.txt").read_text(encoding="utf-8")


def test_splash_page_is_the_file_the_shell_shows(client: Client) -> None:
    source = settings.BASE_DIR / "assets" / "brand" / "splash.html"
    assert client.get("/splash/").text == source.read_text(encoding="utf-8")


def test_splash_needs_nothing_but_itself() -> None:
    splash = (settings.BASE_DIR / "assets" / "brand" / "splash.html").read_text(encoding="utf-8")
    assert 'id="progress" role="status"' in splash
    assert "prefers-reduced-motion" in splash
    assert not re.search(r"<script|<link(?! rel=\"icon\" href=\"data:,\")|\ssrc=|url\(", splash)


@pytest.mark.parametrize("url", PAGES[:-1])
def test_pages_name_their_parts_for_screen_readers(client: Client, url: str) -> None:
    page = client.get(url).text
    assert page.count("<h1>") == 1
    assert '<a class="skip-link" href="#content">' in page
    assert 'aria-current="page"' in page
    for image in re.findall(r"<img [^>]*>", page):
        assert "alt=" in image


def test_unknown_page_is_a_plain_404(client: Client) -> None:
    assert client.get("/nowhere/").status_code == 404
