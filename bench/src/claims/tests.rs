//! Every measured rule is given data that make it true or false, then doctored data that turn it round, then none.

mod needs;
mod set_aside;
mod turns;

use wirerace_contract::feed::FeedSpec;
use wirerace_contract::spec::{Delay, HeadProfile, Link, LoadSpec, Path};

use super::fake::{FakeArm, arm, run};
use super::*;
use crate::summary::Quantity::{self as Q, *};
use Verdict::{Depends, False, NoData, True, Undecided};

type Cells = Vec<(&'static str, LoadSpec, Vec<FakeArm>)>;

const BLOCKS: u32 = 12;

fn claim(number: u8) -> &'static Claim {
    CLAIMS.iter().find(|claim| claim.number == number).unwrap()
}

fn found(number: u8, blocks: u32, cells: &Cells) -> Finding {
    // In the first of its experiments: the others are read alike.
    let runs = vec![run(claim(number).experiments[0], blocks, cells)];
    decide(claim(number), &Evidence { runs, exchanges: Vec::new() })
}

fn verdict(number: u8, cells: Cells) -> Verdict {
    found(number, BLOCKS, &cells).verdict
}

/// The verdict with sound and with doctored data, and with none.
fn turns(number: u8, sound: (Cells, Verdict), doctored: (Cells, Verdict)) {
    assert_ne!(sound.1, doctored.1, "claim {number}: nothing turns");
    for (what, (cells, expected)) in [("sound", sound), ("doctored", doctored)] {
        let finding = found(number, BLOCKS, &cells);
        assert_eq!(finding.verdict, expected, "claim {number}, {what}: {finding:#?}");
    }
}

fn near() -> LoadSpec {
    LoadSpec::default()
}

fn far() -> LoadSpec {
    LoadSpec { path: Path::Delayed(Delay { one_way_delay_us: 50_000 }), ..near() }
}

fn one(arms: Vec<FakeArm>) -> Cells {
    vec![("one", near(), arms)]
}

fn near_and_far(arms: impl Fn(f64) -> Vec<FakeArm>) -> Cells {
    vec![("near", near(), arms(0.0)), ("far", far(), arms(50.0))]
}

fn many(values: &[(Q, f64)]) -> Vec<(Q, f64)> {
    values.to_vec()
}

#[test]
fn claim_1_connections_per_request() {
    let cells = |kept: f64| {
        let asks = |connections| [(Connections, connections), (Requests, 50.0)];
        one(vec![arm("anew", Way::AskedAnew, 500, &asks(50.0)), arm("kept", Way::Asked, 500, &asks(kept))])
    };
    turns(1, (cells(1.0), Depends), (cells(50.0), True));
}

#[test]
fn claim_2_the_exchange_and_lateness() {
    let cells = |exchange_ms: f64, late_ms: f64| {
        near_and_far(move |_| {
            vec![
                arm("anew", Way::AskedAnew, 500, &[(ExchangeP50, exchange_ms), (LatenessP50, late_ms)]),
                arm("kept", Way::Asked, 500, &[(ExchangeP50, 100.0), (LatenessP50, 300.0)]),
            ]
        })
    };
    turns(2, (cells(200.0, 300.0), Depends), (cells(200.0, 400.0), True));
    assert_eq!(verdict(2, cells(100.0, 300.0)), False);
}

/// An upgraded arm of 120-byte quotes: bytes per quote beyond the payload without set-up, and with it.
fn layers(name: &str, way: Way, steady: (f64, f64), all: (f64, f64)) -> FakeArm {
    arm(
        name,
        way,
        500,
        &[
            (SteadyApplicationBytes, 120.0 + steady.0),
            (SteadyPacketBytes, 120.0 + steady.1),
            (ApplicationBytes, 120.0 + all.0),
            (PacketBytes, 120.0 + all.1),
            (DownPayload, 120.0),
            (Connections, 1.0),
        ],
    )
}

#[test]
fn claim_3_bytes_beyond_the_payload() {
    let cells = |framing: f64| one(vec![layers("u", Way::Upgraded, (framing, 106.0), (framing + 3.0, 120.0))]);
    turns(3, (cells(2.0), False), (cells(0.0), Depends));
}

