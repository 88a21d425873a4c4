"""What Dramatiq's worker imports: the broker of the settings, and every app's actors.

`rundramatiq` would find the same, and then give its process, with the lifeline, to another program.
"""

from importlib import import_module

from django_dramatiq.management.commands.rundramatiq import Command

for module in Command().discover_tasks_modules():
    import_module(module)
