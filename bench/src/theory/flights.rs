//! Slow start: what an answer takes that does not fit into a connection's first flight.
//!
//! Before it has heard anything a sender may have ten segments under way (RFC 6928), and twice as many after each round
//! trip in which all of them were acknowledged. So up to 10, 30, 70 … = 10 (2^f − 1) segments need f flights, and the last
//! of them leaves 2d (f − 1) after the first. A new connection begins so with the one answer it is for. A kept one begins
//! so again when nothing was sent for longer than its timeout for sending again (RFC 5681 §4.1; on Linux one round trip
//! and 200 ms at least): polls half a second apart do, those closer together keep the window they have grown.
//!
//! Only on an emulated link: elsewhere the kernel's own round trip is nothing. Held requests are left out: what waits for
//! one exchange fits into ten segments below x of about a hundred where quotes have 120 bytes, of fourteen where they have 1 KiB. A kept
//! connection that is never idle is given its full window from the first answer on. Of a window that grew to more than twice the first
//! flight Linux takes back less than all, so that answers of more than thirty segments may need a flight less than told.

use wirerace_contract::spec::Connection;

use super::bytes::segments;
use super::setting::Setting;

/// Segments of the first flight.
const FIRST_SEGMENTS: f64 = 10.0;
/// The least that Linux adds to a round trip before it sends again, seconds.
const TIMEOUT_S: f64 = 0.2;

/// Flights of an answer of `bytes` over a connection that begins.
fn flights(bytes: f64) -> f64 {
    (segments(bytes) / FIRST_SEGMENTS + 1.0).log2().ceil().max(1.0)
}

/// How much later an answer with `quotes` quotes is in hand than one of a single flight, seconds, where one request follows
/// another after `apart_s`.
#[must_use]
pub fn further_s(setting: &Setting, quotes: f64, apart_s: f64) -> f64 {
    let round_trip_s = 2.0 * setting.delay_s;
    let bytes = setting.answer.empty_bytes + quotes * setting.answer.quote_bytes;
    let further_s = (flights(bytes) - 1.0) * round_trip_s;
    // From the last flight of an answer to the next answer.
    let idle_s = apart_s - further_s;
    let begins = setting.connection == Connection::Closed || idle_s > round_trip_s + TIMEOUT_S;
    if begins { further_s } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::setting::AnswerSize;
    use super::super::{law, planned, simulation};
    use super::*;
    use wirerace_contract::descriptor::Delivers;

    const SEGMENT: f64 = 1_448.0;
    const QUOTE: f64 = 121.0;

    fn setting(rate_per_s: f64, connection: Connection) -> Setting {
        let answer = AnswerSize { empty_bytes: 230.0, quote_bytes: QUOTE };
        Setting { connection, answer, ..Setting::plain(Delivers::Planned, 0.015, 0.5, rate_per_s) }
    }

    /// Flight by flight: a window's worth is sent, a round trip later twice as much may be.
    fn round_trips(mut segments: u32) -> u32 {
        let (mut window, mut trips) = (10, 1);
        while segments > window {
            (segments, window, trips) = (segments - window, 2 * window, trips + 1);
        }
        trips
    }

    #[test]
    fn flights_are_what_windows_that_double_need() {
        for segments in 0..2_000 {
            assert_eq!(flights(f64::from(segments) * SEGMENT), f64::from(round_trips(segments)), "{segments}");
        }
        assert_eq!((flights(10.0 * SEGMENT), flights(10.0 * SEGMENT + 1.0)), (1.0, 2.0), "a byte too many");
    }

    #[test]
    fn long_answers_come_a_round_trip_later() {
        // Of 236 quotes a second some answers fit into one flight and some do not; of 333 none does; of 20 all.
        for (rate_per_s, more_s) in [(20.0, 0.0..0.0001), (236.0, 0.005..0.025), (333.0, 0.0299..0.0301)] {
            for connection in [Connection::Closed, Connection::Kept] {
                let setting = setting(rate_per_s, connection);
                let way = (setting.delay_s, setting.ways());
                let mut all = simulation::Log::default();
                for client in 0..10_u32 {
                    let due = simulation::poisson(u64::from(client), rate_per_s, 12_000);
                    let phase_s = (f64::from(client) + 0.5) / 10.0 * setting.interval_s;
                    let further_s = |quotes: usize| {
                        let segments = ((230.0 + QUOTE * quotes as f64) / SEGMENT).ceil() as u32;
                        f64::from(round_trips(segments) - 1) * 2.0 * setting.delay_s
                    };
                    let grid = (phase_s, setting.interval_s);
                    all.late_s.extend(simulation::planned_long(&due, way, grid, further_s).late_s);
                }
                let of_law = law(&setting).unwrap().lateness;
                let name = format!("{rate_per_s} {connection:?}");
                assert!((all.mean_s() / of_law.mean_s() - 1.0).abs() < 0.01, "{name}: {} {of_law:?}", all.mean_s());
                let distance = all.distance(|s| of_law.cdf(s));
                assert!(distance < 0.015, "{name}: {distance}");
                let short = Setting { answer: AnswerSize::default(), ..setting };
                let later_s = of_law.mean_s() - law(&short).unwrap().lateness.mean_s();
                assert!(more_s.contains(&later_s), "{name}: {later_s}");
            }
        }
    }

    /// Where few quotes come, those that share an answer are more often late by a flight than answers are.
    #[test]
    fn quotes_and_not_answers_are_what_comes_later() {
        let setting = Setting {
            answer: AnswerSize { empty_bytes: 230.0, quote_bytes: 4_800.0 },
            ..setting(5.0, Connection::Closed)
        };
        let further_s = |quotes: usize| {
            let segments = ((230.0 + 4_800.0 * quotes as f64) / SEGMENT).ceil() as u32;
            f64::from(round_trips(segments) - 1) * 2.0 * setting.delay_s
        };
        let due = simulation::poisson(1, 5.0, 40_000);
        let grid = (0.25, setting.interval_s);
        let log = simulation::planned_long(&due, (setting.delay_s, setting.ways()), grid, further_s);
        let short = Setting { answer: AnswerSize::default(), ..setting };
        let mean_s = |setting: &Setting| law(setting).unwrap().lateness.mean_s();
        let once = simulation::planned_long(&due, (setting.delay_s, setting.ways()), grid, |_| 0.0);
        let (later_s, simulated_s) = (mean_s(&setting) - mean_s(&short), log.mean_s() - once.mean_s());
        assert!((later_s / simulated_s - 1.0).abs() < 0.05, "{later_s} {simulated_s}");
    }

    #[test]
    fn a_connection_that_is_never_idle_keeps_its_window() {
        let at = |connection, interval_s: f64| {
            let setting = Setting { interval_s, ..setting(2_000.0, connection) };
            further_s(&setting, 2_000.0 * interval_s, planned::apart_s(&setting))
        };
        // 300 quotes are 36 kB, 26 segments; each half second 1,000 are 84 segments.
        assert_eq!((at(Connection::Kept, 0.15), at(Connection::Kept, 0.5)), (0.0, 3.0 * 0.03));
        assert!((at(Connection::Closed, 0.15) - 0.03).abs() < 1e-12);
    }

    #[test]
    fn instants_that_pass_during_the_further_flights_are_skipped_too() {
        // 60 ms of handshake and answer are within 80 ms, 90 are not.
        let of =
            |rate_per_s| planned::apart_s(&Setting { interval_s: 0.08, ..setting(rate_per_s, Connection::Closed) });
        assert_eq!((of(100.0), of(2_000.0)), (0.08, 0.16));
    }
}
