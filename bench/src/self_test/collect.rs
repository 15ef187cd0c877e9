//! The trials of the self-test: plain ones under two labels, and ones made worse on purpose.

use std::collections::BTreeMap;

use wirerace_contract::encoding::Encoding;
use wirerace_contract::feed::{Arrivals, FeedSpec};
use wirerace_contract::plan::phases_seed;
use wirerace_contract::results::{ArmEntry, Cell, Pinning, SCHEMA_VERSION, Standing, Trial};
use wirerace_contract::spec::LoadSpec;

use super::Options;
use super::relabel::PAIR_BLOCKS;
use crate::experiment::Experiment;
use crate::failure::{Failure, file_failure};
use crate::order::balanced_order;
use crate::output::note;
use crate::run::{RunFolder, judge, with_first_moments};
use crate::statistics::median;
use crate::summary::Quantity;
use crate::trial::{self, Injection, TrialSetup};
use crate::{registry, utc};

/// Usable blocks that are collected: twice as many as a published comparison has, so that draws of [`PAIR_BLOCKS`] differ.
const BLOCKS: u32 = 2 * PAIR_BLOCKS as u32;
/// Processor time put in, as a share of what is measured without.
const CPU_SHARE: f64 = 0.10;
/// Delay put in, nanoseconds.
pub(super) const LATE_NS: u64 = 1_000_000;
/// Bytes put into each quote.
pub(super) const EXTRA_BYTES: u32 = 2;
/// Distance of polls, milliseconds.
const INTERVAL_MS: u32 = 100;
/// Plain trials before the first block, from which the first dose of processor time is computed.
const PILOTS: u32 = 3;

/// What is put into a trial on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A tenth more processor time of the server.
    ServerCpu,
    /// A tenth more processor time of server and load together, burnt by the server.
    OwnCpu,
    /// Every quote published a millisecond after it was due.
    Late,
    /// Two bytes more in every quote.
    Bytes,
}

impl Effect {
    const ALL: [Self; 4] = [Self::ServerCpu, Self::OwnCpu, Self::Late, Self::Bytes];

    /// In words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::ServerCpu => "+10 % of the server's CPU",
            Self::OwnCpu => "+10 % of server's and load's CPU",
            Self::Late => "+1 ms",
            Self::Bytes => "+2 bytes",
        }
    }

    /// Quantities in which it is looked for. The first must find it; what the others find is told.
    #[must_use]
    pub const fn sought(self) -> &'static [Quantity] {
        match self {
            Self::ServerCpu => &[Quantity::ServerCpu, Quantity::OwnCpu],
            Self::OwnCpu => &[Quantity::OwnCpu, Quantity::ServerCpu],
            Self::Late => &[Quantity::LatenessP50, Quantity::StalenessMean],
            Self::Bytes => &[Quantity::ApplicationBytes, Quantity::PacketBytes],
        }
    }
}

/// One kind of trial: stands once in each block.
#[derive(Clone, Debug)]
pub struct Item {
    /// The arm, named with its label.
    pub entry: ArmEntry,
    /// The arm's own name.
    pub arm: &'static str,
    /// What is put in; `None` for the plain trials A and B.
    pub effect: Option<Effect>,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Kinds of trials.
    pub items: Vec<Item>,
    /// Usable blocks wanted.
    pub blocks: u32,
    /// What every trial carries.
    pub load: LoadSpec,
    /// Seed of everything random.
    pub seed: u64,
    /// See [`Options::smoke`].
    pub smoke: bool,
}

/// The trials of all blocks by the name of their arm, label included, and block.
pub type Collected = BTreeMap<(String, u32), Trial>;

/// The name of a trial's arm.
#[must_use]
pub fn label(arm: &str, which: &str) -> String {
    format!("{arm} {which}")
}

