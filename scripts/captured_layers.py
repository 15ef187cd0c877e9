"""Payload, framing and heads of captured byte streams, told apart by the texts of the protocols alone: HTTP/1.1 messages and
chunks (RFC 9112), events, WebSocket frames (RFC 6455). Nothing of the suite's own accounting is used here."""

import json


def assembled(first, segments):
    """The bytes of one direction of a connection whose first byte has the sequence number `first`; what came twice counts once."""
    whole = bytearray()
    for number, data in segments:
        at = (number - first) % 2**32
        assert at <= len(whole) or at > 2**31, f"{at - len(whole)} bytes are missing in the capture"
        whole += data[len(whole) - at :] if at <= len(whole) else b""
    return bytes(whole)


def layers(stream):
    """Bytes of payload, framing and heads of one direction of one connection."""
    heads = payload = at = 0
    while at < len(stream):
        end = stream.index(b"\r\n\r\n", at) + 4
        heads += end - at
        head, at = stream[at:end], end
        fields = {}
        for line in head.split(b"\r\n")[1:-2]:
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip()
        if fields.get(b"upgrade", b"").lower() == b"websocket":
            payload += sum(map(quote_bytes, messages(stream[at:])))
            at = len(stream)
        elif fields.get(b"transfer-encoding") == b"chunked":
            body, at = chunks(stream, at)
            payload += sum(map(quote_bytes, event_data(body)))
        else:
            length = int(fields.get(b"content-length", 0))
            payload += sum(listed_quotes(stream[at : at + length]))
            at += length
    return {"payload": payload, "framing": len(stream) - heads - payload, "heads": heads}


def chunks(stream, at):
    """What the chunks from `at` on hold, and where they end."""
    body = bytearray()
    while at < len(stream):
        line_end = stream.index(b"\r\n", at)
        size = int(stream[at:line_end].split(b";")[0], 16)
        begin = line_end + 2
        body += stream[begin : begin + size]
        at = begin + size + 2
        if size == 0:
            break
    return bytes(body), min(at, len(stream))


def event_data(body):
    """The data of each event that has no name of its own: those are the quotes."""
    for event in body.split(b"\n\n"):
        lines = event.split(b"\n")
        if not any(line.startswith(b"event:") for line in lines):
            yield from (line[len(b"data: ") :] for line in lines if line.startswith(b"data: "))


def messages(stream):
    """The payload of each unmasked text or binary frame."""
    at = 0
    while at + 2 <= len(stream):
        opcode, masked, length = stream[at] & 15, stream[at + 1] >> 7, stream[at + 1] & 127
        at += 2
        more = {126: 2, 127: 8}.get(length, 0)
        if more:
            length = int.from_bytes(stream[at : at + more], "big")
        at += more + 4 * masked
        if opcode in (1, 2) and not masked:
            yield stream[at : at + length]
        at += length


def quote_bytes(text):
    """The length of a text that is a quote; 0 of a greeting or of what announces a gap."""
    return len(text) if "seq" in json.loads(text) else 0


def listed_quotes(body):
    """The length of each quote in an answer's list, as it stands there."""
    mark = b'"quotes":['
    at = body.find(mark)
    if at < 0:
        return
    text, at, decoder = body.decode(), at + len(mark), json.JSONDecoder()
    while text[at] != "]":
        _, end = decoder.raw_decode(text, at)
        yield end - at
        at = end + (text[end] == ",")
