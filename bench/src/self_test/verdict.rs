//! The self-test's shares beside their targets, and its files.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wirerace_contract::results::{Environment, SelfTestStanding, Trial};
use wirerace_contract::spec::LoadSpec;

use super::as_run::{self, AsRun};
use super::collect::{Collected, EXTRA_BYTES, Effect, Item, LATE_NS, Plan, label};
use super::relabel::{BlockValues, DRAWS, PAIR_BLOCKS, differs_share, found_share, ties};
use crate::statistics::{Outcome, Scale, compare};
use crate::summary::Quantity;

/// Share of *differs* that arms against themselves may have.
pub const SAME: (f64, f64) = (0.03, 0.08);
/// Share of draws that must find what was put in.
pub const FOUND_MIN: f64 = 0.80;

/// Quantities in which arms are compared with themselves: the headlines, and the exact bytes beside them.
const QUANTITIES: [Quantity; 7] = [
    Quantity::OwnCpu,
    Quantity::ServerCpu,
    Quantity::LatenessP50,
    Quantity::LatenessP99,
    Quantity::StalenessMean,
    Quantity::PacketBytes,
    Quantity::ApplicationBytes,
];

/// An arm against itself in one quantity.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Same {
    /// The arm.
    pub arm: String,
    /// The quantity.
    pub quantity: Quantity,
    /// Blocks that the draws were taken from.
    pub blocks: usize,
    /// Of these, blocks in which both values are the same.
    pub ties: usize,
    /// Comparisons drawn.
    pub draws: u32,
    /// Share of them that came out as *differs*, 0 to 1; `null` with too few blocks.
    pub differs: Option<f64>,
    /// All blocks with the labels as they were run.
    pub as_run: Outcome,
    /// All blocks, the trial that ran first against the one that ran second.
    pub first_against_second: Outcome,
}

impl Same {
    /// Whether the share is within [`SAME`]; with ties only its upper end is a target, since equal values never differ.
    #[must_use]
    pub fn met(&self) -> bool {
        let low = if self.ties > 0 { 0.0 } else { SAME.0 };
        self.differs.is_some_and(|share| (low..=SAME.1).contains(&share))
    }
}

/// What was put in, and how often it was found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Found {
    /// What was put in.
    pub effect: String,
    /// The arm.
    pub arm: String,
    /// The quantity in which it was looked for.
    pub quantity: Quantity,
    /// Whether the server really did it; otherwise it was added to the figures of plain trials, as a check of the arithmetic.
    pub real: bool,
    /// Whether it must be found here.
    pub decides: bool,
    /// Blocks that the draws were taken from.
    pub blocks: usize,
    /// Comparisons drawn.
    pub draws: u32,
    /// Share of them that found it, 0 to 1; `null` with too few blocks.
    pub found: Option<f64>,
    /// How large it was: median over all blocks against A, a ratio or a difference in the quantity's unit.
    pub estimate: Option<f64>,
}

impl Found {
    /// Whether it was found often enough.
    #[must_use]
    pub fn met(&self) -> bool {
        self.found.is_some_and(|share| share >= FOUND_MIN)
    }
}

/// `self-test.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SelfTest {
    /// Version of wirerace.
    pub software: String,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// When it began, UTC.
    pub started_utc: String,
    /// When it ended, UTC.
    pub ended_utc: String,
    /// Small and short: its shares decide nothing.
    pub smoke: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// The machine.
    pub environment: Environment,
    /// What every trial carried.
    pub load: LoadSpec,
    /// Arms against themselves, relabelled.
    pub same: Vec<Same>,
    /// The same with the labels as they were run; nothing in older files. Likewise the next.
    #[serde(default)]
    pub as_run: AsRun,
    /// The trial that ran first in its block against the one that ran second; told, without a target.
    #[serde(default)]
    pub in_order: AsRun,
    /// What was put in.
    pub effects: Vec<Found>,
}

/// The rows of both tables.
#[must_use]
pub fn rows(plan: &Plan, collected: &Collected) -> (Vec<Same>, Vec<Found>) {
    let mut arms: Vec<&str> = plan.items.iter().map(|item| item.arm).collect();
    arms.dedup();
    let (mut same, mut effects) = (Vec::new(), Vec::new());
    for item in plan.items.iter().filter(|item| item.effect.is_some()) {
        effects.extend(found(plan, collected, item));
    }
    for arm in arms {
        for quantity in QUANTITIES {
            let blocks = blocks(plan, collected, arm, &label(arm, "A"), quantity);
            same.extend(same_row(plan, arm, quantity, &blocks));
            effects.extend(doctored(plan, arm, quantity, &blocks));
        }
    }
    (same, effects)
}

