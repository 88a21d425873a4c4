"""A pytest plugin: shorter limits, for targets that are known never to end or answer.

What is shown is that the limits hold, not how long they are. The suite's other modules take them
from here when they are loaded, which is later.
"""

from checks import limits

limits.SILENCE_SECONDS = 15.0
limits.ANSWER_SECONDS = limits.STOP_SECONDS = 10.0
