//! The newest self-test of this machine in short, for the manifests of the runs beside it.

use std::path::Path;

use wirerace_contract::results::{Environment, SelfTestRow, SelfTestStanding, SelfTestSummary};

use super::as_run::AsRun;
use super::verdict::{FOUND_MIN, Found, SAME, Same, SelfTest};

/// The file in which a self-test's shares are kept. It is written last: where it is, the self-test was finished.
pub const FILE: &str = "self-test.json";

/// The newest finished self-test below `out` that was made on the machine `here`. Smoke runs do not count, since they
/// decide nothing; nor does a file that cannot be read, since no run should fail over it.
#[must_use]
pub fn newest(out: &Path, here: &Environment) -> Option<SelfTestSummary> {
    let folders =
        std::fs::read_dir(out).ok()?.flatten().filter(|entry| is_self_test(&entry.file_name().to_string_lossy()));
    let read = |path: &Path| serde_json::from_slice::<SelfTest>(&std::fs::read(path.join(FILE)).ok()?).ok();
    let all = folders.filter_map(|folder| read(&folder.path())).filter(|test| !test.smoke);
    let ours = all.filter(|test| same_machine(&test.environment, here));
    // Instants of one form sort as text; of two in one second any will do.
    ours.max_by(|a, b| a.started_utc.cmp(&b.started_utc)).map(|test| test.summary())
}

/// `…-self-test`, or `…-self-test-2` where two began in one second.
fn is_self_test(name: &str) -> bool {
    let number = |rest: &str| rest.is_empty() || rest.strip_prefix('-').is_some_and(|n| n.parse::<u32>().is_ok());
    name.rsplit_once("-self-test").is_some_and(|(_, rest)| number(rest))
}

/// As far as files without host names can tell. Kernels are updated, memory is lent: neither makes another machine.
fn same_machine(a: &Environment, b: &Environment) -> bool {
    (&a.processor, a.cpus, a.hypervisor.is_some()) == (&b.processor, b.cpus, b.hypervisor.is_some())
}

impl SelfTest {
    /// What the manifests of other runs keep of it.
    #[must_use]
    pub fn summary(&self) -> SelfTestSummary {
        // Files of before have none.
        let as_run = (self.as_run != AsRun::default()).then(|| self.as_run.row());
        SelfTestSummary {
            started_utc: self.started_utc.clone(),
            commit: self.commit.clone(),
            optimised: self.environment.optimised,
            rows: self.same.iter().map(same_row).chain(as_run).chain(self.effects.iter().map(effect_row)).collect(),
        }
    }
}

fn standing(share: Option<f64>, decides: bool, met: bool) -> SelfTestStanding {
    match (share, decides) {
        (_, false) => SelfTestStanding::Told,
        (None, true) => SelfTestStanding::TooFewBlocks,
        (Some(_), true) if met => SelfTestStanding::Met,
        (Some(_), true) => SelfTestStanding::Missed,
    }
}

fn same_row(row: &Same) -> SelfTestRow {
    SelfTestRow {
        arm: row.arm.clone(),
        what: "against itself".to_owned(),
        quantity: row.quantity.title().to_owned(),
        share: row.differs,
        // Equal values never differ, so that ties leave no lower end.
        target: Some(if row.ties > 0 { (0.0, SAME.1) } else { SAME }),
        standing: standing(row.differs, true, row.met()),
        interval: None,
    }
}

