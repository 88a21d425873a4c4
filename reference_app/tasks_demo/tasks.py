"""The background work itself: pretended, but enqueued, stored and executed like any real task."""

import random
import time

try:
    from django.tasks import task
except ImportError:  # Django 5.2 LTS
    from django_tasks import task

SHORTEST_SECONDS = 1.5
LONGEST_SECONDS = 5
REFUSALS = 0.25  # share of routines that fail

ROUTINES = ["Morning gallop", "Wing stretches", "Cloud slalom", "Hoof polish", "Mane braiding"]
PRAISE = ["Flawless.", "A new stable record.", "Calm and steady.", "Worth two apples."]
EXCUSES = ["Distracted by a butterfly.", "The wind turned.", "Demands an apple first."]


class RoutineRefusedError(Exception):
    """Raised when the pony would rather not; the message is shown on the page."""


@task()
def run_routine(name: str) -> str:
    """Take a few seconds, then return how it went or raise `RoutineRefusedError`."""
    end = time.monotonic() + random.uniform(SHORTEST_SECONDS, LONGEST_SECONDS)
    while time.monotonic() < end:
        time.sleep(0.05)  # in steps: not every system wakes a long sleep to stop the worker
    if random.random() < REFUSALS:
        raise RoutineRefusedError(random.choice(EXCUSES))
    return random.choice(PRAISE)
