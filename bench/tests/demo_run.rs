//! A run that a page recorded: sent to the demo, taken home as a file, and read by the report.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use wirerace_contract::feed::FeedSpec;
use wirerace_contract::plan::PlanTable;

#[path = "demo/room.rs"]
#[allow(dead_code, reason = "shared with the other tests of the demo")]
mod room;

use room::{DEADLINE, Demo, Page, ask, command, get, lane, socket};

const RATE_PER_S: f64 = 100.0;
const WINDOW_US: [u64; 2] = [300_000, 1_900_000];

/// Takes quotes over the socket and by polls as the page does, until the window is over; what the page would send.
async fn recorded(page: &mut Page, state: &Value) -> Value {
    // Taken before the question, so that this clock is never behind the server's, however long the answer takes: an arrival
    // before its quote was published would be moved.
    let asked = Instant::now();
    page.say(&json!({ "ping": 1 })).await;
    let pong = page.told("pong").await;
    let now_us = move || pong["now_ns"].as_i64().unwrap() as f64 / 1e3 + asked.elapsed().as_secs_f64() * 1e6;
    let epoch = state["epoch"].as_str().unwrap();
    let mut socket = socket(lane(state, "ws"), &format!("/socket?after={epoch}.0"), None).await.unwrap();
    let (polls, mut next) = (lane(state, "poll"), format!("{epoch}.0"));
    let (mut pushed, mut polled, mut requests, mut empty) = (Vec::new(), Vec::new(), 0, 0);
    let mut ticks = tokio::time::interval(Duration::from_millis(50));
    while now_us() < WINDOW_US[1] as f64 + 300_000.0 {
        tokio::select! {
            message = socket.next() => {
                let Message::Text(text) = message.unwrap().unwrap() else { continue };
                let quote: Value = serde_json::from_str(&text).unwrap();
                pushed.extend(quote["seq"].as_u64().map(|seq| (seq, now_us())));
            }
            _ = ticks.tick() => {
                let (_, body) = ask(polls, &get(polls, &format!("/quotes?after={next}"), "")).await;
                let answer: Value = serde_json::from_str(&body).unwrap();
                let seqs: Vec<u64> = answer["quotes"].as_array().unwrap().iter().map(|q| q["seq"].as_u64().unwrap()).collect();
                (requests, empty) = (requests + 1, empty + u64::from(seqs.is_empty()));
                polled.extend(seqs.into_iter().map(|seq| (seq, now_us())));
                next = answer["next"].as_str().unwrap().to_owned();
            }
        }
    }
    json!({
        "run": state["run"],
        "lanes": {
            "ws": { "received": pushed, "requests": 1, "empty": 0 },
            "poll": { "received": polled, "requests": requests, "empty": empty, "skipped": 3 },
        },
        "offset_error_us": 250.0,
        "hidden": [[0, 310_000]],
        "window_us": WINDOW_US,
        "user_agent": "Test/1.0",
    })
}

async fn post(demo: &Demo, origin: &str, body: &str) -> (String, String) {
    let request = format!(
        "POST /run HTTP/1.1\r\nhost: {}\r\norigin: {origin}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        demo.address,
        body.len()
    );
    ask(demo.address, &request).await
}

/// Median lateness in the window, milliseconds, from the plan and the arrivals alone.
fn median_ms(received: &Value, window_us: [u64; 2]) -> f64 {
    let mut plan = PlanTable::new(&FeedSpec { rate_per_s: RATE_PER_S, payload_bytes: 120, ..FeedSpec::default() });
    let mut late_ms: Vec<f64> = Vec::new();
    for arrival in received.as_array().unwrap() {
        let due_us = plan.due_offset_ns(arrival[0].as_u64().unwrap()) as f64 / 1e3;
        if (window_us[0] as f64..window_us[1] as f64).contains(&due_us) {
            late_ms.push((arrival[1].as_f64().unwrap() - due_us) / 1e3);
        }
    }
    late_ms.sort_by(f64::total_cmp);
    late_ms[(late_ms.len() - 1) / 2]
}

fn report(file: &Path, out: &Path) -> (Option<i32>, String) {
    let output = command(&["report", &file.display().to_string(), "-o", &out.display().to_string()]).output().unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
    )
}

