"""The lessons' Python clients, unmodified library code, against the lessons' servers: check_lessons.py EXAMPLES_DIR"""

import os
import pathlib
import re
import socket
import subprocess
import sys

examples = pathlib.Path(sys.argv[1])
clients = pathlib.Path(__file__).parent.parent / "clients" / "examples" / "python"
# (server, how many ports, client, what it is told beside the address, a pattern of what it must print)
lessons = [
    ("hello", 1, "hello.py", ["Ada"], r"Hello Ada!"),
    ("echo", 2, "echo.py", [], r"Message from server Message text was: three messages"),
    # Empty answers are polling's own; that none of three brings a quote is not.
    ("polling", 1, "polling.py", ["3"], r"(?m)^[1-9]\d* quotes in"),
    ("long_polling", 1, "long_polling.py", ["2"], r"(?m)^[1-9]\d* quotes in .*\n[1-9]\d* quotes in"),
    ("sse", 1, "sse.py", ["2"], r'"seq":'),
    ("websocket", 1, "websocket_quotes.py", ["2"], r'"seq":'),
]
# Loopback only: a proxy for the rest of the world has no business here.
environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


def check_client(name, ports, client, arguments, wanted):
    """The client prints what the server sends."""
    server = subprocess.Popen([examples / f"{name}_server", *["0"] * ports], stdout=subprocess.PIPE, text=True)
    try:
        address = server.stdout.readline().strip()
        if name == "websocket":
            address = address.replace("http:", "ws:") + "socket"
        done = subprocess.run(
            [sys.executable, clients / client, address.rstrip("/"), *arguments],
            capture_output=True, text=True, timeout=60, env=environment,
        )
        assert done.returncode == 0, f"{client}: {done.stderr}"
        assert re.search(wanted, done.stdout), f"{client} printed {done.stdout!r}, not {wanted!r}"
    finally:
        server.kill()
        server.wait()


def check_port_in_use(name, ports):
    """A student who left another lesson running is told which port it is, and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        # Its last port is the one that is taken.
        command = [examples / f"{name}_server", *["0"] * (ports - 1), port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    way_out = "-- 9000 9001" if ports == 2 else "-- 9000"
    assert done.returncode != 0, f"{name}_server began on a port that another program has"
    assert f"port {port}: " in done.stderr and f"`{way_out}`" in done.stderr, f"{name}_server: {done.stderr!r}"


for name, ports, client, arguments, wanted in lessons:
    check_client(name, ports, client, arguments, wanted)
    check_port_in_use(name, ports)
print(f"lessons in Python: {len(lessons)} passed, 0 failed")
