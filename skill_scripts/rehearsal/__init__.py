"""Starts the adapted project once for real, looks at it as its window would, and forgets it."""
