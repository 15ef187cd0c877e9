use wirerace_contract::descriptor::Descriptor;
use wirerace_contract::plan::SplitMix64;
use wirerace_contract::spec::{Connection, Delivery};

use super::candidate::{Candidate, Criterion, Figure};
use super::fit::Fit;
use super::nearest::Nearness;
use super::staleness::{Lag, PRECISION, interval_s, longest_interval_ms, p99_s};
use super::*;
use crate::theory::Costs;

/// Arms by name, for those tests that must not name any themselves.
const WS: &str = "ws";
const POLL: &str = "poll";

fn question() -> Question {
    Question { staleness_s: 1.0, ..section::question() }
}

fn rows(way: &Way) -> Vec<Vec<fit::Row>> {
    way.observations.iter().map(|o| o.cpu.clone()).collect()
}

fn poll(noise: f64, bend: f64, seed: u64) -> Way {
    let entry = fixture::entry("poll", &Descriptor::POLLING, Connection::Kept);
    fixture::way(entry, [60.0, 20.0, 3_000.0, 0.0], &fixture::CELLS, (noise, bend), seed)
}

#[test]
fn known_costs_are_found_again() {
    let truth = [60.0, 20.0, 3_000.0, 0.0];
    let costs = Fit::of(&fixture::exact(&poll(0.0, 1.0, 1).entry, &truth)).unwrap().costs();
    for (found, truth) in costs.iter().zip(truth) {
        assert!((found - truth).abs() <= 1e-6 * truth.max(1.0), "{costs:?}");
    }
    let noisy = Fit::of(&rows(&poll(0.05, 1.0, 1))).unwrap().costs();
    assert!((noisy[1] / 20.0 - 1.0).abs() < 0.25 && noisy.iter().all(|cost| *cost >= 0.0), "{noisy:?}");
}

#[test]
fn intervals_cover_what_is_predicted_as_often_as_they_should() {
    // 10,000 clients of twice the rate at half the interval.
    let amounts = [40_000.0, 200_000.0, 1.0, 10_000.0];
    let truth = 60.0 * amounts[0] + 20.0 * amounts[1] + 3_000.0;
    let covered = (0..60)
        .filter(|seed| {
            let estimate = Fit::of(&rows(&poll(0.05, 1.0, *seed))).unwrap().predict(&amounts);
            (estimate.low..=estimate.high).contains(&truth)
        })
        .count();
    // A bootstrap of four trials a cell is a little narrow: 80 % is less than 95, and far from chance.
    assert!(covered >= 48, "{covered} of 60");
}

#[test]
fn what_cannot_be_told_apart_gets_one_cost() {
    let mut one = poll(0.05, 1.0, 3);
    one.observations.truncate(1);
    let fit = Fit::of(&rows(&one)).unwrap();
    assert_eq!(fit.told, [true, false, false, false], "one cell: everything is laid on requests");
    assert_eq!(Fit::of(&[]), None);
    assert_eq!(Fit::of(&[vec![fit::Row { amounts: [1.0; 4], taken: f64::NAN }]]), None);
}

#[test]
fn held_out_sizes_are_predicted_where_costs_are_straight_and_missed_where_they_bend() {
    let straight = held_out::all(&[poll(0.02, 1.0, 7)]);
    assert_eq!(straight.len(), 3, "three sizes; the cell at another rate is not one of them");
    assert_eq!(straight.iter().find(|h| h.clients == 800).unwrap().fitted_to, [50, 200]);
    assert!(straight.iter().all(|h| h.cpu_error().abs() < 0.1), "{straight:#?}");
    assert!(straight.iter().all(|h| h.bytes_error().unwrap().abs() < 0.002), "{straight:#?}");
    let worst = held_out::worst(&straight, "poll");
    assert!(worst.measured && worst.cpu < 0.1 && (worst.step - 4.0).abs() < 1e-9, "{worst:?}");
    let bent = held_out::all(&[poll(0.02, 0.75, 7)]);
    assert!(held_out::worst(&bent, "poll").cpu > 0.25, "{bent:#?}");
    let said = words::held_out_verdict(&straight);
    assert!(words::held_out_verdict(&bent).contains("missed") && said.contains("met"));
    let places = ["Held out between two sizes fitted to, 1 cell:", "Held out beyond the sizes fitted to, 2 cells:"];
    assert!(places.iter().all(|place| said.contains(place)), "{said}");
    let (between, beyond): (Vec<HeldOut>, Vec<HeldOut>) = straight.into_iter().partition(HeldOut::is_between);
    assert_eq!((between[0].clients, beyond[0].clients, beyond[1].clients), (200, 50, 800));
    assert!(
        !words::held_out_verdict(&between).contains("beyond") && !words::held_out_verdict(&beyond).contains("between")
    );
    // Two sizes are not enough to leave one out.
    let mut two = poll(0.02, 1.0, 7);
    two.observations.retain(|o| o.load.clients != 800);
    assert!(held_out::all(&[two]).is_empty());
}