#[test]
fn claim_4_slope_against_intercept() {
    // Set-up of 300 bytes above TCP, 1,200 in packets, over 100 quotes.
    let cells = |framing: f64, packets: f64| {
        one(vec![layers("u", Way::Upgraded, (framing, packets), (framing + 3.0, packets + 12.0))])
    };
    turns(4, (cells(2.0, 106.0), Depends), (cells(2.0, 10.0), True));
    assert_eq!(verdict(4, cells(7.0, 106.0)), False);
}

#[test]
fn claim_5_frames_against_heads() {
    let cells = |asked: (f64, f64)| {
        let asked = layers("p", Way::Asked, asked, asked);
        one(vec![layers("u", Way::Upgraded, (2.0, 106.0), (5.0, 118.0)), asked])
    };
    turns(5, (cells((900.0, 1_060.0)), True), (cells((70.0, 100.0)), Depends));
    assert_eq!(verdict(5, cells((4.0, 100.0))), False);
}

/// A polled, held or upgraded arm beside an upgraded one: what it costs as a multiple.
fn costs(way: Way, bytes: f64, cpu: f64) -> Cells {
    let figures = |bytes, cpu| many(&[(PacketRate, bytes), (OwnCpuRate, cpu), (OwnCpu, cpu)]);
    vec![(
        "often",
        LoadSpec { feed: FeedSpec { rate_per_s: 1_000.0, ..FeedSpec::default() }, ..near() },
        vec![
            arm("a", way, 500, &figures(100.0 * bytes, 100.0 * cpu)),
            arm("u", Way::Upgraded, 0, &figures(100.0, 100.0)),
        ],
    )]
}

#[test]
fn claim_7_polls_against_push() {
    turns(7, (costs(Way::Asked, 0.9, 3.0), Depends), (costs(Way::Asked, 2.0, 3.0), True));
    assert_eq!(verdict(7, costs(Way::Asked, 0.5, 0.5)), False);
}

#[test]
fn claim_8_latency() {
    let cells = |streamed_behind_ms: f64, poll_ms: f64| {
        near_and_far(move |transit_ms| {
            let late = |ms: f64| [(LatenessP50, transit_ms + ms)];
            vec![
                arm("p", Way::Asked, 500, &late(poll_ms)),
                arm("s", Way::Streamed, 0, &late(0.4 + streamed_behind_ms)),
                arm("u", Way::Upgraded, 0, &late(0.4)),
            ]
        })
    };
    let finding = found(8, BLOCKS, &cells(0.05, 250.0));
    assert_eq!(finding.verdict, Depends);
    let holds = |words: &str, finding: &Finding| -> Vec<Holds> {
        finding.parts.iter().filter(|part| part.condition.starts_with(words)).map(|part| part.holds).collect()
    };
    assert_eq!(holds("much earlier", &finding), [Holds::Yes, Holds::Yes]);
    assert_eq!(holds("earlier than a stream", &finding), [Holds::No, Holds::No]);
    assert_eq!(holds("no delay", &finding), [Holds::Yes, Holds::No], "on one host, and at a distance");
    let doctored = found(8, BLOCKS, &cells(5.0, 0.5));
    assert_eq!(holds("much earlier", &doctored), [Holds::No, Holds::No]);
    assert_eq!(holds("earlier than a stream", &doctored), [Holds::Yes, Holds::Yes]);
}

#[test]
fn claim_9_held_requests() {
    turns(9, (costs(Way::Held, 2.5, 2.4), True), (costs(Way::Held, 1.1, 2.4), Depends));
    assert_eq!(verdict(9, costs(Way::Held, 1.1, 1.1)), False);
}

#[test]
fn claim_14_high_frequency() {
    let cells = |asked: f64, other_flush: f64, streamed: f64| {
        let mut cells = costs(Way::Asked, asked, asked);
        let cpu = |us: f64| many(&[(OwnCpu, us), (PacketRate, us), (OwnCpuRate, us)]);
        cells[0].2 = vec![
            arm("p", Way::Asked, 500, &cpu(100.0 * asked)),
            arm("drain", Way::Upgraded, 0, &cpu(100.0)),
            arm("each", Way::Upgraded, 0, &cpu(100.0 * other_flush)),
            arm("s", Way::Streamed, 0, &cpu(100.0 * streamed)),
        ];
        cells
    };
    turns(14, (cells(5.0, 3.0, 1.2), Depends), (cells(5.0, 1.2, 3.0), True));
    assert_eq!(verdict(14, cells(0.2, 3.0, 1.2)), False);
}

