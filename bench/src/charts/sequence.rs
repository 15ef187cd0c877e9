//! What happened? Client and server of each arm as two lines of time, and every message of the first moments as an arrow
//! between them: the set-up from the first dial, then the first quotes from the feed's start.

mod story;

use wirerace_contract::results::LoggedQuote;
use wirerace_contract::spec::{Connection, Path};

use super::axis::linear_ticks;
use super::canvas::{Anchor, At, Canvas, NOTE, TEXT, Type, text_width};
use super::plot::shortened;
use super::style::{ArmStyle, Ink};
use super::{Chart, DataTable, MARGIN, WIDTH, arms, close, nothing, open, tick_y};
use crate::summary::words::{NOTHING, count, duration, list};
use crate::summary::{ArmSummary, CellSummary, Summary};
use story::{Arrow, Carries, Setting, Story};

pub(super) const NAME: &str = "sequence";

/// Why a cell has no such picture.
pub(super) const LACKS: &str = "this run was recorded without an event log";

/// So many quotes are shown to their end, and told in the table.
const QUOTES: u64 = 6;
/// Lanes beside each other, at most.
const LANES_MAX: usize = 5;
/// Heights: of a lane's names, of the two panels, and between two rows of lanes.
const HEAD: f64 = 40.0;
const SET_UP: f64 = 130.0;
const FIRST: f64 = 320.0;
const GAP: f64 = 34.0;
/// Room for the labels of time at the left, and for the numbers of quotes at the right.
const LABELS: f64 = 48.0;
const NUMBERS: f64 = 26.0;
/// Within a lane: room left of the client's line, for the numbers of what arrived, and right of the server's.
const ARRIVED: f64 = 34.0;
const AFTER: f64 = 14.0;
/// Least distance of two numbers below each other.
const APART: f64 = 10.5;
/// Strokes of a handshake.
const HANDSHAKE: [f64; 2] = [1.5, 2.5];
/// How long a stream without a quote is shown, nanoseconds, where no poll says more.
const IDLE_NS: i64 = 1_000_000_000;

const SMALL: Type = Type { size: 10.5, ..NOTE };

/// One arm.
struct Lane<'a> {
    arm: &'a ArmSummary,
    style: ArmStyle,
    story: Story,
    closes: bool,
}

/// Whether a cell has anything to draw.
pub(super) fn has(cell: &CellSummary) -> bool {
    cell.arms.iter().any(|arm| arm.events.is_some())
}

pub(super) fn draw(summary: &Summary, cell: &CellSummary) -> Chart {
    let (lanes, mut notes) = lanes(summary, cell);
    let title = "What happened first, message by message?";
    let (mut canvas, top) = open(
        title,
        "One client of each arm, time downwards: set-up from the first dial, quotes from the feed's start",
        cell,
    );
    let mut bottom = top + 60.0;
    if lanes.is_empty() {
        nothing(&mut canvas, top, LACKS);
    } else {
        let (quotes, end_ns) = (quotes(&lanes), end_ns(summary, &lanes));
        bottom = legend(&mut canvas, top, &lanes);
        let rows = lanes.len().div_ceil(LANES_MAX);
        for row in lanes.chunks(lanes.len().div_ceil(rows)) {
            bottom = draw_row(&mut canvas, row, &quotes, (bottom, end_ns, longest_set_up(&lanes)));
        }
        notes.push(
            "Numbers at the client's line: quotes in hand. Lines across: when a quote was due, with its number at the right; \
             the dot on the server's line: published. A line is thick while a connection stands."
                .to_owned(),
        );
        notes.push(
            "When a request reached the server was not logged: a request that was held took as long as its answer, \
             whose quote left when it was published; any other exchange is half of its time each way."
                .to_owned(),
        );
        if matches!(cell.load.path, Path::Delayed(_)) {
            notes.push(
                "This path holds back what the server reads and writes, not the handshake: a new connection's first answer \
                 waits for that round trip as well."
                    .to_owned(),
            );
        }
        notes.push("One client in the first block: what happens, not how much. It measures nothing.".to_owned());
    }
    close(&mut canvas, bottom, &notes);
    let (sentence, table) = (sentence(&lanes), table(&lanes));
    Chart { kind: NAME, title: title.to_owned(), sentence, notes, table, canvas }
}

