"""The program of a worker that runs the jobs of django-crontab and django-cron, as cron does."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from desktop_runtime import clock, cronclasses, cronlines
from desktop_runtime.contract import read_installation
from desktop_runtime.queues import FOLDER

LOOK_SECONDS = 60  # no job names a shorter time


def jobs() -> Iterator[clock.Job]:
    """The project's."""
    kinds = {"CRONJOBS": cronlines.Line.read, "CRON_CLASSES": cronclasses.CronClass}
    for setting, read in kinds.items():
        for entry in getattr(settings, setting, ()):
            try:
                yield read(entry)
            except (Exception, SystemExit) as error:
                problem = f"{type(error).__name__}: {error}"
                print(f"{setting}: {entry!r} does not run: {problem}", file=sys.stderr)


def main() -> None:
    """Until Ctrl-C; then what runs may end."""
    folder = Path(read_installation().app_data) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    try:
        hands = clock.Clock([*jobs()], folder / "cron.json")
        while True:
            hands.look()
            time.sleep(LOOK_SECONDS - time.time() % LOOK_SECONDS)
    except KeyboardInterrupt:
        for thread in [*clock.running.values()]:
            thread.join()


if __name__ == "__main__":
    main()
