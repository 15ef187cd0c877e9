//! The runs as predicates see them: one arm in one cell at a time, found by what it does and not by its name.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Arm, Connection, Delivery, Path};

use super::trace::Exchange;
use super::{Holds, Number, Part, Source};
use crate::statistics::{self, Scale};
use crate::summary::words::{count, number};
use crate::summary::{ArmSummary, CellSummary, Comparison, Quantity, Reading, Summary};

/// A run with the name of its folder.
#[derive(Clone, PartialEq, Debug)]
pub struct RunSummary {
    /// Its folder.
    pub name: String,
    /// What it says.
    pub summary: Summary,
}

/// All that verdicts are made of.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Evidence {
    /// One run of each experiment.
    pub runs: Vec<RunSummary>,
    /// Exchanges over real sockets.
    pub exchanges: Vec<Exchange>,
}

/// How an arm gets its quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// Planned polls, a new connection for each.
    AskedAnew,
    /// Planned polls on a kept connection.
    Asked,
    /// Requests that the server holds.
    Held,
    /// Pushed within the answer to one request: the connection stays HTTP's and goes one way.
    Streamed,
    /// Pushed after an upgrade: the connection goes both ways.
    Upgraded,
}

/// An arm in a cell of a run.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The run's folder.
    pub run: &'a str,
    /// The cell.
    pub cell: &'a CellSummary,
    /// Options and transport.
    pub entry: &'a ArmEntry,
    /// What was measured.
    pub arm: &'a ArmSummary,
}

impl Evidence {
    /// Every measured arm in every cell of the runs of `experiments`.
    #[must_use]
    pub fn sides(&self, experiments: &[&str]) -> Vec<Side<'_>> {
        self.cells(experiments).into_iter().flatten().collect()
    }

    /// The same, cell by cell.
    #[must_use]
    pub fn cells(&self, experiments: &[&str]) -> Vec<Vec<Side<'_>>> {
        let runs = self.runs.iter().filter(|run| experiments.contains(&run.summary.experiment.as_str()));
        runs.flat_map(|run| {
            run.summary.cells.iter().map(move |cell| {
                let side = |(entry, arm)| Side { run: run.name.as_str(), cell, entry, arm };
                run.summary.arms.iter().zip(&cell.arms).map(side).filter(|side| side.arm.valid > 0).collect()
            })
        })
        .collect()
    }

    /// Pairs of arms of one cell and equal delivery (and, conflated, of equal interval): `left` and `right` are told by their ways.
    #[must_use]
    pub fn pairs(&self, experiments: &[&str], left: &[Way], right: &[Way]) -> Vec<(Side<'_>, Side<'_>)> {
        let mut pairs = Vec::new();
        for cell in self.cells(experiments) {
            for l in cell.iter().filter(|side| left.contains(&side.way())) {
                for r in cell.iter().filter(|side| right.contains(&side.way())) {
                    if comparable(&l.entry.arm, &r.entry.arm) {
                        pairs.push((*l, *r));
                    }
                }
            }
        }
        pairs
    }

    /// Trials that were made and that none of the verdicts uses: of arms and cells without a valid one, those that were
    /// tainted and those that are void.
    #[must_use]
    pub fn set_aside(&self, experiments: &[&str]) -> (u32, u32) {
        let runs = self.runs.iter().filter(|run| experiments.contains(&run.summary.experiment.as_str()));
        let arms = runs.flat_map(|run| &run.summary.cells).flat_map(|cell| &cell.arms).filter(|arm| arm.valid == 0);
        arms.fold((0, 0), |(tainted, void), arm| (tainted + arm.tainted, void + arm.void))
    }

    /// The exchange of that name.
    #[must_use]
    pub fn exchange(&self, name: &str) -> Option<&Exchange> {
        self.exchanges.iter().find(|exchange| exchange.name == name)
    }
}

/// Whether two arms want the same: equal delivery and encoding, and where they conflate, equal intervals. Otherwise one is
/// fresher because it was told to be.
#[must_use]
pub fn comparable(one: &Arm, other: &Arm) -> bool {
    let alike = one.delivery == Delivery::Every || one.interval_ms == other.interval_ms;
    alike && one.delivery == other.delivery && one.encoding == other.encoding
}