#[test]
fn claim_17_heads_in_bytes_and_in_time() {
    let cells = |exchange_ms: f64| {
        let link = Link {
            one_way_delay_us: 15_000,
            jitter_us: 0,
            rate_bits_per_s: 1_000_000,
            loss_share: 0.0,
            loss_burst_packets: 1.0,
            queue_packets: 0,
        };
        let load = |request_bytes| LoadSpec {
            path: Path::Link(link),
            heads: HeadProfile { request_bytes, response_bytes: 200 },
            ..near()
        };
        let asks = |bytes: f64, ms: f64| vec![arm("p", Way::Asked, 500, &[(UpHeads, bytes), (ExchangeP50, ms)])];
        vec![("lean", load(200), asks(200.0, 30.0)), ("heavy", load(8_192), asks(8_192.0, exchange_ms))]
    };
    turns(17, (cells(95.0), True), (cells(30.0), False));
    let finding = found(17, BLOCKS, &cells(95.0));
    assert!(finding.condition.contains("1 of 2 conditions by construction, which decide nothing"), "{finding:?}");
    assert_eq!(finding.parts[0].source.cell, "lean | heavy", "figures are traced to both cells");
}

#[test]
fn without_data_the_remedy_is_named_and_nothing_is_guessed() {
    for claim in &CLAIMS {
        let finding = decide(claim, &Evidence::default());
        match claim.kind {
            Kind::Measured => {
                assert_eq!(finding.verdict, NoData, "claim {}", claim.number);
                for experiment in claim.experiments {
                    let remedy = format!("`wirerace run {experiment}`");
                    assert!(finding.condition.contains(&remedy), "claim {}: {}", claim.number, finding.condition);
                }
            }
            Kind::Shown => assert_eq!(finding.verdict, NoData),
            Kind::NotYet => {
                assert_eq!(finding.verdict, Verdict::NotYetMeasured);
                assert!(finding.condition.contains("clear-text HTTP/1.1"));
            }
            Kind::Undecidable => assert_eq!(finding.verdict, Verdict::Undecidable),
        }
    }
}

#[test]
fn half_a_claim_is_not_decided() {
    let arms = vec![
        arm("anew", Way::AskedAnew, 500, &[(LatenessP50, 300.0)]),
        arm("kept", Way::Asked, 500, &[(LatenessP50, 300.0)]),
    ];
    let finding = found(2, BLOCKS, &one(arms));
    assert_eq!(finding.verdict, NoData);
    assert!(finding.condition.contains("time of an exchange") && finding.condition.contains("RTT"), "{finding:?}");
}

#[test]
fn too_few_blocks_leave_what_is_timed_open_and_what_is_counted_not() {
    let cells = costs(Way::Held, 2.5, 2.4);
    let finding = found(9, 3, &cells);
    assert_eq!(finding.verdict, Undecided, "{finding:#?}");
    let asks = |name, way| arm(name, way, 500, &[(Connections, 1.0), (Requests, 50.0)]);
    let counted = one(vec![asks("anew", Way::AskedAnew), asks("kept", Way::Asked)]);
    assert_eq!(found(1, 1, &counted).verdict, False);
}

#[test]
fn runs_from_before_the_margins_and_quick_ones_do_not_decide() {
    let mut early = run("overhead", BLOCKS, &one(Vec::new()));
    early.summary.started_utc = "2026-11-20T10:13:09Z".to_owned();
    let mut quick = run("idle", BLOCKS, &one(Vec::new()));
    quick.summary.quick = true;
    let (may, may_not) = deciding(vec![early, quick, run("rate", BLOCKS, &one(Vec::new()))]);
    let [(first, why), (second, why_quick)] = may_not.as_slice() else { panic!("{may_not:?}") };
    assert_eq!((may.len(), first.as_str(), second.as_str()), (1, "2026-01-01-overhead", "2026-01-01-idle"));
    assert!(why.contains("before the margins") && why_quick.contains("quick"));
}

#[test]
fn experiments_name_the_claims_whose_rows_name_them() {
    for name in crate::experiment::names() {
        let told = crate::experiment::Experiment::find(name).unwrap().claims;
        let rows = CLAIMS.iter().filter(|claim| claim.experiments.contains(&name));
        let read: Vec<u32> = rows.map(|claim| u32::from(claim.number)).collect();
        assert_eq!(told, read, "{name}");
    }
}

