//! The decision map, both ways at once, and what a use needs.

use super::*;
use crate::claims::predicates::shown::names;
use crate::claims::trace::{Direction, Exchange};

/// Staleness at the 99th percentile, bytes and CPU a second.
fn priced(stale_ms: f64, bytes: f64, cpu: f64) -> Vec<(Q, f64)> {
    many(&[(StalenessP99, stale_ms), (PacketRate, bytes), (OwnCpuRate, cpu)])
}

/// A fresh and dear poll, a stale poll, and a push of 150 ms for 1,000 bytes and 1,000 µs.
fn map(slow_bytes: f64, slow_cpu: f64) -> Cells {
    one(vec![
        arm("fast", Way::Asked, 10, &priced(15.0, 9_000.0, 9_000.0)),
        arm("slow", Way::Asked, 1_000, &priced(1_500.0, slow_bytes, slow_cpu)),
        arm("u", Way::Upgraded, 100, &priced(150.0, 1_000.0, 1_000.0)),
    ])
}

/// Won, lost, undecided, nobody.
fn points(cells: &Cells, what: &str) -> [u32; 4] {
    let finding = found(6, BLOCKS, cells);
    let part = finding.parts.iter().find(|part| part.condition.starts_with(what)).unwrap();
    let numbers = part.condition.split(": ").nth(1).unwrap().split(|c: char| !c.is_ascii_digit());
    numbers.filter_map(|word| word.parse().ok()).take(4).collect::<Vec<u32>>().try_into().unwrap()
}

pub(super) fn claim_6(push_stale_ms: f64, slow: f64) -> Cells {
    one(vec![
        arm("slow", Way::Asked, 1_000, &priced(15.0, slow, slow)),
        arm("u", Way::Upgraded, 100, &priced(push_stale_ms, 1_000.0, 1_000.0)),
    ])
}

#[test]
fn claim_6_the_decision_map() {
    turns(6, (claim_6(15.0, 2_000.0), True), (claim_6(15.0, 500.0), False));
    // At 100 ms the push misses the budget, which is no point for nobody and none for it. At 1 s it is the cheaper one.
    assert_eq!(points(&map(2_000.0, 2_000.0), "bytes"), [2, 1, 0, 0]);
    let finding = found(6, BLOCKS, &map(2_000.0, 2_000.0));
    assert!(finding.parts[0].condition.contains("lost for example to fast within 100 ms, unrivalled"), "{finding:?}");
    // At 4 s the slow poll is within the budget, and cheaper.
    assert_eq!(points(&map(500.0, 2_000.0), "bytes"), [1, 2, 0, 0]);
    assert_eq!(points(&map(500.0, 2_000.0), "CPU"), [2, 1, 0, 0]);
    // Over the budget it is no candidate, however cheap.
    assert_eq!(points(&claim_6(150.0, 500.0), "bytes"), [0, 3, 0, 0]);
    let stale = one(vec![
        arm("p", Way::Asked, 1_000, &priced(150.0, 1.0, 1.0)),
        arm("u", Way::Upgraded, 100, &priced(15.0, 1_000.0, 1_000.0)),
    ]);
    assert_eq!(points(&stale, "bytes"), [1, 2, 0, 0]);
    // Neither is within 100 ms: that is no point.
    let both = one(vec![
        arm("p", Way::Asked, 1_000, &priced(150.0, 5_000.0, 5_000.0)),
        arm("u", Way::Upgraded, 100, &priced(150.0, 1_000.0, 1_000.0)),
    ]);
    assert_eq!(points(&both, "CPU"), [2, 0, 0, 1]);
}

#[test]
fn claim_6_margins_are_shares_of_the_cheaper_and_intervals_decide() {
    // 5 % dearer: more than the margin of bytes, less than that of CPU.
    let close = claim_6(15.0, 1_000.0 / 1.05);
    assert_eq!((points(&close, "bytes"), points(&close, "CPU")), ([0, 3, 0, 0], [3, 0, 0, 0]));
    // The same medians with an interval on both sides of the margin.
    let mut noisy = close;
    noisy[0].2 = noisy[0].2.iter().cloned().map(|arm| arm.varying(0.1)).collect();
    assert_eq!((points(&noisy, "bytes"), points(&noisy, "CPU")), ([0, 0, 3, 0], [0, 0, 3, 0]));
    // A push that may be within 100 ms or not wins or loses that point; the others are its own.
    let maybe = one(vec![
        arm("p", Way::Asked, 1_000, &priced(15.0, 5_000.0, 5_000.0)),
        arm("u", Way::Upgraded, 100, &priced(100.0, 1_000.0, 1_000.0)).varying(0.1),
    ]);
    assert_eq!(points(&maybe, "bytes"), [2, 0, 1, 0]);
}