impl Plan {
    /// What `options` ask for.
    ///
    /// # Errors
    /// When the number of blocks is out of range.
    pub fn new(options: &Options) -> Result<Self, String> {
        let blocks = options.blocks.unwrap_or(if options.smoke { 2 } else { BLOCKS });
        if blocks == 0 || !options.smoke && (blocks as usize) < PAIR_BLOCKS {
            return Err(format!(
                "{blocks} blocks: the self-test compares pairs of {PAIR_BLOCKS} blocks, so it needs as many, and twice as many are better"
            ));
        }
        let arms: &[&'static str] = if options.smoke { &["ws"] } else { &["ws", "sse", "poll"] };
        let mut items = Vec::new();
        for arm in arms.iter().copied() {
            let mut add = |which: &str, effect| -> Result<(), String> {
                let mut entry = registry::arm(arm, INTERVAL_MS)?;
                entry.arm.name = label(arm, which);
                items.push(Item { entry, arm, effect });
                Ok(())
            };
            add("A", None)?;
            add("B", None)?;
            if arm == "ws" {
                Effect::ALL.into_iter().try_for_each(|effect| add(effect.title(), Some(effect)))?;
            }
        }
        // So many quotes that a window of them takes hundreds of milliseconds of processor time: a share of little is all
        // noise, and what a neighbour takes in a burst of some hundred milliseconds must stay a small part of the window.
        let feed = FeedSpec {
            seed: options.seed,
            symbols: 4,
            arrivals: Arrivals::Poisson,
            rate_per_s: 500.0,
            payload_bytes: 0,
        };
        let load = LoadSpec {
            clients: 20,
            feed,
            window_ms: if options.smoke { 300 } else { 1_500 },
            grid_ms: INTERVAL_MS,
            warm_up_max_ms: 200,
            ..LoadSpec::default()
        };
        Ok(Self { items, blocks, load, seed: options.seed, smoke: options.smoke })
    }

    /// Blocks that are tried at most: some are lost on a machine that is disturbed.
    fn blocks_max(&self) -> u32 {
        if self.smoke { self.blocks } else { self.blocks + self.blocks / 2 }
    }

    /// How long it takes: in peace, and at most; seconds.
    #[must_use]
    pub fn seconds(&self) -> (u64, u64) {
        // Warm-up and window, and about 0.3 s to start, connect, drain and end two processes.
        let each_ms = self.load.warm_up_max_ms + self.load.window_ms + 300;
        let all = |blocks: u32| (u64::from(blocks) * self.items.len() as u64 + u64::from(PILOTS)) * each_ms / 1_000;
        (all(self.blocks), all(self.blocks_max()))
    }

    /// The same as an experiment, for the manifest: `wirerace report` can then read the trials too.
    #[must_use]
    pub fn experiment(&self) -> Experiment {
        Experiment {
            name: "self-test".to_owned(),
            question: "Can the suite tell? Arms against themselves, and effects put in on purpose.".to_owned(),
            arms: self.items.iter().map(|item| item.entry.clone()).collect(),
            cells: vec![Cell { name: self.cell(), load: self.load.clone(), ..Cell::default() }],
            blocks: self.blocks,
            repeats_of_tainted: 0,
            ..Experiment::default()
        }
    }

    fn cell(&self) -> String {
        format!("{} clients, {} quotes/s", self.load.clients, self.load.feed.rate_per_s)
    }

    /// Makes the trials, block after block, until every comparison has its blocks.
    ///
    /// # Errors
    /// When a trial cannot be written down.
    pub async fn collect(&self, pinning: Option<Pinning>, folder: &RunFolder) -> Result<Collected, Failure> {
        let scratch = tempfile::tempdir().map_err(|error| file_failure("create", &std::env::temp_dir(), &error))?;
        let maker = Maker { plan: self, pinning, scratch: scratch.path() };
        let mut collected = Collected::new();
        let mut plain = Vec::new();
        for pilot in 0..PILOTS {
            // Blocks count from 1: what the pilots tell is the dose, and no more.
            let trial = maker.make(&self.items[0], 0, pilot + 1, Injection::default()).await;
            plain.push(trial);
        }
        let orders = balanced_order(self.items.len(), self.blocks_max() as usize, self.seed);
        for (block, order) in (1..).zip(orders) {
            if self.usable_blocks(&collected) >= self.blocks as usize {
                break;
            }
            note(format!(
                "self-test: block {block}, {} of {} usable so far",
                self.usable_blocks(&collected),
                self.blocks
            ));
            for (position, item) in (1..).zip(order) {
                let item = &self.items[item];
                let trial = maker.make(item, block, position, maker.injection(item.effect, &plain)).await;
                if trial.standing != Standing::Valid {
                    note(format!("  {} {:?}: {}", trial.arm.name, trial.standing, trial.reasons.join("; ")));
                }
                folder.append(std::slice::from_ref(&trial))?;
                if item.effect.is_none() && item.arm == self.items[0].arm {
                    plain.push(trial.clone());
                }
                collected.insert((trial.arm.name.clone(), block), trial);
            }
        }
        Ok(collected)
    }

    /// Whether a trial may be used: valid ones, and in a smoke run tainted ones too.
    #[must_use]
    pub fn usable(&self, trial: &Trial) -> bool {
        trial.standing == Standing::Valid || self.smoke && trial.standing == Standing::Tainted
    }

    /// Blocks of the comparison that has fewest.
    fn usable_blocks(&self, collected: &Collected) -> usize {
        let has = |name: String, block| collected.get(&(name, block)).is_some_and(|trial| self.usable(trial));
        let last = collected.keys().map(|(_, block)| *block).max().unwrap_or(0);
        let of_item = |item: &Item| {
            let plain = |block| has(label(item.arm, "A"), block) && has(label(item.arm, "B"), block);
            (1..=last).filter(|block| plain(*block) && has(item.entry.arm.name.clone(), *block)).count()
        };
        self.items.iter().map(of_item).min().unwrap_or(0)
    }
}

/// Makes trials.
struct Maker<'a> {
    plan: &'a Plan,
    pinning: Option<Pinning>,
    scratch: &'a std::path::Path,
}

