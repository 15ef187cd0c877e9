//! Numbers with units, as people type them: `5/s`, `80ms`, `20k`, `1KiB`.

use crate::nearest::nearest;

/// Where a number ends and its unit begins; commas and underlines part thousands. A comma before other than three digits
/// is no such thing: whoever types `1,5s` means a second and a half.
fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '_'))).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let mut groups = number.split('.').next()?.split(',').skip(1);
    if !groups.all(|group| group.len() == 3) {
        return None;
    }
    let number: f64 = number.replace([',', '_'], "").parse().ok()?;
    Some((number, unit.trim()))
}

/// `text` in the unit that `units` give their worth in; what is wrong with it otherwise, with the nearest unit.
fn parse(text: &str, what: &str, example: &str, units: &[(&str, f64)]) -> Result<f64, String> {
    let all = || units.iter().map(|(unit, _)| *unit).filter(|unit| !unit.is_empty());
    let Some((number, unit)) = split(text) else {
        return Err(format!("`{text}` is no {what}: give a number and a unit, for example {example}"));
    };
    match units.iter().find(|(name, _)| *name == unit) {
        Some((_, worth)) => Ok(number * worth),
        None if unit.is_empty() => {
            let all = all().collect::<Vec<_>>().join(", ");
            Err(format!("`{text}` has no unit: allowed are {all}, for example {example}"))
        }
        None => Err(nearest("unit", unit, all())),
    }
}

fn within(value: f64, allowed: std::ops::RangeInclusive<f64>, words: &str) -> Result<f64, String> {
    if allowed.contains(&value) { Ok(value) } else { Err(format!("allowed are {words}")) }
}

/// Times a second: `5/s`, `300/min`, `10/h`; a number alone is a second's. 0.001 to 10,000.
///
/// # Errors
/// One sentence with the remedy.
pub fn rate(text: &str) -> Result<f64, String> {
    let units = [("", 1.0), ("/s", 1.0), ("/min", 1.0 / 60.0), ("/h", 1.0 / 3_600.0)];
    within(parse(text, "rate", "5/s", &units)?, 0.001..=10_000.0, "0.001/s to 10,000/s")
}

/// A time, seconds: `80ms`, `1s`, `2min`, `500us`; `0` needs no unit. At most an hour.
///
/// # Errors
/// One sentence with the remedy.
pub fn time_s(text: &str) -> Result<f64, String> {
    if text.trim() == "0" {
        return Ok(0.0);
    }
    let units = [("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("min", 60.0), ("h", 3_600.0)];
    within(parse(text, "time", "80ms", &units)?, 0.0..=3_600.0, "0 to 1h")
}

/// A number of things: `20000`, `20,000`, `20k`, `1M`. 1 to 100 million.
///
/// # Errors
/// One sentence with the remedy.
pub fn amount(text: &str) -> Result<u64, String> {
    let units = [("", 1.0), ("k", 1e3), ("M", 1e6)];
    let value = within(parse(text, "number of clients", "20k", &units)?, 1.0..=1e8, "1 to 100M")?;
    Ok(value.round() as u64)
}

/// A size, bytes: `200`, `200B`, `1kB`, `1KiB`. 120 (a quote's own size) to 65,536.
///
/// # Errors
/// One sentence with the remedy.
pub fn payload(text: &str) -> Result<u32, String> {
    let units = [("", 1.0), ("B", 1.0), ("kB", 1e3), ("KiB", 1_024.0)];
    let words = "120 (the least that a quote in JSON takes) to 64KiB";
    Ok(within(parse(text, "size", "200", &units)?, 120.0..=65_536.0, words)?.round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type() {
        assert_eq!((rate("5/s"), rate("300/min"), rate("0.5")), (Ok(5.0), Ok(5.0), Ok(0.5)));
        assert_eq!((time_s("80ms"), time_s("1.5 s"), time_s("0")), (Ok(0.08), Ok(1.5), Ok(0.0)));
        assert_eq!((amount("20,000"), amount("20k"), amount("1M")), (Ok(20_000), Ok(20_000), Ok(1_000_000)));
        assert_eq!((payload("200"), payload("1KiB")), (Ok(200), Ok(1_024)));
    }

    #[test]
    fn what_is_wrong_is_said_with_a_remedy() {
        for (said, word) in [
            (rate("5/sec").unwrap_err(), "nearest is `/s`"),
            (rate("fast").unwrap_err(), "for example 5/s"),
            (rate("0").unwrap_err(), "0.001/s to"),
            (time_s("80").unwrap_err(), "has no unit"),
            (time_s("80mss").unwrap_err(), "nearest is `ms`"),
            (time_s("-1s").unwrap_err(), "is no time"),
            (time_s("1,5s").unwrap_err(), "is no time"),
            (amount("0").unwrap_err(), "1 to 100M"),
            (payload("20").unwrap_err(), "120"),
            (payload("1MB").unwrap_err(), "unknown unit"),
        ] {
            assert!(said.contains(word), "{said}");
        }
    }
}
