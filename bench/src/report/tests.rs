mod text;

use super::*;
use crate::summary::{LinkSummary, Quantity, Reading};
use wirerace_contract::results::{SelfTestRow, SelfTestStanding, SelfTestSummary};
use wirerace_contract::spec::{Link, Path as Way};

/// Small pictures: drawing large ones without optimisation takes seconds.
fn write_all(directory: &Path) -> Result<ReportPaths, ReportError> {
    write_sized(directory, directory, 300)
}

fn written() -> (tempfile::TempDir, ReportPaths) {
    let dir = tempfile::tempdir().unwrap();
    fixture::write(dir.path());
    let paths = write_all(dir.path()).unwrap();
    (dir, paths)
}

fn all_files(paths: &ReportPaths) -> Vec<Vec<u8>> {
    let mut files = vec![&paths.html, &paths.markdown, &paths.csv, &paths.json];
    files.extend(&paths.charts);
    files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let (dir, paths) = written();
    let first = all_files(&paths);
    let old = dir.path().join("charts/idle.svg");
    std::fs::write(&old, "of an earlier report").unwrap();
    let again = write_all(dir.path()).unwrap();
    assert!(paths == again && first == all_files(&again));
    assert!(!old.exists(), "no picture stays that is not of this report");
    // One chart of the whole run: theory.
    assert_eq!(paths.charts.len(), 2 * (KINDS.len() + 1));
    assert!(first.iter().all(|bytes| !bytes.is_empty()));
}

#[test]
fn the_page_is_one_file_that_fetches_nothing() {
    let (_dir, paths) = written();
    let html = std::fs::read_to_string(&paths.html).unwrap();
    assert!(html.len() < 3_000_000, "{} bytes", html.len());
    for fetching in ["src=", "<link", "@import", "url(", "fetch(", "XMLHttpRequest", "import("] {
        assert!(!html.contains(fetching), "{fetching}");
    }
    assert_eq!(html.matches("<script").count(), 1);
    assert!(
        html.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"),
        "nothing may be fetched"
    );
    let addresses = html.matches("http://").count() + html.matches("https://").count();
    // Besides, the script makes elements of that name.
    assert_eq!(addresses, html.matches("xmlns=\"http://www.w3.org/2000/svg\"").count() + 1);
    assert_eq!(html.matches("<svg ").count(), KINDS.len() + 1);
    assert_eq!(html.matches("role=\"img\"").count(), KINDS.len() + 1);
    assert!(html.contains("prefers-color-scheme: dark") && html.contains("@media print"));
    for scope in [":root:not([data-theme=\"light\"])", ":root[data-theme=\"dark\"]"] {
        assert!(html.contains(&format!("{scope} svg.chart [fill=\"#FFFFFF\"] {{ fill: #14181D; }}")), "{scope}");
    }
    // Tags are balanced.
    for tag in ["section", "figure", "details", "table", "div", "svg", "g", "p", "h2", "h3"] {
        let opened = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "ids are unique");
}

#[test]
fn the_answer_comes_first_and_nothing_set_aside_is_hidden() {
    let (_dir, paths) = written();
    let html = std::fs::read_to_string(&paths.html).unwrap();
    let answer = html.find("class=\"answer\"").unwrap();
    assert!(answer < html.find("<table").unwrap() && answer < html.find("<svg").unwrap());
    let markdown = std::fs::read_to_string(&paths.markdown).unwrap();
    for text in [&html, &markdown] {
        let text = text.replace('\u{A0}', " ");
        assert!(text.contains("accepted 10 connections, dialled 11") && text.contains("steal 4.1 %"));
        assert!(text.contains("run seed 7, feed seed 1"));
    }
}

#[test]
fn text_from_files_cannot_become_markup() {
    let dir = tempfile::tempdir().unwrap();
    fixture::write(dir.path());
    for name in [read::MANIFEST, read::TRIALS] {
        let file = dir.path().join(name);
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace("0123abc", "<u>0123abc").replace("dialled 11", "<b>dialled 11");
        let text = text.replace("What does", "<script>alert(1)</script> What does");
        let text = text.replace("10 clients, 10 quotes/s", "<b>cell</b> | x").replace("long-poll\"", "<i>arm</i>\"");
        std::fs::write(&file, text).unwrap();
    }
    let paths = write_all(dir.path()).unwrap();
    let html = std::fs::read_to_string(&paths.html).unwrap();
    for markup in ["<script>alert", "<b>", "<i>", "<u>"] {
        assert!(!html.contains(markup), "{markup}");
    }
    assert_eq!(html.matches("<script").count(), 1, "the page's own");
    assert!(html.contains("&lt;i&gt;arm&lt;/i&gt;"));
    let markdown = std::fs::read_to_string(&paths.markdown).unwrap();
    assert!(!markdown.contains("<b>") && !markdown.contains("<script"));
}