#[test]
fn bytes_that_the_question_does_not_foretell_miss_the_target() {
    let mut way = poll(0.02, 1.0, 7);
    let largest = way.observations.iter_mut().filter(|o| o.load.clients == 800);
    largest.flat_map(|o| &mut o.carried).for_each(|trial| trial.application_bytes *= 1.03);
    let held = held_out::all(&[way]);
    let error = |clients| held.iter().find(|h| h.clients == clients).and_then(HeldOut::bytes_error).unwrap();
    assert!((error(800) - (1.0 / 1.03 - 1.0)).abs() < 0.002 && error(50).abs() < 0.002, "{held:#?}");
    let said = words::held_out_verdict(&held);
    assert!(said.contains("(target 1 %: missed)"), "{said}");
    assert!((held_out::worst(&held, "poll").bytes - 0.029).abs() < 0.002, "what is wrong by 3 % is said to be");
}

#[test]
fn bytes_are_asked_for_with_the_interval_the_payload_and_the_delivery_of_the_cell() {
    let of = |change: fn(&mut Observation)| {
        let mut way = poll(0.02, 1.0, 7);
        way.observations.iter_mut().for_each(change);
        held_out::all(&[way])[0].bytes_predicted.unwrap()
    };
    let plain = of(|_| ());
    assert!((of(|o| o.payload_bytes += 100) / (plain + 100.0) - 1.0).abs() < 0.01, "{plain}");
    assert!(of(|o| o.interval_ms = 100) > 1.5 * plain && of(|o| o.delivery = Delivery::Newest) != plain);
}

#[test]
fn the_rate_of_a_trials_feed_is_read_off_its_bytes() {
    use crate::report::fixture as report_fixture;
    let (manifest, trials) = report_fixture::run();
    let summary = crate::summary::summarise(&manifest, &trials, &[]);
    let ways = observations::ways(&[("run".to_owned(), &summary)]);
    let carried: Vec<_> = ways.iter().flat_map(|way| &way.observations).flat_map(|o| &o.carried).collect();
    // 4,000 quotes of ten clients within 40 s, a little less for the time before the feed.
    let rates = || carried.iter().map(|trial| trial.quotes_per_s);
    assert!(carried.len() >= 5 * 5 && rates().all(|rate| rate > 10.1 && rate < 10.2), "{carried:?}");
}

#[test]
fn staleness_agrees_with_a_simulation() {
    let mut random = SplitMix64::new(5);
    for (rate_per_s, lag) in
        [(5.0, Lag { share: 1.0, from_s: 0.04, to_s: 0.44 }), (0.5, Lag { share: 1.0, from_s: 0.1, to_s: 0.1 })]
    {
        let mut excess: Vec<f64> = (0..200_000)
            .map(|_| {
                let lag_s = lag.from_s + (lag.to_s - lag.from_s) * random.uniform();
                let newest_s = random.exponential() / rate_per_s;
                let mut held_s = newest_s;
                while held_s < lag_s {
                    held_s += random.exponential() / rate_per_s;
                }
                held_s - newest_s
            })
            .collect();
        excess.sort_by(f64::total_cmp);
        let (simulated, computed) = (excess[198_000], p99_s(&[lag], rate_per_s));
        assert!((simulated / computed - 1.0).abs() < 0.03, "{simulated} {computed}");
    }
    assert_eq!(p99_s(&[Lag { share: 1.0, from_s: 1e-6, to_s: 1e-6 }], 1.0), 0.0);
}

