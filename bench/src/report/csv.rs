//! `summary.csv`: tidy, one line per cell, arm and quantity.

use crate::summary::{Reading, Summary};

/// A field, in quotes where RFC 4180 §2 asks for them.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// One line of CSV.
pub(crate) fn line<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    fields.map(field).collect::<Vec<_>>().join(",") + "\n"
}

/// A number that every program reads; `inf` for an infinity, nothing where nothing was measured.
fn number(value: Option<Reading>) -> String {
    value.map_or_else(String::new, |v| v.get().to_string())
}

/// The file.
#[must_use]
pub fn summary(summary: &Summary) -> String {
    let mut text = line("cell,arm,quantity,unit,n,median,low,high,theory,error".split(','));
    for cell in &summary.cells {
        for arm in &cell.arms {
            for estimate in &arm.estimates {
                let (low, high) = estimate.interval.map_or((None, None), |i| (Some(i.low), Some(i.high)));
                let fields = [
                    cell.name.clone(),
                    arm.arm.clone(),
                    estimate.quantity.code().to_owned(),
                    estimate.unit.clone(),
                    estimate.n.to_string(),
                    number(estimate.median),
                    number(low),
                    number(high),
                    number(estimate.theory),
                    number(estimate.error),
                ];
                text.push_str(&line(fields.iter().map(String::as_str)));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::summary::{Quantity, summarise};

    #[test]
    fn every_arm_and_quantity_has_a_line() {
        let (manifest, trials) = fixture::run();
        let text = summary(&summarise(&manifest, &trials, &[]));
        assert_eq!(text.lines().count(), 1 + 5 * Quantity::ALL.len());
        assert!(
            text.contains("\"10 clients, 10 quotes/s\",poll,empty_polls_share,%,6,10,10,10,8.20849986,1.79150014\n"),
            "{text}"
        );
        assert!(text.contains(",ws,empty_polls_share,%,0,,,,,\n"));
        assert!(text.contains(",long-poll,to_client_framing_per_quote,bytes,5,62,,,,\n"));
    }

    #[test]
    fn quotes_where_needed() {
        assert_eq!(line(["a", "b,c", "d\"e"].into_iter()), "a,\"b,c\",\"d\"\"e\"\n");
    }
}
