//! What must be said of a run that a browser's page recorded.

use wirerace_contract::results::BrowserRun;

use super::words::{count, duration};

/// How far the page's clock may be off, in words.
fn error(browser: &BrowserRun) -> String {
    duration(browser.offset_error_us as f64 / 1e3)
}

/// Stands above everything that such a run says.
#[must_use]
pub fn warning(browser: &BrowserRun) -> String {
    format!(
        "Recorded by a page in a browser, not by the suite's own load: one trial per arm, all at once, so it is indicative. \
         The page's clock may be off by up to {}, which is part of every lateness.",
        error(browser)
    )
}

/// How its numbers came about.
#[must_use]
pub fn method() -> Vec<String> {
    [
        "A page in a browser took the quotes of all arms at once, each from a server of its own, all in one process. What the page had when went through the recorder that the suite's own clients have.",
        "Lateness is received − due: it counts from the instant the feed's plan fixed, so that waiting is never left out. Lost quotes count as infinitely late.",
        "Excess staleness is how much older the newest quote the page holds is than what a reader with zero delay would hold, as an exact average over time.",
        "Bytes are counted at the server's socket, over the whole life of all connections: the browser's own heads, cookies and connections are in them, and so are the fields of answers that let a page read another origin (CORS).",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// What its numbers do not say.
#[must_use]
pub fn caveats(browser: &BrowserRun) -> Vec<String> {
    let mut caveats = vec![
        format!(
            "Lateness uses the page's estimate of the server's clock, off by up to {}: all arms share that error, so \
             compare them rather than read one alone. A page notes what it has when its own work allows.",
            error(browser)
        ),
        "A page sees neither its connections nor its processor time: connections are the server's count, CPU and memory were \
         not measured, and theory, which knows the heads of the suite's own clients only, is not held against it."
            .to_owned(),
    ];
    if browser.early > 0 {
        caveats.push(format!(
            "Of the arrivals {} lay, by the page's clock, before their quote was published, and count as if they came at that \
             instant.",
            count(browser.early)
        ));
    }
    if !browser.hidden_us.is_empty() {
        let hidden_us: u64 = browser.hidden_us.iter().map(|(from, to)| to.saturating_sub(*from)).sum();
        caveats.push(format!(
            "The page was hidden or asleep for {} in all: what is measured is the longest span in which it was not.",
            duration(hidden_us as f64 / 1e3)
        ));
    }
    if !browser.changed.is_empty() {
        caveats.push(format!(
            "Changed while the run went on: {}. What is timed begins after the last change; bytes are those of the whole run.",
            browser.changed.join("; ")
        ));
    }
    if !browser.user_agent.is_empty() {
        caveats.push(format!("The browser calls itself {}.", browser.user_agent));
    }
    caveats
}
