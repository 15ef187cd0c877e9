"""The comparison of check_capture.py on packets made by hand: figures that agree pass, and each that is off by one fails it
with both numbers. What the layers hold is known here from how the streams are put together, not from taking them apart."""

import io
import struct
import subprocess
import sys

import pytest

import check_capture
from captured_layers import assembled, layers

SERVER, CLIENT, OTHER = 7000, 40000, 9000  # ports
FIRST = 2**32 - 10  # the first byte's sequence number: it begins again at 0 within each stream
CUTS = [0, 12, 37]  # where each stream's packets begin; by the first one a port for quotes is known
LAYERS = ("payload", "framing", "heads")


def heads(first_line, **fields):
    lines = [first_line, *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]
    return "heads", ("\r\n".join(lines) + "\r\n\r\n").encode()


def framing(data):
    return "framing", data


def payload(data):
    return "payload", data


def poll(quote=b'{"seq":1}', epoch=b"k3"):
    """Two polls on one connection: with two quotes, and with none."""
    full = [
        framing(b'{"epoch":"' + epoch + b'","quotes":['),
        payload(quote),
        framing(b","),
        payload(b'{"seq":22,"note":"a ] and a } are no end"}'),
        framing(b'],"next":"' + epoch + b'.22"}'),
    ]
    none = [framing(b'{"epoch":"k3","quotes":[],"next":"k3.22"}')]
    answers = [[heads("HTTP/1.1 200 OK", content_length=len(joined(body))), *body] for body in (full, none)]
    asked = [heads(f"GET /quotes?after=k3.{after} HTTP/1.1", host="here") for after in (0, 22)]
    return {"to server": asked, "to client": sum(answers, [])}


def sse():
    """A greeting, a heartbeat, and two quotes: one in a chunk, one in two. The stream does not end."""
    events = [
        heads("HTTP/1.1 200 OK", content_type="text/event-stream", transfer_encoding="chunked"),
        framing(b'2b\r\nevent: hello\ndata: {"epoch":"k3","seq":0}\n\n\r\n'),  # a name makes it no quote, whatever it holds
        framing(b"3\r\n:\n\n\r\n"),
        framing(b"1a\r\nid: k3.1\ndata: "),
        payload(b'{"seq":1}'),
        framing(b"\n\n\r\n10\r\ndata: "),
        payload(b'{"seq":22,'),
        framing(b"\r\nb;x=y\r\n"),
        payload(b'"bid":12}'),
        framing(b"\n\n\r\n"),
    ]
    return {"to server": [heads("GET /events HTTP/1.1", host="here", accept="text/event-stream")], "to client": events}


def ws():
    """A greeting, a short and a long quote, a binary one, a ping; and what the client says, masked, which is no quote."""
    long = b'{"seq":22,"note":"' + 2000 * b"x" + b'"}'
    said = b'{"epoch":"k3"}'
    frames = [
        heads("HTTP/1.1 101 Switching Protocols", connection="upgrade", upgrade="websocket"),
        framing(b"\x81" + bytes([len(said)]) + said),
        framing(b"\x81\x09"),
        payload(b'{"seq":1}'),
        framing(b"\x81\x7e" + struct.pack(">H", len(long))),
        payload(long),
        framing(b"\x82\x7f" + struct.pack(">Q", 9)),
        payload(b'{"seq":3}'),
        framing(b"\x89\x04ping"),
    ]
    asked = [
        heads("GET /socket HTTP/1.1", host="here", connection="Upgrade", upgrade="WebSocket"),
        framing(b"\x81\x89mask" + 9 * b"?"),
        framing(b"\x8a\x84maskpong"),
    ]
    return {"to server": asked, "to client": frames}


ARMS = {"poll": poll, "sse": sse, "ws": ws}
DATA_SEGMENTS = {"poll": (4, 4), "sse": (4, 4), "ws": (4, 5)}  # three parts and one of them again; the long quote takes two
BARE_BYTES = 60 + 52  # an opening and an acknowledgement