/// What decides, as code: comments and tests of a file left out.
fn code(source: &str) -> String {
    let own = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    own.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Fails when a rule, a margin, a predicate or what else decides is changed: then set `MARGINS_UTC` to the present, and this
/// to what it says.
#[test]
fn rules_margins_and_predicates_are_those_of_their_date() {
    let text = CLAIMS.iter().map(|c| format!("{}{:?}{:?}{:?}", c.rule, c.margins, c.experiments, c.aspects));
    let sources = [
        include_str!("mod.rs"),
        include_str!("evidence.rs"),
        include_str!("trace.rs"),
        include_str!("predicates/mod.rs"),
        include_str!("predicates/cost.rs"),
        include_str!("predicates/need.rs"),
        include_str!("predicates/shown.rs"),
        include_str!("predicates/time.rs"),
        include_str!("predicates/wire.rs"),
        include_str!("../report/capacity.rs"),
        include_str!("../summary/used.rs"),
        include_str!("../summary/quantity.rs"),
        include_str!("../statistics.rs"),
        include_str!("../exchanges.rs"),
        include_str!("../ledger.rs"),
    ];
    assert!(code(sources[6]).ends_with('}') && !code(sources[6]).contains("assert"), "tests are left out");
    // Of the summary, what capacity hangs on.
    let fresh =
        include_str!("../summary.rs").split("pub fn keeps_fresh").nth(1).unwrap().split("\n    }\n").next().unwrap();
    let all = text.chain(sources.map(code)).collect::<String>() + &code(fresh) + MARGINS_UTC;
    // FNV-1a, 64 bits: enough to notice a change.
    let print = all.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    assert_eq!(
        print, 0x085c_09a2_6b42_3714,
        "set MARGINS_UTC to now, run the experiments again, and write {print:#x} here"
    );
}

#[test]
fn rows_are_whole() {
    let numbers: Vec<u8> = CLAIMS.iter().map(|claim| claim.number).collect();
    assert_eq!(numbers, (1..=25).collect::<Vec<u8>>());
    for claim in &CLAIMS {
        assert!(!claim.claim.is_empty() && !claim.tutorials.is_empty() && !claim.restriction.is_empty());
        assert!(!claim.rule().contains('{'), "claim {}: {}", claim.number, claim.rule());
        for place in 0..claim.margins.len() {
            assert!(claim.rule.contains(&format!("{{{place}}}")), "claim {}: margin {place}", claim.number);
        }
        assert_eq!(claim.kind == Kind::Measured, !claim.experiments.is_empty(), "claim {}", claim.number);
    }
}

#[test]
fn no_rule_looks_at_a_transports_name() {
    let names = ["\"polling\"", "\"long_polling\"", "\"sse\"", "\"websocket\"", "\"ws\"", "\"poll\"", ".transport"];
    let sources = [
        include_str!("evidence.rs"),
        include_str!("predicates/wire.rs"),
        include_str!("predicates/cost.rs"),
        include_str!("predicates/need.rs"),
        include_str!("predicates/time.rs"),
    ];
    for source in sources {
        for name in names {
            assert!(!source.contains(name), "{name}");
        }
    }
}

#[test]
fn tables_hold_every_claim_and_steer_no_terminal() {
    use crate::report::table::Format;
    let mut cells = costs(Way::Held, 2.5, 2.4);
    cells[0].0 = "a \u{1b}[31m|cell";
    let runs = vec![run("rate", BLOCKS, &cells)];
    let findings = decide_all(&Evidence { runs, exchanges: Vec::new() });
    let text = table::table(&findings, Format::Text);
    assert!(!text.contains('\u{1b}') && text.contains("wirerace run rate"), "{text}");
    let markdown = table::table(&findings, Format::Markdown);
    assert_eq!(markdown.lines().filter(|line| line.starts_with('|')).count(), 2 + 25);
    assert_eq!(table::table(&findings, Format::Csv).lines().count(), 1 + 25);
    let json: serde_json::Value = serde_json::from_str(&table::table(&findings, Format::Json)).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 25);
    assert_eq!(json[8]["parts"][0]["source"]["trials"], serde_json::json!([12, 12]));
    assert_eq!(json[8]["verdict"], "TRUE");
}
