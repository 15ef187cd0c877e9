//! What is too far from what was measured, what may be too stale, and how both are said.

use super::*;

fn of_arm(advice: &Advice, arm: &str) -> Candidate {
    advice.candidates.iter().find(|c| c.arm == arm).cloned().unwrap()
}

#[test]
fn staleness_is_as_sure_as_its_formula_where_it_was_measured_and_widens_at_least_as_cpu_does() {
    // A server that takes 10 µs a write, on one host: staleness is the server's.
    let mut ways = fixture::five(0.02);
    ways.iter_mut().for_each(|way| way.costs.write_s = 1e-5);
    let at = |clients| {
        let asked = Question { rate_per_s: 10.0, rtt_s: 0.0, ..question().with_clients(clients) };
        of_arm(&advise_from(&asked, &ways), WS)
    };
    let (near, far) = (at(800), at(80_000));
    let figure = near.staleness_p99_s;
    assert!(near.nearness.load_factor() == 1.0 && figure.value > 0.0, "{near:?}");
    assert!((figure.high / figure.value - (1.0 + PRECISION)).abs() < 1e-3, "{near:?}");
    let wide = |figure: Figure| figure.high / figure.value;
    let steps = 100f64.ln() / 4f64.ln();
    let each_step = 1.0 + far.held_out_cpu_error.unwrap();
    let factor = (1.0 + PRECISION) * each_step.powf(steps);
    assert!(wide(far.staleness_p99_s) >= factor * (1.0 - 1e-9), "{far:?}");
    assert!(wide(far.staleness_p99_s) >= each_step.powf(steps - 1.0), "what CPU widens by between the two");
}

#[test]
fn distance_is_sure_however_many_clients_there_are() {
    let entry = question().arm(&fixture::entry(WS, &Descriptor::WEBSOCKET, Connection::Kept), 0);
    let setting = question().setting(&entry, 100, &Costs::default());
    let (near, far) = (interval_s(&setting, 1.0 + PRECISION), interval_s(&setting, 10.0));
    assert!((near.low / far.low - 1.0).abs() < 1e-9 && far.high >= 10.0 * far.value, "{near:?} {far:?}");
}

#[test]
fn what_may_keep_the_budget_stays_a_candidate_in_doubt_and_what_cannot_is_out() {
    let ways = fixture::five(0.02);
    let stale = of_arm(&advise_from(&question(), &ways), WS).staleness_p99_s;
    let at = |staleness_s| of_arm(&advise_from(&Question { staleness_s, ..question() }, &ways), WS);
    let (out, doubted, kept) = (at(stale.low * 0.999), at(stale.value), at(stale.high * 1.001));
    assert!(out.why_not.is_some() && !out.may_be_too_stale, "{out:?}");
    assert!(doubted.why_not.is_none() && doubted.may_be_too_stale, "{doubted:?}");
    // Its middle is over the budget, its interval is not.
    let over = at(f64::midpoint(stale.low, stale.value));
    assert!(over.why_not.is_none() && over.may_be_too_stale, "{over:?}");
    assert!(kept.why_not.is_none() && !kept.may_be_too_stale, "{kept:?}");
    let shown = words::table(&advise_from(&Question { staleness_s: stale.value, ..question() }, &ways));
    let row = shown.rows.iter().find(|row| row[1] == WS).unwrap();
    assert!(row[0].ends_with(" in doubt") && row[2].ends_with("], may be too stale"), "{row:?}");
}

/// `cheap` may take from 0.4 to 0.7 s, `dear` is within the budget of half a second.
fn doubt() -> [Candidate; 2] {
    let mut cheap = named("cheap", (1.0, 2.0), Some((1.0, 2.0)));
    cheap.staleness_p99_s = Figure { value: 0.535, low: 0.4, high: 0.7 };
    cheap.may_be_too_stale = true;
    let clients = nearest::Stretch { what: "clients".to_owned(), factor: Some(1_000.0) };
    cheap.nearness.stretches = vec![clients];
    [cheap, named("dear", (3.0, 4.0), Some((3.0, 4.0)))]
}

fn said_of(candidates: &[Candidate], question: &Question) -> Vec<String> {
    let groups = ranking::rank(candidates, ranking::criteria(candidates, question.clients));
    verdict::reasons(question, candidates, &groups)
}

#[test]
fn a_cheaper_arm_in_doubt_is_named_first_and_no_single_winner_over_it() {
    let half = Question { staleness_s: 0.5, ..question() };
    let said = said_of(&doubt(), &half);
    assert_eq!(
        said[0],
        "cheap would cost least, if it stays within 500 ms: 400–700 ms by the model, 1,000 times beyond what was measured."
    );
    assert!(said[1].starts_with("Of those sure to stay within it, dear costs least: "), "{said:?}");
    let alone = said_of(&doubt()[..1], &half);
    assert_eq!(alone[1], "No way is sure to stay within 500 ms.");
    // A dearer arm in doubt takes nothing from the cheapest.
    let [mut cheap, mut dear] = doubt();
    (cheap.may_be_too_stale, dear.may_be_too_stale) = (false, true);
    assert!(said_of(&[cheap, dear], &half)[0].starts_with("cheap costs least: "));
}

