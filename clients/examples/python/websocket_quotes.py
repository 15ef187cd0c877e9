"""Lesson 6 in Python: one upgrade, and then messages as they come.

Run: pip install websockets; python websocket_quotes.py [ws://127.0.0.1:8080/socket] [MESSAGES]
"""

import sys

from websockets.sync.client import connect

url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8080/socket"
wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 10
with connect(url) as socket:
    for _ in range(wanted):
        print(socket.recv(timeout=30))
