"""Styles, scripts and fonts of other hosts, kept in the project for a machine without a network."""
