//! What must be true of every trial, whoever counted: if it is not, the meters contradict each other and the
//! trial is void.
//!
//! Each identity holds two counts against each other that were made apart: client against server, either against the
//! plan, the server against the kernel. A count that is a sum of the other would prove nothing. What the network may do
//! to a client (refuse it, reset it, lose its quotes) is an outcome; where it leaves open whether the other side saw
//! something, the count of such doubts is the only room that an identity has, and it is nought where nothing broke.

pub mod link;

use wirerace_contract::clock::{NS_PER_MS, NS_PER_S};
use wirerace_contract::descriptor::Delivers;
use wirerace_contract::heads::HeadKind;
use wirerace_contract::meter::WireMeter;
use wirerace_contract::plan::PlanTable;
use wirerace_contract::results::{ClientReport, MeterStages, QuoteCounts};
use wirerace_contract::spec::{Arm, Delivery, LoadSpec};

/// The contradictions found, each a sentence with both numbers; none is what a sound trial has.
#[must_use]
pub fn contradictions(
    client: &ClientReport,
    server: &MeterStages,
    arm: &Arm,
    delivers: Delivers,
    load: &LoadSpec,
) -> Vec<String> {
    let mut found = Found::default();
    found.equal("clients wanted against reported", load.clients.into(), client.clients.into());
    quotes(&mut found, client, load);
    if delivers == Delivers::Planned {
        polls(&mut found, client, arm);
    }
    orders(&mut found, client, load);
    // Reading a size outside its range is refused before a trial starts.
    let each = load.feed.payload_bytes_in(arm.encoding).unwrap_or(0) as u64;
    let seen = client.quotes.received + client.quotes.duplicates;
    found.equal("payload bytes received against quotes × size", client.traffic.payload_bytes, seen * each);
    let starved = client.traffic.dials_starved;
    if starved > 0 {
        found.0.push(format!(
            "{starved} dials failed for want of files or ports in the load: raise the limit of open files, or take fewer clients"
        ));
    }
    heads_fit(&mut found, client, load);
    let meter = &server.closed.meter;
    if meter.accepts_failed > 0 {
        found.0.push(format!(
            "no connection could be accepted for want of files or memory in the server (tried {} times): raise the limit of open \
             files, or take fewer clients (a push of the newest quote takes two files a client)",
            meter.accepts_failed
        ));
    }
    if meter.connections_open > 0 {
        found
            .0
            .push(format!("{} connections were still open after the clients had closed them", meter.connections_open));
    }
    // With the meter switched off (to measure its cost) the server has nothing to compare.
    if meter.enabled {
        wire(&mut found, client, meter, arm);
        profile(&mut found, client, meter, load);
        kernel_agrees("drained", &server.drained.meter, &mut found);
        kernel_agrees("closed", meter, &mut found);
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn equal(&mut self, what: &str, left: u64, right: u64) {
        self.within(what, left, (right, right));
    }

    fn within(&mut self, what: &str, value: u64, (least, most): (u64, u64)) {
        if (least..=most).contains(&value) {
            return;
        }
        let range = if least == most { least.to_string() } else { format!("{least} to {most}") };
        self.0.push(format!("{what}: {value} against {range}"));
    }
}

/// received + superseded + lost = planned, over the whole life and in the window.
///
/// What is planned is computed here, from the feed's plan, the window's bounds and the number of clients wanted; the
/// three are each counted by the load as quotes come or fail to. It catches a quote that is booked twice or not at all, a
/// client that is left out of the account (refused ones are in it: they lose everything), and a load that has another
/// plan in mind than the feed.
fn quotes(found: &mut Found, client: &ClientReport, load: &LoadSpec) {
    let (mut plan, window) = (PlanTable::new(&load.feed), &client.window);
    let before = plan.last_due_before(window.start_offset_ns);
    let last = plan.last_due_before(window.end_offset_ns);
    found.equal("first quote of the window against the plan's", window.first_seq, before + 1);
    found.equal("last quote of the window against the plan's", window.last_seq, last);
    let clients = u64::from(load.clients);
    for (stage, counts, planned) in [
        ("", &client.quotes, last * clients),
        (" (window)", &client.window_quotes, last.saturating_sub(before) * clients),
    ] {
        let QuoteCounts { received, superseded, lost, .. } = counts;
        let accounted = received + superseded + lost;
        found.equal(&format!("quotes received + superseded + lost against the plan{stage}"), accounted, planned);
        found.equal(&format!("quotes planned by the load against the plan{stage}"), counts.planned, planned);
    }
    found.equal("quotes received before they were due, against none", client.quotes.early, 0);
}

/// issued + skipped = planned, for the polls that the plan holds within the window.
///
/// A client's polls stand one interval apart, so a window of n whole intervals holds n of them whatever the client's
/// phase; of a window that is not a whole number of intervals one more or less. Issued and skipped are counted where they
/// happen. It catches a plan that a late answer moved, an instant passed over in silence or told twice, and another
/// interval than the arm's. Who gave up or had to be cut off has no more polls to account for.
fn polls(found: &mut Found, client: &ClientReport, arm: &Arm) {
    let interval_ns = u64::from(arm.interval_ms.max(1)) * NS_PER_MS;
    let length_ns = client.window.end_offset_ns.saturating_sub(client.window.start_offset_ns);
    let asking = u64::from(client.clients_connected);
    let to_the_end = asking.saturating_sub(u64::from(client.clients_gave_up) + u64::from(client.clients_cut));
    let planned = (to_the_end * (length_ns / interval_ns), asking * length_ns.div_ceil(interval_ns));
    let decided = client.traffic.window_polls_issued + client.traffic.window_polls_skipped;
    found.within("polls issued + skipped against the plan (window)", decided, planned);
}

/// sent + never sent = planned for the orders that the plan holds within the window, and acknowledged + lost = sent.
///
/// What is planned follows here from rate, window and clients, as for polls; each of the four is counted where it happens.
/// It catches a backlog that is passed over in silence, a plan that a late acknowledgement moved, and an order that is
/// acknowledged twice. Who gave up or had to be cut off has no more orders to account for.
fn orders(found: &mut Found, client: &ClientReport, load: &LoadSpec) {
    let orders = &client.orders;
    let length_ns = client.window.end_offset_ns.saturating_sub(client.window.start_offset_ns);
    let each = load.orders_per_s.max(0.0) * length_ns as f64 / NS_PER_S as f64;
    let asking = u64::from(client.clients_connected);
    let ended = u64::from(client.clients_gave_up) + u64::from(client.clients_cut);
    let planned = (asking * each.floor() as u64, asking * each.ceil() as u64);
    found.within("orders planned by the load against the plan (window)", orders.window_planned, planned);
    let decided = orders.window_issued + orders.window_unsent;
    let least = asking.saturating_sub(ended) * each.floor() as u64;
    let (least, most) = if ended == 0 { (orders.window_planned, orders.window_planned) } else { (least, planned.1) };
    found.within("orders sent + never sent against planned (window)", decided, (least, most));
    for (stage, acknowledged, lost, sent) in [
        ("", orders.acknowledged, orders.lost, orders.issued),
        (" (window)", orders.window_acknowledged, orders.window_lost, orders.window_issued),
    ] {
        let least = if ended == 0 { sent } else { 0 };
        found.within(&format!("orders acknowledged + lost against sent{stage}"), acknowledged + lost, (least, sent));
    }
}

/// The clients' counts against those of the server's meter.
///
/// A dial that was refused is on neither side. One that was dropped under way or reset at once may be on the server's
/// only, and a request whose connection broke before an answer on the client's only.
fn wire(found: &mut Found, client: &ClientReport, meter: &WireMeter, arm: &Arm) {
    let traffic = &client.traffic;
    let dialled = traffic.connections_dialled;
    found.within(
        "connections accepted against dialled",
        meter.connections_accepted,
        (dialled, dialled + traffic.dials_unclear),
    );
    let read_at_least = traffic.requests.saturating_sub(traffic.requests_unanswered);
    found.within("requests received against sent", meter.requests, (read_at_least, traffic.requests));
    // A broken connection may take quotes down with it that the server had already handed over.
    if traffic.reconnects == 0 && arm.delivery == Delivery::Every && client.quotes.lost == 0 {
        found.equal("payload bytes handed over against received", meter.payload_bytes_out, traffic.payload_bytes);
    }
}

/// A head that outgrew its profile ended its client, or was answered with a refusal: either says so in these words.
fn heads_fit(found: &mut Found, client: &ClientReport, load: &LoadSpec) {
    for (kind, bytes) in
        [(HeadKind::Request, load.heads.request_bytes), (HeadKind::Response, load.heads.response_bytes)]
    {
        let words = format!("{kind} heads of {bytes} bytes: ");
        found.0.extend(client.errors.iter().find(|error| bytes > 0 && error.contains(&words)).cloned());
    }
}

/// The first head of each connection has the size that the profile asks for. Nothing broke: each connection has one.
fn profile(found: &mut Found, client: &ClientReport, meter: &WireMeter, load: &LoadSpec) {
    let traffic = &client.traffic;
    if traffic.reconnects > 0
        || traffic.dials_unclear > 0
        || traffic.requests_unanswered > 0
        || !client.errors.is_empty()
    {
        return;
    }
    for (way, counted, bytes) in [
        ("in", meter.first_head_bytes_in, load.heads.request_bytes),
        ("out", meter.first_head_bytes_out, load.heads.response_bytes),
    ] {
        if bytes > 0 {
            let planned = meter.connections_accepted * u64::from(bytes);
            found.equal(&format!("bytes of first heads {way} against connections × profile"), counted, planned);
        }
    }
}

/// written = sent − retransmitted + still queued, where the system has `TCP_INFO` for every connection.
fn kernel_agrees(stage: &str, meter: &WireMeter, found: &mut Found) {
    let tcp = &meter.tcp;
    if tcp.connections == meter.connections_accepted && tcp.connections > 0 {
        let kernel = tcp.bytes_sent + tcp.notsent_bytes - tcp.bytes_retrans.min(tcp.bytes_sent);
        found.equal(&format!("bytes written against the kernel's count ({stage})"), meter.bytes_out, kernel);
    }
}

#[cfg(test)]
#[path = "identities_tests.rs"]
mod tests;
