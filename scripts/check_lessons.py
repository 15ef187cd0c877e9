"""The lessons' Python clients, unmodified library code, against the lessons' servers: check_lessons.py EXAMPLES_DIR"""

import os
import pathlib
import subprocess
import sys

examples = pathlib.Path(sys.argv[1])
clients = pathlib.Path(__file__).parent.parent / "clients" / "examples" / "python"
# (server, how many ports, client, what it is told beside the address, what it must print)
lessons = [
    ("hello", 1, "hello.py", ["Ada"], "Hello Ada!"),
    ("echo", 2, "echo.py", [], "Message from server Message text was: three messages"),
    ("polling", 1, "polling.py", ["3"], "quotes in"),
    ("long_polling", 1, "long_polling.py", ["2"], "1 quotes in"),
    ("sse", 1, "sse.py", ["2"], '"seq":'),
    ("websocket", 1, "websocket_quotes.py", ["2"], '"seq":'),
]
# Loopback only: a proxy for the rest of the world has no business here.
environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
for name, ports, client, arguments, wanted in lessons:
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
        assert wanted in done.stdout, f"{client} printed {done.stdout!r}, not {wanted!r}"
    finally:
        server.kill()
        server.wait()
print(f"lessons in Python: {len(lessons)} passed, 0 failed")
