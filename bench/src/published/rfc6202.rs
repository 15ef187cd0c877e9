//! RFC 6202 §2.2: long polling's mean latency is near one network transit; the longest is over three (the answer, the next
//! request, the answer to it). Against measured lateness where there is distance.

use super::{Published, data, no_data, optional};
use crate::claims::{Evidence, Way};
use crate::report::table::signed;
use crate::summary::Quantity as Q;
use crate::summary::words::{NOTHING, number};

/// Transits of the mean, as the RFC says.
pub const MEAN_TRANSITS: f64 = 1.0;
/// Transits of the longest.
pub const LONGEST_TRANSITS: f64 = 3.0;

const EXPERIMENTS: [&str; 2] = ["lateness", "phase_lock"];

/// The table.
#[must_use]
pub fn tables(evidence: &Evidence) -> Vec<Published> {
    let held = evidence.sides(&EXPERIMENTS).into_iter().filter(|side| side.way() == Way::Held && side.delay_ms() > 0.0);
    let rows: Vec<[String; 11]> = held
        .map(|side| {
            let transits = |ms: Option<f64>| ms.map(|ms| ms / side.delay_ms());
            let mean = side.arm.median(Q::LatenessMean);
            let longest = side.arm.lateness.p999_ms.map(crate::summary::Reading::get);
            [
                side.run.to_owned(),
                side.cell.name.clone(),
                side.entry.arm.name.clone(),
                number(side.delay_ms()),
                optional(mean),
                optional(transits(mean)),
                transits(mean).map_or_else(
                    || NOTHING.to_owned(),
                    |mean| {
                        let off = mean - MEAN_TRANSITS;
                        signed(off, &number(off))
                    },
                ),
                optional(side.arm.median(Q::LatenessP99)),
                optional(longest),
                optional(transits(longest)),
                transits(longest).map_or(NOTHING, |longest| beyond(longest)).to_owned(),
            ]
        })
        .collect();
    let mut notes = vec![format!(
        "RFC 6202: mean near {} transit, longest over {}. A transit is the one-way delay of the path; lateness holds the \
         publisher's error and both sides' work too; the 99.9th percentile stands for the longest, which one disturbed wake-up would decide. With quotes so frequent that answers carry several the mean goes to 2 \
         transits on a kept connection, 3 on a new one each.",
        number(MEAN_TRANSITS),
        number(LONGEST_TRANSITS)
    )];
    if rows.is_empty() {
        notes.push(no_data(&EXPERIMENTS.join(" ")));
    }
    let columns = [
        "run",
        "cell",
        "arm",
        "transit ms",
        "mean ms",
        "in transits",
        "off the published 1",
        "p99 ms",
        "p99.9 ms",
        "p99.9 in transits",
        "over 3, as published",
    ];
    vec![Published { title: "RFC 6202: long polling's bounds".to_owned(), notes, table: data(columns, rows) }]
}

/// Whether the longest is beyond the published three transits.
fn beyond(longest: f64) -> &'static str {
    if longest > LONGEST_TRANSITS { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::fake::{arm, run};
    use wirerace_contract::spec::{Delay, LoadSpec, Path};

    #[test]
    fn lateness_in_transits() {
        let load = LoadSpec { path: Path::Delayed(Delay { one_way_delay_us: 50_000 }), ..LoadSpec::default() };
        let arms = vec![arm("held", Way::Held, 0, &[(Q::LatenessMean, 60.0), (Q::LatenessP99, 149.0)])];
        let evidence = Evidence { runs: vec![run("lateness", 6, &[("far", load, arms)])], exchanges: Vec::new() };
        let row = &tables(&evidence)[0].table.rows[0];
        assert_eq!((row[3].as_str(), row[5].as_str(), row[6].as_str()), ("50", "1.2", "+0.2"));
        assert_eq!((beyond(3.1), beyond(2.9)), ("yes", "no"));
        assert!(tables(&Evidence::default())[0].notes[1].contains("wirerace run lateness"));
    }
}
