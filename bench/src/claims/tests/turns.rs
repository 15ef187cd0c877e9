//! Every measured rule has data that make it true, data that make it false, and data that leave it open.

use super::needs::{behind, claim_6, claim_12, claim_13, claim_15, claim_19, runs_13};
use super::*;

/// In the first of its experiments.
fn of(number: u8, blocks: u32, cells: &Cells) -> Evidence {
    Evidence { runs: vec![run(claim(number).experiments[0], blocks, cells)], exchanges: Vec::new() }
}

fn varied(cells: Cells, share: f64) -> Cells {
    let vary = |arms: Vec<FakeArm>| arms.into_iter().map(|arm| arm.varying(share)).collect();
    cells.into_iter().map(|(name, load, arms)| (name, load, vary(arms))).collect()
}

fn connections(anew: f64, kept: f64) -> Cells {
    let asks = |connections| [(Connections, connections), (Requests, 50.0)];
    one(vec![arm("anew", Way::AskedAnew, 500, &asks(anew)), arm("kept", Way::Asked, 500, &asks(kept))])
}

fn exchanges(exchange_ms: f64, late_ms: f64) -> Cells {
    near_and_far(move |_| {
        vec![
            arm("anew", Way::AskedAnew, 500, &[(ExchangeP50, exchange_ms), (LatenessP50, late_ms)]),
            arm("kept", Way::Asked, 500, &[(ExchangeP50, 100.0), (LatenessP50, 300.0)]),
        ]
    })
}

fn upgraded(framing: f64, packets: f64) -> Cells {
    one(vec![layers("u", Way::Upgraded, (framing, packets), (framing + 3.0, packets + 12.0))])
}

fn beside_heads(asked: (f64, f64)) -> Cells {
    let asked = layers("p", Way::Asked, asked, asked);
    one(vec![layers("u", Way::Upgraded, (2.0, 106.0), (5.0, 118.0)), asked])
}

fn latency(poll_ms: f64, stream_ms: f64, push_ms: f64) -> Cells {
    near_and_far(move |_| {
        let late = |ms: f64| [(LatenessP50, ms)];
        vec![
            arm("p", Way::Asked, 500, &late(poll_ms)),
            arm("s", Way::Streamed, 0, &late(stream_ms)),
            arm("u", Way::Upgraded, 0, &late(push_ms)),
        ]
    })
}

fn frequent(asked: f64, other_flush: f64, streamed: f64) -> Cells {
    let cpu = |us: f64| many(&[(OwnCpu, us), (PacketRate, us), (OwnCpuRate, us)]);
    let mut cells = costs(Way::Asked, asked, asked);
    cells[0].2 = vec![
        arm("p", Way::Asked, 500, &cpu(100.0 * asked)),
        arm("drain", Way::Upgraded, 0, &cpu(100.0)),
        arm("each", Way::Upgraded, 0, &cpu(100.0 * other_flush)),
        arm("s", Way::Streamed, 0, &cpu(100.0 * streamed)),
    ];
    cells
}

fn heads(exchange_ms: f64) -> Cells {
    let load = |request_bytes| LoadSpec { heads: HeadProfile { request_bytes, response_bytes: 200 }, ..far() };
    let asks = |bytes: f64, ms: f64| vec![arm("p", Way::Asked, 500, &[(UpHeads, bytes), (ExchangeP50, ms)])];
    vec![("lean", load(200), asks(200.0, 30.0)), ("heavy", load(8_192), asks(8_192.0, exchange_ms))]
}

