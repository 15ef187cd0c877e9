"""The example servers in other stacks: check_servers.py WIRERACE

Each keeps every rule of the contract that it offers, and is raced beside ours. Its packages must be there already:
servers/examples/python/requirements.txt.
"""

import json
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.request

wirerace = sys.argv[1]
examples = pathlib.Path(__file__).resolve().parent.parent / "servers" / "examples" / "python"
# (server, sections that it offers, arms that race it)
PUSH = {"Health", "WebSocket", "Quotes on every route"}
ALL = PUSH | {"Polling", "The latest quote", "Long polling", "Server-sent events", "Orders"}
servers = [("fastapi", ALL, "poll,long-poll,sse,ws"), ("websockets", PUSH, "ws")]
# Quotes a second, and how many are held: some have fallen off before the rules are checked.
RATE, HELD = 40, 100

for path in examples.glob("*.py"):
    assert len(path.read_text().splitlines()) < 150, f"{path.name} has 150 lines or more"


def read_for(path, seen=()):
    """This file and those of the examples that it imports, and what they import: all that a reader has to read."""
    if path in seen or not path.is_file():
        return set(seen)
    found = {*seen, path}
    for name in re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.M):
        found = read_for(examples / f"{name}.py", found)
    return found


def tells_its_length(name):
    """The page that explains the contract says how long an example is with all that it stands on."""
    told = (examples.parent.parent / "WRITE_YOUR_OWN.md").read_text().split("\n## ")[0]
    files = read_for(examples / f"{name}_server.py")
    lengths = {path.name: len(path.read_text().splitlines()) for path in files}
    missing = [length for length in (*lengths.values(), sum(lengths.values())) if not re.search(rf"\b{length}\b", told)]
    assert not missing, f"{name}: WRITE_YOUR_OWN.md does not say {missing}: {lengths}, {sum(lengths.values())} lines in all"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def health(url):
    # Loopback only: a proxy for the rest of the world has no business here.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/health", timeout=2) as answer:
        return json.load(answer)


def wait_for(url, server):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        assert server.poll() is None, f"the server ended with {server.returncode}"
        try:
            if health(url)["oldest"] > 1:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"{url} was not ready within 30 s")


for name, offered, arms in servers:
    tells_its_length(name)
    url = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-B", examples / f"{name}_server.py", "--port", url.rpartition(":")[2]]
    server = subprocess.Popen([*command, "--rate", str(RATE), "--held", str(HELD)])
    try:
        wait_for(url, server)
        done = subprocess.run([wirerace, "verify", url, "--format", "json"], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{name}: {done.stderr}\n{done.stdout}"
        rules = json.loads(done.stdout)["rules"]
        wrong = [
            rule for rule in rules
            if rule["standing"] != ("kept" if rule["section"] in offered else "not_offered")
            # Only one route has quotes: nothing to compare.
            and not (offered == PUSH and rule["id"] == "same-bytes")
        ]
        assert not wrong, f"{name}: {json.dumps(wrong, indent=2)}"
        kept = sum(rule["standing"] == "kept" for rule in rules)
        race = [wirerace, "race", "--seconds", "3", "--clients", "2", "--rate", str(RATE), "--arms", arms]
        raced = subprocess.run([*race, "--server", f"{name}={url}"], capture_output=True, text=True, timeout=300)
        # 3: a trial of ours is void, which on a crowded machine can happen and is not this server's.
        assert raced.returncode in (0, 3), f"{name}: {raced.stderr}\n{raced.stdout}"
        for arm in arms.split(","):
            assert f"{arm}: half of the quotes came within" in raced.stdout, f"{name}/{arm} was not raced: {raced.stdout}"
        head = next(line.split() for line in raced.stdout.splitlines() if line.startswith("not ours"))
        assert head[2:] == [f"{name}/{arm}" for arm in arms.split(",")], raced.stdout
        assert raced.stdout.count("n/a: not our server") == 4 * len(arms.split(",")), raced.stdout
        print(f"{name}: {kept} rules kept, 0 broken; raced: {arms}", flush=True)
    finally:
        server.terminate()
        server.wait()
