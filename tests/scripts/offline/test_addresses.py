"""Addresses of other hosts in templates, styles and scripts."""

import pytest

from skill_scripts.offline import addresses
from skill_scripts.project.files import find_project
from tests.scripts.offline.host import CDN
from tests.scripts.projects import project


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        (f'<script src="{CDN}.js"></script>', [(f"{CDN}.js", "script")]),
        ('<script src="//cdn.example/a.js"></script>', [(f"{CDN}.js", "script")]),
        (f'<script type="module" src="{CDN}.js"></script>', [(f"{CDN}.js", "module")]),
        (f'<link rel="stylesheet" href="{CDN}?a=1&amp;b=2">', [(f"{CDN}?a=1&b=2", "style")]),
        (f"<link href={CDN}.css rel=stylesheet>", [(f"{CDN}.css", "style")]),
        (f'<link rel="preload" as="font" href="{CDN}.woff2">', [(f"{CDN}.woff2", "font")]),
        (f'<link rel="icon" href="{CDN}.ico">', []),
        ('<link rel="preconnect" href="https://cdn.example">', []),
        (f'<a href="{CDN}.js">read it</a> <input value="{CDN}.js">', []),
        (f'<img src="{CDN}.png">', []),
        (f'<!-- <script src="{CDN}.js"></script> -->', []),
        (f'{{# <script src="{CDN}.js"></script> #}}', []),
        (f'{{% comment %}}<script src="{CDN}.js"></script>{{% endcomment %}}', []),
        ('<script src="{% static "a.js" %}"></script>', []),
        (f"<style>@import url({CDN}.css); a {{ color: red }}</style>", [(f"{CDN}.css", "style")]),
        (f"<style>@import '{CDN}.css' screen;</style>", [(f"{CDN}.css", "style")]),
        (f'<script>import x from "{CDN}.js"; y()</script>', [(f"{CDN}.js", "module")]),
        (f'<script>s.src = "{CDN}.js"</script>', [(f"{CDN}.js", "script")]),
        (f'<script type="application/json">{{"s": import("{CDN}.js")}}</script>', []),
        (
            f'<script type="importmap">{{"imports": {{"a": "{CDN}.js", "b/": "{CDN}/"}}}}</script>'
            '<script type="module">import {c} from "b/c.js"</script>',
            [(f"{CDN}.js", "module"), (f"{CDN}/", "folder"), (f"{CDN}/c.js", "module")],
        ),
        ('<script src="https://cdn.example/{{ v }}/a.js"></script>',
         [("https://cdn.example/{{ v }}/a.js", "script")]),
    ],
)  # fmt: skip
def test_address_in_a_template(markup, expected):
    assert [(each.address, each.kind) for each in addresses.in_markup(markup)] == expected


def test_addresses_of_a_project_have_a_place(tmp_path):
    project(
        tmp_path,
        {
            "templates/base.html": f'<p>\n<script src="{CDN}.js" integrity="sha256-x"></script>',
            "shop/static/own.css": f'p {{ }}\n\n@font-face {{ src: url("{CDN}.woff2") }}',
            "shop/static/own.js": f'import a from "{CDN}.mjs"',
            "shop/admin.py": f'class Media:\n    css = {{"all": ["{CDN}.css"]}}',
            "shop/tests/page.html": '<script src="https://cdn.example/test.js"></script>',
        },
    )
    found = {each.place: each for each in addresses.find(find_project(tmp_path))}
    assert {place: each.address for place, each in found.items()} == {
        "templates/base.html:2": f"{CDN}.js",
        "shop/static/own.css:3": f"{CDN}.woff2",
        "shop/static/own.js:1": f"{CDN}.mjs",
        "shop/admin.py:2": f"{CDN}.css",
    }
    assert found["templates/base.html:2"].integrity == "sha256-x"