/// All pairs as they were run: under their labels, and in their order within the block.
#[must_use]
pub fn as_run(plan: &Plan, collected: &Collected) -> (AsRun, AsRun) {
    let mut arms: Vec<&str> = plan.items.iter().map(|item| item.arm).collect();
    arms.dedup();
    let (mut labels, mut order) = (AsRun::default(), AsRun::default());
    for (arm, quantity) in arms.into_iter().flat_map(|arm| QUANTITIES.map(|quantity| (arm, quantity))) {
        let Some(compared) = quantity.compared() else { continue };
        let blocks = blocks(plan, collected, arm, &label(arm, "A"), quantity);
        labels.add(&blocks.iter().map(Block::labelled).collect::<Vec<_>>(), compared);
        order.add(&blocks.iter().map(Block::in_order).collect::<Vec<_>>(), compared);
    }
    (labels, order)
}

/// A block's values, and whether A ran before B.
struct Block {
    values: BlockValues,
    a_first: bool,
}

impl Block {
    /// A and B.
    fn labelled(&self) -> (f64, f64) {
        (self.values.plain[0], self.values.plain[1])
    }

    /// The trial that ran first, and the other one.
    fn in_order(&self) -> (f64, f64) {
        let (a, b) = self.labelled();
        if self.a_first { (a, b) } else { (b, a) }
    }
}

/// The blocks in which A, B and `treated` may all be used.
fn blocks(plan: &Plan, collected: &Collected, arm: &str, treated: &str, quantity: Quantity) -> Vec<Block> {
    let last = collected.keys().map(|(_, block)| *block).max().unwrap_or(0);
    let of_block = |block: u32| {
        let trial = |name: &str| collected.get(&(name.to_owned(), block)).filter(|trial| plan.usable(trial));
        let value = |trial: &Trial| quantity.of(trial, trial.measured.as_ref()?);
        let (a, b) = (trial(&label(arm, "A"))?, trial(&label(arm, "B"))?);
        let values = BlockValues { plain: [value(a)?, value(b)?], treated: value(trial(treated)?)? };
        Some(Block { values, a_first: a.position < b.position })
    };
    (1..=last).filter_map(of_block).collect()
}

fn values(blocks: &[Block]) -> Vec<BlockValues> {
    blocks.iter().map(|block| block.values).collect()
}

fn same_row(plan: &Plan, arm: &str, quantity: Quantity, blocks: &[Block]) -> Option<Same> {
    let (scale, margin) = quantity.compared()?;
    let all = values(blocks);
    let outcome =
        |pair: fn(&Block) -> (f64, f64)| compare(&blocks.iter().map(pair).collect::<Vec<_>>(), scale, margin).outcome;
    Some(Same {
        arm: arm.to_owned(),
        quantity,
        blocks: all.len(),
        ties: ties(&all),
        draws: DRAWS,
        differs: differs_share(&all, (scale, margin), DRAWS, plan.seed),
        as_run: outcome(Block::labelled),
        first_against_second: outcome(Block::in_order),
    })
}

/// What was really put in.
fn found(plan: &Plan, collected: &Collected, item: &Item) -> Vec<Found> {
    let Some(effect) = item.effect else { return Vec::new() };
    let row = |(place, quantity): (usize, &Quantity)| {
        let all = values(&blocks(plan, collected, item.arm, &item.entry.arm.name, *quantity));
        found_row(plan, (effect, item.arm), *quantity, &all, (true, place == 0))
    };
    effect.sought().iter().enumerate().filter_map(row).collect()
}

/// The same effects added to the figures of B, compared with those of A and B.
fn doctored(plan: &Plan, arm: &str, quantity: Quantity, blocks: &[Block]) -> Option<Found> {
    let effect = match quantity {
        Quantity::ServerCpu => Effect::ServerCpu,
        Quantity::OwnCpu => Effect::OwnCpu,
        Quantity::LatenessP50 => Effect::Late,
        Quantity::ApplicationBytes => Effect::Bytes,
        _ => return None,
    };
    let worse = |value: f64| match effect {
        Effect::ServerCpu | Effect::OwnCpu => value * 1.1,
        Effect::Late => value + LATE_NS as f64 / 1e6,
        Effect::Bytes => value + f64::from(EXTRA_BYTES),
    };
    // Against the other label only: a value against itself would have no noise.
    let all: Vec<BlockValues> = values(blocks)
        .into_iter()
        .map(|block| BlockValues { plain: [block.plain[0]; 2], treated: worse(block.plain[1]) })
        .collect();
    found_row(plan, (effect, arm), quantity, &all, (false, false))
}

