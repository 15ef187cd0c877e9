//! What stands in `report.md`, and around the pictures and tables of both reports.

use super::*;

#[test]
fn every_picture_in_the_text_has_its_conditions() {
    let (manifest, trials) = fixture::run();
    let summary = summarise(&manifest, &trials, &[]);
    let (charts, across) = (draw(&summary), draw_run(&summary));
    let page = html::Page {
        summary: &summary,
        trials: &trials,
        charts: &charts,
        across: &across,
        sections: &[],
        reading: false,
    };
    let text = markdown::report(&page);
    let paragraphs: Vec<&str> = text.split("\n\n").collect();
    let pictures: Vec<usize> = (0..paragraphs.len()).filter(|at| paragraphs[*at].starts_with("![")).collect();
    assert_eq!(pictures.len(), KINDS.len() + across.len());
    for at in pictures {
        let below = paragraphs[at + 2];
        assert!(below.contains("n = 5 to 6 trials an arm") && below.contains("run seed 7"), "{below}");
    }
}

#[test]
fn the_text_has_a_narrow_table_with_the_memory_and_every_pair_of_arms() {
    let [_, text] = texts_of(|_| ());
    assert!(text.contains("| arm | poll-close | poll | long-poll | sse | ws |\n"), "one column an arm");
    assert!(text.contains("\n| server MiB | 9 |"), "the answer speaks of it");
    let pair = "\n| median lateness | poll against ws | 125 ms | \\[123 ms, 128 ms\\] | 6 | differs |\n";
    assert!(text.contains(pair), "{text}");
    let [_, text] = texts_of(|summary| {
        let cell = summary.cells[0].clone();
        summary.cells = vec![cell; 26];
    });
    assert!(!text.contains(pair) && text.contains("too many for this text"));
}

#[test]
fn the_machine_stands_in_the_text_too() {
    let [_, text] = texts_of(|_| ());
    let places = ["## Method", "## Environment", "\n| system | Linux 6.12 |\n", "## Caveats"];
    let places = places.map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is missing")));
    assert!(places.is_sorted(), "{places:?}");
    assert!(text.contains("| processor | 2 × an invented processor |"));
}

#[test]
fn a_verdict_and_its_condition_are_parted_in_the_text_as_on_the_page() {
    let [_, text] = texts_of(|summary| {
        (summary.claims, summary.experiment) = ((1..=25).collect(), "transports".to_owned());
        summary.started_utc = "2999-01-01T00:00:00Z".to_owned();
    });
    let claims = text.split("## Claims").nth(1).unwrap().split("\n## ").next().unwrap();
    let lines: Vec<&str> = claims.lines().filter(|line| line.starts_with("- ")).collect();
    assert_eq!(lines.len(), 25);
    let after = |line: &&str| line.split("**").nth(2).unwrap().to_owned();
    let after: Vec<String> = lines.iter().map(after).collect();
    assert!(
        after.iter().any(|rest| rest.starts_with(": ")) && after.iter().any(|rest| rest.starts_with(" on ")),
        "{claims}"
    );
    let is_joined = |rest: &String| [": ", " on ", " in ", "."].iter().any(|joint| rest.starts_with(joint));
    assert!(after.iter().all(is_joined), "{after:?}");
}

#[test]
fn pairs_that_deliver_only_the_newest_are_not_compared_by_the_quotes_that_came() {
    use wirerace_contract::spec::Delivery;
    let of = |delivery: Delivery| {
        let (mut manifest, trials) = fixture::run();
        for entry in &mut manifest.arms {
            (entry.arm.delivery, entry.arm.interval_ms) = (delivery, 250);
        }
        let summary = summarise(&manifest, &trials, &[]);
        let rows = table::pairs(&summary, &summary.cells[0]).rows;
        ["median lateness", "packet bytes per quote", "mean excess staleness", "packet bytes per second and client"]
            .map(|quantity| rows.iter().any(|row| row[0] == quantity))
    };
    assert_eq!(of(Delivery::Every), [true; 4]);
    assert_eq!(of(Delivery::Newest), [false, false, true, true]);
}

#[test]
fn a_run_without_a_rehearsal_says_what_theory_leaves_out() {
    let told = "No rehearsal in this run: theory of pushes and held requests leaves out waking up";
    let [_, text] = texts_of(|_| ());
    assert!(text.contains(told));
    let [_, text] = texts_of(|summary| {
        let theories = summary.cells[0].arms.iter_mut().filter_map(|arm| arm.theory.as_mut());
        theories.for_each(|theory| theory.rehearsed = true);
    });
    assert!(!text.contains(told));
}

#[test]
fn the_text_has_the_numbers_of_pictures_that_have_few() {
    let (_dir, paths) = written();
    let text = std::fs::read_to_string(&paths.markdown).unwrap();
    let (_, below) = text.split_once("(charts/bytes.svg)").unwrap();
    let below = below.split("![").next().unwrap();
    let head = "<details><summary>The numbers of this picture</summary>\n\n| arm | payload | framing | HTTP heads | TCP/IP heads \
                of data segments | segments without data | total | of it set-up |\n";
    assert!(below.contains(head) && below.contains("\n| long-poll | 120 | 62 |"), "{below}");
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    let of = |rows: usize| {
        let (manifest, trials) = fixture::run();
        let summary = summarise(&manifest, &trials, &[]);
        let (_, mut chart) = draw(&summary).remove(0).remove(0);
        chart.table.rows = vec![vec!["x".to_owned()]; rows];
        let charts = [vec![("x".to_owned(), chart)]];
        let page = html::Page {
            summary: &summary,
            trials: &trials,
            charts: &charts,
            across: &[],
            sections: &[],
            reading: false,
        };
        markdown::report(&page).contains("The numbers of this picture")
    };
    assert_eq!([0, 1, 8, 9].map(of), [false, true, true, false]);
}

#[test]
fn what_the_rows_mean_stands_once() {
    let texts = texts_of(|summary| {
        let cell = summary.cells[0].clone();
        summary.cells.push(cell);
    });
    assert_eq!(texts[1].matches(meanings::HEADING).count(), 1);
    for text in texts_of(|_| ()) {
        assert_eq!(text.matches(meanings::HEADING).count(), 1);
        assert!(text.contains("server MiB: resident memory of the server process"), "{text}");
    }
}
