"""Deliberately broken targets: the reference app, each with one small change."""