fn found_row(
    plan: &Plan,
    (effect, arm): (Effect, &str),
    quantity: Quantity,
    blocks: &[BlockValues],
    (real, decides): (bool, bool),
) -> Option<Found> {
    let (scale, margin) = quantity.compared()?;
    let against_a: Vec<(f64, f64)> = blocks.iter().map(|block| (block.treated, block.plain[0])).collect();
    Some(Found {
        effect: effect.title().to_owned(),
        arm: arm.to_owned(),
        quantity,
        real,
        decides,
        blocks: blocks.len(),
        draws: DRAWS,
        found: found_share(blocks, (scale, margin), DRAWS, plan.seed),
        estimate: compare(&against_a, scale, margin).estimate,
    })
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// For a table.
fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "too few blocks".to_owned(), percent)
}

fn size(found: &Found) -> String {
    let Some(value) = found.estimate else { return "–".to_owned() };
    match found.quantity.compared() {
        Some((Scale::Difference, _)) => format!("{value:+.3} {}", found.quantity.unit()),
        _ => format!("{:+.1} %", 100.0 * (value - 1.0)),
    }
}

impl SelfTest {
    /// Targets that are missed.
    #[must_use]
    pub fn missed(&self) -> usize {
        let effects = self.effects.iter().filter(|row| row.decides && !row.met()).count();
        let as_run = usize::from(self.as_run.standing() == SelfTestStanding::Missed);
        effects + as_run + self.same.iter().filter(|row| !row.met()).count()
    }

