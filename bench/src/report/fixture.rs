//! A made-up run for tests: five arms, six blocks, seeded noise, one void and one tainted trial (whose block was
//! repeated). The figures are plausible, not measured.

mod events;
pub(crate) mod sweep;

use wirerace_contract::descriptor::Descriptor;
use wirerace_contract::distribution::{Distribution, new_histogram};
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::meter::{ControlSnapshot, ProcessUsage, WireMeter};
use wirerace_contract::plan::SplitMix64;
use wirerace_contract::results::{
    ArmEntry, Cell, ClientReport, Cpu, Environment, Layers, Ledger, Manifest, Measured, MeterStages, QuoteCounts,
    SCHEMA_VERSION, Staleness, Standing, Traffic, Trial, Window,
};
use wirerace_contract::spec::{Arm, Connection, LoadSpec};

/// What the noise is laid on.
struct Shape {
    arm: &'static str,
    descriptor: Descriptor,
    connection: Connection,
    /// Lateness is at least this, plus a uniform share of the interval, plus an exponential tail.
    base_ms: f64,
    interval_ms: u32,
    /// Per quote: framing, HTTP heads, data segments, segments without data, connections, requests.
    per_quote: [f64; 6],
    cpu_us: f64,
}

fn shapes() -> Vec<Shape> {
    let shape = |arm, descriptor, connection, base_ms, interval_ms, per_quote, cpu_us| Shape {
        arm,
        descriptor,
        connection,
        base_ms,
        interval_ms,
        per_quote,
        cpu_us,
    };
    // Other titles than the program's: readers must take them from the files of the run.
    // Nor does the fixture say what wraps its quotes, as files of older versions do not.
    let titled = |title: &'static str, descriptor| Descriptor { title: title.into(), wraps: None, ..descriptor };
    let polling = titled("polling", Descriptor::POLLING);
    let held = titled("long polling", Descriptor::LONG_POLLING);
    let (sse, ws) = (titled("server-sent events", Descriptor::SSE), titled("WebSocket", Descriptor::WEBSOCKET));
    vec![
        shape("poll-close", polling.clone(), Connection::Closed, 0.6, 250, [24.0, 130.0, 0.7, 2.4, 0.36, 0.36], 95.0),
        shape("poll", polling, Connection::Kept, 0.3, 250, [24.0, 118.0, 0.72, 0.1, 0.0, 0.36], 38.0),
        shape("long-poll", held, Connection::Kept, 0.32, 0, [62.0, 312.0, 1.96, 0.15, 0.0, 0.98], 74.0),
        shape("sse", sse, Connection::Kept, 0.14, 0, [36.0, 0.9, 1.0, 0.98, 0.0, 0.0], 27.0),
        shape("ws", ws, Connection::Kept, 0.12, 0, [2.0, 1.1, 1.0, 0.97, 0.0, 0.0], 24.0),
    ]
}

/// What the fixture's only cell is called.
pub(crate) const CELL: &str = "10 clients, 10 quotes/s";