#[test]
fn the_interval_is_the_longest_that_keeps_the_budget() {
    let question = question();
    let entry = question.arm(&fixture::entry("poll", &Descriptor::POLLING, Connection::Kept), 500);
    let setting = question.setting(&entry, 100, &Costs::default());
    let stale = |ms: u32| interval_s(&theory_at(&setting, ms), 1.0 + PRECISION).high;
    let longest = longest_interval_ms(&setting, 1.0, 1.0 + PRECISION).unwrap();
    assert!(
        stale(longest) <= 1.0 && stale(longest + 10) > 1.0,
        "{longest} ms: {} {}",
        stale(longest),
        stale(longest + 10)
    );
    // Less than one exchange apart would be skipped.
    assert_eq!(longest_interval_ms(&setting, 0.5, 1.0 + PRECISION), None);
    assert!(longest_interval_ms(&setting, 100.0, 1.0 + PRECISION).unwrap() > 10_000);
}

fn theory_at(setting: &crate::theory::Setting, ms: u32) -> crate::theory::Setting {
    crate::theory::Setting { interval_s: f64::from(ms) / 1e3, ..*setting }
}

fn named(arm: &str, bytes: (f64, f64), cpu: Option<(f64, f64)>) -> Candidate {
    let figure = |(low, high): (f64, f64)| Figure { value: f64::midpoint(low, high), low, high };
    Candidate {
        arm: arm.to_owned(),
        title: arm.to_owned(),
        interval_ms: None,
        every_quote: false,
        staleness_p99_s: Figure::exact(0.1),
        may_be_too_stale: false,
        why_not: None,
        shares: 1,
        bytes_per_s: Some(figure(bytes)),
        application_bytes_per_s: None,
        requests_per_s: Some(Figure::exact(0.0)),
        connections: Figure::exact(10.0),
        connections_opened_per_s: 0.0,
        memory_bytes: None,
        processors: cpu.map(figure),
        nearness: Nearness::default(),
        held_out_cpu_error: None,
        own_delivery: true,
    }
}

fn groups(candidates: &[Candidate]) -> Vec<Vec<String>> {
    ranking::rank(candidates, &Criterion::ALL).into_iter().map(|group| group.arms).collect()
}

/// Nothing else ranks those whose bytes overlap: which cost matters is the reader's question. So it is told beside the tie.
#[test]
fn overlapping_bytes_are_tied_and_what_else_differs_is_told() {
    let (a, b) = (named("a", (1.0, 2.0), Some((5.0, 6.0))), named("b", (1.5, 3.0), Some((5.5, 7.0))));
    assert_eq!(groups(&[b.clone(), a.clone()]), [["a", "b"]], "everything overlaps");
    assert!(ranking::rank(&[a.clone(), b.clone()], &Criterion::ALL)[0].differ.is_empty());
    let dearer = named("b", (1.5, 3.0), Some((6.5, 7.0)));
    assert_eq!(groups(&[dearer.clone(), a.clone()]), [["a", "b"]], "CPU ranks nobody");
    let both = [dearer, a.clone()];
    assert_eq!(ranking::rank(&both, &Criterion::ALL)[0].differ, [Criterion::Cpu]);
    assert!(ranking::rank(&both, &Criterion::PLANNED)[0].differ.is_empty());
    let tied = verdict::reasons(&question(), &both, &ranking::rank(&both, &Criterion::ALL));
    let told = "They differ in CPU (a: 5.5 busy processors, b: 6.75 busy processors).";
    assert_eq!(tied, [format!("b and a are tied, their intervals of bytes overlap. {told}")]);
    // Overlap is handed on: a–b–c is one group although a and c are apart.
    assert_eq!(groups(&[a.clone(), b.clone(), named("c", (2.5, 4.0), Some((6.5, 9.0)))]).len(), 1);
    // Bytes part whatever else overlaps; who has no figure cannot be parted.
    let parted = ranking::rank(&[a.clone(), named("c", (2.5, 4.0), Some((5.0, 6.0)))], &Criterion::ALL)[0].parted;
    assert_eq!(parted.map(|p| (p.here, p.next)), Some((1.5, 3.25)));
    let mut unknown = named("b", (2.5, 3.0), None);
    unknown.bytes_per_s = None;
    assert_eq!(groups(&[a.clone(), unknown]).len(), 1);
    let mut out = named("late", (0.1, 0.2), None);
    out.why_not = Some("too late".to_owned());
    assert_eq!(groups(&[a, out]), [["a"]]);
}

