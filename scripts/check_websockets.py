"""The WebSocket route, by a client that was not written here: check_websockets.py WIRERACE"""

import json
import re
import subprocess
import sys

from websockets.sync.client import connect

server = subprocess.Popen(
    [sys.argv[1], "serve", "--port", "0", "--rate", "100"], stdout=subprocess.PIPE, text=True
)
try:
    base = None
    for line in server.stdout:
        if found := re.search(r"http://([0-9.:]+)", line):
            base = found.group(1)
            break
    assert base, "the server did not say where it listens"

    with connect(f"ws://{base}/socket?after=0", proxy=None) as socket:
        hello = json.loads(socket.recv(timeout=5))["hello"]
        quotes = [json.loads(socket.recv(timeout=5)) for _ in range(50)]
        assert [quote["seq"] for quote in quotes] == list(range(1, 51)), "not in order from the oldest"
        socket.send(json.dumps({"order": {"id": "p1", "symbol": quotes[0]["symbol"], "size": 3}}))
        while "ack" not in (message := json.loads(socket.recv(timeout=5))):
            pass
        assert message["ack"]["id"] == "p1"
        cursor = f"{hello['epoch']}.50"

    with connect(f"ws://{base}/socket?after={cursor}&encoding=binary", proxy=None) as socket:
        json.loads(socket.recv(timeout=5))
        first = socket.recv(timeout=5)
        assert isinstance(first, bytes) and len(first) == 24
        assert int.from_bytes(first[:8], "little") == 51, "did not go on after the cursor"

    with connect(f"ws://{base}/socket?after=zzzz.7", proxy=None) as socket:
        json.loads(socket.recv(timeout=5))
        assert "gap" in json.loads(socket.recv(timeout=5)), "a foreign epoch was not announced"
    print("websockets: 3 passed, 0 failed")
finally:
    server.terminate()
    server.wait()
