"""What a project's failure says is missing."""

import pytest

from skill_scripts.probe.facts import Failure, Frame, Raised
from skill_scripts.repairs import missing


def failure(kind, message, *, code="", file="settings.py", name=None):
    return Failure(message, (Raised(kind, message, name, (Frame(file, 1, code),)),))


@pytest.mark.parametrize(
    "error",
    [
        failure("KeyError", "'API_KEY'", file="<frozen os>"),
        failure("KeyError", "'API_KEY'", file="/usr/lib/python3.12/os.py"),
        failure("ImproperlyConfigured", "Set the API_KEY environment variable"),
        failure("UndefinedValueError", "API_KEY not found. Declare it as envvar or"),
        failure("EnvError", 'Environment variable "API_KEY" not set'),
        failure("ValueError", "Value 'X' is required as the environment variable 'API_KEY'"),
        failure("ImproperlyConfigured", "The API_KEY environment variable must be set"),
        failure("Exception", "Missing required setting API_KEY"),
        failure("ValidationError", "1 validation error for S\napi_key\n  Field required"),
        failure("AttributeError", "'NoneType' object has no attribute 'split'",
                code="HOSTS = os.environ.get('API_KEY').split(',')"),
        failure("TypeError", "int() argument must be a string, not 'NoneType'",
                code='PORT = int(os.getenv("API_KEY"))'),
    ],
)  # fmt: skip
def test_the_missing_variable_is_named(error):
    assert missing.missing_variable(error) == "API_KEY"


@pytest.mark.parametrize(
    "error",
    [
        failure("KeyError", "'name'", code="x['name']"),
        failure("RuntimeError", "the moon is wrong"),
        failure("AttributeError", "'NoneType' object has no attribute 'x'", code="y.x"),
    ],
)
def test_other_failures_are_no_missing_variable(error):
    assert missing.missing_variable(error) is None


@pytest.mark.parametrize(
    "error, module",
    [
        (failure("ModuleNotFoundError", "No module named 'yaml'", name="yaml"), "yaml"),
        (failure("ImportError", "No module named a.b"), "a.b"),
        (failure("ImproperlyConfigured", "Error loading psycopg2 or psycopg module"), "psycopg2"),
        (failure("ImportError", "cannot import name 'x' from 'y'"), None),
        (failure("ValueError", "no"), None),
    ],
)
def test_the_missing_module_is_named(error, module):
    assert missing.missing_module(error) == module


@pytest.mark.parametrize(
    "name, value, certain",
    [
        ("DJANGO_SECRET_KEY", "generate:secret", True),
        ("DEBUG", "False", True),
        ("DATABASE_URL", "sqlite:///{app_data}/db.sqlite3", True),
        ("POSTGRES_PASSWORD", "desktop", True),
        ("POSTGRES_PORT", "5432", True),
        ("REDIS_URL", "redis://127.0.0.1:6379/0", True),
        ("STRIPE_API_KEY", "generate:secret", False),
        ("SITE_URL", "http://127.0.0.1", False),
        ("WHATEVER", "desktop", False),
    ],
)
def test_proposed_values(name, value, certain):
    assert missing.propose_value(name) == (value, certain)


def test_other_values_are_tried_in_order_and_end():
    tried = ["desktop"]
    while (value := missing.next_value(tried[-1])) is not None:
        tried.append(value)
    assert len(tried) == len({*tried}) == 1 + len(missing.OTHER_VALUES)


def test_a_package_is_taken_as_declared_elsewhere_before_it_is_guessed():
    declared = {"django-debug-toolbar": "django-debug-toolbar==4.0"}
    assert missing.distribution_for("debug_toolbar.apps", declared) == "django-debug-toolbar==4.0"
    assert missing.distribution_for("yaml", {}) == "pyyaml"
    assert missing.distribution_for("some_unknown_module", {}) is None
