"""The bounds of both servers."""

# Connections without a request that carried the token: so many, and each for so long. A browser
# opens some ahead of time and opens them again when they are closed.
STRANGERS = 64
STRANGER_SECONDS = 10
# A person may look at a page for long; the browser closes what it does not need.
IDLE_SECONDS = 3600
# With what comes after it less than the 5 seconds that SPEC.md gives a backend whose shell died.
DRAIN_SECONDS = 3
LARGEST_BODY = 4 << 30  # bytes of one request
# A client that has taken nothing of its answer for so long is not waited for at the end.
STALLED_SECONDS = 1
# Answers that end only when the client leaves.
ENDLESS = ("text/event-stream", "multipart/x-mixed-replace")