#[test]
fn several_cells_get_charts_of_their_own() {
    let (mut manifest, mut trials) = fixture::run();
    let other = wirerace_contract::results::Cell { name: "another".into(), ..manifest.cells[0].clone() };
    manifest.cells.push(other);
    let twins: Vec<_> = trials
        .iter()
        .cloned()
        .map(|mut t| {
            t.cell = "another".into();
            t
        })
        .collect();
    trials.extend(twins);
    let charts = draw(&summarise(&manifest, &trials, &[]));
    let names: Vec<&String> = charts.iter().flatten().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 2 * KINDS.len());
    assert!(names.contains(&&"bytes-1".to_owned()) && names.contains(&&"bytes-2".to_owned()));
}

#[test]
fn a_run_without_a_valid_trial_still_gives_a_report() {
    let dir = tempfile::tempdir().unwrap();
    fixture::write(dir.path());
    std::fs::write(dir.path().join(read::TRIALS), "").unwrap();
    let html = std::fs::read_to_string(write_all(dir.path()).unwrap().html).unwrap();
    assert!(html.contains("No trial of this run may be used"));
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fixture::write(dir.path());
    // A file where the folder of charts should be.
    std::fs::write(dir.path().join("charts"), "").unwrap();
    let error = write_all(dir.path()).unwrap_err().to_string();
    assert!(error.contains("charts cannot be written"), "{error}");
}

#[test]
fn a_run_from_before_clients_were_counted_is_still_read() {
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/2026-11-20-transports");
    let run = read(&old).unwrap();
    assert!(run.warnings.is_empty() && !run.trials.is_empty(), "{:?}", run.warnings);
    let summary = summarise(&run.manifest, &run.trials, &run.warnings);
    let arms = || summary.cells.iter().flat_map(|cell| &cell.arms);
    assert!(arms().all(|arm| arm.valid > 0 && arm.total(Quantity::Refused).is_none()), "not known is not nought");
    assert!(arms().all(|arm| arm.median(Quantity::PacketRate).is_some_and(f64::is_finite)));
}

/// Both texts of a made-up run that is first changed; no line of the page ends between a number and its unit, which is
/// not what these tests look at.
fn texts_of(change: impl FnOnce(&mut Summary)) -> [String; 2] {
    let (manifest, trials) = fixture::run();
    let mut summary = summarise(&manifest, &trials, &[]);
    change(&mut summary);
    let page = html::Page {
        summary: &summary,
        trials: &trials,
        charts: &[Vec::new()],
        across: &[],
        sections: &sections(&summary),
        reading: false,
    };
    let html = html::report(&page).unwrap().replace('\u{A0}', " ").replace("&#39;", "'");
    [html, markdown::report(&page)]
}

/// A sentence without its first interval, and that. In sentences that say who is best it is the best's own.
pub(super) fn without_first_interval(sentence: &str) -> (String, &str) {
    let (before, rest) = sentence.split_once(" [").unwrap();
    let (interval, after) = rest.split_once(']').unwrap();
    (format!("{before}{after}"), interval)
}

#[test]
fn what_was_thought_before_stands_beside_the_answer() {
    let judged = "Compare with the answer above; no program judged it.";
    for text in texts_of(|_| ()) {
        assert!(!text.contains("A quick look") && !text.contains("Prediction") && !text.contains("change our mind"));
        assert!(!text.contains(judged), "nothing was expected");
    }
    let texts = texts_of(|summary| {
        summary.quick = true;
        summary.prediction = "Polls are <later>.".into();
        summary.change_our_mind = "Polls that come first.".into();
        summary.claims = vec![3, 8];
    });
    for text in texts {
        let end = text.find("At the median").unwrap();
        let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} is missing"));
        let question = place("What does each transport cost");
        let heads =
            ["A quick look", "Prediction, before the run", "What would change our mind", "Helps to decide claims"];
        assert!(question < place(heads[0]) && place(heads[0]) < end, "a quick look says so before anything");
        let results = text.find("set aside: 1 tainted, 1 void").unwrap();
        assert!(place(heads[2]) < place(judged) && text.matches(judged).count() == 1, "once, below both");
        for what in
            heads.into_iter().skip(1).chain(["Polls are &lt;later&gt;.", "Polls that come first.", "3 and 8 of"])
        {
            assert!(end < place(what) && place(what) < results, "{what} does not stand beside the answer");
        }
    }
}

