"""Dependency declarations in all their forms."""

import time

import pytest

from skill_scripts.dependencies.declarations import _caret, read_declarations, requirement_name
from tests.scripts import projects


@pytest.fixture
def declared(tmp_path):
    def read(tree, folder="", **options):
        root = projects.write(tmp_path, tree)
        return read_declarations(root, root / folder, **options)

    return read


def test_a_requirement_file_with_all_kinds_of_lines(declared):
    found = declared(
        {
            "requirements.txt": (
                "\ufeff# comment\r\n-r requirements/base.txt\r\n-c limits.txt\r\n"
                "--index-url https://gone.invalid/simple\r\nrich>=13 ; os_name>'3' # why\r\n"
                "git+https://example.org/x.git#egg=x\r\nname @ https://example.org/n.whl\r\n"
                "pinned==1.0 \\\r\n    --hash=sha256:aa \\\r\n    --hash=sha256:bb\r\n"
                "-e .\r\nüñí!\r\n"
            ),
            "requirements/base.txt": "django~=5.2\n-r ../requirements.txt\n",
            "limits.txt": "asgiref<4\n",
            "setup.cfg": "[options]\ninstall_requires =\n    pytz\n",
        }
    )

    assert found.requirements == [
        "django~=5.2",
        "rich>=13 ; os_name>'3'",
        "git+https://example.org/x.git#egg=x",
        "name @ https://example.org/n.whl",
        "pinned==1.0",
        "pytz",
    ]
    assert found.constraints == ["asgiref<4"]
    assert found.local_paths == ["."]
    assert found.ignored == ["--index-url https://gone.invalid/simple", "üñí!"]


def test_an_include_that_is_not_there_is_named(declared):
    found = declared({"requirements.txt": "-r gone.txt\ndjango\n"})
    assert found.requirements == ["django"]
    assert found.ignored == ["gone.txt (included by requirements.txt, not in the project)"]


def test_utf_16_and_latin_1(declared):
    assert declared({"requirements.txt": "django\n".encode("utf-16")}).requirements == ["django"]
    assert declared({"requirements.txt": "# é\ndjango\n".encode("latin-1")}).requirements == [
        "django"
    ]


def test_pyproject_with_groups_extras_and_git_sources(declared):
    text = """
    [project]
    name = "x"
    requires-python = ">=3.12"
    dependencies = ["django>=5", "fork"]

    [project.optional-dependencies]
    pdf = ["weasyprint"]

    [dependency-groups]
    test = ["pytest", { include-group = "base" }]
    base = ["coverage", { include-group = "test" }]

    [tool.uv.sources]
    fork = { git = "https://example.org/fork.git", rev = "abc" }
    """
    found = declared({"pyproject.toml": text}, groups=["test"])

    assert found.requirements == [
        "django>=5", "fork @ git+https://example.org/fork.git@abc", "pytest", "coverage"
    ]  # fmt: skip
    assert found.spare["weasyprint"] == "weasyprint"
    assert found.requires_python == ">=3.12"


def test_poetry_with_its_lock(declared):
    text = """
    [tool.poetry.dependencies]
    python = "^3.11"
    Django = "^5.2"
    rich = { version = "~13.1", extras = ["jupyter"] }
    own = { path = "../own" }

    [tool.poetry.group.dev.dependencies]
    pytest = "*"
    """
    lock = '[[package]]\nname = "django"\nversion = "5.2.3"\n'
    found = declared({"pyproject.toml": text, "poetry.lock": lock})

    assert found.requirements == ["Django>=5.2,<6", "rich[jupyter]>=13.1,<13.2"]
    assert found.spare == {"pytest": "pytest"}
    assert found.constraints == ["django==5.2.3"]
    assert found.requires_python == ">=3.11,<4"


def test_pipfile_with_its_lock(declared):
    files = {
        "Pipfile": '[packages]\ndjango = "*"\n'
        'rich = {version = ">=13", markers = "os_name == \'x\'"}\n'
        '[requires]\npython_version = "3.11"\n',
        "Pipfile.lock": '{"default": {"django": {"version": "==5.2.1"}, "own": {"path": "."}}}',
    }
    found = declared(files)

    assert found.requirements == ["django", "rich>=13 ; os_name == 'x'"]
    assert found.constraints == ["django==5.2.1"]
    assert found.requires_python == ">=3.11"


