//! One way of delivery set to answer a question: its interval, its staleness, its costs.

use serde::Serialize;
use wirerace_contract::descriptor::Delivers;
use wirerace_contract::results::ArmEntry;
use wirerace_contract::spec::{Connection, Delivery};

use super::fit::{Estimate, Fit};
use super::held_out::{self, Worst};
use super::nearest::{Nearness, nearness};
use super::observations::{Observation, Way, requests_per_s};
use super::orders::{Order, order};
use super::question::Question;
use super::staleness::{self, has_interval, longest_interval_ms, shortest_interval_ms};
use crate::theory::bytes::{Direction, Range};
use crate::theory::{Prediction, Setting, planned, predict_run};

/// What arms cost: by the first they are ranked, in the others tied ones may differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// Bytes of IP packets a second, both ways, all clients.
    Bytes,
    /// Requests a second.
    Requests,
    /// Connections that stand open.
    Connections,
    /// Memory of the servers, bytes.
    Memory,
    /// Processors that servers and clients keep busy.
    Cpu,
}

impl Criterion {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Bytes, Self::Requests, Self::Connections, Self::Memory, Self::Cpu];
    /// Those that follow from texts and plans, and are fitted to nothing.
    pub const PLANNED: [Self; 3] = [Self::Bytes, Self::Requests, Self::Connections];
}

/// Whose highest is more times its lowest is not known.
pub const KNOWN_WITHIN: f64 = 10.0;

/// A figure with its interval.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Figure {
    /// The middle.
    pub value: f64,
    /// Not below this.
    pub low: f64,
    /// Not above this.
    pub high: f64,
}

impl Figure {
    /// Known exactly.
    #[must_use]
    pub const fn exact(value: f64) -> Self {
        Self { value, low: value, high: value }
    }

    /// Whether the two share a value.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.low <= other.high && other.low <= self.high
    }

    /// Whether its interval says more than an order of magnitude.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.high <= KNOWN_WITHIN * self.low
    }

    /// Widened by a factor either way.
    #[must_use]
    fn widened(self, factor: f64) -> Self {
        Self { value: self.value, low: self.low / factor, high: self.high * factor }
    }

    fn of(estimate: Estimate) -> Self {
        Self { value: estimate.value, low: estimate.low, high: estimate.high }
    }
}

/// One way of delivery, set to answer a question.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Candidate {
    /// Name of the way: what the names of its arms in the runs have in common.
    pub arm: String,
    /// What people call its transport.
    pub title: String,
    /// The interval that it was given, milliseconds; `null` where it has none.
    pub interval_ms: Option<u32>,
    /// Whether a stream is left as it is although only the newest is wanted: every quote goes out at once.
    pub every_quote: bool,
    /// 99th percentile over time of excess staleness, seconds; as much less sure with the distance from what was measured as
    /// CPU is.
    pub staleness_p99_s: Figure,
    /// Whether the budget lies within that interval: it may be kept and may be missed.
    pub may_be_too_stale: bool,
    /// Why it is no candidate; `null` for candidates.
    pub why_not: Option<String>,
    /// Processors of servers that the load is taken to be spread over, each at most half busy with writes and answers.
    pub shares: u32,
    /// See [`Criterion::Bytes`]; `null` where theory has none.
    pub bytes_per_s: Option<Figure>,
    /// The part of the middle that stands above TCP.
    pub application_bytes_per_s: Option<f64>,
    /// See [`Criterion::Requests`].
    pub requests_per_s: Option<Figure>,
    /// See [`Criterion::Connections`].
    pub connections: Figure,
    /// Connections opened a second, once all stand.
    pub connections_opened_per_s: f64,
    /// See [`Criterion::Memory`]; `null` where memory was not measured at two numbers of clients.
    pub memory_bytes: Option<Figure>,
    /// See [`Criterion::Cpu`]; `null` where nothing was measured.
    pub processors: Option<Figure>,
    /// The nearest measured cell, and what is extrapolated.
    pub nearness: Nearness,
    /// The largest error of CPU at sizes held out, as a share; `null` where fewer than three sizes were measured.
    pub held_out_cpu_error: Option<f64>,
    /// Whether the fit is of the delivery asked for.
    pub own_delivery: bool,
}

