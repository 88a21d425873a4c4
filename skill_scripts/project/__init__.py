"""What lies in a project's folder; nothing of it runs."""
