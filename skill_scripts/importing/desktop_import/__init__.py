"""Runs in the project's interpreter: reads rows with its models, writes them into the app's data.

Standard library, Django and the payload only; imports nothing of the kit.
"""
