"""Lesson 4 in Python: asks again as soon as it is answered.

Run: pip install requests; python long_polling.py [http://127.0.0.1:8080] [POLLS]
"""

import sys

import requests

server = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
polls = int(sys.argv[2]) if len(sys.argv) > 2 else 10
after = "0"
with requests.Session() as session:
    for _ in range(polls):
        # The server holds the request for up to 30 s; the client must not give up before.
        answer = session.get(f"{server}/quotes", params={"after": after, "wait": 30}, timeout=40)
        answer.raise_for_status()
        body = answer.json()
        print(len(body["quotes"]), "quotes in", len(answer.content), "bytes")
        after = body["next"]
