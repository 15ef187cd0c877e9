use super::*;
use crate::charts::DataTable;
use crate::report::{draw, fixture, sections};
use crate::summary::summarise;
use wirerace_contract::results::Standing;

fn summary() -> Summary {
    let (manifest, trials) = fixture::run();
    summarise(&manifest, &trials, &[])
}

fn page_of(summary: &Summary, trials: &[Trial], across: &[(String, Chart)], more: &[Section]) -> String {
    let charts = draw(summary);
    report(&Page { summary, trials, charts: &charts, across, sections: more, reading: false })
        .unwrap()
        .replace('\u{A0}', " ")
}

fn page(summary: &Summary) -> String {
    page_of(summary, &fixture::run().1, &[], &sections(summary))
}

/// The text after each occurrence of `from`, up to `to`.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    text.split(from).skip(1).filter_map(|rest| rest.split(to).next()).collect()
}

#[test]
fn sections_come_in_their_order_and_every_link_leads_somewhere() {
    let mut summary = summary();
    summary.claims = vec![3];
    let html = page(&summary);
    let ids = ["answer", "claims", "results", "method", "environment", "caveats", "trials"];
    let places: Vec<usize> = ids.iter().map(|id| html.find(&format!("<section id=\"{id}\"")).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
    let links = between(&html, "href=\"#", "\"");
    assert!(links.len() >= 8 && links[0] == "answer", "the first is for those who skip: {links:?}");
    for link in links {
        assert!(html.contains(&format!("id=\"{link}\"")), "{link} leads nowhere");
    }
}

#[test]
fn headings_go_down_one_step_at_a_time() {
    let mut summary = summary();
    summary.claims = vec![3];
    summary.cells.push(summary.cells[0].clone());
    let html = page(&summary);
    let body = html.split("<script>").next().unwrap();
    let levels: Vec<u32> =
        body.match_indices("<h").filter_map(|(at, _)| body[at + 2..].chars().next()?.to_digit(10)).collect();
    assert_eq!((levels[0], levels.iter().filter(|level| **level == 1).count()), (1, 1));
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
}

#[test]
fn tables_have_captions_and_heads_both_ways() {
    let html = page(&summary());
    let tables = between(&html, "<table", "</table>");
    assert!(tables.len() >= 8, "{}", tables.len());
    for table in tables {
        let caption = between(table, "<caption>", "</caption>");
        assert!(caption.len() == 1 && !caption[0].is_empty(), "{table}");
        let rows = between(table, "<tr", "</tr>");
        assert!(rows[0].contains("<th scope=\"col\">") && !rows[0].contains("<td"), "{}", rows[0]);
        assert!(rows[1..].iter().all(|row| row.matches("<th scope=\"row\">").count() == 1), "{caption:?}");
    }
}

#[test]
fn a_chart_stands_with_all_that_belongs_to_it() {
    let summary = summary();
    let html = page(&summary);
    let figures = between(&html, "<figure id=\"fig-", "</figure>");
    let charts = &draw(&summary)[0];
    assert_eq!(figures.len(), charts.len());
    for (figure, (name, chart)) in figures.iter().zip(charts) {
        assert!(figure.starts_with(&format!("{name}\"")), "{figure}");
        for part in [
            format!("<h4>{}</h4>", escape(&chart.title)),
            format!("<p class=\"says\">{}</p>", prose(&chart.sentence).replace('\u{A0}', " ")),
            "<svg ".to_owned(),
            "n = 5 to 6 trials an arm, run seed 7".to_owned(),
            "<details>\n<summary>Show the numbers</summary>".to_owned(),
            "data-take=\"markdown\"".to_owned(),
            "data-take=\"svg\"".to_owned(),
            "data-take=\"csv\"".to_owned(),
        ] {
            assert!(figure.contains(&part), "{name} lacks {part}");
        }
        assert_eq!(between(figure, "<tr", "</tr>").len(), chart.table.rows.len() + 1);
    }
    // What needs the script is hidden until it runs.
    assert!(between(&html, "<div class=\"tools\"", ">").iter().all(|tools| tools.ends_with("hidden")));
    assert!(html.contains("<div class=\"theme\" hidden>"));
}

#[test]
fn charts_of_all_cells_and_sections_of_others_fit_in() {
    let mut summary = summary();
    summary.cells.push(summary.cells[0].clone());
    let across = vec![("frontier-all".to_owned(), draw(&summary)[0][0].1.clone())];
    let table = DataTable {
        columns: vec!["arm".to_owned(), "B/s".to_owned()],
        rows: vec![vec!["x".to_owned(), "1".to_owned()]],
    };
    let more = Section {
        heading: "Which should I use?".to_owned(),
        sentences: vec!["It depends.".to_owned()],
        table: Some(table),
    };
    let html = page_of(&summary, &[], &across, &[more]);
    let place = |what: &str| html.find(what).unwrap_or_else(|| panic!("{what} is missing"));
    assert!(place("id=\"across\"") < place("fig-frontier-all") && place("fig-frontier-all") < place("id=\"cell-1\""));
    assert!(html.contains("loopback path; n = 5 to 6 trials an arm and cell, run seed 7"));
    assert!(
        place("id=\"cell-2\"") < place("<h2>Which should I use?</h2>") && place("It depends.") < place("id=\"method\"")
    );
    assert!(html.contains("<a href=\"#more-1\">Which should I use?</a>"));
    assert!(
        html.contains(&format!("Charts of this cell ({})", crate::charts::KINDS.len())),
        "further cells are folded"
    );
}

#[test]
fn a_sweep_of_many_cells_stays_under_three_megabytes_and_says_what_it_left_out() {
    let mut summary = summary();
    let cell = summary.cells[0].clone();
    summary.cells = vec![cell; 25];
    let trials: Vec<Trial> = fixture::run().1.into_iter().cycle().take(4_000).collect();
    let html = page_of(&summary, &trials, &[], &[]);
    assert!(html.len() < 3_000_000, "{} bytes", html.len());
    let (drawn, left_out) = (html.matches("<svg ").count(), html.matches("This picture stands in").count());
    assert!(
        drawn > 20 && left_out > 5 && drawn + left_out == 25 * crate::charts::KINDS.len(),
        "{drawn} and {left_out}"
    );
    assert!(
        html.contains("<code>charts/bytes-25.svg</code>")
            && html.contains("pair of arms stand in <code>summary.json</code>")
    );
    let shown = between(html.split("<section id=\"trials\"").nth(1).unwrap(), "<tr", "</tr>").len() - 1;
    assert!(
        html.contains(&format!("{} more are in that file only", crate::summary::words::count(4_000 - shown as u64)))
    );
    let aside = trials.iter().filter(|trial| trial.standing != Standing::Valid).count();
    assert_eq!(html.matches("<tr class=\"aside\">").count(), aside, "what was set aside is never left out");
}

#[test]
fn pictures_get_all_the_room_that_the_rest_of_the_page_leaves() {
    let mut summary = summary();
    let cell = summary.cells[0].clone();
    let of_cell = |(name, chart): &(String, Chart)| chart.svg_below_heading(&style::LIGHT, name, "x").unwrap().len();
    let bytes: usize = draw(&summary)[0].iter().map(of_cell).sum();
    // More than half of the page, with tables that are small.
    summary.cells = vec![cell; 1_500_000_usize.div_ceil(bytes)];
    let html = page_of(&summary, &[], &[], &[]);
    let drawn = html.matches("<svg ").count();
    assert!(html.len() < 3_000_000 && drawn == summary.cells.len() * crate::charts::KINDS.len(), "{drawn} drawn");
    assert!(!html.contains("This picture stands in"), "{} bytes", html.len());
    // Where tables take it, pictures do not.
    let told = Section { heading: "x".to_owned(), sentences: vec!["x".repeat(1_600_000)], table: None };
    let full = page_of(&summary, &[], &[], &[told]);
    assert!((2_700_000..3_000_000).contains(&full.len()), "{} bytes", full.len());
    assert!(full.contains("This picture stands in"));
}

#[test]
fn claims_are_told_with_verdict_and_command_and_by_runs_that_may_decide_only() {
    let mut summary = summary();
    assert!(!page(&summary).contains("<h2>Claims</h2>"));
    (summary.claims, summary.experiment) = (vec![1], "transports".to_owned());
    let early = page(&summary);
    assert!(early.contains("This run decides none of the claims") && !early.contains("class=\"verdict\""));
    assert!(
        early.contains("1. “every HTTP request needs a network handshake”")
            && early.contains("<code>wirerace run connections transports</code>")
    );
    summary.started_utc = "2999-01-01T00:00:00Z".to_owned();
    let late = page(&summary);
    let claim = between(&late, "<h3>1. ", "</article>")[0];
    assert!(claim.contains("<strong class=\"verdict\">DEPENDS</strong> on whether "), "{claim}");
    assert!(
        claim.contains("Again: <code>wirerace run connections transports</code>")
            && claim.contains("Counts as true if "),
        "{claim}"
    );
    assert!(claim.contains("from this run › 10 clients, 10 quotes/s"), "{claim}");
}

#[test]
fn many_trials_set_aside_are_folded_and_their_number_is_not() {
    let mut summary = summary();
    let few = page(&summary);
    assert!(few.contains("<h4>Trials that were not used: 2</h4>\n<div"), "open where they are few");
    let aside = summary.cells[0].arms.iter().find_map(|arm| arm.set_aside.first()).unwrap().clone();
    summary.cells[0].arms[0].set_aside = vec![aside; 50];
    assert!(page(&summary).contains("<h4>Trials that were not used: 52</h4>\n<details>"));
}

#[test]
fn what_a_picture_tells_in_a_table_is_no_section_too() {
    use crate::report::fixture::sweep::{Over, run};
    let (manifest, trials) = run(Over::Clients);
    let mut summary = summarise(&manifest, &trials, &[]);
    // Pictures of cells are others' business, and take long to draw.
    let (across, more) = (crate::report::draw_run(&summary), sections(&summary));
    let heading = "How many clients each carries";
    assert!(more.iter().any(|section| section.heading == heading), "the text file has no table with its pictures");
    let charts: Vec<Vec<(String, Chart)>> = summary.cells.iter().map(|_| Vec::new()).collect();
    summary.claims.clear();
    let told = |across: &[(String, Chart)]| {
        let page =
            Page { summary: &summary, trials: &trials, charts: &charts, across, sections: &more, reading: false };
        let html = report(&page).unwrap();
        (html.matches(heading).count() > 0, html.matches("clients within 0.1 s").count())
    };
    // As a column's head, and once more for narrow screens.
    let (section, once) = told(&[]);
    assert_eq!((section, told(&across)), (true, (false, once)));
}
