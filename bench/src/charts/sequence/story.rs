//! From one client's event log to what a sequence diagram shows: arrows between two lines of time, requests that are held,
//! and when a connection stands. Sums saturate: a file may say anything.

use wirerace_contract::descriptor::Delivers;
use wirerace_contract::results::{EventLog, Happened, QuoteRange};

/// What an arrow stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Carries {
    /// A TCP handshake: one way of it.
    Handshake,
    /// A request that is answered with something.
    Request,
    /// A stream's head or its first word.
    Word,
    /// A request without a quote in its answer, and that answer.
    Nothing,
    /// Quotes.
    Quotes(QuoteRange),
}

/// One message, nanoseconds since the feed's start at both of its ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Arrow {
    pub(super) left_ns: i64,
    pub(super) reached_ns: i64,
    /// From the client to the server.
    pub(super) up: bool,
    pub(super) carries: Carries,
}

/// What happened to one client, ready to be drawn.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Story {
    pub(super) arrows: Vec<Arrow>,
    /// Requests in the server's hands: from, to.
    pub(super) held: Vec<(i64, i64)>,
    /// Connections that stand: from, and to where they ended.
    pub(super) connections: Vec<(i64, Option<i64>)>,
    /// The set-up: from the first dial to the stream's first word, or the first answer.
    pub(super) set_up: Option<(i64, i64)>,
    /// Up to when everything is known; `None` where the log was never full.
    pub(super) known_until: Option<i64>,
}

/// What the reading of a log needs to know beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) delivers: Delivers,
    /// One way of the path, nanoseconds; 0 without distance.
    pub(super) way_ns: i64,
}

/// A reader's place in a log.
struct Reading<'a> {
    log: &'a EventLog,
    setting: Setting,
    story: Story,
    dialled_ns: Option<i64>,
    /// When the request that is out left.
    asked_ns: Option<i64>,
    /// Whether it asked to be held.
    held: bool,
}

impl Story {
    pub(super) fn of(log: &EventLog, setting: Setting) -> Self {
        let mut reading =
            Reading { log, setting, story: Self::default(), dialled_ns: None, asked_ns: None, held: false };
        for event in &log.events {
            reading.take(event.at_ns, event.what);
        }
        let known_until = log.events.last().filter(|_| log.full).map(|last| last.at_ns);
        Self { known_until, ..reading.story }
    }

    /// When quote `seq`, or a newer one in its place, was in hand.
    pub(super) fn in_hand_ns(&self, seq: u64) -> Option<i64> {
        self.arrows.iter().find_map(|arrow| match arrow.carries {
            Carries::Quotes(quotes) if quotes.last_seq >= seq => Some(arrow.reached_ns),
            _ => None,
        })
    }
}

