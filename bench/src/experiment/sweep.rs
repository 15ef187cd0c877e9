//! Axes, crossed into cells: each combination of one value of every axis is one cell.

use serde::Deserialize;
use toml::Spanned;
use wirerace_contract::feed::Arrivals;
use wirerace_contract::spec::{HeadProfile, LoadSpec, Path};

/// A base load and what is varied about it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sweep {
    load: LoadSpec,
    /// The window is at least as long as so many quotes take on the average; 0 leaves it as it is.
    #[serde(default)]
    window_quotes_min: u32,
    axes: Spanned<Axes>,
    /// A quick run keeps the cells whose values stand in here, for each axis named.
    #[serde(default)]
    quick: Axes,
}

/// Lists of values. An axis left out stays as the base load has it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Axes {
    clients: Option<Vec<u32>>,
    rate_per_s: Option<Vec<f64>>,
    /// Milliseconds from quote to quote: another way to say `rate_per_s`.
    spacing_ms: Option<Vec<f64>>,
    arrivals: Option<Vec<Arrivals>>,
    payload_bytes: Option<Vec<u32>>,
    orders_per_s: Option<Vec<f64>>,
    heads: Option<Vec<Heads>>,
    /// There and back on a link or a delayed path, without jitter and queue.
    round_trip_ms: Option<Vec<f64>>,
    jitter_ms: Option<Vec<f64>>,
    /// Rate of the link; 0 for no limit.
    link_bits_per_s: Option<Vec<u64>>,
    loss: Option<Vec<Loss>>,
    /// Not a matter of cells: every arm that has an interval, once with each of these.
    interval_ms: Option<Vec<u32>>,
}

/// Total bytes of HTTP heads.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Heads {
    /// What the cell's name says; else the two numbers.
    name: Option<String>,
    request_bytes: u32,
    response_bytes: u32,
}

/// Loss on a link.
#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Loss {
    /// Share of packets, 0 to 1.
    share: f64,
    /// Mean length of a run of lost packets.
    #[serde(default)]
    burst_packets: f64,
}

/// One value of one axis.
#[derive(Clone, PartialEq)]
enum Step {
    Clients(u32),
    Rate(f64),
    Spacing(f64),
    Arrivals(Arrivals),
    Payload(u32),
    Orders(f64),
    Heads(Heads),
    RoundTrip(f64),
    Jitter(f64),
    Bits(u64),
    Loss(Loss),
}

/// A cell of a sweep.
pub(super) struct Swept {
    pub(super) name: String,
    pub(super) load: LoadSpec,
    pub(super) quick: bool,
}

impl Sweep {
    /// The axis that makes arms, not cells.
    pub(super) fn intervals_ms(&self) -> &[u32] {
        self.axes.get_ref().interval_ms.as_deref().unwrap_or_default()
    }

    /// Where the axes stand, if there is not one: nothing would be varied, and nobody writes a sweep for that.
    pub(super) fn without_axes(&self) -> Option<&Spanned<Axes>> {
        let axes = self.axes.get_ref();
        let none = axes.interval_ms.is_none() && axes.steps().is_ok_and(|steps| steps.is_empty());
        none.then_some(&self.axes)
    }

    /// All cells, the last axis varying fastest.
    pub(super) fn cells(&self) -> Result<Vec<Swept>, String> {
        let varied = self.axes.get_ref();
        let (axes, quick) = (varied.steps()?, self.quick.steps()?);
        if varied.rate_per_s.is_some() && varied.spacing_ms.is_some() {
            return Err("the axes `rate_per_s` and `spacing_ms` say the same: keep one of them".to_owned());
        }
        if self.quick.interval_ms.is_some() {
            return Err("`quick` chooses cells, and `interval_ms` makes arms: leave it out of `quick`".to_owned());
        }
        for (axis, steps) in &quick {
            let all = axes.iter().find(|(other, _)| other == axis).map_or(&[][..], |(_, steps)| steps);
            if let Some(step) = steps.iter().find(|step| !all.contains(step)) {
                let label = step.label();
                return Err(format!(
                    "`quick` has {label}, which the axis `{axis}` has not: add it there, or leave it out"
                ));
            }
        }
        let mut combinations: Vec<Vec<Step>> = vec![Vec::new()];
        for (_, steps) in &axes {
            let longer = |combination: &Vec<Step>| {
                steps
                    .iter()
                    .map(|step| [combination.as_slice(), std::slice::from_ref(step)].concat())
                    .collect::<Vec<_>>()
            };
            combinations = combinations.iter().flat_map(longer).collect();
        }
        combinations.iter().map(|combination| self.cell(combination, &quick)).collect()
    }

