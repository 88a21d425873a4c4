"""Loads the project once in its own interpreter, and leaves no trace of that."""