def joined(pieces):
    return b"".join(data for _, data in pieces)


def held(pieces):
    return {layer: sum(len(data) for of, data in pieces if of == layer) for layer in LAYERS}


def packet(source, target, sequence, flags, data=b""):
    """A record of a capture: one packet of IPv4/TCP on the loopback interface."""
    tcp_bytes = 40 if flags & check_capture.SYN else 32
    tcp = struct.pack(">HHIIBBHHH", source, target, sequence, 0, tcp_bytes // 4 << 4, flags, 0, 0, 0).ljust(tcp_bytes, b"\x01")
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + tcp_bytes + len(data), 0, 0, 64, 6, 0) + 2 * bytes([127, 0, 0, 1])
    whole = bytes(14) + ip + tcp + data
    return struct.pack("<IIII", 0, 0, len(whole), len(whole)) + whole


def direction(stream, source, target, opening):
    """An opening, the stream in three parts, the second of them sent again, an acknowledgement."""
    ends = [*CUTS[1:], len(stream)]
    parts = [((FIRST + begin) % 2**32, stream[begin:end]) for begin, end in zip(CUTS, ends)]
    yield packet(source, target, FIRST - 1, opening)
    for sequence, data in [*parts[:2], parts[1], *parts[2:]]:
        yield packet(source, target, sequence, check_capture.ACK, data)
    yield packet(source, target, (FIRST + len(stream)) % 2**32, check_capture.ACK)


def connection(talk, server=SERVER, client=CLIENT):
    syn, ack = check_capture.SYN, check_capture.ACK
    return [
        *direction(joined(talk["to server"]), client, server, syn),
        *direction(joined(talk["to client"]), server, client, syn | ack),
    ]


def read(records, folder):
    path = folder / "packets.pcap"
    path.write_bytes(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, check_capture.ETHERNET) + b"".join(records))
    return list(check_capture.packets(path))


def trial(arm):
    """What the ledger and the meter say of that arm's connection, if they are right."""
    talk, (inward, outward) = ARMS[arm](), DATA_SEGMENTS[arm]
    ledger = {way.replace(" ", "_"): {**held(pieces), "tcp_ip_bare": BARE_BYTES} for way, pieces in talk.items()}
    meter = {"connections_accepted": 1, "tcp": {"data_segs_in": inward, "data_segs_out": outward}}
    return {"measured": {"ledger": ledger, "server": {"closed": {"meter": meter}}}}


@pytest.fixture
def outcome(monkeypatch, capsys):
    """What the program ends with and prints, if a trial and its packets are those."""

    def run(arm, told, captured):
        monkeypatch.setattr(check_capture, "measured", lambda *_: (told, captured))
        monkeypatch.setattr(sys, "argv", ["check_capture.py", "wirerace", arm])
        with pytest.raises(SystemExit) as ended:
            check_capture.main()
        return int(ended.value.code), capsys.readouterr().out.strip().splitlines()

    return run


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("way", ["to server", "to client"])
def test_layers_are_those_the_stream_was_put_together_from(arm, way):
    pieces = ARMS[arm]()[way]
    assert layers(joined(pieces)) == held(pieces)


@pytest.mark.parametrize("arm", ARMS)
def test_what_agrees_passes(arm, outcome, tmp_path):
    captured = read(connection(ARMS[arm]()), tmp_path)
    assert outcome(arm, trial(arm), captured) == (0, ["capture: 22 passed, 0 failed"])


FIGURES = [
    (way, *figure)
    for way, place in (("to client", "data_segs_out"), ("to server", "data_segs_in"))
    for figure in [*((layer, layer) for layer in LAYERS), ("bytes of bare segments", "tcp_ip_bare"), ("data segments", place)]
]