fn tested(commit: Option<&str>) -> SelfTestSummary {
    let row = |quantity: &str, share, target, standing| SelfTestRow {
        arm: "ws".into(),
        what: if target == Some((0.8, 1.0)) { "+1 ms" } else { "against itself" }.into(),
        quantity: quantity.into(),
        share,
        target,
        standing,
        interval: None,
    };
    let as_run = SelfTestRow {
        interval: Some((0.001, 0.16)),
        ..row("as run", Some(0.015), Some((0.03, 0.08)), SelfTestStanding::TooFewBlocks)
    };
    let usual = Some((0.03, 0.08));
    SelfTestSummary {
        started_utc: "2026-01-01T00:00:00Z".into(),
        commit: commit.map(str::to_owned),
        optimised: true,
        rows: vec![
            row("bytes", Some(0.0), Some((0.0, 0.08)), SelfTestStanding::Met),
            row("CPU", Some(0.039), usual, SelfTestStanding::Met),
            row("lateness", Some(0.041), usual, SelfTestStanding::Met),
            row("staleness", Some(0.091), usual, SelfTestStanding::Missed),
            row("connections", Some(0.02), usual, SelfTestStanding::Missed),
            row("memory", None, usual, SelfTestStanding::TooFewBlocks),
            row("lateness", Some(1.0), Some((0.8, 1.0)), SelfTestStanding::Met),
            row("told", Some(0.5), None, SelfTestStanding::Told),
            as_run,
        ],
    }
}

#[test]
fn the_self_test_stands_in_the_method_section() {
    for text in texts_of(|_| ()) {
        assert!(
            text.contains("was not tested on this machine before the run") && text.contains("wirerace run self-test")
        );
    }
    let [html, markdown] = texts_of(|summary| summary.self_test = Some(tested(Some("0123abc"))));
    for text in [&html, &markdown] {
        let met = "4 of 8 targets met, 2 missed, 1 undecided for too few blocks, 1 undecided since chance explains it.";
        assert!(text.contains(met));
        assert!(text.contains("It was made by this run's build (commit 0123abc)."));
        assert!(text.contains("1 more share is told without a target"));
        assert!(text.contains("each sign is a toss of a coin"), "what relabelling cannot show is said");
        assert!(text.find("Method").unwrap() < text.find("share found to differ").unwrap());
    }
    let lines: Vec<&str> =
        markdown.lines().filter(|line| line.starts_with("| ws | against") || line.contains("| +1 ms |")).collect();
    assert_eq!(lines, TESTED);
    assert!(html.contains("<td>CPU and lateness</td><td>3.9 to 4.1 %</td><td>3 to 8 %</td><td>met</td>"));
}

#[test]
fn what_the_self_test_missed_stands_where_the_answer_says_how_sure_it_is() {
    let missed = "The self-test of these rules missed 2 targets: ws, against itself, staleness: found to differ in 9.1 % (target: 3 to 8 %); \
                  ws, against itself, connections: found to differ in 2 % (target: 3 to 8 %).";
    let hidden = " So large a difference may hide where nothing is told apart.";
    for text in texts_of(|summary| summary.self_test = Some(tested(None))) {
        let sure = text.find("How sure: ").unwrap();
        let at = text.find(missed).unwrap_or_else(|| panic!("{text}"));
        assert!(sure < at && at < text.find("less is better").unwrap() && !text.contains(hidden));
    }
    // An effect that was not found may hide elsewhere too.
    let texts = texts_of(|summary| {
        let mut test = tested(None);
        for row in test.rows.iter_mut().filter(|row| row.what == "+1 ms") {
            (row.share, row.standing) = (Some(0.254), SelfTestStanding::Missed);
        }
        summary.self_test = Some(test);
    });
    for text in texts {
        let effect = "ws, +1 ms, lateness: found to differ in 25.4 % (target: at least 80 %).";
        assert!(text.contains("missed 3 targets: ") && text.contains(&format!("{effect}{hidden}")));
    }
    let met = texts_of(|summary| {
        let mut test = tested(None);
        test.rows.retain(|row| row.standing == SelfTestStanding::Met);
        summary.self_test = Some(test);
    });
    assert!(met.iter().all(|text| !text.contains("The self-test of these rules missed")));
}
const TESTED: [&str; 7] = [
    "| ws | against itself | bytes | 0 % | at most 8 %, since some values tie | met |",
    "| ws | against itself | CPU and lateness | 3.9 to 4.1 % | 3 to 8 % | met |",
    "| ws | against itself | staleness | 9.1 % | 3 to 8 % | missed |",
    "| ws | against itself | connections | 2 % | 3 to 8 % | missed |",
    "| ws | against itself | memory | – | 3 to 8 % | too few blocks |",
    "| ws | +1 ms | lateness | 100 % | at least 80 % | met |",
    "| ws | against itself | as run | 1.5 % (interval 0.1 to 16 %) | 3 to 8 % | undecided: chance explains it |",
];

