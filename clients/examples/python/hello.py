"""Lesson 1 in Python: sends a name, prints the greeting (tutorial 004), with the library it names.

Run: pip install websockets; python hello.py [ws://127.0.0.1:8765/] [NAME]
"""

import asyncio
import sys

import websockets


async def main(url="ws://127.0.0.1:8765/", name="World"):
    async with websockets.connect(url) as socket:
        await socket.send(name)
        print(await socket.recv())


asyncio.run(main(*sys.argv[1:]))