#[test]
fn cpu_is_judged_where_there_is_no_distance() {
    for number in [6, 7, 9] {
        let way = if number == 9 { Way::Held } else { Way::Asked };
        let mut cells = costs(way, 2.0, 2.0);
        cells[0].2.iter_mut().for_each(|arm| arm.values.push((StalenessP99, 1.0)));
        let cpu =
            |cells: &Cells| found(number, BLOCKS, cells).parts.iter().any(|part| part.condition.starts_with("CPU"));
        assert!(cpu(&cells), "claim {number}");
        cells[0].1.path = far().path;
        assert!(!cpu(&cells), "claim {number}");
    }
}

/// What an order meets behind a held request and behind an event stream.
pub(super) fn behind(acknowledged_at_once: bool) -> Vec<Exchange> {
    let exchange = |name: &str| {
        let mut exchange = Exchange::new(name);
        exchange.add(1, Direction::ToServer, b"GET / HTTP/1.1\r\n\r\n");
        exchange.add(1, Direction::ToServer, b"POST /orders HTTP/1.1\r\n\r\n{\"id\":\"order-1\"}");
        let answer = b"HTTP/1.1 200 OK\r\n\r\n{\"id\":\"order-1\"}";
        if acknowledged_at_once {
            exchange.add(1, Direction::ToClient, answer);
        }
        exchange.add(0, Direction::Published, b"quote 1 published");
        exchange.add(1, Direction::ToClient, answer);
        exchange
    };
    [names::BEHIND_HELD, names::BEHIND_EVENTS].map(exchange).to_vec()
}

pub(super) fn claim_12(polls: f64, upgraded: f64, vary: f64) -> Cells {
    let uses = |connections| [(ConnectionsPerClient, connections), (UpstreamBodies, 380.0)];
    one(vec![
        arm("p", Way::Asked, 500, &uses(polls)).varying(vary),
        arm("h", Way::Held, 0, &uses(2.0)),
        arm("s", Way::Streamed, 0, &uses(2.0)),
        arm("u", Way::Upgraded, 0, &uses(upgraded)),
    ])
}

#[test]
fn claim_12_connections_of_both_ways() {
    let verdict = |cells: Cells, exchanges| {
        let runs = vec![run("duplex", BLOCKS, &cells)];
        decide(claim(12), &Evidence { runs, exchanges })
    };
    assert_eq!(verdict(claim_12(2.0, 1.0, 0.0), behind(false)).verdict, True);
    let turns = verdict(claim_12(1.0, 1.0, 0.0), behind(false));
    assert_eq!(turns.verdict, Depends, "polls and orders take turns");
    // Two connections beside a held request and a stream are what our client is built to have.
    assert!(turns.condition.contains("2 of 6 conditions by construction, which decide nothing"), "{turns:?}");
    assert_eq!(verdict(claim_12(1.0, 2.0, 0.0), behind(true)).verdict, False);
    assert_eq!(verdict(claim_12(2.0, 1.0, 0.0), Vec::new()).verdict, NoData, "nothing shows what an order meets");
    let mut none = claim_12(2.0, 1.0, 0.0);
    none[0].2.iter_mut().for_each(|arm| arm.values.retain(|(quantity, _)| *quantity != UpstreamBodies));
    assert_eq!(verdict(none, behind(false)).verdict, NoData, "nothing went up");
}