#[test]
fn a_self_test_of_another_build_is_called_that() {
    let said = |commit: Option<&str>, ours: Option<&str>, optimised: bool| {
        let ours = ours.map(str::to_owned);
        texts_of(|summary| {
            summary.self_test = Some(SelfTestSummary { optimised, ..tested(commit) });
            summary.commit = ours;
        })
    };
    for (commit, ours, optimised, words) in [
        (Some("fff"), Some("0123abc"), true, "by another build (commit fff; this run: commit 0123abc)"),
        (None, Some("0123abc"), true, "by another build (an unknown commit; this run: commit 0123abc)"),
        (Some("0123abc"), Some("0123abc"), false, "by another build: that one was not optimised, this run"),
        (Some("0123abc+"), Some("0123abc+"), true, "It may have been made by another build"),
        (None, None, true, "It may have been made by another build"),
    ] {
        assert!(said(commit, ours, optimised).iter().all(|text| text.contains(words)), "{words}");
    }
}

#[test]
fn a_link_tells_of_itself_in_the_method_section_and_every_caption_names_the_path() {
    let link = Link {
        one_way_delay_us: 15_000,
        jitter_us: 0,
        rate_bits_per_s: 0,
        loss_share: 0.05,
        loss_burst_packets: 0.0,
        queue_packets: 0,
    };
    let texts = texts_of(|summary| {
        summary.cells[0].load.path = Way::Link(link);
        summary.cells[0].link = Some(LinkSummary {
            trials: 29,
            error_p50_ms: Reading::new(0.03),
            error_p99_ms: Reading::new(0.41),
            sockets_p50_ms: Reading::new(0.06),
            sockets_p99_ms: Reading::new(0.52),
            cpu_percent: 4.2,
            lost: 12,
            lost_of: 300,
            queue_dropped: 2,
            interface_dropped: 0,
            real_time: true,
        });
    });
    for text in texts {
        let line = "Cell 10 clients, 10 quotes/s, emulated link path (15 ms one way, 5 % lost): at its worst over 29 trials, the link was \
                    late by 30 µs at the median and 410 µs at the 99th percentile of packets, and took 4.2 % of a processor; packets lost \
                    on purpose: 12 of 300 (4 %); dropped by a full queue: 2. From socket to socket, just before the trials, \
                    datagrams were late by 60 µs and 520 µs: that holds the wait for the link's thread too. The target at the 99th \
                    percentile is 1 ms: both kept it.";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("window 4 s, emulated link path (15 ms one way, 5 % lost); n ="), "the caption");
        assert!(text.contains("distance is emulated on this machine") && !text.contains("Loopback has no distance"));
    }
    for text in texts_of(|_| ()) {
        assert!(text.contains("Loopback has no distance") && !text.contains("distance is emulated"));
    }
}

#[test]
fn a_heading_is_not_said_twice_and_what_is_typed_looks_so() {
    let (_dir, paths) = written();
    let html = std::fs::read_to_string(&paths.html).unwrap();
    let title = "How late are the quotes?";
    assert_eq!(html.matches(&format!(">{title}</")).count(), 2, "the heading, and what is read out for the picture");
    assert!(html.contains("<code>wirerace run self-test</code>") && !html.contains('`'));
    let svg = std::fs::read_to_string(&paths.charts[0]).unwrap();
    assert_eq!(svg.matches(&format!(">{title}</")).count(), 2, "a picture of its own has its title");
    // 247 and ms on two lines: not in sentences, captions or tables.
    let text = html.split("<body>").nth(1).unwrap();
    for line in
        text.lines().filter(|line| ["<p", "<li", "<td", "<tr", "<figcaption"].iter().any(|tag| line.starts_with(tag)))
    {
        for unit in [" ms", " µs", " %", " trials"] {
            let parted = line.match_indices(unit).any(|(at, _)| line[..at].ends_with(|c: char| c.is_ascii_digit()));
            assert!(!parted, "{unit}: {line}");
        }
    }
}