def test_setup_py_is_read_and_not_run(declared):
    text = """
    import sys
    sys.exit("this must not run")
    NEEDED = ["django>=4.2"]
    setuptools.setup(
        install_requires=NEEDED, extras_require={"x": ["rich"]}, python_requires=">=3.9"
    )
    """
    found = declared({"setup.py": text})
    assert (found.requirements, found.requires_python) == (["django>=4.2"], ">=3.9")
    assert found.spare == {"rich": "rich"}


def test_other_requirement_files_are_spare(declared):
    found = declared(
        {"requirements/base.txt": "django\n", "requirements/local.txt": "-r base.txt\ndebugger\n"}
    )
    assert found.requirements == ["django"]
    assert found.spare["debugger"] == "debugger"


def test_the_nearest_folder_upwards_counts(declared):
    found = declared({"requirements.txt": "django\n", "backend/site/manage.py": ""}, "backend/site")
    assert found.files == ["requirements.txt"]


@pytest.mark.parametrize("name", ["web/site/requirements/base.txt", "docker/web/requirements.txt"])
def test_a_requirement_file_in_a_folder_below_counts_when_nothing_else_is_declared(declared, name):
    tree = {
        name: "django==5.2.1\n",
        "docs/requirements.txt": "sphinx\n",
        "node_modules/requirements.txt": "django==1.0\n",
    }
    assert declared(tree, "web").requirements == ["django==5.2.1"]
    tree["web/requirements.txt"] = "wagtail\n"
    assert declared(tree, "web").requirements == ["wagtail"]


def test_named_files_are_the_only_ones(declared):
    found = declared({"requirements.txt": "django\n", "other.txt": "rich\n"}, files=["other.txt"])
    assert found.requirements == ["rich"]


@pytest.mark.parametrize(
    "poetry, specifier",
    [
        ("^1.2.3", ">=1.2.3,<2"), ("^0.2.3", ">=0.2.3,<0.3"), ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("~1.2.3", ">=1.2.3,<1.3"), ("~1", ">=1,<2"), ("1.2", "==1.2"), ("*", ""),
        (">=1,<2", ">=1,<2"), ("~=1.4", "~=1.4"), ("1.*", "==1.*"),
    ],
)  # fmt: skip
def test_poetry_versions(poetry, specifier):
    assert _caret(poetry) == specifier


@pytest.mark.parametrize(
    "line, name",
    [("Django>=5", "django"), ("zope.interface [x]", "zope-interface"), ("a_b @ https://x", "a-b"),
     ("git+https://x/y.git#egg=My_Lib", "my-lib"), ("", ""), ("-e ./x", ""),
     ("https://x/a_b-1.0-py3-none-any.whl", "a-b"), ("https://x/a-b-1.0.tar.gz", "a-b"),
     ("https://x/me/a-b/archive/0f.zip", "a-b"), ("git+ssh://git@x/me/a_b.git@v1", "a-b")],
)  # fmt: skip
def test_requirement_names(line, name):
    assert requirement_name(line) == name


def test_the_time_for_a_file_grows_with_its_lines_and_not_faster(declared):
    def cost(lines):
        text = "".join(f"package-{n}==1.0\n" for n in range(lines))
        begin = time.process_time()  # not the clock's: the machine may be busy
        declared({"requirements.txt": text})
        return time.process_time() - begin

    assert cost(9_000) < 40 * cost(900)


@pytest.mark.parametrize("name", ["req.txt", "deps.pip", "docker/frozen.txt"])
def test_a_list_of_another_name_counts_if_it_holds_nothing_else(declared, name):
    assert declared({name: "# frozen\nDjango==4.2.1\npillow\n"}).requirements == [
        "Django==4.2.1",
        "pillow",
    ]
    assert declared({name: "Django is what this is made with\n"}).requirements == []


def test_lines_of_a_dockerfile_and_a_readme_are_kept_for_what_is_imported(declared):
    found = declared(
        {
            "Dockerfile": "RUN pip install -U gunicorn==20.1 -r requirements.txt && x\n",
            "README.md": 'Run `pip3 install "django>=4" whoosh`, then `pip install .`\n',
        }
    )
    assert found.requirements == []
    assert found.spare == {
        "gunicorn": "gunicorn==20.1",
        "django": "django>=4",
        "whoosh": "whoosh",
    }
    assert found.files == ["Dockerfile", "README.md"]