/// Polls each second with an update a second, and each millisecond with a thousand.
pub(super) fn claim_13(second: (f64, f64, f64), millisecond: (f64, f64, f64)) -> Cells {
    let cell = |name, rate_per_s, interval_ms, (skipped, late_ms, times): (f64, f64, f64)| {
        let load = LoadSpec { feed: FeedSpec { rate_per_s, ..FeedSpec::default() }, ..near() };
        let polls = [(SkippedPolls, skipped), (LatenessP50, late_ms), (OwnCpuRate, 100.0 * times)];
        (
            name,
            load,
            vec![arm("p", Way::Asked, interval_ms, &polls), arm("u", Way::Upgraded, 0, &[(OwnCpuRate, 100.0)])],
        )
    };
    let slow = cell("second", 1.0, 1_000, second);
    let mut fast = cell("millisecond", 1_000.0, 1, millisecond);
    // The arms of a run are the same in all cells: each run has an interval of its own here.
    fast.2[0].entry.arm.name = "p 1 ms".to_owned();
    vec![slow, fast]
}

pub(super) fn runs_13(cells: &Cells, blocks: u32) -> Evidence {
    let runs = cells.iter().map(|cell| run("each_second", blocks, std::slice::from_ref(cell))).collect();
    Evidence { runs, exchanges: Vec::new() }
}

#[test]
fn claim_13_a_second_and_a_millisecond() {
    let decided = |cells: &Cells| decide(claim(13), &runs_13(cells, BLOCKS));
    let (fine, slow, late, dear) = ((0.0, 0.5, 1.5), (40.0, 0.5, 1.5), (0.0, 1.5, 1.5), (0.0, 0.5, 2.5));
    let second = |(skipped, late, times): (f64, f64, f64)| (skipped, 1_000.0 * late, times);
    let holds = |finding: &Finding| finding.parts.iter().map(|part| part.holds == Holds::Yes).collect::<Vec<_>>();
    // In the order: too slow at a second and a millisecond, too expensive at a second and a millisecond.
    assert_eq!(holds(&decided(&claim_13(second(fine), fine))), [false; 4]);
    assert_eq!(holds(&decided(&claim_13(second(fine), slow))), [false, true, false, false]);
    assert_eq!(holds(&decided(&claim_13(second(late), late))), [true, true, false, false]);
    assert_eq!(holds(&decided(&claim_13(second(dear), fine))), [false, false, true, false]);
    assert_eq!(holds(&decided(&claim_13(second(slow), dear))), [true, false, false, true]);
    // Over a distance CPU says nothing.
    let mut distant = claim_13(second(dear), dear);
    distant.iter_mut().for_each(|cell| cell.1.path = far().path);
    assert_eq!(decided(&distant).verdict, NoData);
    // Ten updates for each poll are another claim's.
    let mut many = claim_13(second(dear), dear);
    many[0].1.feed.rate_per_s = 10.0;
    assert!(decided(&many).condition.contains("too expensive, polls each 1000 ms"));
}

/// Staleness of push and polls at 10, 100 and 1,000 clients; the server's memory for each of them.
pub(super) fn claim_15(push_ms: [f64; 3], poll_ms: [f64; 3], mib_each: f64) -> Cells {
    let cell = |place: usize| {
        let clients = [10, 100, 1_000][place];
        let mib = 8.0 + mib_each * f64::from(clients);
        let figures = |stale: f64| [(StalenessP99, stale), (ServerMemory, mib)];
        let poll = arm("p", Way::Asked, 50, &figures(poll_ms[place]));
        let arms = vec![poll, arm("u", Way::Upgraded, 50, &figures(push_ms[place]))];
        (["few", "more", "lots"][place], LoadSpec { clients, window_ms: 30_000, ..near() }, arms)
    };
    (0..3).map(cell).collect()
}

/// Whether it carries more within 0.1, 1 and 10 s.
fn carries(cells: &Cells) -> Vec<Holds> {
    let parts = found(15, BLOCKS, cells).parts.into_iter();
    parts.filter(|part| part.condition.starts_with("carries")).map(|part| part.holds).collect()
}

#[test]
fn claim_15_scale_and_the_cost_of_state() {
    let far_ahead = ([5.0, 5.0, 5.0], [5.0, 5.0, 50_000.0]);
    turns(15, (claim_15(far_ahead.0, far_ahead.1, 0.05), True), (claim_15(far_ahead.0, far_ahead.1, 0.001), Depends));
    assert_eq!(verdict(15, claim_15(far_ahead.1, far_ahead.0, 0.0)), False, "fewer clients, and state costs nothing");
}