fn effect_row(row: &Found) -> SelfTestRow {
    SelfTestRow {
        arm: row.arm.clone(),
        what: if row.real { row.effect.clone() } else { format!("{} (added to the figures)", row.effect) },
        quantity: row.quantity.title().to_owned(),
        share: row.found,
        target: row.decides.then_some((FOUND_MIN, 1.0)),
        standing: standing(row.found, row.decides, row.met()),
        interval: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Outcome;
    use crate::summary::Quantity;

    fn same(differs: Option<f64>, ties: usize) -> Same {
        Same {
            arm: "x".into(),
            quantity: Quantity::OwnCpu,
            blocks: 24,
            ties,
            draws: 1,
            differs,
            as_run: Outcome::Equal,
            first_against_second: Outcome::Equal,
        }
    }

    fn found(real: bool, decides: bool, found: Option<f64>) -> Found {
        Found {
            effect: "+1 ms".into(),
            arm: "x".into(),
            quantity: Quantity::LatenessP50,
            real,
            decides,
            blocks: 24,
            draws: 1,
            found,
            estimate: None,
        }
    }

    fn kept(out: &Path, folder: &str, change: impl FnOnce(&mut SelfTest)) {
        let mut test = SelfTest {
            software: String::new(),
            commit: Some("abc".into()),
            started_utc: "2026-01-02T00:00:00Z".into(),
            ended_utc: String::new(),
            smoke: false,
            seed: 1,
            environment: Environment { processor: "p".into(), cpus: 2, ..Environment::default() },
            load: Default::default(),
            same: vec![same(Some(0.04), 0)],
            as_run: AsRun { pairs: 66, differ: 3, tied: 1 },
            in_order: AsRun::default(),
            effects: Vec::new(),
        };
        change(&mut test);
        std::fs::create_dir(out.join(folder)).unwrap();
        test.write(&out.join(folder)).unwrap();
    }

    #[test]
    fn the_newest_finished_one_of_this_machine_is_taken() {
        let out = tempfile::tempdir().unwrap();
        let here = Environment { processor: "p".into(), cpus: 2, memory_bytes: 5, ..Environment::default() };
        let taken = || newest(out.path(), &here).map(|test| test.started_utc);
        assert_eq!(taken(), None);
        let at = |utc: &'static str| move |test: &mut SelfTest| test.started_utc = utc.into();
        // The name of a reference run is a date: what counts is when it began.
        kept(out.path(), "2026-01-02-self-test", at("2026-01-02T00:00:00Z"));
        kept(out.path(), "20260101T000000Z-self-test-1", at("2026-01-01T00:00:00Z"));
        assert_eq!(taken().as_deref(), Some("2026-01-02T00:00:00Z"));
        kept(out.path(), "20260103T000000Z-self-test", |test| {
            at("2026-01-03T00:00:00Z")(test);
            test.smoke = true;
        });
        kept(out.path(), "20260104T000000Z-self-test", |test| {
            at("2026-01-04T00:00:00Z")(test);
            test.environment.processor = "another".into();
        });
        kept(out.path(), "20260105T000000Z-self-testing", at("2026-01-05T00:00:00Z"));
        std::fs::create_dir(out.path().join("20260106T000000Z-self-test")).unwrap();
        std::fs::create_dir(out.path().join("20260107T000000Z-self-test")).unwrap();
        std::fs::write(out.path().join("20260107T000000Z-self-test").join(FILE), "{").unwrap();
        assert_eq!(taken().as_deref(), Some("2026-01-02T00:00:00Z"), "smoke, elsewhere, other, unfinished, damaged");
    }

    #[test]
    fn rows_say_what_was_met_missed_or_only_told() {
        let short = |test: &SelfTestRow| (test.target, test.standing);
        let same = [same(Some(0.04), 0), same(Some(0.0), 3), same(Some(0.0), 0), same(None, 0)]
            .map(|row| short(&same_row(&row)));
        let (met, missed) = (SelfTestStanding::Met, SelfTestStanding::Missed);
        let within = |low| Some((low, 0.08));
        assert_eq!(same[..3], [(within(0.03), met), (within(0.0), met), (within(0.03), missed)]);
        assert_eq!(same[3].1, SelfTestStanding::TooFewBlocks);
        let effects = [found(true, true, Some(0.8)), found(true, true, Some(0.79)), found(false, false, Some(0.1))];
        let effects = effects.map(|row| effect_row(&row));
        assert_eq!(
            effects.each_ref().map(short),
            [(Some((0.8, 1.0)), met), (Some((0.8, 1.0)), missed), (None, SelfTestStanding::Told)]
        );
        assert_eq!(effects[2].what, "+1 ms (added to the figures)");
    }
}
