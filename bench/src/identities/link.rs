//! The second, independent check of the ledger: what an emulated link counted, packet by packet, against the server's
//! meter and the kernel.

use wirerace_contract::results::{Ledger, LinkReport, MeterStages};

/// Most of one processor that the link may take: beyond, it is in the way of what it measures.
const LINK_CPU_SHARE_MAX: f64 = 0.5;

/// What an emulated link counted against the server's meter, which it knows nothing of, and the link's own fitness: the
/// contradictions found, each a sentence. `ledger` is what meter and kernel say, without what only the link saw.
#[must_use]
pub fn link_contradictions(server: &MeterStages, ledger: &Ledger, link: &LinkReport) -> Vec<String> {
    let mut found = Vec::new();
    if link.cpu_share() > LINK_CPU_SHARE_MAX {
        let share = 100.0 * link.cpu_share();
        found.push(format!("the link took {share:.0} % of a processor, allowed are 50: fewer clients or quotes"));
    }
    let (out, inward) = (&link.to_client, &link.to_server);
    found.extend(differing(
        "packets that the link's own ends dropped",
        out.interface_dropped + inward.interface_dropped,
        0,
    ));
    let meter = &server.closed.meter;
    let tcp = &meter.tcp;
    if !meter.enabled || tcp.connections != meter.connections_accepted || tcp.connections == 0 {
        return found;
    }
    found.extend(differing("connections", link.connections, meter.connections_accepted));
    // What the server sent is counted where it enters the link, what it received where it leaves: both hold whatever was
    // lost in between.
    found.extend(differing("TCP payload to clients, bytes", out.sent.payload_bytes, tcp.bytes_sent));
    found.extend(differing("data segments to clients", out.sent.data_segments, tcp.data_segs_out));
    found.extend(differing("data segments to the server", inward.delivered.data_segments, tcp.data_segs_in));
    found.extend(differing("payload sent again to clients, bytes", out.repeated_bytes, tcp.bytes_retrans));
    let (to_client, to_server) = (&ledger.to_client, &ledger.to_server);
    let nothing_lost = link.is_clean() && tcp.retrans == 0;
    // Senders repeat what they take for lost, which on a slow link need not be.
    let all_once = nothing_lost && out.repeated_bytes == 0 && inward.repeated_bytes == 0;
    for (way, seen, layers) in [("clients", out, to_client), ("the server", inward, to_server)] {
        let (Some(packets), seen) = (layers.packets(), seen.sent.bytes) else { continue };
        // Where something was lost or came twice the server's kernel does not see all: its count is the least that there was.
        if seen < packets || (all_once && seen > packets) {
            let least = if all_once { "" } else { "at least " };
            found.push(format!("bytes of IP packets to {way}: {seen} by the link against {least}{packets}"));
        }
    }
    if nothing_lost {
        found.extend(differing(
            "payload, framing and heads to clients, bytes",
            out.sent.payload_bytes,
            to_client.application(),
        ));
        found.extend(differing(
            "payload, framing and heads to the server, bytes",
            inward.sent.payload_bytes.saturating_sub(inward.repeated_bytes),
            to_server.application(),
        ));
        found.extend(differing(
            "segments without payload to the server",
            inward.sent.bare_segments,
            tcp.segs_in - tcp.data_segs_in,
        ));
    }
    found
}

fn differing(what: &str, link: u64, meter: u64) -> Option<String> {
    (link != meter).then(|| format!("{what}: {link} by the link against {meter}"))
}

#[cfg(test)]
mod tests {
    use wirerace_contract::meter::WireMeter;
    use wirerace_contract::meter::{ControlSnapshot, TcpTotals};
    use wirerace_contract::results::{Layers, LinkWay, PacketCounts};

    use super::*;

    /// Two connections, 1,000 bytes in 3 segments to clients, 200 bytes in 2 to the server, all by the same count.
    fn sound() -> (MeterStages, Ledger, LinkReport) {
        let tcp = TcpTotals {
            connections: 2,
            bytes_sent: 1_000,
            data_segs_out: 3,
            data_segs_in: 2,
            segs_in: 9,
            ..TcpTotals::default()
        };
        let meter = WireMeter { enabled: true, connections_accepted: 2, tcp, ..WireMeter::default() };
        let empty = ControlSnapshot::default;
        let stages = MeterStages {
            connected: empty(),
            window_start: empty(),
            window_end: empty(),
            drained: empty(),
            closed: ControlSnapshot { meter, ..empty() },
        };
        let layers = |heads, data: u64, bare| Layers {
            heads,
            tcp_ip_data: Some(52 * data),
            tcp_ip_bare: Some(bare),
            ..Layers::default()
        };
        let ledger = Ledger { to_client: layers(1_000, 3, 328), to_server: layers(200, 2, 380), ..Ledger::default() };
        let way = |payload_bytes, data_segments, bare_segments, bytes| {
            let packets = data_segments + bare_segments;
            let sent = PacketCounts { packets, bytes, payload_bytes, data_segments, bare_segments, syns: 2 };
            LinkWay { sent, delivered: sent, ..LinkWay::default() }
        };
        let link = LinkReport {
            to_client: way(1_000, 3, 6, 1_000 + 156 + 328),
            to_server: way(200, 2, 7, 200 + 104 + 380),
            connections: 2,
            cpu_us: 40,
            wall_us: 100,
            ..LinkReport::default()
        };
        (stages, ledger, link)
    }

