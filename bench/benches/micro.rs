//! Micro-costs: what one quote costs before and after the socket. Not a comparison of transports: the sockets are
//! left out here, and they are what matters (see the comparisons).

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use wirerace_clients::recorder::Recorder;
use wirerace_clients::target::{Event, TrafficCounters};
use wirerace_contract::clock::monotonic_ns;
use wirerace_contract::cursor::Epoch;
use wirerace_contract::encoding::{Encoding, decode_seq, encode};
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::plan::Plan;
use wirerace_contract::quote::Quote;
use wirerace_contract::spec::Delivery;
use wirerace_servers::sse::write_event;
use wirerace_servers::tape::Tape;

fn quotes(n: usize) -> Vec<Quote> {
    Plan::new(&FeedSpec::default()).take(n).collect()
}

fn encoding(c: &mut Criterion) {
    let quote = quotes(1)[0];
    for kind in Encoding::ALL {
        c.bench_function(&format!("encode one quote/{kind}"), |b| b.iter(|| encode(black_box(&quote), kind, 0)));
        let bytes = encode(&quote, kind, 0);
        c.bench_function(&format!("read a quote's number/{kind}"), |b| b.iter(|| decode_seq(black_box(&bytes), kind)));
    }
}

fn tape(c: &mut Criterion) {
    let all = quotes(10_000);
    let fresh = || Tape::new(Epoch::from_number(1), FeedSpec::default(), 1 << 16);
    c.bench_function("tape: append 10,000 quotes", |b| {
        b.iter_batched(
            fresh,
            |tape| {
                all.iter().for_each(|quote| assert!(tape.publish(*quote).is_ok()));
                tape
            },
            BatchSize::LargeInput,
        );
    });
    let full = fresh();
    all.iter().for_each(|quote| assert!(full.publish(*quote).is_ok()));
    c.bench_function("tape: read one quote at the end, encoded already", |b| {
        b.iter(|| full.read(black_box(9_999), Encoding::Json));
    });
}

fn framing(c: &mut Criterion) {
    let payload = encode(&quotes(1)[0], Encoding::Json, 0);
    let mut out = Vec::with_capacity(256);
    c.bench_function("frame one quote/SSE", |b| {
        b.iter(|| {
            out.clear();
            write_event(&mut out, Epoch::from_number(1), black_box(1_041), &payload);
            out.len()
        });
    });
    let payload = tokio_tungstenite::tungstenite::Bytes::from(payload);
    c.bench_function("frame one quote/WebSocket", |b| {
        b.iter(|| {
            out.clear();
            let frame = Frame::message(black_box(payload.clone()), OpCode::Data(Data::Text), true);
            assert!(frame.format(&mut out).is_ok());
            out.len()
        });
    });
}

fn recorder(c: &mut Criterion) {
    let feed = FeedSpec { rate_per_s: 1_000.0, ..FeedSpec::default() };
    c.bench_function("recorder: note 1,000 quotes of one client", |b| {
        b.iter_batched(
            || {
                let mut recorder =
                    Recorder::new(1, Delivery::Every, &feed, Arc::new(TrafficCounters::default()), false);
                recorder.start(monotonic_ns(), None);
                recorder.open_window(0, 2_000_000_000, true);
                recorder
            },
            |mut recorder| {
                let received_ns = monotonic_ns() + 3_000_000_000;
                for seq in 1..=1_000 {
                    recorder.event(0, Event::Quote { seq, received_ns, payload_bytes: 120 });
                }
                recorder
            },
            BatchSize::LargeInput,
        );
    });
}

criterion_group! {
    name = micro;
    // Short: these are orders of magnitude to reason with, and the comparisons need the time.
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_millis(1_000))
        .sample_size(30);
    targets = encoding, tape, framing, recorder
}
criterion_main!(micro);
