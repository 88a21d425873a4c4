"""Streams under a Django from before 4.2, which has no asynchronous ones."""

import subprocess
import sys

from tests.runtime.backends import PAYLOAD

# Django 2.2 comes without asgiref.
CODE = """
import sys, types
sys.modules["asgiref"] = None
http = types.ModuleType("django.http")
class StreamingHttpResponse:
    def __iter__(self):
        return iter([b"one", b"two"])
http.StreamingHttpResponse = StreamingHttpResponse
sys.modules["django"], sys.modules["django.http"] = types.ModuleType("django"), http
from desktop_runtime import streams
streams.install()
print([*StreamingHttpResponse()])
"""


def test_a_django_without_asynchronous_streams_is_left_alone():
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=PAYLOAD, capture_output=True, text=True, timeout=60
    )

    assert done.stdout == "[b'one', b'two']\n", done.stderr
