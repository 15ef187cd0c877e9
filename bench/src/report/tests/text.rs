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
                of data segments | segments without data | total |\n";
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