impl Candidate {
    /// The figure of a criterion; `None` also where its interval is too wide to say anything.
    #[must_use]
    pub fn figure(&self, criterion: Criterion) -> Option<Figure> {
        let figure = match criterion {
            Criterion::Bytes => self.bytes_per_s,
            Criterion::Requests => self.requests_per_s,
            Criterion::Connections => Some(self.connections),
            Criterion::Memory => self.memory_bytes,
            Criterion::Cpu => self.processors,
        };
        figure.filter(Figure::is_known)
    }
}

/// Busy share of one processor with writes and answers that is planned for.
const BUSY: f64 = 0.5;
/// Most clients on one processor, whatever little they cost.
const CLIENTS_MAX: u64 = 50_000;

/// `way` set to answer `question`.
#[must_use]
pub fn candidate(question: &Question, way: &Way, worst: Worst) -> Candidate {
    let (observations, own_delivery) = way.speaking_for(question.delivery());
    let doubt = staleness_factor(worst, &nearness(question, None, &observations));
    let set = set(question, way, doubt);
    let prediction = predict_run(&set.entry, &question.load(set.clients), &way.counting, &question.run());
    let up = if question.orders_per_s > 0.0 { order(&set.entry) } else { Order::default() };
    let nearness = nearness(question, set.interval_ms, &observations);
    let widen = widening(worst.cpu, worst.step, &nearness);
    let stale = staleness::interval_s(&set.setting, doubt);
    // What follows from texts and plans is surer than CPU, and less sure the further away.
    let told = widening(worst.bytes, worst.step, &nearness);
    let clients = question.clients as f64;
    let requests = requests(question, way, (&set, &prediction), up, told);
    let requested = requests.map_or(0.0, |figure| figure.value);
    let for_orders = if question.orders_per_s > 0.0 { up.connections } else { 0.0 };
    let open = open_share(&set.setting) + for_orders;
    // Fits are by clients, whose connections may stand open or not; one for orders is as another client's.
    let fitted_clients = clients * (1.0 + for_orders);
    let delivered = clients * prediction.delivered().unwrap_or(0.0) / prediction.run.metered_s;
    let amounts = [requested, delivered, f64::from(set.shares), fitted_clients];
    let cpu = fit_of(&observations, |o| o.cpu.clone()).map(|fit| Figure::of(fit.predict(&amounts)));
    let closed = set.entry.arm.connection == Connection::Closed;
    Candidate {
        arm: way.entry.arm.name.clone(),
        title: way.entry.descriptor.title.to_string(),
        interval_ms: set.interval_ms,
        every_quote: false,
        staleness_p99_s: stale,
        may_be_too_stale: stale.low <= question.staleness_s && stale.high > question.staleness_s,
        why_not: why_not(question, &set, stale, &prediction),
        shares: set.shares,
        bytes_per_s: bytes(question, &prediction, delivered, &bare_shares(question, &set, &observations), told, up),
        application_bytes_per_s: application(&prediction).map(|bytes| bytes * delivered),
        requests_per_s: requests,
        connections: Figure::exact(clients * open),
        connections_opened_per_s: if closed { requested } else { 0.0 },
        memory_bytes: memory(&observations, set.shares, fitted_clients).map(|figure| figure.widened(widen.min(2.0))),
        processors: cpu.map(|figure| scaled(figure.widened(widen), 1e-6)),
        nearness,
        held_out_cpu_error: worst.measured.then_some(worst.cpu),
        own_delivery,
    }
}

fn scaled(figure: Figure, by: f64) -> Figure {
    Figure { value: figure.value * by, low: figure.low * by, high: figure.high * by }
}

/// An error at held-out sizes, compounded: as much again for each such step that the load lies beyond what was measured.
fn widening(error: f64, step: f64, nearness: &Nearness) -> f64 {
    let steps = (nearness.load_factor().ln() / step.ln()).max(1.0);
    (1.0 + error).powf(steps)
}

/// How many times off staleness may be: by the closed form's own precision where it was measured, beyond by CPU's error for
/// every step, as busy servers make quotes late.
fn staleness_factor(worst: Worst, nearness: &Nearness) -> f64 {
    (1.0 + staleness::PRECISION) * (1.0 + worst.cpu).powf(nearness.load_factor().ln() / worst.step.ln())
}

/// The best that `way` can do for `question`: who wants the newest only may as well be pushed every quote, where that costs
/// less or is surer to keep the budget than a stream held back for an interval.
#[must_use]
pub fn best(question: &Question, way: &Way, worst: Worst) -> Candidate {
    let asked = candidate(question, way, worst);
    if !question.latest_only || way.entry.descriptor.delivers != Delivers::Pushed {
        return asked;
    }
    let every = Question { latest_only: false, ..question.clone() };
    let every = Candidate { every_quote: true, ..candidate(&every, way, worst) };
    if is_better(&every, &asked) { every } else { asked }
}

