"""`python -m skill_scripts` is `desktop-django`."""

from skill_scripts.cli import app

if __name__ == "__main__":
    app()