impl Reading<'_> {
    fn take(&mut self, at_ns: i64, what: Happened) {
        match what {
            Happened::Dialling => self.dialled_ns = Some(at_ns),
            Happened::Established => self.established(at_ns),
            Happened::Asked { held, .. } => (self.asked_ns, self.held) = (Some(at_ns), held),
            Happened::Answered { quotes, closes, .. } => {
                self.answered(at_ns, quotes);
                if closes {
                    self.ended(at_ns);
                }
            }
            Happened::Hello => self.hello(at_ns),
            Happened::Pushed { quotes } => self.pushed(at_ns, quotes),
            Happened::Lost => {
                self.asked_ns = None;
                self.ended(at_ns);
            }
        }
    }

    fn arrow(&mut self, up: bool, (left_ns, reached_ns): (i64, i64), carries: Carries) {
        self.story.arrows.push(Arrow { left_ns, reached_ns, up, carries });
    }

    fn ended(&mut self, at_ns: i64) {
        if let Some((_, end @ None)) = self.story.connections.last_mut() {
            *end = Some(at_ns);
        }
    }

    fn established(&mut self, at_ns: i64) {
        if let Some(dialled_ns) = self.dialled_ns.take() {
            let middle_ns = dialled_ns.midpoint(at_ns);
            self.arrow(true, (dialled_ns, middle_ns), Carries::Handshake);
            self.arrow(false, (middle_ns, at_ns), Carries::Handshake);
            self.story.set_up.get_or_insert((dialled_ns, dialled_ns));
        }
        self.ended(at_ns);
        self.story.connections.push((at_ns, None));
        // What was asked before could not leave before.
        self.asked_ns = self.asked_ns.map(|asked_ns| asked_ns.max(at_ns));
    }

    /// Set-up is over with the first word of a stream, or the first answer of any other.
    fn ready(&mut self, at_ns: i64) {
        if let Some((from_ns, to_ns)) = &mut self.story.set_up
            && from_ns == to_ns
        {
            *to_ns = at_ns;
        }
    }

    /// When the server handed over the newest of `quotes` to its transports.
    fn published_ns(&self, quotes: QuoteRange) -> Option<i64> {
        let quote = self.log.quotes.iter().find(|quote| quote.seq == quotes.last_seq)?;
        i64::try_from(quote.published_ns?).ok()
    }

    /// A request and its answer. When the server had the one and gave the other is not logged. A quote that a request waited
    /// for left when it was published, and the request took as long as the answer; else each way is half of the whole.
    fn answered(&mut self, at_ns: i64, quotes: Option<QuoteRange>) {
        let Some(asked_ns) = self.asked_ns.take().map(|asked_ns| asked_ns.min(at_ns)) else { return };
        let half_ns = at_ns.saturating_sub(asked_ns) / 2;
        let pushed = self.setting.delivers == Delivers::Pushed;
        let way_ns = match quotes {
            Some(quotes) if self.held => {
                self.published_ns(quotes).map_or(half_ns, |published_ns| at_ns.saturating_sub(published_ns))
            }
            None if self.held => self.setting.way_ns,
            _ => half_ns,
        };
        let way_ns = way_ns.clamp(0, half_ns);
        let (reached_ns, left_ns) = (asked_ns.saturating_add(way_ns), at_ns.saturating_sub(way_ns));
        let (question, answer) = match quotes {
            Some(quotes) => (Carries::Request, Carries::Quotes(quotes)),
            None if pushed => (Carries::Request, Carries::Word),
            None => (Carries::Nothing, Carries::Nothing),
        };
        self.arrow(true, (asked_ns, reached_ns), question);
        self.arrow(false, (left_ns, at_ns), answer);
        if self.held {
            self.story.held.push((reached_ns, left_ns));
        }
        if !pushed {
            self.ready(at_ns);
        }
    }

    fn hello(&mut self, at_ns: i64) {
        let head_ns = self.story.arrows.last().filter(|arrow| arrow.carries == Carries::Word);
        // It follows the head, and takes as long.
        let way_ns = head_ns.map_or(self.setting.way_ns, |head| head.reached_ns.saturating_sub(head.left_ns));
        self.arrow(false, (at_ns.saturating_sub(way_ns), at_ns), Carries::Word);
        self.ready(at_ns);
    }

    fn pushed(&mut self, at_ns: i64, quotes: QuoteRange) {
        let left_ns = self.published_ns(quotes).unwrap_or(at_ns.saturating_sub(self.setting.way_ns));
        self.arrow(false, (left_ns.min(at_ns), at_ns), Carries::Quotes(quotes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wirerace_contract::results::{LoggedEvent, LoggedQuote};

    fn range(first_seq: u64, last_seq: u64) -> QuoteRange {
        QuoteRange { first_seq, last_seq, count: (last_seq + 1 - first_seq) as u32 }
    }

    fn answered(first_seq: u64, last_seq: u64) -> Happened {
        let quotes = (first_seq > 0).then(|| range(first_seq, last_seq));
        Happened::Answered { status: 200, quotes, closes: false }
    }

    const ASKED: Happened = Happened::Asked { after: None, held: false };
    const HELD: Happened = Happened::Asked { after: None, held: true };

    /// Quotes are published at 100, 200, 300 …
    fn told(delivers: Delivers, events: &[(i64, Happened)]) -> Story {
        let events = events.iter().map(|(at_ns, what)| LoggedEvent { at_ns: *at_ns, what: *what }).collect();
        let quote = |seq| LoggedQuote { seq, due_ns: 100 * seq, published_ns: Some(100 * seq) };
        let log = EventLog { events, full: false, quotes: (1..=9).map(quote).collect() };
        Story::of(&log, Setting { delivers, way_ns: 15 })
    }

    fn instants(story: &Story) -> Vec<(i64, i64)> {
        story.arrows.iter().map(|arrow| (arrow.left_ns, arrow.reached_ns)).collect()
    }

    #[test]
    fn a_held_request_waits_in_the_server_until_its_quote_is_published() {
        let story = told(Delivers::Held, &[(0, HELD), (120, answered(1, 1)), (121, HELD), (9_000, answered(0, 0))]);
        // 20 back, so 20 there; and without a quote the path's own 15.
        assert_eq!(story.held, [(20, 100), (136, 8_985)]);
        assert_eq!(instants(&story), [(0, 20), (100, 120), (121, 136), (8_985, 9_000)]);
        assert_eq!(story.arrows[0].carries, Carries::Request);
        assert_eq!([story.arrows[2].carries, story.arrows[3].carries], [Carries::Nothing; 2]);
    }

    #[test]
    fn a_held_request_that_finds_its_quote_waiting_is_answered_at_once() {
        let story = told(Delivers::Held, &[(310, HELD), (350, answered(1, 3))]);
        assert_eq!((instants(&story), story.held), (vec![(310, 330), (330, 350)], vec![(330, 330)]));
    }

    #[test]
    fn a_poll_takes_half_of_its_exchange_each_way_and_nothing_is_held() {
        let story = told(
            Delivers::Planned,
            &[(1_000, ASKED), (1_040, answered(1, 9)), (2_000, ASKED), (2_030, answered(0, 0))],
        );
        assert_eq!(instants(&story), [(1_000, 1_020), (1_020, 1_040), (2_000, 2_015), (2_015, 2_030)]);
        assert_eq!(story.held, []);
        assert_eq!((story.in_hand_ns(9), story.in_hand_ns(10)), (Some(1_040), None));
    }

    #[test]
    fn a_request_leaves_when_the_connection_dialled_for_it_stands() {
        let closes = Happened::Answered { status: 200, quotes: None, closes: true };
        let events = [(-90, ASKED), (-80, Happened::Dialling), (-40, Happened::Established), (0, closes)];
        let story = told(Delivers::Planned, &events);
        assert_eq!(instants(&story), [(-80, -60), (-60, -40), (-40, -20), (-20, 0)]);
        assert_eq!((story.connections, story.set_up), (vec![(-40, Some(0))], Some((-80, 0))));
    }

    #[test]
    fn a_stream_is_ready_with_its_first_word_and_quotes_leave_when_published() {
        let events = [
            (-80, Happened::Dialling),
            (-70, Happened::Established),
            (-69, ASKED),
            (-39, Happened::Answered { status: 101, quotes: None, closes: false }),
            (-38, Happened::Hello),
            (115, Happened::Pushed { quotes: range(1, 1) }),
            (316, Happened::Pushed { quotes: range(2, 3) }),
            (400, Happened::Lost),
        ];
        let story = told(Delivers::Pushed, &events);
        assert_eq!(story.set_up, Some((-80, -38)));
        assert_eq!(instants(&story)[2..], [(-69, -54), (-54, -39), (-53, -38), (100, 115), (300, 316)]);
        assert_eq!((story.held, story.connections), (vec![], vec![(-70, Some(400))]));
        assert_eq!(story.arrows[3].carries, Carries::Word);
    }
}
