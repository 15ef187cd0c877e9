//! The cells of a run that want a link, and what becomes of them where there is none.

use wirerace_contract::results::Cell;
use wirerace_contract::spec::{Delay, Path};

use super::{Link, Refused, probe};
use crate::failure::Failure;
use crate::output::note;

/// Opens a link if one of the cells needs one. To be called while the process has no other thread. Where a link is
/// refused, these cells become ones over the `delayed` path, say so in their names, and a sentence tells why.
///
/// # Errors
/// When a link that was found possible cannot be opened after all.
pub fn open_or_delay<'a>(cells: impl Iterator<Item = &'a mut Cell>) -> Result<Option<Link>, Failure> {
    let mut wanting: Vec<&mut Cell> = cells.filter(|cell| wants_link(cell)).collect();
    if wanting.is_empty() {
        return Ok(None);
    }
    match probe() {
        Ok(()) => open().map(Some),
        Err(refused) => {
            note(format!("no emulated link: {refused}"));
            note(
                "its cells run over the delayed path instead, labelled so: bytes wait in the server, TCP is loopback's",
            );
            wanting.iter_mut().for_each(|cell| delay(cell));
            Ok(None)
        }
    }
}

/// Opens a link if one of the cells of a run that was begun needs one: its cells must stay what they were.
///
/// # Errors
/// Where a link is refused.
pub fn open_again(cells: &[Cell]) -> Result<Option<Link>, Failure> {
    if !cells.iter().any(wants_link) {
        return Ok(None);
    }
    let why = |refused: Refused| {
        Failure::Failed(format!("the run was begun over an emulated link, and there is none here: {refused}"))
    };
    probe().map_err(why)?;
    open().map(Some)
}

fn open() -> Result<Link, Failure> {
    Link::open().map_err(|refused| Failure::Failed(refused.to_string()))
}

/// Whether a cell is one over a link.
pub(crate) fn wants_link(cell: &Cell) -> bool {
    matches!(cell.load.path, Path::Link(_))
}

/// Makes of a cell over a link one over the `delayed` path: the distance stays, all else of the link is gone.
fn delay(cell: &mut Cell) {
    let Path::Link(link) = cell.load.path else { return };
    let more = [(link.jitter_us > 0, "jitter"), (link.rate_bits_per_s > 0, "rate"), (link.loss_share > 0.0, "loss")];
    let gone: Vec<&str> = more.iter().filter(|(there, _)| *there).map(|(_, what)| *what).collect();
    let without = if gone.is_empty() { String::new() } else { format!(", without its {}", gone.join(" and ")) };
    cell.name = format!("{} (delayed in the server instead of a link{without})", cell.name);
    cell.load.path = Path::Delayed(Delay { one_way_delay_us: link.one_way_delay_us });
}

#[cfg(test)]
mod tests {
    use wirerace_contract::spec::{self, LoadSpec};

    use super::*;

    fn cell(path: Path) -> Cell {
        Cell { name: "a".to_owned(), load: LoadSpec { path, ..LoadSpec::default() }, ..Cell::default() }
    }

    #[test]
    fn a_delayed_cell_says_what_it_is_and_what_it_is_not() {
        let link = spec::Link { one_way_delay_us: 15_000, ..crate::link::PLAIN };
        let mut plain = cell(Path::Link(link));
        delay(&mut plain);
        assert_eq!(plain.load.path, Path::Delayed(Delay { one_way_delay_us: 15_000 }));
        assert_eq!(plain.name, "a (delayed in the server instead of a link)");
        let mut lossy = cell(Path::Link(spec::Link { loss_share: 0.02, rate_bits_per_s: 1, ..link }));
        delay(&mut lossy);
        assert!(lossy.name.ends_with("without its rate and loss)"), "{}", lossy.name);
    }

    #[test]
    fn who_wants_no_link_is_left_alone() {
        let mut cells = [cell(Path::Loopback), cell(Path::Delayed(Delay { one_way_delay_us: 1 }))];
        let before = cells.clone();
        assert!(open_or_delay(cells.iter_mut()).unwrap().is_none());
        assert!(open_again(&cells).unwrap().is_none());
        assert_eq!(cells, before);
    }
}
