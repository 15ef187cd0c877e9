//! Costs that are never negative, fitted to cells: y = Σ cost × how many, by least squares of relative errors (a cell of 800
//! clients must not outvote one of 50). Of a handful of costs all subsets are tried, which is exact (Lawson and Hanson,
//! *Solving Least Squares Problems*, ch. 23, says what the solution is). Intervals: trials are drawn again within their
//! cell (Efron's bootstrap, stratified), from a fixed seed.
//!
//! What disturbs a machine multiplies: in a slow minute everything takes twice as long. Least squares of relative errors
//! would go after the quick trials, so the trials of a cell are first taken together, as geometric means.

use wirerace_contract::plan::SplitMix64;

/// Most costs that a fit may tell apart.
pub const COSTS: usize = 4;
/// How often trials are drawn again.
const REPLICATES: usize = 300;
/// A column counts as told apart from those before it if this share of its length is at right angles to them: what only
/// wobbles by the chance of a short stream must not be given a cost of its own.
const APART: f64 = 0.25;

/// One trial, or all of a cell: how many of each, and what they took together.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Row {
    /// How many of each; not negative.
    pub amounts: [f64; COSTS],
    /// What was taken; positive.
    pub taken: f64,
}

impl Row {
    /// The trials of one cell as one: geometric means. `None` without a trial that took anything.
    #[must_use]
    pub fn together(trials: &[Self]) -> Option<Self> {
        let trials = usable(trials);
        let mean = |pick: &dyn Fn(&Self) -> f64| {
            let logarithms: f64 = trials.iter().map(|trial| pick(trial).ln()).sum();
            (logarithms / trials.len() as f64).exp()
        };
        let amounts = std::array::from_fn(|i| mean(&|trial: &Self| trial.amounts[i]));
        (!trials.is_empty()).then(|| Self { amounts, taken: mean(&|trial: &Self| trial.taken) })
    }
}

fn usable(trials: &[Row]) -> Vec<Row> {
    trials.iter().copied().filter(|trial| trial.taken.is_finite() && trial.taken > 0.0).collect()
}

/// Fitted costs with those of every replicate.
#[derive(Clone, PartialEq, Debug)]
pub struct Fit {
    costs: [f64; COSTS],
    replicates: Vec<[f64; COSTS]>,
    /// Which costs could be told apart.
    pub told: [bool; COSTS],
}

/// A value with the interval of 95 % that the trials' noise leaves.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// 2.5 % of the replicates are below.
    pub low: f64,
    /// 2.5 % of the replicates are above.
    pub high: f64,
}

impl Fit {
    /// Fits the trials of `cells`; `None` without any.
    #[must_use]
    pub fn of(cells: &[Vec<Row>]) -> Option<Self> {
        let cells: Vec<Vec<Row>> =
            cells.iter().map(|trials| usable(trials)).filter(|trials| !trials.is_empty()).collect();
        let together: Vec<Row> = cells.iter().filter_map(|trials| Row::together(trials)).collect();
        if together.is_empty() {
            return None;
        }
        let told = told_apart(&together);
        let costs = solve(&together, told)?;
        let mut random = SplitMix64::new(20_261_120);
        let replicates = (0..REPLICATES).filter_map(|_| solve(&drawn(&cells, &mut random), told)).collect();
        Some(Self { costs, replicates, told })
    }

    /// The cost of each.
    #[must_use]
    pub fn costs(&self) -> [f64; COSTS] {
        self.costs
    }

    /// What so many of each would take.
    #[must_use]
    pub fn predict(&self, amounts: &[f64; COSTS]) -> Estimate {
        let value = dot(&self.costs, amounts);
        let mut drawn: Vec<f64> = self.replicates.iter().map(|costs| dot(costs, amounts)).collect();
        drawn.sort_by(f64::total_cmp);
        let at = |share: f64| drawn.get(((drawn.len().saturating_sub(1)) as f64 * share).round() as usize).copied();
        let (low, high) = (at(0.025).unwrap_or(value), at(0.975).unwrap_or(value));
        Estimate { value, low: low.min(value), high: high.max(value) }
    }
}

