"""The table of other people's packages."""

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from skill_scripts.dependencies.packages import OF_MODULE, PACKAGES, SERVER_ONLY, Package


def test_an_unknown_key_is_refused():
    with pytest.raises(TypeError, match="sever_only"):
        Package.read("gunicorn", {"sever_only": True})


def test_a_module_belongs_to_one_package():
    modules = [module for package in PACKAGES.values() for module in package.modules]
    assert sorted(modules) == sorted(OF_MODULE)


def test_names_are_normalised_and_in_order():
    assert [*PACKAGES] == sorted(map(canonicalize_name, PACKAGES))


def test_what_is_installed_is_a_requirement():
    names = {canonicalize_name(Requirement(each.install).name) for each in PACKAGES.values()}
    # A release of psycopg that needs no compiler has a name of its own.
    assert names - PACKAGES.keys() == {"psycopg2-binary", "psycopg-binary"}


def test_an_entry_says_what_differs_from_its_name():
    assert OF_MODULE["dal"].install == "django-autocomplete-light"
    assert OF_MODULE["psycopg2"] == Package(
        "psycopg2", ("psycopg2",), "psycopg2-binary", server_only=True
    )
    assert OF_MODULE["webpack_loader"].install == "django-webpack-loader"
    assert "gunicorn" in SERVER_ONLY


def test_a_notice_is_on_the_app_that_it_names():
    assert PACKAGES["daphne"].notice.app == "daphne"
    assert PACKAGES["django-allauth"].notice.app == "allauth.socialaccount"
