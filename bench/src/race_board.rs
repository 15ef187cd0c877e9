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
    /// Of a server that is not ours: whether it is known when its quotes are due.
    stranger: Option<bool>,
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
    /// An empty table of our arms and, after them, of servers that are not ours: each with its name, and whether it is
    /// known when its quotes are due.
    #[must_use]
    pub fn new(arms: &[ArmEntry], strangers: Vec<(String, bool)>, clients: u32, live: bool) -> Self {
        let ours = arms.iter().map(|entry| Lane { name: entry.arm.name.clone(), ..Lane::default() });
        let strangers =
            strangers.into_iter().map(|(name, timed)| Lane { name, stranger: Some(timed), ..Lane::default() });
        Self { lanes: ours.chain(strangers).collect(), live, drawn: 0, drawn_ns: 0, clients }
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
        let width = self.lanes.iter().map(|lane| lane.name.len()).max().unwrap_or(0).max(11);
        let mut text = format!(
            "{:<width$} {:>10} {:>10} {:>11} {:>8} {:>7} {:>7} {:>6} {:>10}\n",
            "so far", "late p50", "late p99", "staleness", "bytes/q", "conns", "reqs", "empty", "CPU/quote"
        );
        for lane in &self.lanes {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", row(lane, width));
        }
        let strangers =
            if self.lanes.iter().any(|lane| lane.stranger.is_some()) { "; n/a: not our server" } else { "" };
        let clients = self.clients;
        let words = "CPU of the server process; bytes above TCP, both ways";
        let _ = writeln!(text, "({clients} clients each; {words}{strangers})");
        text
    }
}

fn row(lane: &Lane, width: usize) -> String {
    let name = &lane.name;
    let Some(progress) = &lane.progress else { return format!("{name:<width$} connecting") };
    if progress.received == 0 {
        return format!("{name:<width$} connected");
    }
    let each = |total: f64| total / progress.received as f64;
    let traffic = &progress.traffic;
    // Bytes and processor time by our meter; connections and requests by the server's count, where it is ours.
    let (bytes, connections, requests, cpu) = match (&lane.meter, lane.stranger) {
        (_, Some(_)) => ("n/a".to_owned(), traffic.connections_dialled, traffic.requests, "n/a".to_owned()),
        (None, None) => return format!("{name:<width$} connecting"),
        (Some(snapshot), None) => {
            let meter = &snapshot.meter;
            let cpu = format!("{:.1} µs", each(snapshot.process.cpu_us() as f64));
            let bytes = format!("{:.0}", each((meter.bytes_in + meter.bytes_out) as f64));
            (bytes, meter.connections_accepted, meter.requests, cpu)
        }
    };
    let ms = |ns: Option<f64>| match lane.stranger {
        Some(false) => "n/a".to_owned(),
        _ => ns.map_or_else(|| "–".to_owned(), |ns| format!("{:.2} ms", ns / 1e6)),
    };
    format!(
        "{name:<width$} {:>10} {:>10} {:>11} {bytes:>8} {connections:>7} {requests:>7} {:>6} {cpu:>10}",
        ms(progress.lateness_p50_ns.map(|ns| ns as f64)),
        ms(progress.lateness_p99_ns.map(|ns| ns as f64)),
        ms(progress.staleness_mean_ns),
        traffic.polls_empty,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_our_meter_is_not_available_from_others() {
        let strangers = vec![("fastapi/long-poll".to_owned(), true), ("own-plan/ws".to_owned(), false)];
        let mut board = Board::new(&[], strangers, 5, false);
        assert!(board.text().contains("fastapi/long-poll connecting\n"), "{}", board.text());
        let lateness_p50_ns = Some(1_500_000);
        let progress = Progress { received: 10, lateness_p50_ns, ..Progress::default() };
        board.note(0, &Happening::Progress(&progress));
        board.note(1, &Happening::Progress(&progress));
        let text = board.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1].matches("n/a").count(), 2, "bytes and CPU: {text}");
        assert!(lines[1].contains("1.50 ms"), "{text}");
        assert_eq!(lines[2].matches("n/a").count(), 5, "lateness and staleness too: {text}");
        assert!(!lines[2].contains("1.50 ms") && lines[3].contains("n/a: not our server"), "{text}");
        assert_eq!(lines[0].chars().count(), lines[1].chars().count(), "the columns stand below their heads: {text}");
    }
}