fn dot(a: &[f64; COSTS], b: &[f64; COSTS]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// As many trials of each cell as it has, drawn with replacement, taken together.
fn drawn(cells: &[Vec<Row>], random: &mut SplitMix64) -> Vec<Row> {
    let one = |trials: &[Row], random: &mut SplitMix64| {
        let place = (random.uniform() * trials.len() as f64) as usize;
        trials[place.min(trials.len() - 1)]
    };
    let again = |trials: &Vec<Row>| Row::together(&trials.iter().map(|_| one(trials, random)).collect::<Vec<_>>());
    cells.iter().filter_map(again).collect()
}

/// A column, each amount over what its trial took.
fn column(rows: &[Row], i: usize) -> Vec<f64> {
    rows.iter().map(|row| row.amounts[i] / row.taken).collect()
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Gram and Schmidt, in the order of the costs.
fn told_apart(rows: &[Row]) -> [bool; COSTS] {
    let mut told = [false; COSTS];
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for (i, told) in told.iter_mut().enumerate() {
        let mut rest = column(rows, i);
        let whole = product(&rest, &rest).sqrt();
        for base in &basis {
            let along = product(&rest, base);
            rest.iter_mut().zip(base).for_each(|(value, base)| *value -= along * base);
        }
        let length = product(&rest, &rest).sqrt();
        if whole > 0.0 && length > APART * whole {
            *told = true;
            rest.iter_mut().for_each(|value| *value /= length);
            basis.push(rest);
        }
    }
    told
}

/// The best of all subsets whose costs are not negative.
fn solve(rows: &[Row], told: [bool; COSTS]) -> Option<[f64; COSTS]> {
    let columns: Vec<Vec<f64>> = (0..COSTS).map(|i| column(rows, i)).collect();
    let mut best: Option<(f64, [f64; COSTS])> = None;
    for subset in 1u32..1 << COSTS {
        let places: Vec<usize> = (0..COSTS).filter(|i| subset & (1 << i) != 0).collect();
        if !places.iter().all(|i| told[*i]) {
            continue;
        }
        let Some(solved) = normal_equations(&columns, &places) else { continue };
        if solved.iter().any(|cost| !cost.is_finite() || *cost < 0.0) {
            continue;
        }
        let mut costs = [0.0; COSTS];
        places.iter().zip(solved).for_each(|(i, cost)| costs[*i] = cost);
        let error: f64 =
            (0..rows.len()).map(|r| (1.0 - (0..COSTS).map(|i| costs[i] * columns[i][r]).sum::<f64>()).powi(2)).sum();
        if best.is_none_or(|(least, _)| error < least) {
            best = Some((error, costs));
        }
    }
    best.map(|(_, costs)| costs)
}

/// Σ column × cost = 1 in every row, by elimination with the largest pivot.
fn normal_equations(columns: &[Vec<f64>], places: &[usize]) -> Option<Vec<f64>> {
    let n = places.len();
    let mut matrix: Vec<Vec<f64>> = places
        .iter()
        .map(|i| {
            let mut line: Vec<f64> = places.iter().map(|j| product(&columns[*i], &columns[*j])).collect();
            line.push(columns[*i].iter().sum());
            line
        })
        .collect();
    for step in 0..n {
        let pivot = (step..n).max_by(|a, b| matrix[*a][step].abs().total_cmp(&matrix[*b][step].abs()))?;
        matrix.swap(step, pivot);
        if matrix[step][step] == 0.0 {
            return None;
        }
        let pivoted = matrix[step].clone();
        for (_, line) in matrix.iter_mut().enumerate().filter(|(place, _)| *place != step) {
            let factor = line[step] / pivoted[step];
            line.iter_mut().zip(&pivoted).for_each(|(value, pivot)| *value -= factor * pivot);
        }
    }
    Some((0..n).map(|i| matrix[i][n] / matrix[i][i]).collect())
}
