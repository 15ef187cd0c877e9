"""The contract by FastAPI and uvicorn: polling, long polling, server-sent events and WebSocket on one port.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python fastapi_server.py --port 8000 --rate 20
    wirerace verify http://127.0.0.1:8000

Python 3.11 or newer. Plan, parameters and tape are in plan.py, query.py and tape.py. Here is what is FastAPI's.
"""

import asyncio
import json
from contextlib import asynccontextmanager, suppress

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, StreamingResponse

from query import Query, Refused, check_push
from tape import HEARTBEAT_S, from_command_line

tape, host, port = from_command_line("FastAPI example", 8000)
NO_STORE = {"cache-control": "no-store", "access-control-allow-origin": "*"}


@asynccontextmanager
async def lifespan(_):
    publishing = asyncio.create_task(tape.publish())
    yield
    publishing.cancel()


app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)


@app.exception_handler(Refused)
async def refused(_, error):
    return JSONResponse(error.body, error.status, NO_STORE)


def asked(request, *allowed):
    return Query.parse(request.query_params.multi_items(), set(allowed))


@app.get("/health")
async def health(request: Request):
    asked(request)
    return JSONResponse(tape.health, headers=NO_STORE)


@app.get("/quotes")
async def quotes(request: Request):
    query = asked(request, "after", "wait", "delivery", "interval", "encoding")
    payloads, cursor = await tape.poll(query)
    if query.encoding == "binary":
        return Response(b"".join(payloads), headers={**NO_STORE, "quotes-next": cursor}, media_type="application/octet-stream")
    # The payloads are JSON already; ticks are text without anything to escape.
    listed = ",".join(f'"{payload}"' if query.encoding == "tick" else payload for payload in payloads)
    body = f'{{"epoch":"{tape.epoch}","quotes":[{listed}],"next":"{cursor}"}}'
    return Response(body, headers=NO_STORE, media_type="application/json")


@app.get("/quotes/latest")
async def latest(request: Request):
    query = asked(request, "encoding")
    if not tape.newest:
        return Response(status_code=204, headers=NO_STORE)
    [(seq, payload)] = tape.read(tape.newest - 1, query)
    headers = {**NO_STORE, "etag": f'"{tape.epoch}.{seq}"'}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if headers["etag"] in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(payload, headers=headers, media_type="application/json")


@app.get("/events")
async def events(request: Request):
    query = asked(request, "after", "delivery", "interval", "encoding")
    check_push(query)
    if query.encoding == "binary":
        raise Refused("`binary` is not allowed on an event stream, which is text: allowed are json, tick")
    if resumed := request.headers.get("last-event-id"):
        query.after = Query.parse([("after", resumed)], {"after"}).after
    after, gap = tape.begin(query)
    return StreamingResponse(written(query, after, gap), media_type="text/event-stream", headers=NO_STORE)


async def written(query, after, gap):
    """The text of an event stream."""
    opening = f"event: hello\ndata: {json.dumps(tape.hello)}\n\n"
    yield opening + (written_gap(gap) if gap else "")
    async for said in tape.stream(query, after, HEARTBEAT_S):
        match said:
            case None:
                yield ":\n\n"
            case dict():
                yield written_gap(said)
            case _:
                yield "".join(f"id: {tape.epoch}.{seq}\ndata: {payload}\n\n" for seq, payload in said)


def written_gap(gap):
    return f"event: gap\nid: {tape.epoch}.{gap['last']}\ndata: {json.dumps(gap)}\n\n"


@app.websocket("/socket")
async def socket(websocket: WebSocket):
    try:
        query = asked(websocket, "after", "delivery", "interval", "encoding")
        check_push(query)
        after, gap = tape.begin(query)
    except Refused as error:
        return await websocket.send_denial_response(await refused(None, error))
    await websocket.accept()
    await websocket.send_text(json.dumps({"hello": tape.hello}))
    if gap:
        await websocket.send_text(json.dumps({"gap": gap}))
    pushing = asyncio.create_task(push(websocket, query, after))
    try:
        while (message := await websocket.receive())["type"] == "websocket.receive":
            await websocket.send_text(tape.reply(message.get("text")))
    finally:
        pushing.cancel()


async def push(websocket, query, after):
    with suppress(WebSocketDisconnect, RuntimeError):  # the client has left
        async for said in tape.stream(query, after):
            if isinstance(said, dict):
                await websocket.send_text(json.dumps({"gap": said}))
                continue
            for _, payload in said:
                await (websocket.send_bytes if query.encoding == "binary" else websocket.send_text)(payload)


@app.post("/orders")
async def orders(request: Request):
    asked(request)
    try:
        order = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise Refused(f"this is no order: {error}") from None
    return JSONResponse(tape.acknowledge(order), headers=NO_STORE)


if __name__ == "__main__":
    # Uvicorn pings sockets by itself: that is the heartbeat. It compresses unless told not to.
    uvicorn.run(app, host=host, port=port, log_level="warning", ws_ping_interval=HEARTBEAT_S,
                ws_ping_timeout=None, ws_per_message_deflate=False, timeout_keep_alive=150)