/// The run.
pub(crate) fn run() -> (Manifest, Vec<Trial>) {
    let load = LoadSpec { feed: FeedSpec { seed: 1, ..FeedSpec::default() }, ..LoadSpec::default() };
    let arms = shapes().iter().map(|s| ArmEntry { arm: arm(s), descriptor: s.descriptor.clone() }).collect();
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        software: "0.1.0".into(),
        commit: Some("0123abc".into()),
        experiment: "fixture".into(),
        question: "What does each transport cost at ten quotes a second?".into(),
        prediction: String::new(),
        change_our_mind: String::new(),
        claims: Vec::new(),
        margins: Default::default(),
        quick: false,
        started_utc: "2026-01-02T03:04:05Z".into(),
        seed: 7,
        blocks: 6,
        repeats_of_tainted: 1,
        arms,
        cells: vec![Cell { name: CELL.into(), load: load.clone(), exact: false }],
        environment: environment(),
        calibration: None,
        self_test: None,
        browser: None,
    };
    let mut random = SplitMix64::new(2026);
    let mut trials = Vec::new();
    for block in 1..=6 {
        if block == 3 {
            let mut disturbed = trial(&shapes()[3], &load, (block, 1, 1), &mut random);
            disturbed.standing = Standing::Tainted;
            disturbed.reasons = vec!["steal 4.1 % of the window (at most 1 %)".into()];
            trials.push(disturbed);
        }
        for (position, shape) in shapes().iter().enumerate() {
            let attempt = if block == 3 { 2 } else { 1 };
            trials.push(trial(shape, &load, (block, attempt, position as u32 + 1), &mut random));
        }
    }
    // As a run keeps them: of the first block only.
    for trial in trials.iter_mut().filter(|trial| trial.block == 1) {
        let shape = shapes().into_iter().find(|shape| shape.arm == trial.arm.name);
        if let Some((measured, shape)) = trial.measured.as_mut().zip(shape) {
            measured.client.events = Some(events::log(&shape));
        }
    }
    // The long poll of block 5 breaks before it can be measured.
    for broken in trials.iter_mut().filter(|t| t.block == 5 && t.arm.name == "long-poll") {
        broken.standing = Standing::Void;
        broken.reasons = vec!["accepted 10 connections, dialled 11".into()];
        broken.measured = None;
    }
    (manifest, trials)
}

fn environment() -> Environment {
    Environment {
        system: "Linux 6.12".into(),
        processor: "an invented processor".into(),
        cpus: 2,
        memory_bytes: 8 << 30,
        congestion_control: "cubic".into(),
        max_segment_bytes: 1460,
        descriptors_max: 20_000,
        toolchain: "rustc 1.90.0".into(),
        optimised: true,
        crates: vec!["axum 0.8.9".into(), "tokio 1.54.0".into()],
        ..Environment::default()
    }
}

fn arm(shape: &Shape) -> Arm {
    Arm {
        name: shape.arm.into(),
        transport: shape.descriptor.name.to_string(),
        connection: shape.connection,
        delivery: Default::default(),
        interval_ms: shape.interval_ms,
        encoding: Default::default(),
        ..Arm::default()
    }
}

fn trial(shape: &Shape, load: &LoadSpec, place: (u32, u32, u32), random: &mut SplitMix64) -> Trial {
    Trial {
        schema_version: SCHEMA_VERSION,
        cell: CELL.into(),
        block: place.0,
        attempt: place.1,
        position: place.2,
        started_utc: "2026-01-02T03:05:00Z".into(),
        arm: arm(shape),
        descriptor: shape.descriptor.clone(),
        load: load.clone(),
        standing: Standing::Valid,
        reasons: Vec::new(),
        measured: Some(measured(shape, random)),
    }
}

const QUOTES: u64 = 4_000;

fn measured(shape: &Shape, random: &mut SplitMix64) -> Measured {
    let mut histogram = new_histogram();
    let wobble = 1.0 + 0.03 * random.normal();
    for _ in 0..QUOTES {
        let late_ms =
            shape.base_ms * wobble + f64::from(shape.interval_ms) * random.uniform() + 0.1 * random.exponential();
        histogram.saturating_record((late_ms * 1e6) as u64);
    }
    let lateness = Distribution::of(&histogram, 0);
    let mean_ns = lateness.mean_ns.unwrap_or(0.0);
    let counts = QuoteCounts { planned: QUOTES, received: QUOTES, ..QuoteCounts::default() };
    let issued = if shape.interval_ms > 0 { 1_700 } else { 0 };
    Measured {
        client: ClientReport {
            // The feed starts with the first snapshot and stops with the window.
            window: Window { start_offset_ns: 1_000_000_000, end_offset_ns: 39_000_000_000, ..Window::default() },
            quotes: counts,
            window_quotes: counts,
            transit: lateness.clone(),
            staleness: Staleness {
                mean_ns: mean_ns * 0.9 * (1.0 + 0.08 * random.normal()),
                p50_ns: (mean_ns * 0.8) as u64,
                p99_ns: (mean_ns * 2.1) as u64,
                wrong_price_share: (mean_ns * 1e-8).min(0.9),
            },
            lateness,
            traffic: Traffic {
                connections_dialled: 10,
                polls_planned: issued,
                polls_issued: issued,
                polls_empty: issued / 10,
                requests: QUOTES,
                ..Traffic::default()
            },
            ..ClientReport::default()
        },
        server: stages(shape),
        publisher_lateness: publisher(random),
        ledger: ledger(shape, random),
        link: None,
        cpu: Cpu {
            wall_us: 40_000_000,
            machine_us: Some((shape.cpu_us * QUOTES as f64 * (1.0 + 0.05 * random.normal())) as u64),
            steal_us: Some(0),
            server_us: (shape.cpu_us * 0.45 * QUOTES as f64 * (1.0 + 0.05 * random.normal())) as u64,
            load_us: (shape.cpu_us * 0.5 * QUOTES as f64) as u64,
        },
    }
}

