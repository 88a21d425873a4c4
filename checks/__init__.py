"""The acceptance suite: is an adapted Django project what SPEC.md says it must be?"""
