"""Runs every command of the README that stands in a ```sh block, in order, from the top of the checkout.

A line that ends in `# not run` is shown to people only; it says why. What measures for minutes is run in short, and built like
the tests, which spares compiling everything once more: here it is checked that it works, not what it finds.
"""

import pathlib
import re
import subprocess
import sys
import time

IN_SHORT = {"cargo bench": "cargo bench --profile dev -- --quick"}

top = pathlib.Path(__file__).resolve().parent.parent
text = (top / "README.md").read_text()
blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
commands = [line for line in lines if not line.startswith("#") and "# not run" not in line]
if not commands:
    sys.exit("the README has no commands to run: has its layout changed?")
unknown = set(IN_SHORT) - set(commands)
if unknown:
    sys.exit(f"no command of the README any more: {', '.join(unknown)}")
for command in (IN_SHORT.get(command, command) for command in commands):
    print(f"$ {command}", flush=True)
    begun = time.monotonic()
    # In short there is one block, and on a crowded machine it may have no trial that can be used.
    for attempt in range(3 if command in IN_SHORT.values() else 1):
        status = subprocess.run(["bash", "-c", command], cwd=top, stdin=subprocess.DEVNULL).returncode
        if status == 0:
            break
    if status != 0:
        sys.exit(f"the README's command `{command}` ended with {status}")
    print(f"-- {command}: {time.monotonic() - begun:.0f} s", flush=True)
print(f"{len(commands)} commands of the README ran")