#[test]
fn known_costs_give_a_known_ranking_with_its_reason_and_its_sources() {
    let advice = advise_from(&question().with_clients(800), &fixture::five(0.01));
    let first = &advice.groups[0];
    assert!(first.arms == ["ws"] && first.parted.is_some_and(|p| p.here < p.next), "{first:?}");
    let of = |arm: &str| advice.candidates.iter().find(|c| c.arm == arm).unwrap();
    let cpu = of("ws").processors.unwrap();
    let truth = 25.0 * 4_000.0 / 1e6;
    assert!(cpu.low <= truth && truth <= cpu.high && (cpu.value / truth - 1.0).abs() < 0.05, "{cpu:?} {truth}");
    // Polls on new connections too, few of which stand open: what was measured is by clients.
    for arm in ["ws", "poll-close"] {
        let memory = of(arm).memory_bytes.unwrap();
        let truth = fixture::MEMORY.0 * f64::from(1 << 20) + fixture::MEMORY.1 * 800.0;
        assert!(memory.low <= truth && truth <= memory.high, "{arm}: {memory:?} {truth}");
    }
    let poll = of("poll");
    let interval_ms = poll.interval_ms.unwrap();
    assert!(poll.staleness_p99_s.high <= 1.0 && !poll.may_be_too_stale && interval_ms > 100, "{poll:?}");
    assert!((poll.requests_per_s.unwrap().value - 800.0 * 1e3 / f64::from(interval_ms)).abs() < 1e-6);
    assert!(of("ws").nearness.nearest.contains("800 clients, 10 quotes/s"), "{:?}", of("ws").nearness);
    let text = words::text(&advice);
    assert!(
        text.contains("ws costs least: ")
            && text.contains("Held out between two sizes fitted to, 5 cells")
            && text.contains("payload × 1.67"),
        "{text}"
    );
    assert_eq!(advice.reasons.len(), 2);
    assert_eq!(words::table(&advice).rows[0][..2], ["1", "ws"]);
}

#[test]
fn extrapolation_is_marked_by_its_factor_and_widens_what_it_says() {
    let ways = fixture::five(0.02);
    let at = |clients| {
        let advice = advise_from(&Question { rate_per_s: 10.0, ..question().with_clients(clients) }, &ways);
        advice.candidates.into_iter().find(|c| c.arm == "ws").unwrap()
    };
    let wide = |candidate: &Candidate| {
        let figure = candidate.processors.unwrap();
        figure.high / figure.low
    };
    let (near, far) = (at(800), at(80_000));
    assert_eq!(near.nearness.load_factor(), 1.0);
    assert!((far.nearness.load_factor() - 100.0).abs() < 1e-9);
    // The error at held-out sizes either way, as much again for each of the log 100 / log 4 steps.
    let each_step = 1.0 + far.held_out_cpu_error.unwrap();
    assert!(wide(&far) >= each_step.powf(2.0 * 100f64.ln() / 4f64.ln()), "{} {each_step}", wide(&far));
    assert!(wide(&near) >= each_step.powi(2) && wide(&near) < wide(&far), "{} {each_step}", wide(&near));
}

