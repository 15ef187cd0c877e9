"""Runs every command of the README that stands in a ```sh block, in order, from the top of the checkout.

A line that ends in `# not run` is shown to people only; it says why.
"""

import pathlib
import re
import subprocess
import sys
import time

top = pathlib.Path(__file__).resolve().parent.parent
text = (top / "README.md").read_text()
blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
commands = [line for line in lines if not line.startswith("#") and "# not run" not in line]
if not commands:
    sys.exit("the README has no commands to run: has its layout changed?")
for command in commands:
    print(f"$ {command}", flush=True)
    begun = time.monotonic()
    status = subprocess.run(["bash", "-c", command], cwd=top, stdin=subprocess.DEVNULL).returncode
    if status != 0:
        sys.exit(f"the README's command `{command}` ended with {status}")
    print(f"-- {command}: {time.monotonic() - begun:.0f} s", flush=True)
print(f"{len(commands)} commands of the README ran")