@pytest.mark.parametrize("off", [-1, 1])
@pytest.mark.parametrize(("way", "what", "key"), FIGURES)
@pytest.mark.parametrize("arm", ARMS)
def test_a_figure_that_is_off_by_one_fails_with_both_numbers(arm, way, what, key, off, outcome, tmp_path):
    told = trial(arm)
    ledger, meter = told["measured"]["ledger"], told["measured"]["server"]["closed"]["meter"]
    figures = meter["tcp"] if what == "data segments" else ledger[way.replace(" ", "_")]
    seen = figures[key]
    figures[key] += off
    code, lines = outcome(arm, told, read(connection(ARMS[arm]()), tmp_path))
    named = [f"{arm}, {clients} clients, {way}, {what}: captured {seen}, ledger {seen + off}" for clients in (1, 20)]
    assert (code, lines) == (1, [*named, "capture: 20 passed, 2 failed"])


def test_connections_that_are_off_by_one_fail_with_both_numbers(outcome, tmp_path):
    told = trial("ws")
    told["measured"]["server"]["closed"]["meter"]["connections_accepted"] = 2
    code, lines = outcome("ws", told, read(connection(ws()), tmp_path))
    assert (code, lines) == (1, 2 * ["ws: captured 1 connections, meter 2"] + ["capture: 20 passed, 2 failed"])


def test_a_byte_in_the_wrong_layer_fails_though_the_sum_agrees(outcome, tmp_path):
    other = poll(quote=b'{"seq":111}', epoch=b"k")  # two bytes more of payload, two less of framing
    right, seen = held(poll()["to client"]), held(other["to client"])
    assert sum(right.values()) == sum(seen.values())
    code, lines = outcome("poll", trial("poll"), read(connection(other), tmp_path))
    named = [
        f"poll, {clients} clients, to client, {layer}: captured {seen[layer]}, ledger {right[layer]}"
        for clients in (1, 20)
        for layer in ("payload", "framing")
    ]
    assert (code, lines) == (1, [*named, "capture: 18 passed, 4 failed"])


def test_another_server_asked_for_quotes_is_not_compared(outcome, tmp_path):
    others = [record for client in (1, 2) for record in connection(sse(), OTHER, client)]
    captured = read([*connection(poll()), *others], tmp_path)
    assert outcome("poll", trial("poll"), captured) == (0, ["capture: 22 passed, 0 failed"])


def test_a_lost_packet_is_no_shorter_stream(tmp_path):
    captured = [one for one in read(connection(poll()), tmp_path) if one.source == SERVER]
    with pytest.raises(AssertionError, match="25 bytes are missing"):
        check_capture.side([one for one in captured if one.data != 25])


def test_a_cut_packet_is_no_shorter_stream(tmp_path):
    captured = [one for one in read(connection(poll()), tmp_path) if one.target == SERVER]
    captured[1] = captured[1]._replace(bytes=captured[1].bytes[:-1])
    with pytest.raises(AssertionError, match="12 bytes was cut"):
        check_capture.side(captured)


def test_what_came_twice_or_overlaps_counts_once():
    assert assembled(FIRST, [(FIRST, b"0123456"), (FIRST + 2, b"2345"), (FIRST + 5, b"56789ab"), (2, b"c")]) == b"0123456789abc"


@pytest.mark.parametrize("dropped", [0, 2])
def test_a_capture_that_dropped_a_packet_fails(dropped, monkeypatch, tmp_path):
    class Dump:
        def __init__(self, *_, **__):
            self.stderr = io.StringIO(f"listening on lo\n5 packets captured\n{dropped} packets dropped by kernel\n")

        def terminate(self):
            pass

        wait = terminate

    monkeypatch.setattr(subprocess, "Popen", Dump)
    ran = []
    if dropped:
        with pytest.raises(AssertionError, match="2 packets dropped by kernel"):
            check_capture.capture(lambda: ran.append(True), tmp_path / "packets.pcap")
    else:
        check_capture.capture(lambda: ran.append(True), tmp_path / "packets.pcap")
    assert ran == [True]
