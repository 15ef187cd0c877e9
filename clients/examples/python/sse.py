"""Lesson 5 in Python: one request, and then lines as they come.

Run: pip install httpx; python sse.py [http://127.0.0.1:8080] [EVENTS]
"""

import sys

import httpx

server = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 10
event = {}
with httpx.stream("GET", f"{server}/events", timeout=30) as answer:
    answer.raise_for_status()
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(":")
            event[name] = value.removeprefix(" ")
            continue
        # An empty line ends the event (WHATWG HTML §9.2.5); the first may be the server's greeting.
        if "id" in event:
            print(event["id"], event["data"])
            wanted -= 1
        event = {}
        if wanted == 0:
            break