/// The arms that have a log, and notes that name the others.
fn lanes<'a>(summary: &Summary, cell: &'a CellSummary) -> (Vec<Lane<'a>>, Vec<String>) {
    let (arms, mut notes) = arms(summary, cell);
    let way_ns = (1e9 * cell.load.path.one_way_delay_s()) as i64;
    let lane = |arm: &'a ArmSummary, style| {
        let entry = summary.arms.iter().find(|entry| entry.arm.name == arm.arm)?;
        let setting = Setting { delivers: entry.descriptor.delivers, way_ns };
        let story = Story::of(arm.events.as_ref()?, setting);
        Some(Lane { arm, style, story, closes: entry.arm.connection == Connection::Closed })
    };
    let without: Vec<String> =
        arms.iter().filter(|(arm, _)| arm.events.is_none()).map(|(arm, _)| arm.arm.clone()).collect();
    if !without.is_empty() {
        notes.push(format!("Not drawn, no event log of a usable trial of the first block: {}.", list(&without)));
    }
    (arms.into_iter().filter_map(|(arm, style)| lane(arm, style)).collect(), notes)
}

/// The quotes of the stream's beginning: due at the same instants for all arms of a block.
fn quotes(lanes: &[Lane<'_>]) -> Vec<LoggedQuote> {
    let of = |lane: &Lane<'_>| lane.arm.events.as_ref().map(|log| log.quotes.clone());
    lanes.iter().filter_map(of).max_by_key(Vec::len).unwrap_or_default()
}

/// Where the picture ends, nanoseconds since the feed's start: when every arm has the first quotes, but not beyond what
/// every log knows.
fn end_ns(summary: &Summary, lanes: &[Lane<'_>]) -> i64 {
    let in_hand = lanes.iter().filter_map(|lane| lane.story.in_hand_ns(QUOTES)).max();
    let last = lanes.iter().flat_map(|lane| &lane.story.arrows).map(|arrow| arrow.reached_ns);
    let any_quote = lanes.iter().any(|lane| lane.story.in_hand_ns(1).is_some());
    // Without quotes: two polls of each.
    let interval_ns = summary.arms.iter().map(|entry| 2_000_000 * i64::from(entry.arm.interval_ms)).max().unwrap_or(0);
    let wanted = match in_hand {
        Some(at_ns) => at_ns,
        None if any_quote => last.max().unwrap_or(IDLE_NS),
        None => interval_ns.max(IDLE_NS),
    };
    // A log that was full before its first quote, of a poll each millisecond, ends its own lane and not the picture:
    // else nobody's quotes were seen.
    let told = lanes.iter().filter(|lane| lane.story.in_hand_ns(1).is_some());
    let known = told.filter_map(|lane| lane.story.known_until).min().unwrap_or(i64::MAX);
    wanted.saturating_add(wanted / 25).min(known).max(1)
}

fn longest_set_up(lanes: &[Lane<'_>]) -> i64 {
    let longest =
        lanes.iter().filter_map(|lane| lane.story.set_up).map(|(from_ns, to_ns)| to_ns.saturating_sub(from_ns)).max();
    longest.unwrap_or(0).max(1)
}

/// A panel: from which instant to which, and where these stand.
struct Span {
    from_ns: i64,
    to_ns: i64,
    top: f64,
    bottom: f64,
}

impl Span {
    fn y(&self, at_ns: i64) -> f64 {
        let share = at_ns.saturating_sub(self.from_ns) as f64 / self.to_ns.saturating_sub(self.from_ns).max(1) as f64;
        self.top + share * (self.bottom - self.top)
    }

    /// The part of a line between two points that lies inside; `None` where there is none.
    fn inside(&self, from: At, to: At) -> Option<(At, At)> {
        let (low, high) = (from.1.min(to.1), from.1.max(to.1));
        if high < self.top - 0.01 || low > self.bottom + 0.01 {
            return None;
        }
        let along = |y: f64| {
            let share = if high > low { (y - from.1) / (to.1 - from.1) } else { 0.0 };
            (from.0 + share * (to.0 - from.0), y)
        };
        let cut = |at: At| {
            if (self.top..=self.bottom).contains(&at.1) { at } else { along(at.1.clamp(self.top, self.bottom)) }
        };
        Some((cut(from), cut(to)))
    }
}

/// A row of lanes; gives the height below it.
fn draw_row(canvas: &mut Canvas, lanes: &[Lane<'_>], quotes: &[LoggedQuote], place: (f64, i64, i64)) -> f64 {
    let (top, end_ns, longest_ns) = place;
    let (left, right) = (MARGIN + LABELS, WIDTH - MARGIN - NUMBERS);
    // A lane is no wider than it would be among many, lest arrows become flat.
    let width = ((right - left) / lanes.len() as f64).min((right - left) / 3.0);
    let right = left + width * lanes.len() as f64;
    let set_up = Span {
        from_ns: 0,
        to_ns: longest_ns.saturating_add(longest_ns / 12),
        top: top + HEAD + 14.0,
        bottom: top + HEAD + SET_UP,
    };
    let begin = set_up.bottom + GAP;
    let first = Span { from_ns: 0, to_ns: end_ns, top: begin, bottom: begin + FIRST };
    canvas.layer("axes", "");
    for (span, caption) in [(&set_up, "Set-up"), (&first, "The first quotes")] {
        canvas.text((MARGIN, span.top - 10.0), caption, Type { bold: true, ..NOTE });
        for ms in linear_ticks(0.0, span.to_ns as f64 / 1e6, 5) {
            let at_ns = (ms * 1e6) as i64;
            if at_ns <= span.to_ns {
                tick_y(
                    canvas,
                    span.y(at_ns),
                    (left, if span.top == begin { left + 5.0 } else { right }),
                    &duration(ms),
                );
            }
        }
    }
    due_lines(canvas, quotes, &first, (left, right));
    for (i, lane) in lanes.iter().enumerate() {
        let from = left + width * i as f64;
        canvas.layer("series", told(lane));
        let lines = [from + ARRIVED, from + width - AFTER];
        head(canvas, lane, (top, lines), width);
        let begun_ns = lane.story.set_up.map_or(0, |(from_ns, _)| from_ns);
        let ready_ns = lane.story.set_up.map_or(i64::MIN, |(_, to_ns)| to_ns);
        draw_lane(
            canvas,
            lane,
            &Span { from_ns: begun_ns, to_ns: begun_ns.saturating_add(set_up.to_ns), ..set_up },
            (lines, ready_ns),
        );
        draw_lane(canvas, lane, &first, (lines, i64::MAX));
        published(canvas, lane, &first, lines[1]);
        log_end(canvas, lane, &first, lines);
    }
    first.bottom + 18.0
}

/// When quotes were due, across all lanes; numbered where there is room.
fn due_lines(canvas: &mut Canvas, quotes: &[LoggedQuote], span: &Span, (left, right): (f64, f64)) {
    let mut free = f64::NEG_INFINITY;
    for quote in quotes {
        let y = span.y(i64::try_from(quote.due_ns).unwrap_or(i64::MAX));
        if y > span.bottom {
            break;
        }
        canvas.line(&[(left, y), (right, y)], Ink::Grid, 0.8, &[]);
        if y >= free {
            canvas.text_centred((right + 4.0, y), format!("#{}", quote.seq), SMALL);
            free = y + APART;
        }
    }
}

/// When the arm's own server published which quote: due instants are those of all arms, these are not.
fn published(canvas: &mut Canvas, lane: &Lane<'_>, span: &Span, x: f64) {
    let quotes = lane.arm.events.iter().flat_map(|log| &log.quotes);
    for at_ns in quotes.filter_map(|quote| i64::try_from(quote.published_ns?).ok()) {
        if at_ns <= span.to_ns {
            canvas.dot((x, span.y(at_ns)), 2.0, Ink::Text, 1.0);
        }
    }
}

/// Clears what lies beyond the end of a full log, and says why: an empty lane would say that nothing happened.
fn log_end(canvas: &mut Canvas, lane: &Lane<'_>, span: &Span, [client, server]: [f64; 2]) {
    let Some(known_ns) = lane.story.known_until.filter(|known_ns| *known_ns < span.to_ns) else { return };
    let top = span.y(known_ns.max(span.from_ns)) + 1.0;
    canvas.rect((client - ARRIVED + 4.0, top), (server + 6.0, span.bottom + 1.0), Ink::Paper);
    let said = ((client + server) / 2.0, top + 9.0);
    canvas.text_centred(said, "the log is full", Type { anchor: Anchor::Middle, ..SMALL });
}

/// The arm's name above its lane, what it does with its connection, and which line is whose.
fn head(canvas: &mut Canvas, lane: &Lane<'_>, (top, [client, server]): (f64, [f64; 2]), width: f64) {
    let (name, room) = (&lane.arm.arm, width - 26.0);
    // Smaller before shorter: `poll 1…` could be two arms.
    let bold = [TEXT, SMALL].map(|kind| Type { bold: true, ..kind });
    let bold = if text_width(name, bold[0]) > room { bold[1] } else { bold[0] };
    let from = client - ARRIVED + 6.0;
    canvas.marker((from + 5.0, top + 8.0), 4.5, &lane.style);
    canvas.text_centred((from + 15.0, top + 8.0), shortened(name, room, bold), bold);
    let connection = if lane.closes { "closed each time" } else { "connection kept" };
    canvas.text_centred((from + 15.0, top + 23.0), shortened(connection, width - 20.0, SMALL), SMALL);
    let middle = Type { anchor: Anchor::Middle, ..SMALL };
    canvas.text((client, top + HEAD + 7.0), "client", middle);
    canvas.text((server, top + HEAD + 7.0), "server", Type { anchor: Anchor::End, ..SMALL });
}

/// Everything of one arm in one panel, up to `until_ns`.
fn draw_lane(canvas: &mut Canvas, lane: &Lane<'_>, span: &Span, ([client, server], until_ns): ([f64; 2], i64)) {
    for x in [client, server] {
        canvas.line(&[(x, span.top), (x, span.bottom)], Ink::Muted, 0.6, &[]);
    }
    for (from_ns, to_ns) in &lane.story.connections {
        for x in [client, server] {
            let to = to_ns.map_or(span.bottom, |to_ns| span.y(to_ns));
            if let Some((from, to)) = span.inside((x, span.y(*from_ns)), (x, to)) {
                canvas.line(&[from, to], Ink::Muted, 2.4, &[]);
            }
        }
    }
    for (from_ns, to_ns) in lane.story.held.iter().filter(|held| held.0 <= until_ns) {
        if let Some((from, to)) = span.inside((server, span.y(*from_ns)), (server, span.y(*to_ns)))
            && to.1 - from.1 > 1.0
        {
            canvas.rect((server - 4.0, from.1), (server + 4.0, to.1), lane.style.ink);
        }
    }
    let mut free = f64::NEG_INFINITY;
    for arrow in lane.story.arrows.iter().filter(|arrow| arrow.left_ns <= until_ns) {
        let (from, to) = if arrow.up { (client, server) } else { (server, client) };
        let at = ((from, span.y(arrow.left_ns)), (to, span.y(arrow.reached_ns)));
        let Some((from, to)) = span.inside(at.0, at.1) else { continue };
        draw_arrow(canvas, (from, to), arrow, &lane.style, to == at.1);
        if let Carries::Quotes(quotes) = arrow.carries
            && to.1 >= free
            && to == at.1
        {
            let text = match quotes.count {
                1 => quotes.last_seq.to_string(),
                _ => format!("{}–{}", quotes.first_seq, quotes.last_seq),
            };
            canvas.text_centred((client - 5.0, to.1), text, Type { anchor: Anchor::End, ink: Ink::Text, ..SMALL });
            free = to.1 + APART;
        }
    }
}

fn draw_arrow(canvas: &mut Canvas, (from, to): (At, At), arrow: &Arrow, style: &ArmStyle, arrives: bool) {
    let (ink, width, dash): (Ink, f64, &[f64]) = match arrow.carries {
        Carries::Handshake => (Ink::Text, 0.9, &HANDSHAKE),
        Carries::Nothing => (Ink::Muted, 0.8, &[]),
        Carries::Request | Carries::Word => (style.ink, 1.0, &[]),
        Carries::Quotes(_) => (style.ink, 2.0, style.dash),
    };
    canvas.line(&[from, to], ink, width, dash);
    if !arrives {
        return;
    }
    let length = (to.0 - from.0).hypot(to.1 - from.1).max(0.01);
    let (dx, dy) = ((to.0 - from.0) / length, (to.1 - from.1) / length);
    let (back, half) = (5.0 + width, 1.8 + 0.6 * width);
    let foot = (to.0 - back * dx, to.1 - back * dy);
    canvas.polygon(&[to, (foot.0 - half * dy, foot.1 + half * dx), (foot.0 + half * dy, foot.1 - half * dx)], ink);
}

/// What the marks mean, of those that are there; gives the height below.
fn legend(canvas: &mut Canvas, top: f64, lanes: &[Lane<'_>]) -> f64 {
    canvas.layer("legend", "");
    let any = |carries: fn(&Carries) -> bool| {
        lanes.iter().flat_map(|lane| &lane.story.arrows).any(|arrow| carries(&arrow.carries))
    };
    let held = lanes.iter().any(|lane| lane.story.held.iter().any(|(from_ns, to_ns)| to_ns > from_ns));
    let all: [(bool, &str, f64, &[f64]); 5] = [
        (any(|c| *c == Carries::Handshake), "TCP handshake", 0.9, &HANDSHAKE),
        (any(|c| *c == Carries::Request), "request, or a stream's first words", 1.0, &[]),
        (any(|c| matches!(c, Carries::Quotes(_))), "quotes", 2.4, &[]),
        (any(|c| *c == Carries::Nothing), "grey, without a number: answered without a quote", 0.8, &[]),
        (held, "held by the server", 8.0, &[]),
    ];
    let (mut x, mut y) = (MARGIN, top + 8.0);
    for (_, text, width, dash) in all.into_iter().filter(|entry| entry.0) {
        let room = 30.0 + text_width(text, NOTE) + 14.0;
        if x + room > WIDTH - MARGIN + 14.0 && x > MARGIN {
            (x, y) = (MARGIN, y + 18.0);
        }
        let ink = if width == 0.8 { Ink::Muted } else { Ink::Text };
        canvas.line(&[(x, y), (x + 24.0, y)], ink, width, dash);
        canvas.text_centred((x + 30.0, y), text, NOTE);
        x += room;
    }
    y + 22.0
}

/// Lateness of quote `seq` in milliseconds.
fn late_ms(lane: &Lane<'_>, seq: u64) -> Option<f64> {
    let due_ns = lane.arm.events.as_ref()?.quotes.iter().find(|quote| quote.seq == seq)?.due_ns;
    Some((lane.story.in_hand_ns(seq)? as f64 - due_ns as f64) / 1e6)
}

fn set_up_ms(lane: &Lane<'_>) -> Option<f64> {
    lane.story.set_up.map(|(from_ns, to_ns)| to_ns.saturating_sub(from_ns) as f64 / 1e6)
}

/// Requests in the log, and those without a quote in their answer. The set-up's are among them.
fn requests(lane: &Lane<'_>) -> (u64, u64) {
    let of = |wanted: fn(&Carries) -> bool| {
        lane.story.arrows.iter().filter(|arrow| arrow.up && wanted(&arrow.carries)).count() as u64
    };
    (of(|c| matches!(c, Carries::Request | Carries::Nothing)), of(|c| *c == Carries::Nothing))
}

fn or_nothing(ms: Option<f64>) -> String {
    ms.map_or_else(|| NOTHING.to_owned(), duration)
}

fn told(lane: &Lane<'_>) -> String {
    let (asked, empty) = requests(lane);
    let (set_up, late) = (or_nothing(set_up_ms(lane)), or_nothing(late_ms(lane, 1)));
    let without = if empty > 0 { format!(", {} without a quote", count(empty)) } else { String::new() };
    let many = if asked == 1 { "" } else { "s" };
    format!("{}: set-up {set_up}, quote 1 late by {late}, {} request{many}{without}", lane.arm.arm, count(asked))
}

fn sentence(lanes: &[Lane<'_>]) -> String {
    if lanes.is_empty() {
        return "This run was recorded without an event log.".to_owned();
    }
    format!("What one client's log holds: {}.", lanes.iter().map(told).collect::<Vec<_>>().join("; "))
}

fn table(lanes: &[Lane<'_>]) -> DataTable {
    let rows = lanes.iter().map(|lane| {
        let (asked, empty) = requests(lane);
        let connections = lane.story.connections.len() as u64;
        let mut row = vec![lane.arm.arm.clone(), or_nothing(set_up_ms(lane))];
        row.extend([connections, asked, empty].map(count));
        row.extend((1..=QUOTES).map(|seq| or_nothing(late_ms(lane, seq))));
        row
    });
    let mut columns =
        ["arm", "set-up", "connections logged", "requests logged", "without a quote"].map(str::to_owned).to_vec();
    columns.extend((1..=QUOTES).map(|seq| format!("#{seq} late by")));
    DataTable { columns, rows: rows.collect() }
}

#[cfg(test)]
mod tests;