fn publisher(random: &mut SplitMix64) -> Distribution {
    let mut histogram = new_histogram();
    for _ in 0..500 {
        histogram.saturating_record((30_000.0 * random.exponential()) as u64 + 5_000);
    }
    Distribution::of(&histogram, 0)
}

fn stages(shape: &Shape) -> MeterStages {
    let quotes = QUOTES as f64;
    let at = |taken_ns, share: f64| ControlSnapshot {
        taken_ns,
        meter: WireMeter {
            enabled: true,
            connections_accepted: 10 + (shape.per_quote[4] * quotes * share) as u64,
            requests: 10 + (shape.per_quote[5] * quotes * share) as u64,
            ..WireMeter::default()
        },
        process: ProcessUsage { resident_bytes: 9 << 20, ..ProcessUsage::default() },
    };
    MeterStages {
        connected: at(1_000_000_000, 0.0),
        window_start: at(2_000_000_000, 0.02),
        window_end: at(40_000_000_000, 0.98),
        drained: at(41_000_000_000, 1.0),
        closed: at(41_100_000_000, 1.0),
    }
}

fn ledger(shape: &Shape, random: &mut SplitMix64) -> Ledger {
    let quotes = QUOTES as f64;
    let [framing, heads, data_segments, bare_segments, ..] = shape.per_quote;
    let bytes = |per_quote: f64| (per_quote * quotes) as u64;
    let noise = 1.0 + 0.05 * random.normal();
    let to_client = Layers {
        payload: 120 * QUOTES,
        framing: bytes(framing),
        heads: bytes(heads * 0.5),
        tcp_ip_data: Some(bytes(52.0 * data_segments * 0.6)),
        tcp_ip_bare: Some(bytes(52.0 * bare_segments * 0.1 * noise)),
        // As in files that were written before it was a layer of its own.
        sent_again: None,
    };
    let to_server = Layers {
        payload: 0,
        framing: 0,
        heads: bytes(heads * 0.5),
        tcp_ip_data: Some(bytes(52.0 * data_segments * 0.4)),
        tcp_ip_bare: Some(bytes(52.0 * bare_segments * 0.9 * noise)),
        sent_again: None,
    };
    let set_up = Layers { heads: 2_600, tcp_ip_data: Some(1_040), tcp_ip_bare: Some(4_160), ..Layers::default() };
    Ledger { to_client, to_server, set_up }
}

/// Writes the run as `wirerace run` leaves it.
pub(crate) fn write(directory: &std::path::Path) {
    let (manifest, trials) = run();
    write_run(directory, &manifest, &trials);
}

/// Writes any run so.
pub(crate) fn write_run(directory: &std::path::Path, manifest: &Manifest, trials: &[Trial]) {
    let lines: Vec<String> = trials.iter().map(|t| serde_json::to_string(t).unwrap()).collect();
    std::fs::write(directory.join("manifest.json"), serde_json::to_string_pretty(manifest).unwrap()).unwrap();
    std::fs::write(directory.join("trials.jsonl"), lines.join("\n") + "\n").unwrap();
}
