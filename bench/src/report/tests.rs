use super::*;

/// Small pictures: drawing large ones without optimisation takes seconds.
fn write_all(directory: &Path) -> Result<ReportPaths, ReportError> {
    write_sized(directory, 300)
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
    let again = write_all(dir.path()).unwrap();
    assert!(paths == again && first == all_files(&again));
    assert_eq!(paths.charts.len(), 2 * KINDS.len());
    assert!(first.iter().all(|bytes| !bytes.is_empty()));
}

#[test]
fn the_page_is_one_file_that_fetches_nothing() {
    let (_dir, paths) = written();
    let html = std::fs::read_to_string(&paths.html).unwrap();
    assert!(html.len() < 3_000_000, "{} bytes", html.len());
    for fetching in ["src=", "<link", "@import", "url(", "<script"] {
        assert!(!html.contains(fetching), "{fetching}");
    }
    let addresses = html.matches("http://").count() + html.matches("https://").count();
    assert_eq!(addresses, html.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    assert_eq!(html.matches("<svg ").count(), KINDS.len());
    assert_eq!(html.matches("role=\"img\"").count(), KINDS.len());
    assert!(html.contains("prefers-color-scheme: dark") && html.contains("@media print"));
    assert!(html.contains("svg.chart [fill=\"#FFFFFF\"] { fill: #14181D; }"));
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
    for markup in ["<script", "<b>", "<i>", "<u>"] {
        assert!(!html.contains(markup), "{markup}");
    }
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
    assert_eq!(names.len(), 8);
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
