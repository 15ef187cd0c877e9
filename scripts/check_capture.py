"""The byte ledger against captured packets, to the byte: check_capture.py WIRERACE [ARM…]

Runs every default arm (or those named) with 1 and with 20 clients, captures the loopback interface meanwhile (tcpdump, which
needs root), and demands that what the capture shows equals the ledger, both ways: payload, framing and heads, which
captured_layers.py tells apart from the captured bytes alone; data segments; the bytes of segments without data; and
connections. A packet that the capture dropped fails the comparison.
"""

import collections
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from captured_layers import assembled, layers

ARMS = ["poll-close", "poll", "long-poll", "sse", "ws"]
SEGMENT_BYTES = 1448  # what a captured super-frame is cut into: TCP_MAXSEG 1460 less 12 bytes of timestamps
ETHERNET, SYN, ACK = 1, 0x02, 0x10
SNAP_BYTES = 8192  # longer than any packet of a trial, and no longer: the kernel keeps room for so much of each

Packet = collections.namedtuple("Packet", "source target ends sequence data head flags bytes")


def packets(path):
    """Reads a classic little-endian pcap of IPv4/TCP on the loopback interface."""
    raw = path.read_bytes()
    assert struct.unpack("<I", raw[20:24])[0] == ETHERNET, "not captured on a loopback interface of Linux"
    at = 24
    while at < len(raw):
        length = struct.unpack("<I", raw[at + 8 : at + 12])[0]
        ip = raw[at + 16 + 14 : at + 16 + length]
        at += 16 + length
        ip_head = (ip[0] & 15) * 4
        total = struct.unpack(">H", ip[2:4])[0]
        source, target = struct.unpack(">HH", ip[ip_head : ip_head + 4])
        head = ip_head + (ip[ip_head + 12] >> 4) * 4
        (sequence,) = struct.unpack(">I", ip[ip_head + 4 : ip_head + 8])
        ends = (ip[12:16], source), (ip[16:20], target)
        yield Packet(source, target, ends, sequence, total - head, head, ip[ip_head + 13], ip[head:total])


def capture(run, path):
    """Captures while `run()` runs; fails if a packet was dropped."""
    command = ["tcpdump", "-i", "lo", "-w", path, "-U", "--immediate-mode", "-B", "262144", "-s", str(SNAP_BYTES), "ip and tcp"]
    dump = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in dump.stderr:
        if "listening on" in line:
            break
    else:
        sys.exit("tcpdump does not capture: it needs root (or CAP_NET_RAW)")
    try:
        run()
    finally:
        dump.terminate()
        said = dump.stderr.read()
        dump.wait()
    dropped = re.findall(r"(\d+) packets? dropped by (?:kernel|interface)", said)
    assert dropped and set(dropped) == {"0"}, f"the capture is not whole: {said}"


def streams(some):
    """The layers of all byte streams of one direction, each connection's from its SYN on."""
    total, segments, first = collections.Counter(payload=0, framing=0, heads=0), collections.defaultdict(list), {}
    for packet in some:
        if packet.flags & SYN:
            first[packet.ends] = (packet.sequence + 1) % 2**32
        elif packet.data:
            assert len(packet.bytes) == packet.data, f"a packet with {packet.data} bytes was cut: raise SNAP_BYTES"
            segments[packet.ends].append((packet.sequence, packet.bytes))
    for ends, parts in segments.items():
        total.update(layers(assembled(first[ends], parts)))
    return total


def side(some):
    """What one direction holds, by the capture."""
    data = [packet for packet in some if packet.data]
    bare = [packet for packet in some if not packet.data]
    return {
        **streams(some),
        "data segments": sum(-(-packet.data // SEGMENT_BYTES) for packet in data),
        "bytes of bare segments": sum(packet.head for packet in bare),
    }


def told(ledger, data_segments):
    """The same by the ledger."""
    return {
        **{layer: ledger[layer] for layer in ("payload", "framing", "heads")},
        "data segments": data_segments,
        "bytes of bare segments": ledger["tcp_ip_bare"],
    }


def measured(wirerace, arm, clients, folder):
    """A trial that may be compared, and its packets. One that is void by itself says nothing of the ledger: again."""
    for _ in range(3):
        trial, captured = attempt(wirerace, arm, clients, folder)
        if trial["standing"] != "void":
            return trial, captured
        print(f"{arm}, {clients} clients: void ({trial['reasons']}), again")
    sys.exit(f"{arm}, {clients} clients: three trials in a row are void")


def attempt(wirerace, arm, clients, folder):
    out = folder / "results"
    path = folder / "packets.pcap"
    shutil.rmtree(out, ignore_errors=True)
    command = [wirerace, "run", "tiny", "--arms", arm, "--clients", str(clients), "--out", out]
    ended = []
    capture(lambda: ended.append(subprocess.run(command, capture_output=True, text=True)), path)
    # 3: the trial cannot be used as a measurement; what was counted still has to agree.
    assert ended[0].returncode in (0, 3), f"{arm}, {clients} clients: {ended[0].stderr}"
    trial = json.loads(next(out.glob("*/trials.jsonl")).read_text().splitlines()[0])
    return trial, list(packets(path))


def compared(arm, clients, trial, captured):
    """How many figures of a trial were compared with its packets, and those that differ: each in words, with both numbers."""
    ledger, meter = trial["measured"]["ledger"], trial["measured"]["server"]["closed"]["meter"]
    # The quotes' port is the last that was asked for quotes: the calibration before the trial asks for some too, of a server
    # of its own, and what is asked on the control port is something else. Somebody else's server beside ours is told by
    # having accepted another number of connections.
    asked = (b"GET /quotes", b"GET /events", b"GET /socket")
    ports = list(dict.fromkeys(p.target for p in reversed(captured) if p.bytes.startswith(asked)))
    accepted = collections.Counter(p.target for p in captured if p.flags & (SYN | ACK) == SYN)
    port = next((port for port in ports if accepted[port] == meter["connections_accepted"]), ports[0])
    outward = [packet for packet in captured if packet.source == port]
    inward = [packet for packet in captured if packet.target == port]
    tcp = meter["tcp"]
    pairs = [
        ("to client", side(outward), told(ledger["to_client"], tcp["data_segs_out"])),
        ("to server", side(inward), told(ledger["to_server"], tcp["data_segs_in"])),
    ]
    wrong = [
        f"{arm}, {clients} clients, {way}, {what}: captured {seen[what]}, ledger {said[what]}"
        for way, seen, said in pairs
        for what in seen
        if seen[what] != said[what]
    ]
    if accepted[port] != meter["connections_accepted"]:
        wrong.append(f"{arm}: captured {accepted[port]} connections, meter {meter['connections_accepted']}")
    return 1 + sum(len(seen) for _, seen, _ in pairs), wrong


def main():
    wirerace, *arms = sys.argv[1:]
    figures, wrong = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for arm in arms or ARMS:
            for clients in [1, 20]:
                n, found = compared(arm, clients, *measured(wirerace, arm, clients, pathlib.Path(folder)))
                figures += n
                wrong += found
    print("\n".join(wrong))
    print(f"capture: {figures - len(wrong)} passed, {len(wrong)} failed")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
