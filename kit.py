"""Make what a job of the kit needs, then do the job: `python3 kit.py demo|test|start|docs`.

Only the standard library is used here and in tools/, because a fresh machine has nothing else.
Every step that installs something says so in one line; a second run finds everything and goes
straight to the job. Any other word is a command of the kit itself:
`python3 kit.py survey ../project`.
"""

from __future__ import annotations

import sys

HELP = """usage: python3 kit.py JOB [arguments]

  demo            adapt a real foreign project (a Wagtail site), check it, and undo it again
  test            the tests of the kit, about ten minutes; arguments go to pytest
                  --quick: what needs no browser, window or network, about two minutes
                  --all: also what needs minutes each, as the nightly workflow does
  start           open the reference app in its shell; with --browser in the browser
  docs            build the documentation site into site/
  lint            the linters alone, as pre-commit runs them
  install         only install what the tests need; with --kit what the commands need
  clean           remove staged and packaged apps and the built site

Any other word is a command of desktop-django, for example: python3 kit.py survey ../project"""


def main(arguments: list[str]) -> int:
    """Prepare and run the job named by the first argument; the result is its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file also runs where the kit cannot
        found = ".".join(map(str, sys.version_info[:3]))
        print(
            f"kit: Python 3.11 or later is needed; this is {found} ({sys.executable}).",
            file=sys.stderr,
        )
        return 1
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP)
        return 0
    from tools import jobs

    return jobs.run_job(*arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