#[test]
fn held_requests_and_bytes_are_less_sure_far_away_and_plans_are_exact() {
    let ways = fixture::five(0.01);
    let at = |clients| advise_from(&Question { rate_per_s: 10.0, ..question().with_clients(clients) }, &ways);
    let of = |advice: &Advice, arm: &str| advice.candidates.iter().find(|c| c.arm == arm).cloned().unwrap();
    let (near, far) = (at(800), at(8_000_000));
    let wide = |advice: &Advice| {
        let figure = of(advice, "long-poll").requests_per_s.unwrap();
        figure.high / figure.low
    };
    // 1 % at sizes four times apart: once where they were measured, log 10,000 / log 4 times there.
    let steps = 10_000f64.ln() / 4f64.ln();
    assert!((wide(&near) - 1.01f64.powi(2)).abs() < 1e-6, "{}", wide(&near));
    assert!((wide(&far) - 1.01f64.powf(2.0 * steps)).abs() < 1e-6, "{}", wide(&far));
    let plan = of(&far, "poll").requests_per_s.unwrap();
    assert_eq!(plan.low, plan.high);
    // The two pushes are a tenth apart in bytes: enough where they were measured, not enough there.
    let overlap = |advice: &Advice| {
        let [a, b] = ["ws", "sse"].map(|arm| of(advice, arm).bytes_per_s.unwrap());
        a.overlaps(&b)
    };
    assert!(!overlap(&near) && overlap(&far));
    assert_eq!(near.groups[0].arms.len(), 1);
    assert!(far.groups[0].arms.len() > 1, "{:?}", far.groups[0]);
}

#[test]
fn what_spans_an_order_of_magnitude_is_not_known_and_parts_nobody() {
    let bent = [poll(0.02, 0.75, 7)];
    let at = |clients| advise_from(&question().with_clients(clients), &bent);
    let (near, far) = (at(800), at(8_000_000));
    let cpu = far.candidates[0].processors.unwrap();
    assert!(cpu.high > 10.0 * cpu.low && far.candidates[0].figure(Criterion::Cpu).is_none(), "{cpu:?}");
    let said = words::text(&far);
    assert_eq!(said.matches("not known").count(), 1, "not a column of it, only why there is none: {said}");
    assert!(!said.contains("CPU, processors") && words::text(&near).contains("CPU, processors"), "{said}");
    assert!(near.candidates[0].figure(Criterion::Cpu).is_some() && !words::text(&near).contains("not known"));
    let unsure = named("a", (1.0, 2.0), Some((1.0, 11.0)));
    let pair = [unsure, named("b", (1.5, 3.0), Some((20.0, 21.0)))];
    assert!(ranking::rank(&pair, &Criterion::ALL)[0].differ.is_empty(), "not even where the intervals are apart");
}

#[test]
fn a_push_that_is_staler_than_its_way_is_explained() {
    let ways = fixture::five(0.02);
    let said = words::why_stale(&advise_from(&question(), &ways)).unwrap();
    assert!(said.contains("more than 600 ms too old 1 % of the time, although a quote is only 40 ms"), "{said}");
    assert!(said.contains("200 ms on the average"), "{said}");
    assert_eq!(words::why_stale(&advise_from(&Question { rtt_s: 0.0, ..question() }, &ways)), None);
}

#[test]
fn budgets_that_nobody_keeps_name_one_that_somebody_does() {
    let tight = Question { staleness_s: 0.3, ..question() };
    let advice = advise_from(&tight, &fixture::five(0.02));
    assert!(advice.groups.is_empty() && advice.candidates.iter().all(|c| c.why_not.is_some()));
    let said = words::text(&advice);
    assert!(said.contains("No way keeps 300 ms") && said.contains("Ask for 606 ms or more"), "{said}");
    let kept = advise_from(&Question { staleness_s: 0.606, ..question() }, &fixture::five(0.02));
    assert!(!kept.groups.is_empty());
    let polls_out = words::text(&kept);
    assert!(polls_out.contains("poll is no candidate: 1 % of the time"), "{polls_out}");
}