    fn cell(&self, combination: &[Step], quick: &[(&str, Vec<Step>)]) -> Result<Swept, String> {
        let mut load = self.load.clone();
        for step in combination {
            step.apply(&mut load)?;
        }
        let load = with_window_for(self.window_quotes_min, load);
        let labels: Vec<String> = combination.iter().map(Step::label).collect();
        let name = if labels.is_empty() { "the only cell".to_owned() } else { labels.join(", ") };
        let is_quick =
            !quick.is_empty() && quick.iter().all(|(_, steps)| combination.iter().any(|s| steps.contains(s)));
        Ok(Swept { name, load, quick: is_quick })
    }
}

/// The same load with a window that is at least as long as `quotes` take on the average.
pub(super) fn with_window_for(quotes: u32, load: LoadSpec) -> LoadSpec {
    // Of a rate that is no rate nothing is made here: the check of the load refuses it by its name.
    let needed_ms = (f64::from(quotes) * 1e3 / load.feed.rate_per_s).ceil() as u64;
    LoadSpec {
        window_ms: if load.feed.rate_per_s > 0.0 { load.window_ms.max(needed_ms) } else { load.window_ms },
        ..load
    }
}

impl Axes {
    /// The axes that make cells, each with its name and values.
    fn steps(&self) -> Result<Vec<(&'static str, Vec<Step>)>, String> {
        fn of<T: Clone>(values: Option<&Vec<T>>, step: fn(T) -> Step) -> Option<Vec<Step>> {
            values.map(|values| values.iter().cloned().map(step).collect())
        }
        let all = [
            ("clients", of(self.clients.as_ref(), Step::Clients)),
            ("arrivals", of(self.arrivals.as_ref(), Step::Arrivals)),
            ("rate_per_s", of(self.rate_per_s.as_ref(), Step::Rate)),
            ("spacing_ms", of(self.spacing_ms.as_ref(), Step::Spacing)),
            ("payload_bytes", of(self.payload_bytes.as_ref(), Step::Payload)),
            ("orders_per_s", of(self.orders_per_s.as_ref(), Step::Orders)),
            ("heads", of(self.heads.as_ref(), Step::Heads)),
            ("round_trip_ms", of(self.round_trip_ms.as_ref(), Step::RoundTrip)),
            ("jitter_ms", of(self.jitter_ms.as_ref(), Step::Jitter)),
            ("link_bits_per_s", of(self.link_bits_per_s.as_ref(), Step::Bits)),
            ("loss", of(self.loss.as_ref(), Step::Loss)),
        ];
        let found: Vec<_> = all.into_iter().filter_map(|(name, steps)| Some((name, steps?))).collect();
        let no_interval = self.interval_ms.as_ref().filter(|intervals| intervals.is_empty()).map(|_| "interval_ms");
        let empty = found.iter().find(|(_, steps)| steps.is_empty()).map(|(name, _)| *name).or(no_interval);
        match empty {
            Some(name) => {
                Err(format!("an empty sweep: the axis `{name}` has no value; give it at least one, or leave it out"))
            }
            None => Ok(found),
        }
    }
}

