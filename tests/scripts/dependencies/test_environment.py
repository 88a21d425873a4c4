"""Which Pythons a project's environment is made with."""

import pytest

from skill_scripts.dependencies import environment


@pytest.mark.parametrize(
    "installed, requires, chosen",
    [
        (["3.13.1", "3.12.0"], "", ["python3.13", "python3.12"]),
        (["3.15.0", "3.13.1"], "", ["python3.13", "python3.15"]),
        (["3.13.1", "3.12.0"], "<3.13", ["python3.12"]),
        (["3.13.1"], ">=3.14", ["3.14"]),
        (["3.13.1"], ">=3.11,<3.13", ["<3.13,>=3.11"]),
    ],
)
def test_the_newest_that_fits_comes_first_but_none_newer_than_the_bundled(
    monkeypatch, installed, requires, chosen
):
    found = [(version, f"python{version.rpartition('.')[0]}") for version in installed]
    monkeypatch.setattr(environment, "_installed_pythons", lambda: iter(found))

    assert environment.fitting_pythons(requires) == chosen
