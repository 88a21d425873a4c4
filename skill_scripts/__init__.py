"""The scripts of the kit: survey, adapt, remove and run, behind the command `desktop-django`."""

__version__ = "0.1.0"
SPEC_VERSION = "1.1"
