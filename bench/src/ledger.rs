//! From meters to the byte ledger: who accounts for which byte.
//!
//! Payload and bodies are counted by the transports as they hand them over; heads and framing follow by difference
//! from the bytes that the meter saw pass the socket; heads of TCP and IP follow from the segments that the kernel
//! counted. Nothing is estimated from the length of a text.
//!
//! The server's kernel does not know all that crossed the wire: what clients sent and was lost, what came twice, the options
//! that tell a sender what is missing. A link counts its packets; what it has beyond the kernel's count is a layer too.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::meter::{TcpTotals, WireMeter};
use wirerace_contract::results::{Layers, Ledger, LinkReport, MeterStages};

/// IPv4 head 20 (RFC 791) + TCP head 20 (RFC 9293) + timestamps 12 (RFC 7323, Linux's default), bytes.
pub const SEGMENT_HEAD_BYTES: u64 = 52;
/// SYN and SYN-ACK: IPv4 20 + TCP 20 + options 20 (segment size 4, SACK 2, timestamps 10, scale 3, padding 1), bytes.
pub const SYN_BYTES: u64 = 60;
/// What a segment is shorter by on a connection without timestamps, bytes.
const TIMESTAMPS_BYTES: u64 = 12;
/// What SYN and SYN-ACK are shorter by without timestamps, bytes: SACK then stands alone and takes two of padding.
const SYN_TIMESTAMPS_BYTES: u64 = 8;

/// Layers in both directions, from one snapshot: (to client, to server).
#[must_use]
pub fn layers(meter: &WireMeter, delivers: Delivers) -> (Layers, Layers) {
    let (heads_out, heads_in) = match delivers {
        // Bodies have a Content-Length and no framing below them: what is not body is head.
        Delivers::Planned | Delivers::Held => {
            (meter.bytes_out.saturating_sub(meter.body_bytes_out), meter.bytes_in.saturating_sub(meter.body_bytes_in))
        }
        // One head each way per connection, at its begin; the rest is messages with their framing.
        Delivers::Pushed => (meter.first_head_bytes_out, meter.first_head_bytes_in),
    };
    let framing_out = meter.bytes_out.saturating_sub(heads_out + meter.payload_bytes_out);
    let framing_in = meter.bytes_in.saturating_sub(heads_in);
    let (out, inward) = tcp_ip(meter);
    (
        Layers {
            payload: meter.payload_bytes_out,
            framing: framing_out,
            heads: heads_out,
            tcp_ip_data: out.map(|o| o.0),
            tcp_ip_bare: out.map(|o| o.1),
            sent_again: out.map(|_| meter.tcp.bytes_retrans),
        },
        Layers {
            payload: 0,
            framing: framing_in,
            heads: heads_in,
            tcp_ip_data: inward.map(|i| i.0),
            tcp_ip_bare: inward.map(|i| i.1),
            // Of the clients' payload that came twice the kernel counts the segments only.
            sent_again: inward.map(|_| 0),
        },
    )
}

type DataAndBare = Option<(u64, u64)>;

/// Bytes of TCP and IP heads: (of segments with data, of segments without), out and in. The accepting socket comes to
/// life during the handshake: Linux counts the client's SYN in `segs_in`, but not the server's SYN-ACK in `segs_out`.
/// Both are longer than other segments. `scripts/check_capture.py` holds this against captured packets.
fn tcp_ip(meter: &WireMeter) -> (DataAndBare, DataAndBare) {
    let tcp = &meter.tcp;
    // A connection that the kernel was not asked about would be missing in silence.
    if tcp.connections == 0 || tcp.connections != meter.connections_accepted {
        return (None, None);
    }
    let Some((head, syn)) = head_and_syn_bytes(tcp) else { return (None, None) };
    let bytes = |segments: u64, data: u64, handshake: u64| {
        (data * head, segments.saturating_sub(data) * head + tcp.connections * handshake)
    };
    (Some(bytes(tcp.segs_out, tcp.data_segs_out, syn)), Some(bytes(tcp.segs_in, tcp.data_segs_in, syn - head)))
}