impl Step {
    fn apply(&self, load: &mut LoadSpec) -> Result<(), String> {
        match self {
            Self::Clients(clients) => load.clients = *clients,
            Self::Rate(rate_per_s) => load.feed.rate_per_s = *rate_per_s,
            Self::Spacing(ms) => load.feed.rate_per_s = 1e3 / ms,
            Self::Arrivals(arrivals) => load.feed.arrivals = *arrivals,
            Self::Payload(bytes) => load.feed.payload_bytes = *bytes,
            Self::Orders(orders_per_s) => load.orders_per_s = *orders_per_s,
            Self::Heads(heads) => {
                load.heads = HeadProfile { request_bytes: heads.request_bytes, response_bytes: heads.response_bytes };
            }
            Self::RoundTrip(ms) => {
                let one_way_delay_us = (ms * 500.0).max(0.0).round() as u64;
                match &mut load.path {
                    Path::Link(link) => link.one_way_delay_us = one_way_delay_us,
                    Path::Delayed(delay) => delay.one_way_delay_us = one_way_delay_us,
                    Path::Loopback => return Err(needs_link("round_trip_ms")),
                }
            }
            Self::Jitter(_) | Self::Bits(_) | Self::Loss(_) => {
                let Path::Link(link) = &mut load.path else { return Err(needs_link("jitter_ms, loss or a rate")) };
                match self {
                    Self::Jitter(ms) => link.jitter_us = (ms * 1e3).max(0.0).round() as u64,
                    Self::Bits(bits_per_s) => link.rate_bits_per_s = *bits_per_s,
                    Self::Loss(loss) => {
                        link.loss_share = loss.share;
                        link.loss_burst_packets = loss.burst_packets;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// How the cell's name says it.
    fn label(&self) -> String {
        match self {
            Self::Clients(1) => "1 client".to_owned(),
            Self::Clients(clients) => format!("{clients} clients"),
            Self::Rate(rate_per_s) => format!("{rate_per_s} quotes/s"),
            Self::Spacing(spacing_ms) => format!("a quote each {}", ms(*spacing_ms)),
            Self::Arrivals(arrivals) => arrivals.to_string(),
            Self::Payload(0) => "smallest payload".to_owned(),
            Self::Payload(bytes) => format!("{} of payload", size(*bytes)),
            Self::Orders(orders_per_s) if *orders_per_s == 0.0 => "no orders".to_owned(),
            Self::Orders(orders_per_s) => format!("{orders_per_s} orders/s and client"),
            Self::Heads(Heads { name: Some(name), .. }) => name.clone(),
            Self::Heads(Heads { request_bytes: 0, response_bytes: 0, .. }) => "heads as they come".to_owned(),
            Self::Heads(heads) => format!("heads of {} and {} B", heads.request_bytes, heads.response_bytes),
            Self::RoundTrip(round_trip) => format!("{} round trip", ms(*round_trip)),
            Self::Jitter(jitter) => format!("{} jitter", ms(*jitter)),
            Self::Bits(0) => "no limit of rate".to_owned(),
            Self::Bits(bits) => format!("{} Mbit/s", *bits as f64 / 1e6),
            Self::Loss(loss) if loss.share == 0.0 => "no loss".to_owned(),
            Self::Loss(loss) => {
                let percent = (loss.share * 1e6).round() / 1e4;
                let bursts = if loss.burst_packets > 1.0 {
                    format!(" in bursts of {}", loss.burst_packets)
                } else {
                    String::new()
                };
                format!("{percent} % loss{bursts}")
            }
        }
    }
}

fn needs_link(what: &str) -> String {
    format!("{what}: the base load's path has none; give it `path = {{ link = {{ one_way_delay_us = 0 }} }}`")
}

/// A time as names say it: `250 ms`, `2 s`.
pub(super) fn ms(ms: f64) -> String {
    if ms >= 1e3 && ms % 1e3 == 0.0 { format!("{} s", ms / 1e3) } else { format!("{ms} ms") }
}

fn size(bytes: u32) -> String {
    if bytes >= 1024 && bytes.is_multiple_of(1024) { format!("{} KiB", bytes / 1024) } else { format!("{bytes} B") }
}
