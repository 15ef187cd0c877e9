//! Which packets are lost: each on its own, or in runs.

use wirerace_contract::plan::SplitMix64;
use wirerace_contract::spec::Link;

/// Losses, one answer a packet.
///
/// Runs follow Gilbert's model ("Capacity of a burst-noise channel", Bell System Technical Journal 39, 1960) in its
/// simplest form: a state in which nothing is lost and one in which everything is. With `r` the probability of leaving
/// the losing state after a packet, runs have the mean length 1/r; with `p` that of entering it, the share of losses
/// is p/(p + r).
#[derive(Clone, Debug)]
pub struct Loss {
    kind: Kind,
    random: SplitMix64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Never,
    Independent { share: f64 },
    Runs { enter: f64, leave: f64, losing: bool },
}

impl Loss {
    /// The losses of `link`, random from `seed`.
    #[must_use]
    pub fn new(link: &Link, seed: u64) -> Self {
        let mut random = SplitMix64::new(seed);
        let (share, burst) = (link.loss_share, link.loss_burst_packets);
        let kind = if share <= 0.0 {
            Kind::Never
        } else if burst <= 1.0 || share >= 1.0 {
            Kind::Independent { share }
        } else {
            let leave = 1.0 / burst;
            // From share = enter/(enter + leave). It begins in the state that it would be in after a long time.
            let enter = (leave * share / (1.0 - share)).min(1.0);
            Kind::Runs { enter, leave, losing: random.uniform() < share }
        };
        Self { kind, random }
    }

    /// Whether the next packet is lost.
    pub fn takes_next(&mut self) -> bool {
        match &mut self.kind {
            Kind::Never => false,
            Kind::Independent { share } => self.random.uniform() < *share,
            Kind::Runs { enter, leave, losing } => {
                let lost = *losing;
                let turns = if lost { *leave } else { *enter };
                if self.random.uniform() < turns {
                    *losing = !lost;
                }
                lost
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKETS: usize = 400_000;

    fn losses(share: f64, burst: f64, seed: u64) -> Vec<bool> {
        let link = Link { loss_share: share, loss_burst_packets: burst, ..crate::link::PLAIN };
        let mut loss = Loss::new(&link, seed);
        (0..PACKETS).map(|_| loss.takes_next()).collect()
    }

    /// Share of losses, and mean length of their runs.
    fn measure(losses: &[bool]) -> (f64, f64) {
        let lost = losses.iter().filter(|lost| **lost).count() as f64;
        let runs = losses.chunk_by(|a, b| a == b).filter(|run| run[0]).count() as f64;
        (lost / losses.len() as f64, lost / runs)
    }

    #[test]
    fn independent_losses_have_their_share_and_no_memory() {
        for share in [0.005, 0.02, 0.3] {
            let (seen, run) = measure(&losses(share, 0.0, 1));
            // Four standard errors of a share; without memory runs have the mean length 1/(1 − share).
            assert!((seen - share).abs() < 4.0 * (share / PACKETS as f64).sqrt(), "{seen} of {share}");
            assert!((run * (1.0 - share) - 1.0).abs() < 0.03, "runs of {run} at {share}");
        }
        assert_eq!(measure(&losses(0.02, 1.0, 1)), measure(&losses(0.02, 0.0, 1)), "a run of one is no run");
    }

    #[test]
    fn runs_have_their_mean_length_and_share() {
        for (share, burst) in [(0.02, 4.0), (0.1, 10.0), (0.5, 2.0), (0.005, 3.0)] {
            let (seen, run) = measure(&losses(share, burst, 7));
            // Runs are share × packets / burst in number, each with a spread of about its own length.
            let runs = share * PACKETS as f64 / burst;
            assert!((run / burst - 1.0).abs() < 4.0 / runs.sqrt(), "runs of {run} for {burst}");
            assert!((seen / share - 1.0).abs() < 6.0 / runs.sqrt(), "{seen} of {share} in runs of {burst}");
        }
    }

    #[test]
    fn nothing_and_everything_are_exact_and_seeds_matter() {
        assert!(losses(0.0, 5.0, 3).iter().all(|lost| !lost));
        assert!(losses(1.0, 5.0, 3).iter().all(|lost| *lost) && losses(1.0, 0.0, 3).iter().all(|lost| *lost));
        assert_eq!(losses(0.02, 4.0, 9), losses(0.02, 4.0, 9));
        assert_ne!(losses(0.02, 4.0, 9), losses(0.02, 4.0, 10));
    }
}
