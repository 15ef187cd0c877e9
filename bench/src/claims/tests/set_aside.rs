//! Trials that may not be used are told, not passed over.

use super::*;

#[test]
fn only_tainted_trials_are_not_called_no_trials() {
    let arms =
        || vec![arm("a", Way::Held, 0, &[(PacketRate, 1.0)]).tainted(), arm("u", Way::Upgraded, 0, &[]).tainted()];
    let finding = found(9, BLOCKS, &one(arms()));
    assert_eq!(finding.verdict, NoData);
    let said = "24 trials, all tainted: run again on a quieter machine: `wirerace run rate`";
    assert!(finding.condition.starts_with(said), "{}", finding.condition);
    let mut void = run("rate", 1, &one(arms()));
    void.summary.cells[0].arms.iter_mut().for_each(|arm| (arm.tainted, arm.void) = (0, 1));
    let decided = |runs| decide(claim(9), &Evidence { runs, exchanges: Vec::new() }).condition;
    assert!(decided(vec![void.clone()]).starts_with("2 trials, all void: "), "{}", decided(vec![void.clone()]));
    void.summary.cells[0].arms[0].tainted = 1;
    assert!(
        decided(vec![void.clone()]).starts_with("3 trials, 1 of them tainted and 2 void: "),
        "{}",
        decided(vec![void])
    );
}

#[test]
fn a_half_that_is_tainted_is_told_with_its_name() {
    let late = |name, way| arm(name, way, 500, &[(LatenessP50, 300.0)]);
    let cells = vec![
        ("near", near(), vec![late("anew", Way::AskedAnew), late("kept", Way::Asked)]),
        ("far", far(), vec![late("anew", Way::AskedAnew).tainted(), late("kept", Way::Asked).tainted()]),
    ];
    let finding = found(2, BLOCKS, &cells);
    assert_eq!(finding.verdict, NoData);
    assert!(
        finding.condition.contains("RTT\u{201d}: 24 trials that were tainted or void are not used: run again "),
        "{}",
        finding.condition
    );
}
