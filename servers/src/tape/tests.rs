//! What holds of a tape, and the tapes that other tests read.

use wirerace_contract::plan::Plan;

use super::*;

/// A tape of the epoch `k3f9` with the first `published` quotes of the default feed on it.
pub(crate) fn tape_with(capacity: usize, published: usize) -> Tape {
    let tape = Tape::new("k3f9".parse().unwrap(), FeedSpec::default(), capacity);
    publish_more(&tape, published);
    tape
}

/// Publishes the next `count` quotes of the default feed.
pub(crate) fn publish_more(tape: &Tape, count: usize) {
    let done = tape.newest() as usize;
    for quote in Plan::new(tape.spec()).skip(done).take(count) {
        tape.publish(quote).unwrap();
    }
}

fn seqs(tape: &Tape, mut after: u64) -> Vec<u64> {
    let mut seqs = Vec::new();
    while let Read::Quote { seq, .. } = tape.read(after, Encoding::Tick) {
        seqs.push(seq);
        after = seq;
    }
    seqs
}

fn at(text: &str) -> After {
    text.parse().unwrap()
}

#[test]
fn reads_in_order_and_holds_exactly_its_capacity() {
    let tape = tape_with(3, 2);
    assert_eq!((seqs(&tape, 0), tape.oldest()), (vec![1, 2], 1));
    publish_more(&tape, 3);
    assert_eq!((seqs(&tape, 2), tape.oldest(), tape.newest()), (vec![3, 4, 5], 3, 5));
    assert_eq!(tape.read(5, Encoding::Json), Read::End);
    let gap = Gap { reason: GapReason::Evicted, first: 2, last: 2 };
    assert_eq!(tape.read(1, Encoding::Json), Read::Gap(gap));
}

#[test]
fn an_empty_tape_says_so() {
    let tape = tape_with(3, 0);
    assert_eq!((tape.oldest(), tape.newest(), tape.read(0, Encoding::Json)), (1, 0, Read::End));
    assert_eq!(tape.read_newest(0, Encoding::Json), None);
    assert_eq!(tape.resolve(After::Oldest).unwrap().after, 0);
}

#[test]
fn each_quote_is_encoded_once_per_encoding_and_shared() {
    let tape = tape_with(3, 1);
    for encoding in Encoding::ALL {
        let payload = || match tape.clone().read(0, encoding) {
            Read::Quote { payload, .. } => payload,
            other => panic!("{other:?}"),
        };
        let (first, second) = (payload(), payload());
        assert_eq!(first.as_ptr(), second.as_ptr(), "{encoding} was encoded twice");
        assert_eq!(first.len(), encoding.least_bytes());
    }
}

#[test]
fn a_number_out_of_turn_is_refused() {
    let tape = tape_with(3, 2);
    let quotes: Vec<Quote> = Plan::new(tape.spec()).take(4).collect();
    assert_eq!(tape.publish(quotes[1]), Err(NotTheNext { given: 2, next: 3 }));
    assert_eq!(tape.publish(quotes[3]), Err(NotTheNext { given: 4, next: 3 }));
    assert_eq!(tape.newest(), 2);
}

#[test]
fn every_kind_of_cursor_is_decided() {
    let tape = tape_with(3, 5); // holds 3, 4, 5
    let start = |text| tape.resolve(at(text)).map(|start| (start.after, start.gap));
    assert_eq!(tape.resolve(After::Now).unwrap().after, 5);
    assert_eq!(start("0"), Ok((2, None)));
    assert_eq!(start("k3f9.5"), Ok((5, None)));
    assert_eq!(start("k3f9.2"), Ok((2, None)));
    assert_eq!(start("k3f9.1"), Ok((2, Some(Gap { reason: GapReason::Evicted, first: 2, last: 2 }))));
    assert_eq!(start("zzzz.99"), Ok((2, Some(Gap { reason: GapReason::Epoch, first: 1, last: 2 }))));
    let ahead = tape.resolve(at("k3f9.6")).unwrap_err().to_string();
    assert!(ahead.contains("k3f9.6") && ahead.contains("up to k3f9.5"), "{ahead}");
    assert!(tape.resolve(at("k3f9.18446744073709551615")).is_err());
}

#[test]
fn the_newest_skips_what_lies_between() {
    let tape = tape_with(3, 5);
    assert_eq!(tape.read_newest(1, Encoding::Tick).map(|(seq, _)| seq), Some(5));
    assert_eq!(tape.read_newest(5, Encoding::Tick), None);
}

#[tokio::test(start_paused = true)]
async fn the_age_of_a_quote_is_known_as_long_as_it_is_held() {
    let tape = tape_with(3, 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    publish_more(&tape, 1);
    let ages_s = |seqs: [u64; 3]| seqs.map(|seq| tape.age(seq).map(|age| age.as_secs()));
    assert_eq!(ages_s([0, 1, 2]), [None, Some(2), Some(0)]);
    publish_more(&tape, 3); // holds 3, 4, 5
    assert_eq!(ages_s([1, 2, 6]), [None; 3]);
    assert_eq!(ages_s([3, 4, 5]), [Some(0); 3]);
}

/// Many readers that sleep whenever they have everything, and a thread that publishes as fast as it can: each
/// gets each quote once and in order, and a wake-up that is lost at the end leaves a reader asleep.
async fn readers_against_a_thread() {
    const QUOTES: u64 = 20_000;
    let tape = tape_with(QUOTES as usize, 0);
    let readers: Vec<_> = (0..32)
        .map(|_| {
            let tape = tape.clone();
            tokio::spawn(async move {
                let mut after = 0;
                while after < QUOTES && tape.newer_than(after).await {
                    while let Read::Quote { seq, .. } = tape.read(after, Encoding::Tick) {
                        assert_eq!(seq, after + 1);
                        after = seq;
                    }
                }
                after
            })
        })
        .collect();
    let publisher = std::thread::spawn(move || {
        for quote in Plan::new(tape.spec()).take(QUOTES as usize) {
            tape.publish(quote).unwrap();
        }
        tape // kept: dropping the last handle would close the tape and wake everybody
    });
    for reader in readers {
        let read = tokio::time::timeout(Duration::from_secs(60), reader).await;
        assert_eq!(read.expect("a wake-up was lost").unwrap(), QUOTES);
    }
    publisher.join().unwrap();
}

#[tokio::test]
async fn no_wake_up_is_lost_on_one_thread() {
    readers_against_a_thread().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn no_wake_up_is_lost_on_several_threads() {
    readers_against_a_thread().await;
}

#[tokio::test(start_paused = true)]
async fn closing_wakes_everybody() {
    let tape = tape_with(3, 1);
    let waiting = tokio::spawn({
        let tape = tape.clone();
        async move { tokio::join!(tape.newer_than(1), tape.closed()).0 }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    tape.close();
    assert!(!tokio::time::timeout(Duration::from_secs(1), waiting).await.unwrap().unwrap());
    assert!(!tape.newer_than(0).await, "a closed tape keeps nobody");
}

#[test]
fn a_tape_outlives_the_runtime_it_was_first_awaited_in() {
    let tape = tape_with(3, 0);
    for round in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let from = tape.clone();
        runtime.block_on(async {
            let waiting = tokio::spawn(async move { from.newer_than(round).await });
            tokio::task::yield_now().await;
            publish_more(&tape, 1);
            let woken = tokio::time::timeout(Duration::from_secs(60), waiting).await;
            assert!(woken.expect("no relay in the second runtime").unwrap());
        });
    }
}
