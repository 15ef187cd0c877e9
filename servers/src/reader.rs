//! A connection's place on the tape, and its pace: every quote as it comes, or only the newest on a grid.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use wirerace_contract::encoding::Encoding;

use crate::query::Pace;
use crate::tape::{Encoded, Read, Start, Tape};
use crate::ticks::Ticks;
use crate::wakes::Place;

/// Reads the tape for one pushed stream.
pub struct Reader {
    tape: Tape,
    encoding: Encoding,
    after: u64,
    /// Boxed, because most streams have none.
    grid: Option<Box<Grid>>,
    /// Kept for as long as it lives. Among those who wait for quotes, or, on a grid, for the end only.
    place: Place,
}

/// The instants at which a conflated stream may send: its own start + k × interval.
struct Grid {
    ticks: Ticks,
    due: bool,
}

impl Reader {
    /// A reader that begins at `start`. The grid of a conflated one begins now.
    #[must_use]
    pub fn new(tape: Tape, start: &Start, pace: Pace, encoding: Encoding) -> Self {
        let (grid, place) = match pace {
            Pace::Every => (None, tape.place_for_quotes()),
            Pace::Newest(distance) => {
                let grid = Grid { ticks: tape.ticks(Duration::ZERO, distance), due: false };
                (Some(Box::new(grid)), tape.place_for_the_end())
            }
        };
        Self { tape, encoding, after: start.after, grid, place }
    }

    /// Waits until [`Reader::take`] has something (true) or the tape is closed (false). May be dropped and
    /// called again without losing anything.
    pub async fn ready(&mut self) -> bool {
        poll_fn(|cx| self.poll_ready(cx)).await
    }

    /// [`Reader::ready`], for those who wait for several things at once.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some(grid) = &mut self.grid else { return self.tape.poll_newer_than(self.after, cx, &mut self.place) };
        if self.tape.poll_closed(cx, &mut self.place).is_ready() {
            return Poll::Ready(false);
        }
        loop {
            ready!(grid.ticks.poll_tick(cx));
            if self.tape.newest() > self.after {
                grid.due = true;
                return Poll::Ready(true);
            }
        }
    }

    /// What is to be sent next, without waiting.
    pub fn take(&mut self) -> Read {
        self.take_as(|quote| quote.payload().clone())
    }

    /// What is to be sent next, without waiting; of a quote what `pick` takes, as with [`Tape::read_as`].
    pub fn take_as<P>(&mut self, pick: impl Fn(&Encoded) -> P) -> Read<P> {
        let Some(grid) = &mut self.grid else {
            let read = self.tape.read_as(self.after, self.encoding, pick);
            match &read {
                Read::Quote { seq, .. } => self.after = *seq,
                Read::Gap(gap) => self.after = gap.last,
                Read::End => {}
            }
            return read;
        };
        if !std::mem::take(&mut grid.due) {
            return Read::End;
        }
        match self.tape.read_newest_as(self.after, self.encoding, pick) {
            Some((seq, payload)) => {
                self.after = seq;
                Read::Quote { seq, payload }
            }
            None => Read::End,
        }
    }

    /// The tape it reads.
    #[must_use]
    pub fn tape(&self) -> &Tape {
        &self.tape
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance, timeout};
    use wirerace_contract::cursor::After;

    use super::*;
    use crate::tape::tests::{publish_more, tape_with};

    const SECOND: Duration = Duration::from_secs(1);

    fn reader(tape: &Tape, after: After, pace: Pace) -> Reader {
        Reader::new(tape.clone(), &tape.resolve(after).unwrap(), pace, Encoding::Tick)
    }

    fn seq(read: &Read) -> u64 {
        match read {
            Read::Quote { seq, .. } => *seq,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_quote_then_a_gap_when_it_falls_behind() {
        let tape = tape_with(3, 2);
        let mut reader = reader(&tape, After::Oldest, Pace::Every);
        assert!(reader.ready().await);
        assert_eq!((seq(&reader.take()), seq(&reader.take()), reader.take()), (1, 2, Read::End));
        publish_more(&tape, 5); // holds 5, 6, 7
        assert!(matches!(reader.take(), Read::Gap(gap) if (gap.first, gap.last) == (3, 4)));
        assert_eq!(seq(&reader.take()), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn the_newest_goes_out_on_the_grid_and_never_twice() {
        let tape = tape_with(100, 1);
        let begun = Instant::now();
        let mut reader = reader(&tape, After::Now, Pace::Newest(SECOND));
        assert!(timeout(SECOND * 5 / 2, reader.ready()).await.is_err(), "nothing newer, nothing due");
        publish_more(&tape, 4);
        assert_eq!(reader.take(), Read::End, "not between two instants of the grid");
        assert!(reader.ready().await);
        assert_eq!(begun.elapsed().as_secs(), 3, "start + 3 x interval");
        publish_more(&tape, 1);
        assert_eq!(seq(&reader.take()), 6);
        publish_more(&tape, 1);
        assert_eq!(reader.take(), Read::End, "one quote an instant");
        advance(SECOND * 17 / 5).await; // 6.4 s: late by more than two instants, which are not made up for
        assert!(reader.ready().await);
        assert_eq!((seq(&reader.take()), begun.elapsed().as_secs_f64()), (7, 6.4));
        publish_more(&tape, 1);
        assert!(reader.ready().await);
        assert_eq!(begun.elapsed().as_secs_f64().round(), 7.0, "the grid has not moved");
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_tape_ends_both_paces() {
        let tape = tape_with(3, 1);
        let mut every = reader(&tape, After::Now, Pace::Every);
        let mut newest = reader(&tape, After::Now, Pace::Newest(SECOND));
        tape.close();
        assert!(!every.ready().await);
        assert!(!newest.ready().await);
    }
}
