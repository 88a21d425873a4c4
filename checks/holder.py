"""Stands in for a shell that is killed: starts the backend, holds its lifeline, waits.

    python holder.py STDERR_FILE COMMAND...

The backend inherits standard output, so that the suite goes on reading its events.
"""

import subprocess
import sys
import time

if __name__ == "__main__":
    with open(sys.argv[1], "ab") as errors:  # noqa: PTH123 -- one call, no import
        process = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stderr=errors)
    while process.poll() is None:
        time.sleep(0.05)
    sys.exit(process.returncode)