#[test]
fn the_margins_are_those_of_the_experiment() {
    assert!(texts_of(|_| ()).iter().all(|text| text.contains("lies within ± 3 % (CPU ± 10 %), and otherwise")));
    let own = |summary: &mut Summary| (summary.margins.bytes, summary.margins.lateness) = (Some(0.01), Some(0.05));
    let words = "lies within ± 1 % (lateness and staleness ± 5 %, CPU ± 10 %), and otherwise";
    assert!(texts_of(own).iter().all(|text| text.contains(words)));
}

#[test]
fn trials_used_for_counts_alone_are_named_in_every_caption() {
    let (mut manifest, mut trials) = fixture::run();
    let captions = |manifest: &wirerace_contract::results::Manifest, trials: &[wirerace_contract::results::Trial]| {
        let summary = summarise(manifest, trials, &[]);
        [conditions(&summary, &summary.cells[0]), sweep::conditions(&summary)]
    };
    let told = "disturbed from outside: of them only what is counted is used, not the times";
    assert!(captions(&manifest, &trials).iter().all(|caption| !caption.contains(told)));
    manifest.cells[0].exact = true;
    trials.retain(|trial| trial.block == 1);
    for trial in trials.iter_mut().filter(|trial| trial.arm.name != "ws") {
        trial.standing = wirerace_contract::results::Standing::Tainted;
    }
    for caption in captions(&manifest, &trials) {
        assert!(
            caption.ends_with(&format!("set aside: 0 tainted, 0 void; 4 of the trials used were {told}")),
            "{caption}"
        );
    }
}

#[test]
fn what_spans_no_cells_comes_after_the_only_one() {
    let (dir, paths) = written();
    let order = |text: &str, parts: [&str; 2]| {
        let [first, then] = parts.map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is missing")));
        first < then
    };
    let read = |paths: &ReportPaths| [&paths.html, &paths.markdown].map(|file| std::fs::read_to_string(file).unwrap());
    let [html, markdown] = read(&paths);
    assert!(order(&html, ["id=\"cell-1\"", "<h3>All arms together</h3>"]) && !html.contains("All cells together"));
    assert!(order(&markdown, ["## 10 clients", "## All arms together"]));
    let (mut manifest, trials) = fixture::run();
    manifest.cells.push(wirerace_contract::results::Cell { name: "another".into(), ..manifest.cells[0].clone() });
    fixture::write_run(dir.path(), &manifest, &trials);
    let [html, markdown] = read(&write_all(dir.path()).unwrap());
    assert!(order(&html, ["<h3>All cells together</h3>", "id=\"cell-1\""]));
    assert!(order(&markdown, ["## All cells together", "## 10 clients"]));
}

#[test]
fn a_run_without_event_logs_says_so_where_the_picture_would_stand() {
    let dir = tempfile::tempdir().unwrap();
    let (manifest, mut trials) = fixture::run();
    trials.iter_mut().filter_map(|trial| trial.measured.as_mut()).for_each(|measured| measured.client.events = None);
    fixture::write_run(dir.path(), &manifest, &trials);
    let paths = write_all(dir.path()).unwrap();
    assert!(!paths.charts.iter().any(|file| file.to_string_lossy().contains("sequence")), "{:?}", paths.charts);
    for file in [&paths.html, &paths.markdown] {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains("this run was recorded without an event log."), "{}", file.display());
    }
}

#[test]
fn a_reading_beside_the_report_is_linked_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let (mut manifest, trials) = fixture::run();
    manifest.prediction = "Polls are later than READING.md says.".into();
    fixture::write_run(dir.path(), &manifest, &trials);
    let texts = |paths: &ReportPaths| [&paths.html, &paths.markdown].map(|file| std::fs::read_to_string(file).unwrap());
    for text in texts(&write_all(dir.path()).unwrap()) {
        assert!(text.contains("no program judged it") && !text.contains("is read in"));
    }
    std::fs::write(dir.path().join(READING), "").unwrap();
    let [html, markdown] = texts(&write_all(dir.path()).unwrap());
    assert!(html.contains("What came of it is read in <a href=\"READING.md\">READING.md</a>.</dd>"));
    assert!(markdown.contains("**Did it come so:** What came of it is read in [READING.md](READING.md).\n"));
    assert_eq!((html.matches("href=\"READING.md").count(), markdown.matches("](READING.md)").count()), (1, 1));
    // Elsewhere the link would lead nowhere.
    let other = tempfile::tempdir().unwrap();
    for text in texts(&write_sized(dir.path(), other.path(), 300).unwrap()) {
        assert!(text.contains("no program judged it") && !text.contains("is read in"));
    }
}