fn is_better(one: &Candidate, other: &Candidate) -> bool {
    let doubt = |candidate: &Candidate| (candidate.why_not.is_some(), candidate.may_be_too_stale);
    let bytes = |candidate: &Candidate| candidate.bytes_per_s.map_or(f64::INFINITY, |figure| figure.value);
    one.why_not.is_none() && (doubt(one) < doubt(other) || doubt(one) == doubt(other) && bytes(one) < bytes(other))
}

/// An arm with its interval and its share of the clients.
struct Set {
    entry: ArmEntry,
    setting: Setting,
    interval_ms: Option<u32>,
    shares: u32,
    clients: u32,
}

/// Up to so many times off, intervals are set to keep the budget in any case: that costs little. Further away it would cost
/// much for a doubt that may come to nothing; there they are set by the middle, and the doubt is told.
const SURE_WITHIN: f64 = 1.25;

/// The longest interval within the budget, surely where that costs little; what cannot keep it is shown at the shortest
/// interval that makes sense.
fn interval_ms(setting: &Setting, budget_s: f64, doubt: f64) -> u32 {
    let at = |factor| longest_interval_ms(setting, budget_s, factor);
    let sure = if doubt <= SURE_WITHIN { at(doubt) } else { None };
    sure.or_else(|| at(1.0 + staleness::PRECISION)).unwrap_or_else(|| shortest_interval_ms(setting))
}

fn set(question: &Question, way: &Way, doubt: f64) -> Set {
    let shaped = |interval_ms: u32, clients: u32| {
        let entry = question.arm(&way.entry, interval_ms);
        let setting = question.setting(&entry, clients, &way.costs);
        (entry, setting)
    };
    // Shares depend on the interval, which depends on a share's clients: twice round comes close enough.
    let (mut shares, mut chosen_ms) = (1, None);
    for _ in 0..2 {
        let (_, setting) = shaped(0, clients_of(question, shares));
        if has_interval(&setting) {
            chosen_ms = Some(interval_ms(&setting, question.staleness_s, doubt));
        }
        let (_, setting) = shaped(chosen_ms.unwrap_or(0), clients_of(question, shares));
        shares = shares_of(question, &setting);
    }
    let clients = clients_of(question, shares);
    let (entry, setting) = shaped(chosen_ms.unwrap_or(0), clients);
    Set { entry, setting, interval_ms: chosen_ms, shares, clients }
}

fn clients_of(question: &Question, shares: u32) -> u32 {
    question.clients.div_ceil(u64::from(shares.max(1))).clamp(1, CLIENTS_MAX) as u32
}

/// Over how many processors the clients have to be spread.
fn shares_of(question: &Question, setting: &Setting) -> u32 {
    let conflated_s = if setting.delivery == Delivery::Newest { setting.interval_s } else { 0.0 };
    // Never more often than there are quotes, nor than the delivery, or a client's next request, allows.
    let often_per_s = |apart_s: f64| setting.rate_per_s.min(1.0 / apart_s);
    let each_s = match setting.delivers {
        Delivers::Pushed => often_per_s(conflated_s) * setting.costs.fan_out_step_s(),
        Delivers::Held => {
            let answer_s = setting.costs.held_answer_s + setting.costs.occupancy_s;
            often_per_s(setting.exchange_s() + conflated_s) * answer_s
        }
        Delivers::Planned => setting.costs.occupancy_s / planned::apart_s(setting).max(1e-6),
    };
    let busy = (question.clients as f64 * each_s / BUSY).ceil().clamp(1.0, 1e6) as u32;
    busy.max(question.clients.div_ceil(CLIENTS_MAX) as u32)
}

fn why_not(question: &Question, set: &Set, stale: Figure, prediction: &Prediction) -> Option<String> {
    let ms = |s: f64| crate::summary::words::duration(s * 1e3);
    // What may keep the budget is not ruled out by a model that does not know.
    if stale.low > question.staleness_s {
        let at = set
            .interval_ms
            .map_or_else(String::new, |interval| format!(" even each {}", ms(f64::from(interval) / 1e3)));
        return Some(format!(
            "1 % of the time its price would be more than {} too old{at}, over the budget of {}",
            ms(stale.low),
            ms(question.staleness_s)
        ));
    }
    let no_law = prediction.law.is_none() || prediction.steady.is_none();
    no_law.then(|| "there is no theory of its bytes and requests here".to_owned())
}