    /// A line for each row, for the terminal.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let word = |decides: bool, met: bool| match (decides && !self.smoke, met) {
            (false, _) => "told  ",
            (true, true) => "met   ",
            (true, false) => "MISSED",
        };
        let same = self.same.iter().map(|row| {
            let Same { arm, blocks, ties, draws, .. } = row;
            let differs = row.differs.map_or_else(
                || format!("{blocks} blocks are too few to draw from"),
                |share| {
                    format!("{} of {draws} relabelled pairs differ ({ties} of {blocks} blocks tie)", percent(share))
                },
            );
            let (as_run, places) = (row.as_run.words(), row.first_against_second.words());
            let (word, quantity) = (word(true, row.met()), row.quantity.title());
            format!(
                "{word} {arm} against itself, {quantity}: {differs}; as run: {as_run}; first against second: {places}"
            )
        });
        let effects = self.effects.iter().map(|row| {
            let Found { effect, arm, blocks, draws, .. } = row;
            let how = if row.real { "" } else { " (added to the figures)" };
            let found = row.found.map_or_else(
                || format!("{blocks} blocks are too few to draw from"),
                |share| format!("found in {} of {draws} pairs from {blocks} blocks", percent(share)),
            );
            let (word, quantity) = (word(row.decides, row.met()), row.quantity.title());
            format!("{word} {effect}{how}, {arm}, {quantity}: {}; {found}", size(row))
        });
        same.chain([self.as_run.line(self.smoke)]).chain(effects).collect()
    }

    /// Writes `self-test.json` and `self-test.md`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&self, dir: &Path) -> std::io::Result<()> {
        std::fs::write(dir.join("self-test.md"), self.markdown())?;
        std::fs::write(dir.join(super::newest::FILE), serde_json::to_vec_pretty(self)?)
    }

    fn markdown(&self) -> String {
        let yes = |met: bool| if met { "yes" } else { "**no**" };
        // Writing to a String cannot fail.
        let mut text = String::new();
        let _ = writeln!(
            text,
            "# Self-test: can the suite tell?\n\n{}, wirerace {}, {}; {} on {}; {}; {} clients, {} quotes/s, windows of {} ms; seed {}.{}\n",
            self.started_utc,
            self.software,
            self.commit.as_deref().unwrap_or("commit unknown"),
            self.environment.processor,
            self.environment.system,
            if self.environment.optimised { "optimised" } else { "**not optimised**" },
            self.load.clients,
            self.load.feed.rate_per_s,
            self.load.window_ms,
            self.seed,
            if self.smoke { " A smoke run, in which tainted trials count: it decides nothing." } else { "" }
        );
        let _ = writeln!(
            text,
            "## Arms against themselves\n\nTwo real trials of one arm in each block, labelled A and B. Each of {DRAWS} draws takes {PAIR_BLOCKS} of the blocks, \
             deals the labels in each of them at random, and compares as reports do. Because the labels are dealt at random, \
             the share is a property of the interval, 3.9 % at {PAIR_BLOCKS} blocks without ties, and checks the arithmetic, not the machine; equal values never \
             differ, so that with ties only the upper end of the target, {:.0} to {:.0} %, holds. The last two columns are one comparison each of all blocks, \
             as they were run: one in about 25 or fewer differs by chance.\n\n\
             | arm | quantity | blocks | ties | relabelled pairs that differ | met | labels as run | first against second of a block |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- |",
            100.0 * SAME.0,
            100.0 * SAME.1
        );
        for row in &self.same {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                row.arm,
                row.quantity.title(),
                row.blocks,
                row.ties,
                share(row.differs),
                yes(row.met()),
                row.as_run.words(),
                row.first_against_second.words()
            );
        }
        let _ = writeln!(text, "\n{}", as_run::paragraph(&self.as_run, &self.in_order));
        let _ = writeln!(
            text,
            "\n## Effects put in\n\nReal ones are done by the server: it burns processor time for every quote (a tenth of the median of all plain trials before), \
             its feed publishes 1 ms after the due instants, its quotes are two bytes longer. The others are added to the figures of B, as a check of the arithmetic. \
             Found means *differs*, to the right side, in a draw of {PAIR_BLOCKS} of the blocks, each against A or B at random; target at least {:.0} %. Draws share blocks: \
             the shares speak of these trials.\n\n\
             | effect | how | arm | quantity | size | blocks | found | met |\n| --- | --- | --- | --- | --- | --- | --- | --- |",
            100.0 * FOUND_MIN
        );
        for row in &self.effects {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} |",
                row.effect,
                if row.real { "real" } else { "added" },
                row.arm,
                row.quantity.title(),
                size(row),
                row.blocks,
                share(row.found),
                if row.decides { yes(row.met()) } else { "told" }
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(differs: f64, ties: usize) -> Same {
        Same {
            arm: "x".into(),
            quantity: Quantity::OwnCpu,
            blocks: 24,
            ties,
            draws: 1,
            differs: Some(differs),
            as_run: Outcome::Equal,
            first_against_second: Outcome::Equal,
        }
    }

    #[test]
    fn too_seldom_and_too_often_are_missed_unless_ties_explain_it() {
        assert!(same(0.039, 0).met() && !same(0.029, 0).met() && !same(0.081, 0).met());
        assert!(same(0.0, 3).met() && !same(0.081, 3).met());
        assert!(!Same { differs: None, ..same(0.0, 0) }.met());
    }

    #[test]
    fn only_rows_that_decide_can_be_missed() {
        let found = |share, decides| Found {
            effect: "+1 ms".into(),
            arm: "x".into(),
            quantity: Quantity::LatenessP50,
            real: true,
            decides,
            blocks: 24,
            draws: 1,
            found: share,
            estimate: Some(1.0),
        };
        let test = |same: Vec<Same>, effects: Vec<Found>| SelfTest {
            software: String::new(),
            commit: None,
            started_utc: String::new(),
            ended_utc: String::new(),
            smoke: false,
            seed: 1,
            environment: Environment::default(),
            load: LoadSpec::default(),
            same,
            as_run: AsRun { pairs: 66, differ: 20, tied: 3 },
            in_order: AsRun::default(),
            effects,
        };
        let effects = vec![found(Some(0.79), true), found(None, true), found(Some(0.8), true), found(Some(0.1), false)];
        let test = test(vec![same(0.5, 0), same(0.05, 0)], effects);
        assert_eq!(test.missed(), 4, "the labels as run are one of them");
        let text = test.markdown();
        assert!(text.contains("| +1 ms | real | x | median lateness | +1.000 ms | 24 | 79.0 % | **no** |"), "{text}");
        assert_eq!(test.lines().iter().filter(|line| line.starts_with("MISSED")).count(), 4);
        assert!(
            text.contains("30.3 % (20 of 66 pairs of 6 blocks; binomial interval 19.6 to 42.9 %) differ"),
            "{text}"
        );
        assert!(text.contains("target 3 to 8 %: **missed**"), "{text}");
    }
}
