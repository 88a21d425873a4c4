"""Brings the data that a project already has into its desktop app."""
