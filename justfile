# One-line aliases; every one of them is a documented command. On Windows the launcher is `py`.

python := if os_family() == "windows" { "py" } else { "python3" }

# What the tests need, installed.
install:
    {{ python }} kit.py install

# The reference app in its shell.
start:
    {{ python }} kit.py start

# Every test; arguments go to pytest.
test *args:
    {{ python }} kit.py test {{ args }}

# The documentation site, in site/.
docs:
    {{ python }} kit.py docs

# The reference app with its own Python and first data; options go to `desktop-django stage`.
stage *args:
    {{ python }} kit.py stage reference_app {{ args }}

# Installers of the staged reference app; each system builds its own.
[linux]
build-linux:
    {{ python }} kit.py package reference_app

[macos]
build-macos:
    {{ python }} kit.py package reference_app

[windows]
build-windows:
    {{ python }} kit.py package reference_app

# Run a workflow of this repository on GitHub: one that makes the installers, unless another is named.
workflow-run name="packages.yml":
    gh workflow run {{ name }}

# Its latest runs.
runs name="packages.yml":
    gh run list --workflow {{ name }} --limit 10

# The artifacts of the latest run that went well, in dist/.
download-latest name="packages.yml":
    gh run download --dir dist "$(gh run list --workflow {{ name }} --status success --limit 1 --json databaseId --jq '.[0].databaseId')"

# Everything stage and package made.
clean-artifacts:
    {{ python }} kit.py clean