/// Bytes of a segment's heads and of a SYN. `None` when only some connections carry timestamps: segments are counted
/// over all of them, and nobody knows which were longer. Without timestamps it is taken that neither end offered them,
/// as on one machine; a client that did would have a SYN 8 bytes longer.
fn head_and_syn_bytes(tcp: &TcpTotals) -> Option<(u64, u64)> {
    match tcp.connections_without_timestamps {
        0 => Some((SEGMENT_HEAD_BYTES, SYN_BYTES)),
        all if all == tcp.connections => {
            Some((SEGMENT_HEAD_BYTES - TIMESTAMPS_BYTES, SYN_BYTES - SYN_TIMESTAMPS_BYTES))
        }
        _ => None,
    }
}

/// The ledger of a trial.
#[must_use]
pub fn ledger(stages: &MeterStages, delivers: Delivers) -> Ledger {
    let (to_client, to_server) = layers(&stages.closed.meter, delivers);
    let both = |meter: &WireMeter| {
        let (out, inward) = layers(meter, delivers);
        combine(&out, &inward, u64::wrapping_add)
    };
    let steady = combine(&both(&stages.drained.meter), &both(&stages.connected.meter), u64::saturating_sub);
    let set_up = combine(&both(&stages.closed.meter), &steady, u64::saturating_sub);
    Ledger { to_client, to_server, set_up }
}

/// The same with the total on the wire as a link counted it: what it saw beyond the kernel's count was sent again, or is
/// options. Where it saw less the ledger stays what it was, and the identities say so.
#[must_use]
pub fn with_link(ledger: Ledger, link: &LinkReport) -> Ledger {
    let filled = |layers: Layers, seen: u64| {
        let beyond = layers.packets().map(|packets| seen.saturating_sub(packets));
        Layers { sent_again: beyond.map(|beyond| layers.sent_again.unwrap_or(0) + beyond), ..layers }
    };
    Ledger {
        to_client: filled(ledger.to_client, link.to_client.sent.bytes),
        to_server: filled(ledger.to_server, link.to_server.sent.bytes),
        ..ledger
    }
}

