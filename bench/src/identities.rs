//! What must be true of every trial, whoever counted: if it is not, the meters contradict each other and the
//! trial is void.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::meter::WireMeter;
use wirerace_contract::results::{ClientReport, MeterStages};
use wirerace_contract::spec::{Arm, Delivery};

/// The contradictions found, each a sentence with both numbers; none is what a sound trial has.
#[must_use]
pub fn contradictions(
    client: &ClientReport,
    server: &MeterStages,
    arm: &Arm,
    delivers: Delivers,
    feed: &FeedSpec,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut must_equal = |what: &str, left: u64, right: u64| {
        if left != right {
            found.push(format!("{what}: {left} against {right}"));
        }
    };
    let quotes = &client.quotes;
    let accounted = quotes.received + quotes.superseded + quotes.lost;
    must_equal("quotes planned against received + superseded + lost", quotes.planned, accounted);
    must_equal("quotes received before they were due, against none", quotes.early, 0);
    let traffic = &client.traffic;
    if delivers == Delivers::Planned {
        let decided = traffic.polls_issued + traffic.polls_skipped;
        must_equal("polls planned against issued + skipped", traffic.polls_planned, decided);
    }
    // Reading a size outside its range is refused before a trial starts.
    let each = feed.payload_bytes_in(arm.encoding).unwrap_or(0) as u64;
    let seen = quotes.received + quotes.duplicates;
    must_equal("payload bytes received against quotes × size", traffic.payload_bytes, seen * each);
    let meter = &server.closed.meter;
    // With the meter switched off (to measure its cost) the server has nothing to compare.
    if meter.enabled {
        must_equal("connections dialled against accepted", traffic.connections_dialled, meter.connections_accepted);
        must_equal("requests sent against received", traffic.requests, meter.requests);
        // A broken connection may take quotes down with it that the server had already handed over.
        if traffic.reconnects == 0 && arm.delivery == Delivery::Every && quotes.lost == 0 {
            must_equal("payload bytes handed over against received", meter.payload_bytes_out, traffic.payload_bytes);
        }
        kernel_agrees("drained", &server.drained.meter, &mut must_equal);
        kernel_agrees("closed", meter, &mut must_equal);
    }
    found
}

/// written = sent − retransmitted + still queued, where the system has `TCP_INFO` for every connection.
fn kernel_agrees(stage: &str, meter: &WireMeter, must_equal: &mut impl FnMut(&str, u64, u64)) {
    let tcp = &meter.tcp;
    if tcp.connections == meter.connections_accepted && tcp.connections > 0 {
        let kernel = tcp.bytes_sent + tcp.notsent_bytes - tcp.bytes_retrans.min(tcp.bytes_sent);
        must_equal(&format!("bytes written against the kernel's count ({stage})"), meter.bytes_out, kernel);
    }
}