fn requests(
    question: &Question,
    way: &Way,
    (set, prediction): (&Set, &Prediction),
    up: Order,
    factor: f64,
) -> Option<Figure> {
    let clients = question.clients as f64;
    let load = question.load(set.clients);
    let delivered_share = prediction.law.as_ref()?.delivered_share;
    let own = requests_per_s(&set.entry, &load, &way.counting, question.rate_per_s * delivered_share)?;
    let of_all = match set.setting.delivers {
        // Counted over a share's clients already; a plan is exact.
        Delivers::Planned => Figure::exact(own / f64::from(set.clients) * clients),
        // How many quotes share an answer hangs on how busy the server is.
        Delivers::Held => Figure::exact(own * clients).widened(factor),
        Delivers::Pushed => Figure::exact(own * clients),
    };
    let orders = clients * question.orders_per_s * up.requests;
    Some(Figure { value: of_all.value + orders, low: of_all.low + orders, high: of_all.high + orders })
}

/// Connections that stand open for each client.
fn open_share(setting: &Setting) -> f64 {
    match (setting.connection, setting.delivers) {
        (Connection::Closed, Delivers::Planned) => setting.exchange_s() / planned::apart_s(setting),
        _ => 1.0,
    }
}

fn fit_of(observations: &[&Observation], rows: impl Fn(&Observation) -> Vec<super::fit::Row>) -> Option<Fit> {
    Fit::of(&observations.iter().map(|o| rows(o)).collect::<Vec<_>>())
}

/// Needs two numbers of clients: from one nobody can tell what the process itself takes.
fn memory(observations: &[&Observation], shares: u32, clients: f64) -> Option<Figure> {
    if held_out::sizes(observations).len() < 2 {
        return None;
    }
    let fit = fit_of(observations, |o| o.memory.clone())?;
    Some(Figure::of(fit.predict(&[f64::from(shares), clients, 0.0, 0.0])))
}

/// From where to where in theory's range segments without data are: as measured where that carries over, else anywhere. Who
/// only listens acknowledges each push for itself while they come further apart than delayed acknowledgements wait (40 ms),
/// whatever the distance; acknowledgements of requests and answers ride on what follows, which distance changes.
fn bare_shares(question: &Question, set: &Set, observations: &[&Observation]) -> (Range, Range) {
    let slow = |rate_per_s: f64| rate_per_s <= 25.0;
    let alike = observations.iter().filter(|o| slow(o.load.feed.rate_per_s) == slow(question.rate_per_s));
    let measured: Vec<(f64, f64)> = alike.filter_map(|o| o.bare_share).collect();
    let carries_over = match set.setting.delivers {
        Delivers::Pushed => slow(question.rate_per_s),
        Delivers::Planned | Delivers::Held => question.rtt_s == 0.0,
    };
    if measured.is_empty() || !carries_over || set.setting.delivery == Delivery::Newest {
        return ((0.0, 1.0), (0.0, 1.0));
    }
    let ends = |pick: fn(&(f64, f64)) -> f64| {
        let values = || measured.iter().map(pick);
        (values().fold(1.0, f64::min), values().fold(0.0, f64::max))
    };
    (ends(|share| share.0), ends(|share| share.1))
}

/// Application bytes a quote without set-up.
pub(super) fn application(prediction: &Prediction) -> Option<f64> {
    let steady = prediction.steady?;
    Some(steady.to_client.application() + steady.to_server.application())
}

fn bytes(
    question: &Question,
    prediction: &Prediction,
    delivered: f64,
    (down, up): &(Range, Range),
    factor: f64,
    order: Order,
) -> Option<Figure> {
    let steady = prediction.steady?;
    let sure = |direction: &Direction| direction.application() + direction.tcp_ip_data;
    let known = sure(&steady.to_client) + sure(&steady.to_server);
    let bare = |direction: &Direction, share: f64| {
        direction.tcp_ip_bare.0 + share * (direction.tcp_ip_bare.1 - direction.tcp_ip_bare.0)
    };
    let at = |down: f64, up: f64| bare(&steady.to_client, down) + bare(&steady.to_server, up);
    let orders = question.clients as f64 * question.orders_per_s;
    let low = delivered * (known / factor + at(down.0, up.0)) + orders * order.bytes.0;
    let high = delivered * (known * factor + at(down.1, up.1)) + orders * order.bytes.1;
    Some(Figure { value: f64::midpoint(low, high), low, high })
}