/// What makes the claim true, false and undecided.
fn three(number: u8) -> Option<[Evidence; 3]> {
    const FEW: u32 = 3;
    // The same in too few blocks for an interval.
    let timed = |yes: Cells, no: Cells| [of(number, BLOCKS, &yes), of(number, BLOCKS, &no), of(number, FEW, &yes)];
    let counted = |yes: Cells, no: Cells, open: Cells| [yes, no, open].map(|cells| of(number, BLOCKS, &cells));
    let duplex = |cells: Cells, at_once| Evidence { exchanges: behind(at_once), ..of(12, BLOCKS, &cells) };
    Some(match number {
        1 => counted(connections(50.0, 50.0), connections(1.0, 1.0), varied(connections(50.0, 47.5), 0.1)),
        2 => timed(exchanges(200.0, 400.0), exchanges(100.0, 300.0)),
        3 => counted(varied(upgraded(0.0, 0.0), 0.0), upgraded(2.0, 106.0), varied(upgraded(0.0, 0.0), 0.01)),
        4 => counted(upgraded(2.0, 10.0), upgraded(7.0, 106.0), varied(upgraded(2.0, 10.0), 0.05)),
        5 => {
            let asked = layers("p", Way::Asked, (9.0, 150.0), (9.0, 150.0)).varying(0.02);
            let open = one(vec![layers("u", Way::Upgraded, (2.0, 106.0), (8.0, 118.0)), asked]);
            counted(beside_heads((900.0, 1_060.0)), beside_heads((4.0, 100.0)), open)
        }
        6 => timed(claim_6(15.0, 2_000.0), claim_6(15.0, 500.0)),
        7 => timed(costs(Way::Asked, 2.0, 3.0), costs(Way::Asked, 0.5, 0.5)),
        8 => timed(latency(250.0, 5.0, 0.5), latency(2.5, 2.0, 2.0)),
        9 => timed(costs(Way::Held, 2.5, 2.4), costs(Way::Held, 1.1, 1.1)),
        12 => [
            duplex(claim_12(2.0, 1.0, 0.0), false),
            duplex(claim_12(1.0, 2.0, 0.0), true),
            duplex(claim_12(1.02, 1.0, 0.1), false),
        ],
        13 => {
            let (dear, fine) =
                (claim_13((40.0, 500.0, 3.0), (40.0, 0.5, 3.0)), claim_13((0.0, 500.0, 1.0), (0.0, 0.5, 1.0)));
            [runs_13(&dear, BLOCKS), runs_13(&fine, BLOCKS), runs_13(&dear, FEW)]
        }
        14 => timed(frequent(5.0, 1.2, 3.0), frequent(0.2, 3.0, 1.2)),
        15 => {
            let (ahead, behind) = ([5.0; 3], [5.0, 5.0, 50_000.0]);
            let same = claim_15(ahead, ahead, 0.05);
            [
                of(15, BLOCKS, &claim_15(ahead, behind, 0.05)),
                of(15, BLOCKS, &claim_15(behind, ahead, 0.0)),
                of(15, BLOCKS, &same),
            ]
        }
        17 => timed(heads(95.0), heads(30.0)),
        19 => timed(claim_19(5_000.0, 5_000.0), claim_19(5.0, 0.5)),
        _ => return None,
    })
}

#[test]
fn every_measured_claim_can_turn_out_true_false_and_undecided() {
    for claim in CLAIMS.iter().filter(|claim| claim.kind == Kind::Measured) {
        let cases = three(claim.number).unwrap_or_else(|| panic!("claim {} has no data that turn it", claim.number));
        for (evidence, expected) in cases.iter().zip([True, False, Undecided]) {
            let finding = decide(claim, evidence);
            assert_eq!(finding.verdict, expected, "claim {}: {finding:#?}", claim.number);
        }
    }
}

#[test]
fn claim_5_pairs_within_blocks() {
    // Both vary by a tenth from block to block, in step: their ranges overlap, their quotients do not vary.
    let asked = layers("p", Way::Asked, (9.0, 130.0), (9.0, 130.0)).varying(0.05);
    let push = layers("u", Way::Upgraded, (2.0, 106.0), (5.0, 118.0)).varying(0.05);
    let finding = found(5, BLOCKS, &one(vec![push, asked]));
    let packets = finding.parts.iter().find(|part| part.condition.starts_with("IP packets")).unwrap();
    assert_eq!(packets.holds, Holds::Yes, "{packets:?}");
}

#[test]
fn packets_of_one_trial_are_no_exact_figure() {
    // Above TCP one trial is enough; in IP packets it says nothing, two to five are too few, and six have an interval.
    let packets = |blocks| {
        let parts = found(3, blocks, &upgraded(2.0, 106.0)).parts;
        parts.iter().map(|part| (part.condition.starts_with("IP packets"), part.holds)).collect::<Vec<_>>()
    };
    assert_eq!(packets(1), [(false, Holds::No)]);
    assert_eq!(packets(3), [(false, Holds::No), (true, Holds::Open)]);
    assert_eq!(packets(6), [(false, Holds::No), (true, Holds::No)]);
    for quantity in
        [PacketBytes, SteadyPacketBytes, DownTcpIpData, DownTcpIpBare, UpTcpIpData, UpTcpIpBare, SkippedPolls]
    {
        assert!(!quantity.is_counted(), "{quantity:?}");
    }
    for quantity in [ApplicationBytes, SteadyApplicationBytes, DownPayload, UpHeads, Connections, Requests] {
        assert!(quantity.is_counted(), "{quantity:?}");
    }
}
