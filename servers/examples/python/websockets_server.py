"""The contract by Python's `websockets`: it only pushes. GET /health is answered before the upgrade.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python websockets_server.py --port 8001 --rate 20
    wirerace verify http://127.0.0.1:8001

Python 3.11 or newer. Plan, parameters and tape are in plan.py, query.py and tape.py. Here is what is the library's.
"""

import asyncio
import http
import json
from contextlib import suppress
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from query import Query, Refused, check_push
from tape import HEARTBEAT_S, from_command_line

tape, host, port = from_command_line("websockets example", 8001)


def answer(connection, status, value):
    """An answer of JSON instead of an upgrade."""
    response = connection.respond(http.HTTPStatus(status), json.dumps(value))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


def before_upgrade(connection, request):
    """The library asks here first: None lets it go on with the upgrade."""
    url = urlsplit(request.path)
    if url.path == "/health":
        return answer(connection, 200, tape.health)
    if url.path != "/socket":
        return answer(connection, 404, {"error": "the routes are GET /health and GET /socket"})
    try:
        pairs = parse_qsl(url.query, keep_blank_values=True)
        query = Query.parse(pairs, {"after", "delivery", "interval", "encoding"})
        check_push(query)
        connection.query, connection.place = query, tape.begin(query)
    except Refused as error:
        return answer(connection, error.status, error.body)


async def socket(connection):
    """One client, from the hello to the end."""
    after, gap = connection.place
    with suppress(ConnectionClosed):  # the client has left without a word
        await connection.send(json.dumps({"hello": tape.hello}))
        if gap:
            await connection.send(json.dumps({"gap": gap}))
        pushing = asyncio.create_task(push(connection, after))
        try:
            async for message in connection:
                await connection.send(tape.reply(message))
        finally:
            pushing.cancel()


async def push(connection, after):
    with suppress(ConnectionClosed):
        async for said in tape.stream(connection.query, after):
            if isinstance(said, dict):
                await connection.send(json.dumps({"gap": said}))
                continue
            for _, payload in said:
                await connection.send(payload)


async def main():
    # Pings are the heartbeat. Compression is off, so that a quote has the same bytes on the wire as everywhere.
    async with serve(socket, host, port, process_request=before_upgrade, compression=None,
                     ping_interval=HEARTBEAT_S, ping_timeout=None):
        await tape.publish()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