#[test]
fn the_newest_only_gives_streams_an_interval_too_and_says_what_is_borrowed() {
    let advice = advise_from(&Question { latest_only: true, ..question() }, &fixture::five(0.02));
    assert!(advice.candidates.iter().all(|c| c.interval_ms.is_some() && !c.own_delivery));
    assert!(advice.notes.iter().any(|note| note.contains("other delivery")), "{:?}", advice.notes);
}

#[test]
fn messages_up_cost_requests_and_a_connection_where_there_is_no_socket() {
    let of = |orders_per_s, arm: &str| {
        let advice = advise_from(&Question { orders_per_s, ..question() }, &fixture::five(0.02));
        let candidate = advice.candidates.into_iter().find(|c| c.arm == arm).unwrap();
        (candidate.requests_per_s.unwrap().value, candidate.connections.value)
    };
    assert_eq!(of(2.0, "ws"), of(0.0, "ws"));
    let ((requests, connections), (without, alone)) = (of(2.0, "sse"), of(0.0, "sse"));
    assert_eq!((requests - without, connections - alone), (2_000.0, 1_000.0));
}

#[test]
fn nothing_measured_advises_nothing() {
    let advice = advise(&question(), &[]);
    assert!(advice.candidates.is_empty() && words::text(&advice).contains("No usable cell"));
}

#[test]
fn a_report_has_the_section_where_there_is_something_to_learn_from() {
    use crate::report::fixture as report_fixture;
    let (manifest, trials) = report_fixture::run();
    let mut summary = crate::summary::summarise(&manifest, &trials, &[]);
    assert_eq!(section::section(&summary), None, "nobody says what stands around a quote");
    for entry in &mut summary.arms {
        let known = [Descriptor::POLLING, Descriptor::LONG_POLLING, Descriptor::SSE, Descriptor::WEBSOCKET];
        entry.descriptor.wraps = known.iter().find(|known| known.name == entry.descriptor.name).unwrap().wraps;
    }
    let section = section::section(&summary).unwrap();
    assert_eq!(section.table.rows.len(), 2 * 4 * 5);
    assert!(section.table.rows.iter().all(|row| row.len() == section.table.columns.len()));
    assert!(section.held_out.rows.is_empty() && section.sentences.iter().any(|s| s.contains("could not be held")));
    let saying = |what: &str| section.sentences.iter().filter(|s| s.contains(what)).collect::<Vec<_>>();
    let limit = saying("three numbers of clients");
    assert_eq!(limit.len(), 1, "said once: {:#?}", section.sentences);
    assert!(limit[0].contains("(10 clients)") && limit[0].contains("`wirerace advise`"), "{limit:?}");
    assert!(limit[0].contains(BUILT_IN), "{limit:?}");
    assert_eq!(saying("although a quote is only 40 ms on its way").len(), 1, "{:#?}", section.sentences);
    // Bytes alone are compared, and what holds for several numbers of clients is said once.
    for wanted in [" clients, every quote: ", " clients, newest only: "] {
        let answers = saying(wanted);
        assert!((1..4).contains(&answers.len()), "{answers:#?}");
        assert!(answers.iter().all(|answer| answer.contains("bytes")), "{answers:#?}");
        for clients in ["1,000", "10,000", "100,000", "1,000,000"] {
            let named = format!("{clients} ");
            assert!(answers.iter().any(|s| s.contains(&named) || s.contains(&format!("{clients},"))), "{answers:#?}");
        }
    }
    for fitted in ["times beyond what was measured", "costs least", "rank CPU", "not known"] {
        assert_eq!(saying(fitted).len(), 0, "{fitted}: {:#?}", section.sentences);
    }
    let column = |name: &str| section.table.columns.iter().position(|column| column == name);
    assert!(column("CPU, processors").is_none() && column("memory").is_none() && column("bytes").is_some());
    let nearest = section.table.columns.iter().position(|column| column == "nearest measured cell").unwrap();
    assert!(section.table.rows.iter().all(|row| row[nearest].contains(report_fixture::CELL)), "{:?}", section.table);
    let quick = crate::summary::Summary { quick: true, ..summary };
    assert_eq!(section::section(&quick), None);
}

mod doubt;
mod law;
mod named;
