//! Whether the machine was disturbed from outside while a trial was measured.
//!
//! Only what our own load cannot cause counts: time stolen by the virtual machine monitor, and processor time that
//! neither the server nor the load used. Pressure and jitter move with our own load and say nothing.

use wirerace_contract::results::{Cpu, LinkReport};

/// Stolen time above this share of one processor taints a trial.
pub const STEAL_SHARE_MAX: f64 = 0.03;
/// Processor time of other processes above this share of one processor taints a trial.
pub const FOREIGN_SHARE_MAX: f64 = 0.15;

/// Largest share by which the time between the two readings may differ from the window.
pub const CLOCKING_SHARE_MAX: f64 = 0.02;

/// What was stolen and what other processes used together, as a share of one processor; `None` where it is not measured.
#[must_use]
pub fn disturbed_share(cpu: &Cpu) -> Option<f64> {
    let foreign_us = cpu.machine_us?.saturating_sub(cpu.server_us + cpu.load_us);
    Some((cpu.steal_us? + foreign_us) as f64 / cpu.wall_us.max(1) as f64)
}

/// What disturbed the trial, each a sentence with the number; none is what a quiet machine has.
#[must_use]
pub fn disturbances(cpu: &Cpu, window_us: u64) -> Vec<String> {
    let mut found = Vec::new();
    let wall_us = cpu.wall_us.max(1) as f64;
    let mut at_most = |what: &str, us: u64, limit: f64| {
        let share = us as f64 / wall_us;
        if share > limit {
            found.push(format!("{what} {:.1} % of a processor (limit {:.0} %)", share * 100.0, limit * 100.0));
        }
    };
    if let Some(steal_us) = cpu.steal_us {
        at_most("the virtual machine monitor took", steal_us, STEAL_SHARE_MAX);
    }
    if let Some(machine_us) = cpu.machine_us {
        let foreign_us = machine_us.saturating_sub(cpu.server_us + cpu.load_us);
        at_most("other processes used", foreign_us, FOREIGN_SHARE_MAX);
    }
    // Processor time is read by another process, through the server's control port: a late reading belongs to another window.
    if cpu.wall_us.abs_diff(window_us) as f64 > window_us as f64 * CLOCKING_SHARE_MAX {
        found.push(format!(
            "processor time was read over {} ms instead of {} ms",
            cpu.wall_us / 1_000,
            window_us / 1_000
        ));
    }
    found
}

/// The same times with those of the emulated link's thread, which is no foreign load, counted to the load.
#[must_use]
pub fn with_link(cpu: &Cpu, link: Option<&LinkReport>) -> Cpu {
    Cpu { load_us: cpu.load_us + link.map_or(0, |link| link.cpu_us), ..*cpu }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_links_own_time_is_not_foreign() {
        let cpu = Cpu { wall_us: 1_000_000, machine_us: Some(900_000), load_us: 500_000, ..Cpu::default() };
        let link = LinkReport { cpu_us: 300_000, ..LinkReport::default() };
        assert!(disturbances(&with_link(&cpu, None), 1_000_000)[0].contains("40.0 %"));
        assert!(disturbances(&with_link(&cpu, Some(&link)), 1_000_000).is_empty());
    }

    #[test]
    fn steal_and_foreign_time_taint_own_load_does_not() {
        let quiet = Cpu {
            wall_us: 1_000_000,
            machine_us: Some(1_100_000),
            steal_us: Some(10_000),
            server_us: 600_000,
            load_us: 450_000,
        };
        assert_eq!(disturbances(&quiet, 1_000_000), Vec::<String>::new());
        assert!(disturbances(&Cpu { steal_us: Some(40_000), ..quiet }, 1_000_000)[0].contains("4.0 %"));
        assert!(
            disturbances(&Cpu { server_us: 400_000, ..quiet }, 1_000_000)[0].contains("other processes used 25.0 %")
        );
        assert!(disturbances(&Cpu { machine_us: None, steal_us: None, ..quiet }, 1_000_000).is_empty());
        assert!(disturbances(&quiet, 970_000)[0].contains("1000 ms instead of 970 ms"));
    }
}