impl<'a> Side<'a> {
    /// How the arm gets its quotes.
    #[must_use]
    pub fn way(&self) -> Way {
        match (self.entry.descriptor.delivers, self.entry.arm.connection) {
            (Delivers::Planned, Connection::Closed) => Way::AskedAnew,
            (Delivers::Planned, Connection::Kept) => Way::Asked,
            (Delivers::Held, _) => Way::Held,
            (Delivers::Pushed, _) if self.arm.median(Quantity::Upgrades).is_some_and(|share| share > 0.0) => {
                Way::Upgraded
            }
            (Delivers::Pushed, _) => Way::Streamed,
        }
    }

    /// One-way delay, milliseconds.
    #[must_use]
    pub fn delay_ms(&self) -> f64 {
        self.cell.load.path.one_way_delay_s() * 1e3
    }

    /// Whether the cell has no distance. Only there CPU is that of server and clients alone.
    #[must_use]
    pub fn on_loopback(&self) -> bool {
        self.cell.load.path == Path::Loopback
    }

    /// Encoded size of a quote, bytes; 0 if the cell's is impossible.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.cell.load.feed.payload_bytes_in(self.entry.arm.encoding).unwrap_or_default()
    }

    /// The value of each trial, by block.
    fn points(&self, quantity: Quantity) -> Vec<(u32, f64)> {
        let points = self.arm.estimate(quantity).map(|estimate| estimate.points.as_slice()).unwrap_or_default();
        points.iter().filter_map(|point| Some((point.block, point.value?.get()))).collect()
    }

    /// The figure of `quantity`.
    #[must_use]
    pub fn number(&self, quantity: Quantity) -> Option<Number> {
        let values: Vec<f64> = self.points(quantity).into_iter().map(|(_, value)| value).collect();
        figure(&self.label(quantity.title()), quantity.unit(), &values, quantity.is_counted())
    }

    /// A figure computed from several quantities of each trial: counted if all of them are.
    #[must_use]
    pub fn derived<const N: usize>(
        &self,
        what: &str,
        unit: &str,
        quantities: [Quantity; N],
        of: impl Fn([f64; N]) -> f64,
    ) -> Option<Number> {
        let values: Vec<f64> = self.rows(quantities, of).into_iter().map(|(_, value)| value).collect();
        figure(&self.label(what), unit, &values, quantities.into_iter().all(Quantity::is_counted))
    }

    /// Such a figure as a share of another arm's in the same cell, paired within blocks.
    #[must_use]
    pub fn share_of<const N: usize>(
        &self,
        other: &Side<'_>,
        what: &str,
        quantities: [Quantity; N],
        of: impl Fn([f64; N]) -> f64,
    ) -> Option<Number> {
        let theirs = other.rows(quantities, &of);
        let pair = |(block, ours): (u32, f64)| Some(ours / theirs.iter().find(|(b, _)| *b == block)?.1);
        let values: Vec<f64> = self.rows(quantities, &of).into_iter().filter_map(pair).collect();
        let label = format!("{} ÷ {}: {what}", self.entry.arm.name, other.entry.arm.name);
        figure(&label, "", &values, quantities.into_iter().all(Quantity::is_counted))
    }

    /// A figure of each trial, by block.
    fn rows<const N: usize>(&self, quantities: [Quantity; N], of: impl Fn([f64; N]) -> f64) -> Vec<(u32, f64)> {
        let columns = quantities.map(|quantity| self.points(quantity));
        let row = |(block, _): &(u32, f64)| {
            let value = |column: &Vec<(u32, f64)>| column.iter().find(|(b, _)| b == block).map(|(_, v)| *v);
            let row: Vec<f64> = columns.iter().filter_map(value).collect();
            Some((*block, of(row.try_into().ok()?)))
        };
        columns.first().into_iter().flatten().filter_map(row).collect()
    }

    fn label(&self, what: &str) -> String {
        format!("{}: {what}", self.entry.arm.name)
    }

    /// This arm against another of the same cell, paired within blocks.
    #[must_use]
    pub fn against(&self, other: &Side<'_>, quantity: Quantity) -> Option<(Comparison, Number)> {
        let compared = self.cell.comparison(quantity, &self.entry.arm.name, &other.entry.arm.name)?;
        let (sign, unit) = match compared.scale {
            Scale::Difference => ("−", quantity.unit()),
            Scale::Ratio => ("÷", ""),
        };
        let number = Number {
            what: format!("{} {sign} {}: {}", compared.left, compared.right, quantity.title()),
            unit: unit.to_owned(),
            value: compared.estimate?,
            range: compared.interval.as_ref().map(|i| (i.low, i.high)).or_else(|| {
                // What is counted is exact in every trial: one block is enough, the range is that of its own value.
                quantity.is_counted().then_some((compared.estimate?, compared.estimate?))
            }),
        };
        Some((compared, number))
    }

    /// Where the figures of this arm come from.
    #[must_use]
    pub fn source(&self, others: &[&Side<'_>]) -> Source {
        let sides = || std::iter::once(self).chain(others.iter().copied());
        Source {
            run: self.run.to_owned(),
            cell: self.cell.name.clone(),
            arms: sides().map(|side| side.entry.arm.name.clone()).collect(),
            trials: sides().map(|side| side.arm.valid).collect(),
        }
    }

    /// The conditions that every figure is quoted with.
    #[must_use]
    pub fn setting(&self) -> String {
        let (load, arm) = (&self.cell.load, &self.entry.arm);
        let path = match load.path {
            Path::Loopback => "loopback".to_owned(),
            path => format!("{} with RTT {} ms", path.name(), number(2e3 * path.one_way_delay_s())),
        };
        let mut text = format!(
            "{} clients, {} quotes/s ({}) of {} B, {} delivery, {path}",
            count(u64::from(load.clients)),
            number(load.feed.rate_per_s),
            load.feed.arrivals,
            count(self.payload_bytes() as u64),
            arm.delivery.name(),
        );
        if load.heads.request_bytes > 0 || load.heads.response_bytes > 0 {
            text.push_str(&format!(", heads of {} and {} B", load.heads.request_bytes, load.heads.response_bytes));
        }
        text
    }
}

