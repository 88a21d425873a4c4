"""A pytest plugin: shorter limits, for targets of which it is known that they never end or answer.

What is shown is that the limits hold, not how long they are.
"""

from checks import backend

backend.SILENCE_LIMIT = 15.0
backend.ANSWER_LIMIT = backend.STOP_LIMIT = 10.0
for method in (backend.Backend.request, backend.Backend.raw, backend.Backend.raw_answer):
    if method.__kwdefaults__:
        method.__kwdefaults__["limit"] = backend.ANSWER_LIMIT
    else:
        method.__defaults__ = (backend.ANSWER_LIMIT,)
backend.Backend.stop.__defaults__ = (backend.STOP_LIMIT,)
