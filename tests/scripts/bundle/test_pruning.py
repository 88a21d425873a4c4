"""What a bundle is freed of, and what keeps it."""

import pytest

from skill_scripts.bundle.pruning import Languages, imported_modules, prune
from skill_scripts.bundle.source_files import Source

LIBRARY = "python/lib/python3.14"
PACKAGES = f"{LIBRARY}/site-packages"
DJANGO = f"{PACKAGES}/django/contrib/admin"
BUNDLE = (
    f"{LIBRARY}/os.py", f"{LIBRARY}/__pycache__/os.cpython-314.pyc",
    f"{LIBRARY}/json/tool.py", f"{LIBRARY}/json/__pycache__/tool.cpython-314.pyc",
    f"{LIBRARY}/bad_syntax.py",
    f"{PACKAGES}/six.py", f"{PACKAGES}/__pycache__/six.cpython-314.pyc",
    *(f"{DJANGO}/locale/{name}/LC_MESSAGES/django.mo" for name in ("en", "de", "pt_BR", "zh_Hans")),
    f"{DJANGO}/locale/fr/LC_MESSAGES/djangojs.mo",
    f"{DJANGO}/locale/fr/formats.py", f"{DJANGO}/locale/fr/__pycache__/formats.cpython-314.pyc",
    f"{PACKAGES}/pycountry/locales/fr/LC_MESSAGES/iso3166-1.mo",
    "app/shop/locale/fr/LC_MESSAGES/django.mo",
)  # fmt: skip
GERMAN = Languages("de-at", ["de", "pt-br", "zh-hans"], by_middleware=False)


@pytest.fixture
def bundle(tmp_path):
    for name in BUNDLE:
        write(tmp_path, name, "x" * 10)
    return tmp_path


def write(folder, name, text):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def left(bundle):
    return {file.relative_to(bundle).as_posix() for file in bundle.rglob("*") if file.is_file()}


def translated(bundle):
    """The languages that Django is left in."""
    return {file.parents[1].name for file in (bundle / DJANGO).rglob("*.mo")}


def test_the_standard_library_is_bytecode_alone(bundle):
    done = prune(bundle, GERMAN, {"translations"})
    gone = {name for name in BUNDLE if "/os." in name or "/tool." in name}
    assert left(bundle) == {*BUNDLE} - gone | {f"{LIBRARY}/os.pyc", f"{LIBRARY}/json/tool.pyc"}
    assert done.saved == {"sources": 20}
    assert not list(bundle.glob(f"{LIBRARY}/json/__pycache__"))


def test_translations_into_a_language_of_no_page_go(bundle):
    done = prune(bundle, GERMAN, {"sources"})
    assert translated(bundle) == {"en", "de"}
    assert left(bundle) >= {name for name in BUNDLE if not name.endswith(("django.mo", "js.mo"))}
    assert "app/shop/locale/fr/LC_MESSAGES/django.mo" in left(bundle)
    assert done.saved == {"translations": 30}
    assert (done.spoken, done.window) == (["de"], ["de", "en"])
    assert not (bundle / DJANGO / "locale/pt_BR").exists()


def test_what_the_project_keeps_stays(bundle):
    assert prune(bundle, GERMAN, {"sources", "translations"}).saved == {}
    assert left(bundle) == {*BUNDLE}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("app/shop/views.py", "from django.utils import translation\ntranslation.activate(code)"),
        (f"{PACKAGES}/shopkit/mail.py",
         "from django.utils.translation import (\n  get_language,\n  override,\n)\noverride(code)"),
        ("app/templates/a.html", "{%  language 'pt-br' %}{% endlanguage %}"),
    ],
)  # fmt: skip
def test_where_something_switches_all_offered_languages_stay(name, text, bundle):
    write(bundle, name, text)
    assert prune(bundle, GERMAN, ()).spoken == ["de", "pt", "zh"]
    assert translated(bundle) == {"en", "de", "pt_BR", "zh_Hans"}


def test_where_a_middleware_switches_all_offered_languages_stay(bundle):
    prune(bundle, Languages("en-us", ["en", "fr"], by_middleware=True), ())
    assert translated(bundle) == {"en", "fr"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (f"{PACKAGES}/django/views/i18n.py", "translation.activate(code)"),
        ("app/desktop-app/desktop_runtime/x.py", "translation.activate(code)"),
        ("app/shop/views.py", "from django.utils import timezone\ntimezone.activate(zone)"),
    ],
)
def test_what_does_not_switch(name, text, bundle):
    write(bundle, name, text)
    assert prune(bundle, GERMAN, ()).spoken == ["de"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("app/templates/a.html", '<input name=day type="date">'),
        ("app/shop/forms.py", "DateInput(attrs={'type': 'date'})"),
        ("app/static/shop.js", "cell.textContent = price.toLocaleString()"),
        ("app/static/shop.js", "new Intl.DateTimeFormat()"),
    ],
)
def test_chromium_keeps_all_languages_where_pages_show_dates_in_the_persons_way(name, text, bundle):
    write(bundle, name, text)
    assert prune(bundle, GERMAN, ()).window == []


def test_modules_that_the_project_imports_are_found(tmp_path):
    write(tmp_path, "a.py", "import os\nfrom turtle import Screen\n")
    write(tmp_path, "b.py", "def f():\n    import tkinter.filedialog\n# import ensurepip\n")
    write(tmp_path, "c.txt", "import idlelib\n")
    assert imported_modules(Source(tmp_path, ["a.py"])) == {"turtle", "tkinter"}
    assert imported_modules(Source(tmp_path, ["b.py", "c.txt"])) == {"tkinter"}
