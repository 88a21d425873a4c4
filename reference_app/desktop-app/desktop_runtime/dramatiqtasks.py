"""What Dramatiq's worker imports: the broker of the settings, and every app's actors.

`rundramatiq` would find the same, and then give its process, with the lifeline, to another program.
"""

import sys
from importlib import import_module
from multiprocessing.util import Finalize
from typing import Any

import dramatiq
from django_dramatiq.management.commands.rundramatiq import Command


class CutOff(dramatiq.Middleware):
    """Says at the end of this process what it still runs: no other one knows."""

    def __init__(self) -> None:
        self._running: dict[str, str] = {}
        Finalize(None, self._say, exitpriority=0)

    def before_process_message(self, _: Any, message: Any) -> None:
        """It begins."""
        self._running[message.message_id] = message.actor_name

    def after_process_message(self, _: Any, message: Any, **__: Any) -> None:
        """It has ended, well or not."""
        self._running.pop(message.message_id, None)

    def after_skip_message(self, _: Any, message: Any) -> None:
        """It was not wanted."""
        self._running.pop(message.message_id, None)

    def _say(self) -> None:
        for number, name in [*self._running.items()]:
            said = f"cut off, begins again a minute after the next start: {name} [{number}]"
            print(said, file=sys.stderr, flush=True)


dramatiq.get_broker().add_middleware(CutOff())

for module in Command().discover_tasks_modules():
    import_module(module)
