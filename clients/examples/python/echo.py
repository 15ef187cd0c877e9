"""Lesson 2 in Python: sends three messages, prints what comes back (tutorial 002).

Run: pip install websocket-client; python echo.py [ws://127.0.0.1:8000/ws]
"""

import sys

import websocket

url = sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8000/ws"
socket = websocket.create_connection(url, timeout=10)
for text in ["Hello Server!", "one connection", "three messages"]:
    socket.send(text)
    print("Message from server", socket.recv())
socket.close()