/// A figure out of the values of trials.
fn figure(what: &str, unit: &str, values: &[f64], counted: bool) -> Option<Number> {
    let value = Reading::new(statistics::median(values)?)?;
    let bounds = if counted {
        let ends = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick).and_then(Reading::new);
        ends(f64::min).zip(ends(f64::max))
    } else {
        statistics::median_bounds(values).and_then(|b| Reading::new(b.low).zip(Reading::new(b.high)))
    };
    Some(Number { what: what.to_owned(), unit: unit.to_owned(), value, range: bounds })
}

impl Number {
    /// An exact figure.
    #[must_use]
    pub fn exact(what: impl Into<String>, unit: &str, value: f64) -> Option<Self> {
        let value = Reading::new(value)?;
        Some(Self { what: what.into(), unit: unit.to_owned(), value, range: Some((value, value)) })
    }

    /// Lower and upper end, where there are any.
    #[must_use]
    pub fn ends(&self) -> Option<(f64, f64)> {
        self.range.map(|(low, high)| (low.get(), high.get()))
    }

    /// Whether all of the interval is at most `limit`, or none of it.
    #[must_use]
    pub fn at_most(&self, limit: f64) -> Holds {
        match self.ends() {
            Some((_, high)) if high <= limit => Holds::Yes,
            Some((low, _)) if low > limit => Holds::No,
            _ => Holds::Open,
        }
    }

    /// Whether all of the interval is above `limit`, or none of it.
    #[must_use]
    pub fn above(&self, limit: f64) -> Holds {
        self.at_most(limit).not()
    }
}

/// A part out of two arms of one cell.
#[must_use]
pub fn part(condition: String, holds: Holds, numbers: Vec<Number>, side: &Side<'_>, others: &[&Side<'_>]) -> Part {
    Part { condition, holds, numbers, source: side.source(others) }
}