impl Maker<'_> {
    /// What to put in for `effect`, in doses of what the plain trials so far took.
    fn injection(&self, effect: Option<Effect>, plain: &[Trial]) -> Injection {
        // Nothing is put into a trial of A or B; the two bytes are part of the load.
        let quantity = match effect {
            Some(Effect::ServerCpu) => Quantity::ServerCpu,
            Some(Effect::OwnCpu) => Quantity::OwnCpu,
            Some(Effect::Late) => return Injection { publish_late_ns: LATE_NS, ..Injection::default() },
            Some(Effect::Bytes) | None => return Injection::default(),
        };
        let values: Vec<f64> = plain.iter().filter_map(|t| quantity.of(t, t.measured.as_ref()?)).collect();
        let us_per_delivered = median(&values).unwrap_or(0.0);
        let us = CPU_SHARE * us_per_delivered * f64::from(self.plan.load.clients);
        Injection { burn_ns_per_published: (us * 1e3) as u64, ..Injection::default() }
    }

    async fn make(&self, item: &Item, block: u32, position: u32, injection: Injection) -> Trial {
        // As in a run: quotes and phases of a block are the same for all its trials, and differ between blocks.
        let mut load = self.plan.load.clone();
        load.feed.seed = load.feed.seed.wrapping_add(u64::from(block));
        if item.effect == Some(Effect::Bytes) {
            load.feed.payload_bytes = Encoding::Json.least_bytes() as u32 + EXTRA_BYTES;
        }
        let setup = TrialSetup {
            entry: &item.entry,
            load: &load,
            phase_seed: phases_seed(self.plan.seed, block),
            pinning: self.pinning.clone(),
            metered: true,
            progress_ms: None,
            scratch: self.scratch,
            link: None,
            injection,
        };
        let started_utc = utc::now();
        let (standing, reasons, measured) = match trial::measure(&setup, trial::start_soon(), |_| ()).await {
            Ok((measured, _)) => {
                let measured = with_first_moments(measured, block);
                let (standing, reasons) = judge(&item.entry, &load, &measured);
                (standing, reasons, Some(measured))
            }
            Err(error) => (Standing::Void, vec![format!("{error:#}")], None),
        };
        Trial {
            schema_version: SCHEMA_VERSION,
            cell: self.plan.cell(),
            block,
            position,
            attempt: 1,
            started_utc,
            arm: item.entry.arm.clone(),
            descriptor: item.entry.descriptor.clone(),
            load,
            standing,
            reasons,
            measured,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(smoke: bool, blocks: Option<u32>) -> Options {
        Options { out: std::path::PathBuf::new(), smoke, blocks, seed: 1, pin: false }
    }

    #[test]
    fn fewer_blocks_than_a_pair_has_are_refused() {
        let refused = Plan::new(&options(false, Some(11))).unwrap_err();
        assert!(refused.contains("11 blocks") && refused.contains("12"), "{refused}");
        assert!(Plan::new(&options(true, Some(1))).is_ok());
    }

    #[test]
    fn the_length_is_told_for_peace_and_for_trouble() {
        let plan = Plan::new(&options(false, None)).unwrap();
        assert_eq!(plan.items.len(), 10, "two of each of three arms, and four effects");
        let (peace, trouble) = plan.seconds();
        assert!((420..540).contains(&peace) && trouble > peace, "{peace} {trouble}");
        assert!(plan.experiment().check().is_ok(), "what is written to the manifest can be run");
    }

    #[test]
    fn doses_follow_what_plain_trials_took() {
        let (_, trials) = crate::report::fixture::run();
        let plain: Vec<Trial> = trials.into_iter().filter(|trial| trial.arm.name == "ws").collect();
        let plan = Plan::new(&options(true, None)).unwrap();
        let maker = Maker { plan: &plan, pinning: None, scratch: std::path::Path::new("") };
        let server: Vec<f64> = plain.iter().filter_map(|t| Quantity::ServerCpu.of(t, t.measured.as_ref()?)).collect();
        let expected = 0.1 * median(&server).unwrap() * 20.0 * 1e3;
        let dose = maker.injection(Some(Effect::ServerCpu), &plain).burn_ns_per_published as f64;
        assert!((dose - expected).abs() < 2.0, "{dose} {expected}");
        assert!(maker.injection(Some(Effect::OwnCpu), &plain).burn_ns_per_published as f64 > dose);
        assert_eq!(maker.injection(None, &plain), Injection::default());
        assert_eq!(maker.injection(Some(Effect::Late), &plain).publish_late_ns, 1_000_000);
    }
}
