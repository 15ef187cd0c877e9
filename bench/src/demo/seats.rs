//! Who has control and who watches.

use std::collections::BTreeMap;

/// Watchers at a time; more are sent away.
pub(super) const WATCHERS_MAX: usize = 40;

/// What a page may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// Turn knobs, start and stop. At most one page has it.
    Control,
    /// Look on.
    Watch,
}

impl Role {
    /// The word in messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Watch => "watch",
        }
    }
}

/// Number of a page's place, in the order of arrival.
pub(super) type Seat = u64;

/// All pages that are connected.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: u64,
    /// Whether each is on this machine.
    here: BTreeMap<Seat, bool>,
    control: Option<Seat>,
}

impl Seats {
    /// A place for a page; `None` when all are taken. Control goes to the first page on this machine.
    pub(super) fn enter(&mut self, is_here: bool) -> Option<Seat> {
        let gets_control = is_here && self.control.is_none();
        if !gets_control && self.watchers() >= WATCHERS_MAX {
            return None;
        }
        self.taken += 1;
        self.here.insert(self.taken, is_here);
        if gets_control {
            self.control = Some(self.taken);
        }
        Some(self.taken)
    }

    /// The page is gone. Control waits for who asks for it, or for the next page: a page that is loaded again finds its own.
    pub(super) fn leave(&mut self, seat: Seat) {
        self.here.remove(&seat);
        self.give_up(seat);
    }

    /// The page does without control, if it has it, and watches.
    pub(super) fn give_up(&mut self, seat: Seat) {
        self.control = self.control.filter(|control| *control != seat);
    }

    /// Gives control to a page on this machine that asks for it, if nobody has it.
    ///
    /// # Errors
    /// Why not, in a sentence.
    pub(super) fn claim(&mut self, seat: Seat) -> Result<(), String> {
        if self.role(seat) == Role::Control {
            return Ok(());
        }
        if self.control.is_some() {
            return Err("Another page has control: close that one first.".to_owned());
        }
        if self.here.get(&seat) != Some(&true) {
            return Err("Only a page on the machine that runs the demo can have control.".to_owned());
        }
        self.control = Some(seat);
        Ok(())
    }

    /// What the page may do.
    pub(super) fn role(&self, seat: Seat) -> Role {
        if self.control == Some(seat) { Role::Control } else { Role::Watch }
    }

    /// Whether some page has control.
    pub(super) fn is_controlled(&self) -> bool {
        self.control.is_some()
    }

    /// How many watch.
    pub(super) fn watchers(&self) -> usize {
        self.here.len() - usize::from(self.control.is_some())
    }

    /// Whether nobody is there.
    pub(super) fn is_empty(&self) -> bool {
        self.here.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_page_on_this_machine_has_control_until_it_leaves() {
        let mut seats = Seats::default();
        let (phone, first, second) =
            (seats.enter(false).unwrap(), seats.enter(true).unwrap(), seats.enter(true).unwrap());
        assert_eq!([phone, first, second].map(|s| seats.role(s)), [Role::Watch, Role::Control, Role::Watch]);
        assert!(seats.claim(second).unwrap_err().contains("close that one"));
        seats.leave(first);
        assert!(!seats.is_controlled() && seats.role(second) == Role::Watch, "nobody gets it unasked");
        assert!(seats.claim(phone).unwrap_err().contains("on the machine"));
        seats.claim(second).unwrap();
        assert_eq!((seats.role(second), seats.watchers()), (Role::Control, 1));
        seats.give_up(phone);
        assert_eq!(seats.role(second), Role::Control, "only who has it gives it up");
        seats.give_up(second);
        assert_eq!((seats.role(second), seats.watchers()), (Role::Watch, 2));
        seats.claim(second).unwrap();
    }

    #[test]
    fn watchers_are_counted_and_capped_and_control_is_not_theirs_to_block() {
        let mut seats = Seats::default();
        let all: Vec<Seat> = (0..WATCHERS_MAX).map(|_| seats.enter(false).unwrap()).collect();
        assert_eq!(seats.enter(false), None);
        let control = seats.enter(true).unwrap();
        assert_eq!((seats.role(control), seats.watchers(), seats.enter(true)), (Role::Control, WATCHERS_MAX, None));
        all.into_iter().for_each(|seat| seats.leave(seat));
        assert_eq!(seats.watchers(), 0);
    }
}