#[test]
fn more_than_fifty_times_the_measured_clients_only_bytes_rank_and_nobody_costs_least() {
    // Told apart by CPU alone, as well known as can be.
    let mut pair = [named("a", (1.0, 2.0), Some((1.0, 1.1))), named("b", (1.5, 3.0), Some((5.0, 5.1)))];
    pair.iter_mut().for_each(|c| c.nearness.measured_clients = (20, 20));
    let at = |clients| said_of(&pair, &question().with_clients(clients))[0].clone();
    let near = at(1_000);
    assert!(near.starts_with("a and b are tied") && near.contains("They differ in CPU"), "{near}");
    let far = at(1_001);
    assert!(far.starts_with("a and b are tied") && !far.contains("processors"), "{far}");
    assert!(far.ends_with(" Too far from what was measured (20 clients) to rank CPU; bytes only."), "{far}");
    pair[1].bytes_per_s = Some(Figure::exact(4.0));
    let far = &said_of(&pair, &question().with_clients(20_000))[0];
    assert!(far.starts_with("a takes the fewest bytes: ") && !far.contains("costs least"), "{far}");
    // Nor is the price of the first told in what was fitted.
    pair[1].processors = Some(Figure::exact(0.5));
    let price = |clients| said_of(&pair, &question().with_clients(clients))[1].clone();
    let (near, far) = (price(1_000), price(1_001));
    assert_eq!(near, "What it costs more: 1.05 busy processors, where b needs 0.5 busy processors.");
    assert!(far.starts_with("No other candidate is clearly cheaper") && !far.contains("CPU"), "{far}");
}

#[test]
fn a_push_is_tried_unconflated_where_conflation_would_miss_the_budget() {
    let ways = fixture::five(0.02);
    let high = of_arm(&advise_from(&question(), &ways), WS).staleness_p99_s.high;
    let newest = |staleness_s| {
        let asked = Question { latest_only: true, staleness_s, ..question() };
        advise_from(&asked, &ways)
    };
    let tight = newest(high * 1.001);
    let ws = of_arm(&tight, WS);
    assert!(ws.every_quote && ws.interval_ms.is_none() && !ws.may_be_too_stale && ws.why_not.is_none(), "{ws:?}");
    assert!(words::table(&tight).rows.iter().any(|row| row[1] == "ws (every quote)"), "{:?}", words::table(&tight));
    // With room for an interval fewer quotes cost less; requests are never sent for every quote unasked.
    assert!(!of_arm(&newest(10.0), WS).every_quote && !of_arm(&tight, POLL).every_quote);
}

#[test]
fn how_far_the_question_is_from_what_was_measured_is_said_right_after_it() {
    let at = |measured, clients| {
        let mut one = named("a", (1.0, 2.0), None);
        one.nearness.measured_clients = measured;
        words::measured(&question().with_clients(clients), &[one])
    };
    for (measured, clients, said) in [
        ((20, 20), 20_000, "measured: 20 clients; yours: 1,000 times that"),
        ((50, 800), 8_000, "measured: 50 to 800 clients; yours: 10 times the most"),
        ((50, 800), 100, "measured: 50 to 800 clients; yours: in between"),
        ((20, 20), 20, "measured: 20 clients; yours: as many"),
        ((50, 800), 5, "measured: 50 to 800 clients; yours: 10 times fewer"),
    ] {
        assert_eq!(at(measured, clients).as_deref(), Some(said));
    }
    assert_eq!(at((0, 0), 5), None);
    let text = words::text(&advise_from(&question().with_clients(8_000), &fixture::five(0.02)));
    assert!(text.lines().nth(1).unwrap().starts_with("measured: 50 to 800 clients; yours: 10 times"), "{text}");
}

#[test]
fn nought_is_explained_under_the_table_and_no_connection_is_counted_as_open() {
    let mut advice = advise_from(&question(), &fixture::five(0.02));
    let nought = "0 ms: the price is the newest at least 99 % of the time.";
    assert!(!words::text(&advice).contains(nought));
    advice.candidates[0].staleness_p99_s = Figure::exact(0.0);
    assert!(words::text(&advice).contains(nought) && words::markdown(&advice).contains(nought));
    assert_eq!(words::amount(Criterion::Connections, 0.2), "none kept open");
    assert_eq!(words::amount(Criterion::Connections, 20.0), "20 open connections");
}

#[test]
fn columns_without_any_value_are_left_out_and_others_stay_whole() {
    let table = |cells: [&str; 4]| {
        let columns = ["arm", "memory", "CPU, processors", "bytes"].map(str::to_owned).to_vec();
        let rows = vec![cells.map(str::to_owned).to_vec(), ["b", "–", "not known", "–"].map(str::to_owned).to_vec()];
        words::pruned(crate::charts::DataTable { columns, rows })
    };
    let some = table(["a", "–", "not known", "3 MB/s"]);
    assert_eq!(some.columns, ["arm", "bytes"]);
    assert_eq!(some.rows, [["a", "3 MB/s"], ["b", "–"]]);
    assert_eq!(table(["a", "1 GB", "2", "3 MB/s"]).columns.len(), 4);
}