fn combine(a: &Layers, b: &Layers, with: fn(u64, u64) -> u64) -> Layers {
    let optional = |a: Option<u64>, b: Option<u64>| Some(with(a?, b?));
    Layers {
        payload: with(a.payload, b.payload),
        framing: with(a.framing, b.framing),
        heads: with(a.heads, b.heads),
        tcp_ip_data: optional(a.tcp_ip_data, b.tcp_ip_data),
        tcp_ip_bare: optional(a.tcp_ip_bare, b.tcp_ip_bare),
        sent_again: optional(a.sent_again, b.sent_again),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two poll answers of 100 bytes of head and 150 of body (120 of them a quote) on one connection.
    fn polls() -> WireMeter {
        WireMeter {
            connections_accepted: 1,
            bytes_out: 500,
            body_bytes_out: 300,
            payload_bytes_out: 240,
            bytes_in: 160,
            first_head_bytes_out: 100,
            first_head_bytes_in: 80,
            tcp: TcpTotals {
                connections: 1,
                segs_out: 3,
                data_segs_out: 2,
                segs_in: 5,
                data_segs_in: 2,
                ..TcpTotals::default()
            },
            ..WireMeter::default()
        }
    }

    #[test]
    fn polls_heads_are_what_is_not_body() {
        let (out, inward) = layers(&polls(), Delivers::Planned);
        assert_eq!((out.payload, out.framing, out.heads), (240, 60, 200));
        assert_eq!((inward.payload, inward.framing, inward.heads), (0, 0, 160));
        assert_eq!((out.tcp_ip_data, out.tcp_ip_bare), (Some(104), Some(52 + 60)));
        assert_eq!(inward.tcp_ip_bare, Some(2 * 52 + 60), "one of the three is the SYN");
        assert_eq!(out.application(), 500, "every byte that passed the socket stands in one layer");
    }

    #[test]
    fn what_is_sent_again_is_carried_again() {
        let mut meter = polls();
        (meter.tcp.segs_out, meter.tcp.data_segs_out, meter.tcp.bytes_retrans) = (4, 3, 250);
        let (once, again) = (layers(&polls(), Delivers::Planned).0, layers(&meter, Delivers::Planned).0);
        assert_eq!(again.packets().unwrap(), once.packets().unwrap() + 250 + SEGMENT_HEAD_BYTES);
        assert_eq!((once.sent_again, again.sent_again), (Some(0), Some(250)), "in a layer of its own");
        assert_eq!(again.application(), once.application());
    }

    #[test]
    fn what_only_a_link_saw_is_a_layer_and_its_bytes_are_the_total() {
        let mut meter = polls();
        (meter.tcp.segs_out, meter.tcp.data_segs_out, meter.tcp.bytes_retrans) = (4, 3, 250);
        let (to_client, to_server) = layers(&meter, Delivers::Planned);
        let kernel = Ledger { to_client, to_server, ..Ledger::default() };
        let total = |layers: &Layers| layers.packets().unwrap();
        let mut link = LinkReport::default();
        link.to_client.sent.bytes = total(&to_client);
        link.to_server.sent.bytes = total(&to_server);
        assert_eq!(with_link(kernel, &link), kernel, "nothing was lost: equal");
        // An acknowledgement with 12 bytes of SACK; a request that was lost and sent again.
        link.to_client.sent.bytes += 12;
        link.to_server.sent.bytes += 132;
        let wire = with_link(kernel, &link);
        assert_eq!((wire.to_client.sent_again, wire.to_server.sent_again), (Some(262), Some(132)));
        assert_eq!(
            (total(&wire.to_client), total(&wire.to_server)),
            (link.to_client.sent.bytes, link.to_server.sent.bytes)
        );
        assert_eq!(wire.to_client.application(), to_client.application());
        // Less than the kernel's own count cannot be: nothing is taken away to make it fit.
        link.to_client.sent.bytes = 1;
        assert_eq!(with_link(kernel, &link).to_client, to_client);
        // Where the system tells no segments there is nothing to be beyond of.
        let untold = WireMeter { tcp: TcpTotals::default(), ..polls() };
        let untold = Ledger { to_client: layers(&untold, Delivers::Held).0, ..Ledger::default() };
        assert_eq!(with_link(untold, &link).to_client.sent_again, None);
    }

    #[test]
    fn pushes_have_one_head_and_the_rest_is_framing() {
        let (out, inward) = layers(&polls(), Delivers::Pushed);
        assert_eq!((out.payload, out.framing, out.heads), (240, 160, 100));
        assert_eq!((inward.framing, inward.heads), (80, 80));
    }

    #[test]
    fn without_tcp_info_those_layers_are_not_measured() {
        let meter = WireMeter { tcp: TcpTotals::default(), ..polls() };
        assert_eq!(layers(&meter, Delivers::Held).0.packets(), None);
    }

    #[test]
    fn heads_are_shorter_without_timestamps_and_unknown_where_only_some_have_them() {
        let of = |connections: u64, without: u64| {
            let tcp = TcpTotals { connections, connections_without_timestamps: without, ..polls().tcp };
            let (out, inward) =
                layers(&WireMeter { connections_accepted: connections, tcp, ..polls() }, Delivers::Planned);
            (out.tcp_ip_data.zip(out.tcp_ip_bare), inward.tcp_ip_data.zip(inward.tcp_ip_bare))
        };
        assert_eq!(of(1, 1), (Some((80, 40 + 52)), Some((80, 2 * 40 + 52))));
        assert_eq!(of(2, 2).0, Some((80, 40 + 2 * 52)));
        assert_eq!(of(2, 1), (None, None));
    }

    #[test]
    fn set_up_is_all_that_is_not_between_connected_and_drained() {
        let stage = |bytes_out: u64| {
            let meter = WireMeter { bytes_out, first_head_bytes_out: 130, ..WireMeter::default() };
            wirerace_contract::meter::ControlSnapshot { meter, ..Default::default() }
        };
        let stages = MeterStages {
            connected: stage(130),
            window_start: stage(200),
            window_end: stage(900),
            drained: stage(1_000),
            closed: stage(1_004),
        };
        let ledger = ledger(&stages, Delivers::Pushed);
        assert_eq!(ledger.to_client.application(), 1_004);
        // 130 of head and 4 of a close frame; 870 in between.
        assert_eq!((ledger.set_up.heads, ledger.set_up.framing), (130, 4));
    }
}
