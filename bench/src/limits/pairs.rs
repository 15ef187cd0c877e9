//! Pairs: ours and something else in turn, close together, so that both meet the same machine.

use anyhow::Result;

use super::measure::{Bench, Sample};
use crate::output::note;

/// How often something is taken before it is kept on a disturbed machine.
const ATTEMPTS: usize = 4;

/// Pairs as they were taken.
pub struct Pairs {
    /// Ours, then the other.
    pub taken: Vec<(Sample, Sample)>,
    /// How quiet the machine was.
    pub machine: Machine,
}

impl Pairs {
    /// One figure of each pair.
    pub fn each(&self, figure: impl Fn(&Sample, &Sample) -> f64) -> Vec<f64> {
        self.taken.iter().map(|(ours, other)| figure(ours, other)).collect()
    }

    /// Ours over the other's processor time per quote or answer.
    pub fn cost_ratios(&self) -> Vec<f64> {
        self.each(|ours, other| ours.cpu_us_each() / other.cpu_us_each())
    }

    /// Lost by either in all pairs.
    pub fn lost(&self) -> u64 {
        self.taken.iter().map(|(ours, other)| ours.counted.lost + other.counted.lost).sum()
    }
}

/// How quiet the machine was while something was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Machine {
    /// How often something was thrown away because the machine was disturbed.
    pub retaken: usize,
    /// How much was kept although it was.
    pub disturbed: usize,
}

impl Machine {
    /// What to say about it; nothing where it was quiet.
    pub fn words(self) -> String {
        match (self.retaken, self.disturbed) {
            (0, 0) => String::new(),
            (retaken, 0) => format!("taken again on a disturbed machine: {retaken}"),
            (retaken, kept) => format!("taken again on a disturbed machine: {retaken}, kept in spite of it: {kept}"),
        }
    }

    /// The same behind another note.
    pub fn after(self, note: &str) -> String {
        let words = self.words();
        if words.is_empty() { note.to_owned() } else { format!("{note}; {words}") }
    }

    /// Takes something that says itself whether the machine was disturbed; if it was, again, whatever the figures.
    pub async fn quiet<T>(&mut self, once: bool, mut take: impl AsyncFnMut() -> Result<(T, bool)>) -> Result<T> {
        let mut attempt = 1;
        loop {
            let (taken, disturbed) = take().await?;
            if !disturbed || attempt == ATTEMPTS || once {
                self.disturbed += usize::from(disturbed);
                return Ok(taken);
            }
            self.retaken += 1;
            attempt += 1;
            note("limits: once more, the machine was disturbed");
        }
    }
}

impl Bench {
    /// Takes pairs; which of the two goes first alternates, so that drift does not favour one. A pair during which the
    /// machine was disturbed from outside is taken again, whatever its figures.
    pub async fn take_pairs(
        &self,
        mut ours: impl AsyncFnMut() -> Result<Sample>,
        mut other: impl AsyncFnMut() -> Result<Sample>,
    ) -> Result<Pairs> {
        let mut pairs = Pairs { taken: Vec::new(), machine: Machine::default() };
        for number in 0..self.pairs() {
            let pair = async || {
                let pair = if number % 2 == 0 {
                    let first = ours().await?;
                    (first, other().await?)
                } else {
                    let first = other().await?;
                    (ours().await?, first)
                };
                let disturbed = pair.0.disturbed || pair.1.disturbed;
                Ok((pair, disturbed))
            };
            pairs.taken.push(pairs.machine.quiet(self.smoke, pair).await?);
        }
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use wirerace_contract::results::Pinning;

    use super::super::role::Counted;
    use super::*;

    fn sample(cpu_ns: u64, disturbed: bool) -> Sample {
        Sample { cpu_ns, counted: Counted { delivered: 1, ..Counted::default() }, disturbed }
    }

    fn bench() -> Bench {
        Bench { pinning: Pinning { server_cpu: 0, load_cpu: 1 }, smoke: false, pairs: Some(3) }
    }

    #[tokio::test]
    async fn the_order_alternates_and_a_disturbed_pair_is_taken_again() {
        let (clock, taken) = (Cell::new(0), Cell::new(0));
        let at = || {
            clock.set(clock.get() + 1);
            clock.get()
        };
        let pairs = bench()
            .take_pairs(
                async || {
                    taken.set(taken.get() + 1);
                    Ok(sample(at(), taken.get() == 2))
                },
                async || Ok(sample(at(), false)),
            )
            .await
            .unwrap();
        let order: Vec<_> = pairs.taken.iter().map(|(ours, other)| (ours.cpu_ns, other.cpu_ns)).collect();
        assert_eq!(order, [(1, 2), (6, 5), (7, 8)], "3 and 4 were thrown away");
        assert_eq!((pairs.machine.retaken, pairs.machine.disturbed), (1, 0));
        assert!(pairs.machine.words().ends_with("machine: 1"));
    }

    #[tokio::test]
    async fn a_machine_that_stays_disturbed_is_said() {
        let pairs = bench().take_pairs(async || Ok(sample(3, true)), async || Ok(sample(2, false))).await.unwrap();
        assert_eq!((pairs.taken.len(), pairs.machine.retaken, pairs.machine.disturbed), (3, 9, 3));
        assert_eq!(pairs.cost_ratios(), [1.5; 3]);
        assert!(pairs.machine.words().ends_with("machine: 9, kept in spite of it: 3"));
    }
}