#[test]
fn claim_15_what_nobody_reached_the_end_of_is_undecided() {
    use Holds::{No, Open, Yes};
    let carried = |push, poll| carries(&claim_15(push, poll, 0.05));
    // Both carry all that was tried: who carries more is not known.
    assert_eq!(carried([5.0; 3], [50.0; 3]), [Open; 3]);
    // Only within 10 s do polls carry all that was tried.
    assert_eq!(carried([5.0; 3], [50.0, 500.0, 5_000.0]), [Yes, Yes, Open]);
    assert_eq!(carried([50.0, 500.0, 5_000.0], [5.0; 3]), [No, No, Open]);
    // The same number, and not the next.
    assert_eq!(carried([5.0, 5.0, 1e6], [50.0, 50.0, 1e6]), [No; 3]);
    // Better again where there are more clients is luck.
    assert_eq!(carried([5.0, 1e6, 5.0], [50.0, 50.0, 1e6]), [No; 3]);
    // Neither carries the fewest.
    assert_eq!(carried([1e6; 3], [1e6; 3]), [Open; 3]);
    let finding = found(15, BLOCKS, &claim_15([5.0; 3], [50.0, 50.0, 1e6], 0.05));
    let words = crate::claims::table::number_words(&finding.parts[0].numbers[0]);
    assert_eq!(words, "u: clients carried, or more 1,000 [1,000, \u{221e}]");
}

#[test]
fn claim_15_compares_conflated_arms_at_equal_intervals_and_forgives_what_was_not_measured() {
    use Holds::{Open, Yes};
    // Polls each 5 s carry everything within 10 s; no push stands beside them.
    let mut cells = claim_15([5.0; 3], [5.0, 5.0, 1e6], 0.05);
    for (_, load, arms) in &mut cells {
        let stale = arm("p 5 s", Way::Asked, 5_000, &[(StalenessP99, 4_000.0), (ServerMemory, 8.0)]);
        arms.push(stale);
        *arms = arms.iter().cloned().map(FakeArm::newest).collect();
        assert_eq!(load.feed, near().feed);
    }
    assert_eq!(carries(&cells), [Yes; 3]);
    // A push of their own makes them count.
    let push = arm("u 5 s", Way::Upgraded, 5_000, &[(StalenessP99, 4_000.0), (ServerMemory, 8.0)]).newest();
    cells.iter_mut().for_each(|cell| cell.2.push(push.clone()));
    assert_eq!(carries(&cells), [Yes, Yes, Open]);
    // Tainted at the most clients: what polls carry there is not known, so both end where they were measured.
    let mut tainted = claim_15([5.0; 3], [5.0, 5.0, 1e6], 0.05);
    tainted[2].2 = tainted[2].2.iter().cloned().map(FakeArm::tainted).collect();
    assert_eq!(carries(&tainted), [Open; 3]);
}

#[test]
fn claim_15_memory_is_decided_where_there_are_trials_enough() {
    let memory = |experiment, blocks, most: usize| {
        let mut cells = claim_15([5.0; 3], [50.0; 3], 0.05);
        cells.truncate(most);
        run(experiment, blocks, &cells)
    };
    let runs = vec![memory("capacity", 3, 3), memory("idle", BLOCKS, 2)];
    let finding = decide(claim(15), &Evidence { runs, exchanges: Vec::new() });
    let memory = finding.parts.iter().find(|part| part.condition.contains("memory: u, ")).unwrap();
    // Ninety clients more of 0.05 MiB each: 51 KiB, more than 10.24.
    assert_eq!((memory.holds, memory.source.run.as_str()), (Holds::Yes, "2026-01-01-idle"));
    assert!((memory.numbers[0].value.get() - 51.2).abs() < 0.1, "{memory:?}");
}

pub(super) fn claim_19(poll_ms: f64, stream_ms: f64) -> Cells {
    let stale = |ms: f64| [(StalenessMean, ms)];
    one(vec![
        arm("p", Way::Asked, 500, &stale(poll_ms)),
        arm("s", Way::Streamed, 0, &stale(stream_ms)),
        arm("u", Way::Upgraded, 0, &stale(0.5)),
    ])
}

#[test]
fn claim_19_a_person_and_a_program() {
    turns(19, (claim_19(250.0, 0.5), Depends), (claim_19(5_000.0, 5_000.0), True));
    assert_eq!(verdict(19, claim_19(5.0, 0.5)), False);
}
