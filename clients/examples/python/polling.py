"""Lesson 3 in Python: asks every second, whether there is something or not.

Run: pip install requests; python polling.py [http://127.0.0.1:8080] [POLLS]
"""

import sys
import time

import requests

server = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
polls = int(sys.argv[2]) if len(sys.argv) > 2 else 10
after = "0"
# A session keeps its connection; requests.get() alone would dial for every poll.
with requests.Session() as session:
    for _ in range(polls):
        answer = session.get(f"{server}/quotes", params={"after": after}, timeout=10)
        answer.raise_for_status()
        body = answer.json()
        print(len(body["quotes"]), "quotes in", len(answer.content), "bytes")
        after = body["next"]
        time.sleep(1)
