//! The live table of a race: redrawn in place on a terminal, not at all elsewhere.

use std::fmt::Write as _;
use std::io::Write as _;

use wirerace_clients::recorder::Progress;
use wirerace_contract::meter::ControlSnapshot;
use wirerace_contract::results::ArmEntry;

use crate::trial::Happening;

/// What is known of one arm.
#[derive(Default)]
struct Lane {
    name: String,
    progress: Option<Progress>,
    meter: Option<ControlSnapshot>,
}

/// The table.
pub struct Board {
    lanes: Vec<Lane>,
    live: bool,
    /// Lines on the screen that the next drawing replaces.
    drawn: usize,
    drawn_ns: u64,
    clients: u32,
}

/// At most ten drawings a second: watching must not slow what is watched.
const DRAW_EACH_NS: u64 = 100_000_000;

impl Board {
    /// An empty table.
    #[must_use]
    pub fn new(arms: &[ArmEntry], clients: u32, live: bool) -> Self {
        let lanes = arms.iter().map(|entry| Lane { name: entry.arm.name.clone(), ..Lane::default() }).collect();
        Self { lanes, live, drawn: 0, drawn_ns: 0, clients }
    }

    /// Takes note of what happened to an arm.
    pub fn note(&mut self, arm: usize, happening: &Happening<'_>) {
        let lane = &mut self.lanes[arm];
        match happening {
            Happening::Progress(progress) => lane.progress = Some((*progress).clone()),
            Happening::Meter(snapshot) => lane.meter = Some((*snapshot).clone()),
        }
        let now_ns = wirerace_contract::clock::monotonic_ns();
        if self.live && now_ns - self.drawn_ns >= DRAW_EACH_NS {
            self.drawn_ns = now_ns;
            self.draw();
        }
    }

    fn draw(&mut self) {
        let text = self.text();
        let mut out = std::io::stdout().lock();
        // A terminal that is gone ends the drawing, not the race. Up, and clear to the end of the screen.
        let up = if self.drawn > 0 { format!("\x1b[{}A\x1b[J", self.drawn) } else { String::new() };
        let _ = write!(out, "{up}{text}").and_then(|()| out.flush());
        self.drawn = text.lines().count();
    }

    /// Takes the table off the screen: the final one follows.
    pub fn clear(&mut self) {
        if self.drawn > 0 {
            let _ = write!(std::io::stdout().lock(), "\x1b[{}A\x1b[J", self.drawn);
            self.drawn = 0;
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{:<11} {:>10} {:>10} {:>11} {:>8} {:>7} {:>7} {:>6} {:>10}\n",
            "so far", "late p50", "late p99", "staleness", "bytes/q", "conns", "reqs", "empty", "CPU/quote"
        );
        for lane in &self.lanes {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", row(lane));
        }
        let _ =
            writeln!(text, "({} clients each; CPU of the server process; bytes above TCP, both ways)", self.clients);
        text
    }
}

fn row(lane: &Lane) -> String {
    let (Some(progress), Some(snapshot)) = (&lane.progress, &lane.meter) else {
        return format!("{:<11} connecting", lane.name);
    };
    let ms = |ns: Option<f64>| ns.map_or_else(|| "–".to_owned(), |ns| format!("{:.2} ms", ns / 1e6));
    if progress.received == 0 {
        return format!("{:<11} connected", lane.name);
    }
    let each = |total: f64| total / progress.received as f64;
    let meter = &snapshot.meter;
    format!(
        "{:<11} {:>10} {:>10} {:>11} {:>8.0} {:>7} {:>7} {:>6} {:>7.1} µs",
        lane.name,
        ms(progress.lateness_p50_ns.map(|ns| ns as f64)),
        ms(progress.lateness_p99_ns.map(|ns| ns as f64)),
        ms(progress.staleness_mean_ns),
        each((meter.bytes_in + meter.bytes_out) as f64),
        meter.connections_accepted,
        meter.requests,
        progress.traffic.polls_empty,
        each(snapshot.process.cpu_us() as f64),
    )
}