    /// What is found when the link's report is changed so.
    fn found(change: impl Fn(&mut LinkReport)) -> String {
        let (stages, ledger, mut link) = sound();
        change(&mut link);
        link_contradictions(&stages, &ledger, &link).join("; ")
    }

    #[test]
    fn a_link_that_agrees_with_the_meter_is_sound() {
        assert_eq!(found(|_| ()), "");
    }

    #[test]
    fn every_count_that_differs_is_named() {
        assert!(found(|link| link.connections = 3).contains("connections: 3 by the link against 2"));
        assert!(found(|link| link.to_client.sent.payload_bytes += 1).contains("TCP payload to clients, bytes: 1001"));
        assert!(found(|link| link.to_client.sent.data_segments += 1).contains("data segments to clients: 4"));
        assert!(found(|link| link.to_server.delivered.data_segments += 1).contains("data segments to the server: 3"));
        assert!(found(|link| link.to_server.sent.payload_bytes -= 1).contains("heads to the server, bytes: 199"));
        assert!(found(|link| link.to_client.sent.bytes += 1).contains("IP packets to clients"));
        assert!(found(|link| link.to_server.sent.bytes += 1).contains("IP packets to the server"));
        assert!(found(|link| link.to_server.sent.bare_segments += 1).contains("without payload to the server: 8"));
        assert!(found(|link| link.to_server.interface_dropped = 1).contains("own ends dropped: 1"));
        assert!(found(|link| link.cpu_us = 51).contains("took 51 % of a processor"));
        assert_eq!(found(|link| link.cpu_us = 50), "", "half of one is allowed");
    }

    #[test]
    fn where_something_was_lost_the_kernels_count_is_the_least_that_the_link_may_have_seen() {
        let lossy = |link: &mut LinkReport| link.to_client.lost = 1;
        assert_eq!(found(lossy), "");
        let more = |link: &mut LinkReport| {
            lossy(link);
            link.to_client.sent.bytes += 12;
            link.to_server.sent.bytes += 900;
        };
        assert_eq!(found(more), "", "options, and what was sent again");
        let less = |link: &mut LinkReport| {
            lossy(link);
            link.to_server.sent.bytes -= 1;
        };
        assert_eq!(found(less), "bytes of IP packets to the server: 683 by the link against at least 684");
    }

    #[test]
    fn what_clients_send_again_is_allowed_for_to_the_byte_though_nothing_was_lost() {
        let again = |link: &mut LinkReport| {
            link.to_server.sent.payload_bytes += 110;
            link.to_server.sent.bytes += 110;
            link.to_server.repeated_bytes = 110;
            // The option that says what came twice.
            link.to_client.sent.bytes += 12;
        };
        assert_eq!(found(again), "");
        let more = |link: &mut LinkReport| {
            again(link);
            link.to_server.sent.payload_bytes += 1;
        };
        assert_eq!(found(more), "payload, framing and heads to the server, bytes: 201 by the link against 200");
        let unseen = |link: &mut LinkReport| {
            again(link);
            link.to_server.repeated_bytes = 0;
        };
        assert!(found(unseen).contains("bytes of IP packets to the server: 794 by the link against 684"));
        let server = |link: &mut LinkReport| link.to_client.repeated_bytes = 7;
        assert_eq!(found(server), "payload sent again to clients, bytes: 7 by the link against 0");
    }

    #[test]
    fn what_was_lost_on_purpose_need_not_stand_in_the_ledger() {
        let lossy = |link: &mut LinkReport| {
            link.to_server.lost = 1;
            link.to_server.sent.bytes += 52;
            link.to_server.sent.bare_segments += 1;
        };
        assert_eq!(found(lossy), "");
        // But what came through must be what the server saw.
        let wrong = |link: &mut LinkReport| {
            lossy(link);
            link.to_server.delivered.data_segments -= 1;
        };
        assert!(found(wrong).contains("data segments to the server"));
    }
}
