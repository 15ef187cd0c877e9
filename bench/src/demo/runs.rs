//! Runs that a page has sent: made into files, summed up in words, and kept for a while to be taken home.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use wirerace_contract::results::{RunFile, Window};

use super::recorded::{Facts, record};
use super::taken::Taken;
use crate::report::verdict;
use crate::summary::{ArmSummary, Quantity, summarise};

/// So many of the last runs are kept.
const KEPT_MAX: usize = 8;

/// The last runs, with their names. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Runs(Arc<Mutex<VecDeque<Kept>>>);

struct Kept {
    id: String,
    file: Arc<str>,
}

impl Runs {
    /// The file of the run of that name.
    pub(super) fn find(&self, id: &str) -> Option<Arc<str>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|run| run.id == id).map(|run| Arc::clone(&run.file))
    }

    /// Makes a file of what the page sent and keeps it; what is answered: where it is, the verdict, the main figures of
    /// each lane, and what the page saw of it, for pages that have not. It takes a moment of processor time.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub(super) fn take(&self, facts: &Facts, taken: &Taken) -> Result<Value, String> {
        let file = record(facts, taken)?;
        let text = serde_json::to_string(&file).map_err(|error| format!("the run cannot be written: {error}"))?;
        let stamp: String = facts.started_utc.chars().filter(|c| !matches!(c, '-' | ':')).collect();
        let id = format!("{stamp}-browser-{}", taken.run);
        let answer = answer(&id, facts, taken, &file);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|run| run.id != id);
        kept.push_back(Kept { id, file: text.into() });
        if kept.len() > KEPT_MAX {
            kept.pop_front();
        }
        Ok(answer)
    }
}

fn answer(id: &str, facts: &Facts, taken: &Taken, file: &RunFile) -> Value {
    let (summary, window) = (summarise(&file.manifest, &file.trials, &[]), window(file));
    let lanes: Map<String, Value> =
        summary.cells.iter().flat_map(|cell| &cell.arms).map(|arm| (arm.arm.clone(), figures(arm))).collect();
    json!({
        "id": id,
        "download": format!("/run/{id}.json"),
        "verdict": verdict::sentences(&summary),
        "window_us": window.map(|window| [window.start_offset_ns / 1_000, window.end_offset_ns / 1_000]),
        "knobs": facts.knobs,
        "changed": facts.changed,
        "lanes": lanes,
        "seen": window.map(|window| taken.seen(&window)),
    })
}

/// The window that was measured: at most what the page asked for.
fn window(file: &RunFile) -> Option<Window> {
    Some(file.trials.first()?.measured.as_ref()?.client.window)
}

/// The main figures of a lane; `null` is infinite, or not measured.
fn figures(arm: &ArmSummary) -> Value {
    let all = [
        ("p50_ms", Quantity::LatenessP50),
        ("p99_ms", Quantity::LatenessP99),
        ("staleness_mean_ms", Quantity::StalenessMean),
        ("wrong_price_percent", Quantity::WrongPrice),
        ("lost", Quantity::Lost),
        ("bytes_per_quote", Quantity::PacketBytes),
        ("bytes_per_quote_above_tcp", Quantity::ApplicationBytes),
        ("connections_per_100_quotes", Quantity::Connections),
        ("requests_per_100_quotes", Quantity::Requests),
        ("empty_polls_percent", Quantity::EmptyPolls),
    ];
    let finite = |quantity| arm.median(quantity).filter(|value| value.is_finite());
    all.into_iter().map(|(name, quantity)| (name.to_owned(), Value::from(finite(quantity)))).collect()
}
