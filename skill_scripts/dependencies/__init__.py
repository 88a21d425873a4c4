"""What must be installed: declarations, environments, locks, interpreters, platforms."""