#[tokio::test]
async fn a_run_becomes_a_file_that_the_report_reads() {
    let demo = Demo::start(&[]);
    let (mut page, state) = demo.running(json!({ "rate_per_s": RATE_PER_S, "interval_ms": 50 })).await;
    let mut sent = recorded(&mut page, &state).await;
    page.say(&json!({ "stop": true })).await;
    page.told("ended").await;
    assert!(demo.page().await.1["result"].is_null(), "it is not judged yet");
    let (head, body) = post(&demo, &demo.origin(), &sent.to_string()).await;
    assert!(head.starts_with("http/1.1 200"), "{head}\n{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    // Who comes now is told the same, and what the page has seen of its lanes.
    assert_eq!(demo.page().await.1["result"], answer);
    assert_eq!(
        (&answer["seen"]["poll"]["empty"], &answer["seen"]["poll"]["skipped"]),
        (&sent["lanes"]["poll"]["empty"], &json!(3))
    );
    assert_eq!(answer["window_us"], json!([310_000, 1_860_000]), "what was seen of it, in whole intervals");

    // The figures are those of the arrivals and of the meter.
    let meters = page.meters(|_| true).await;
    for id in ["ws", "poll"] {
        let (figures, received) = (&answer["lanes"][id], &sent["lanes"][id]["received"]);
        let (expected_ms, told_ms) = (median_ms(received, [310_000, 1_860_000]), figures["p50_ms"].as_f64().unwrap());
        assert!((told_ms - expected_ms).abs() <= 0.01 * expected_ms + 0.3, "{id}: {told_ms} ms, not {expected_ms}");
        assert_eq!(figures["lost"], 0.0, "{id}");
        let (down, up) = (&meters["lanes"][id]["bytes"], &meters["lanes"][id]["up"]["bytes"]);
        if let (Some(down), Some(up)) = (down.as_u64(), up.as_u64()) {
            let expected = (down + up) as f64 / received.as_array().unwrap().len() as f64;
            let told = figures["bytes_per_quote"].as_f64().unwrap();
            // Acknowledgements go on after the last quote.
            assert!((told - expected).abs() <= 0.02 * expected, "{id}: {told} bytes a quote, not {expected}");
        }
    }
    let verdict = answer["verdict"].as_array().unwrap();
    assert!(verdict.iter().any(|sentence| sentence.as_str().unwrap().contains("At the median")), "{verdict:?}");

    // Home, and into the report.
    let target = answer["download"].as_str().unwrap();
    let (head, text) = ask(demo.address, &get(demo.address, target, "")).await;
    assert!(head.contains("content-disposition: attachment; filename="), "{head}");
    let file: Value = serde_json::from_str(&text).unwrap();
    let polled = file["trials"].as_array().unwrap().iter().find(|trial| trial["arm"]["name"] == "poll").unwrap();
    let (traffic, requests) =
        (&polled["measured"]["client"]["traffic"], sent["lanes"]["poll"]["requests"].as_u64().unwrap());
    for (field, count) in [("polls_issued", requests), ("polls_skipped", 3), ("polls_planned", requests + 3)] {
        assert_eq!(traffic[field], count, "{field}");
    }
    for (name, schema) in wirerace::schemas::all() {
        let validator = jsonschema::validator_for(schema.as_value()).unwrap();
        match name {
            "manifest.schema.json" => assert!(validator.is_valid(&file["manifest"])),
            "trial.schema.json" => assert!(file["trials"].as_array().unwrap().iter().all(|t| validator.is_valid(t))),
            "run-file.schema.json" => assert!(validator.is_valid(&file)),
            _ => {}
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let (path, out) = (dir.path().join("run.json"), dir.path().join("told"));
    std::fs::write(&path, &text).unwrap();
    let (code, said) = report(&path, &out);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("warning: Recorded by a page in a browser"), "{said}");
    let told = std::fs::read_to_string(out.join("report.md")).unwrap();
    for words in ["Recorded by a page", "off by up to 250 µs", "The browser calls itself Test/1.0", "hidden or asleep"]
    {
        assert!(told.contains(words), "{words} is not in\n{told}");
    }
    assert!(!told.contains("fresh load process"), "that is said of the suite's own trials");
    for name in ["report.html", "summary.csv", "summary.json", "charts/percentiles.svg"] {
        assert!(out.join(name).is_file(), "{name}");
    }
    let csv = std::fs::read_to_string(out.join("summary.csv")).unwrap();
    let cpu: Vec<&str> = csv.lines().filter(|line| line.contains(",own_cpu_per_quote,")).collect();
    let is_left_out = cpu.iter().all(|line| line.ends_with(",µs,0,,,,,"));
    assert!(cpu.len() == 2 && is_left_out, "no trial has a value, which is not a value of nought: {cpu:?}");

    // Half a file.
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    let (code, said) = report(&path, &out);
    assert!(code == Some(1) && said.contains("is damaged") && said.trim().lines().count() == 1, "{said}");

    // Quotes that the server cannot have sent.
    let received = sent["lanes"]["ws"]["received"].as_array_mut().unwrap();
    received.push(json!([received.len() + 1_000, 1.0]));
    let (head, body) = post(&demo, &demo.origin(), &sent.to_string()).await;
    assert!(head.starts_with("http/1.1 400") && body.contains("never published"), "{head}\n{body}");
}

#[tokio::test]
async fn what_is_no_run_or_comes_from_elsewhere_is_refused() {
    let demo = Demo::start(&[]);
    let body = json!({ "run": 1, "lanes": { "ws": { "received": [] } }, "window_us": [0, 2e6] });
    let (head, said) = post(&demo, "http://evil.example", &body.to_string()).await;
    assert!(head.starts_with("http/1.1 403"), "{head}\n{said}");
    for (wrong, words) in [("{", "this is no run"), (&*body.to_string(), "run 1 is not the last one, which is 0")] {
        let (head, said) = post(&demo, &demo.origin(), wrong).await;
        assert!(head.starts_with("http/1.1 400") && said.contains(words), "{head}\n{said}");
    }
    let (mut page, _) = demo.running(json!({})).await;
    page.meters(|meters| meters["now_ns"].as_i64() > Some(0)).await;
    for (lanes, words) in [(json!({ "wss": { "received": [] } }), "nearest is `ws`"), (json!({}), "run longer")] {
        let body = json!({ "run": 1, "lanes": lanes, "window_us": [0, 2e6] }).to_string();
        let (head, said) = timeout(DEADLINE, post(&demo, &demo.origin(), &body)).await.unwrap();
        assert!(head.starts_with("http/1.1 400") && said.contains(words), "{head}\n{said}");
    }
}
