"""Backends that misbehave, each in one way: hostile.py MODE PORT."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

MODE, PORT = sys.argv[1], int(sys.argv[2])


def say(event):
    print(json.dumps({"event": event, "port": PORT, "pid": os.getpid()}), flush=True)


def answer(client):
    client.recv(65536)
    if MODE == "slow":
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            client.sendall(b"x")
            time.sleep(1)
    if MODE == "gigabytes":
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            client.sendall(b"x" * 1_000_000)
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    client.close()


def serve():
    listener = socket.create_server(("127.0.0.1", PORT))
    say("listening")
    say("ready")
    while True:
        client, _ = listener.accept()
        threading.Thread(target=answer, args=(client,), daemon=True).start()


def end_with_lifeline():
    sys.stdin.read()
    os._exit(0)


if MODE == "silent":
    time.sleep(600)
if MODE == "deaf":
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        if hasattr(signal, name):  # not each system has all
            signal.signal(getattr(signal, name), signal.SIG_IGN)
else:
    threading.Thread(target=end_with_lifeline, daemon=True).start()
if MODE == "flood":
    line = "x" * 1023
    for _ in range(20_000):
        print(line)
if MODE == "fork":
    for _ in range(3):
        subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
serve()
