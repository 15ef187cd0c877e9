//! What the whole machine did: processors' time, where the system tells (Linux).

use std::fs;

/// Totals over all processors since boot, microseconds, in steps of 10 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineTime {
    /// Neither working nor stolen.
    pub idle_us: u64,
    /// Taken by the virtual machine monitor.
    pub steal_us: u64,
    /// Number of processors counted.
    pub cpus: u64,
}

/// Linux counts in hundredths of a second here, whatever the kernel's tick is (USER_HZ).
const US_PER_USER_TICK: u64 = 10_000;

impl MachineTime {
    /// Now; `None` where the system does not tell.
    #[must_use]
    pub fn now() -> Option<Self> {
        parse(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// Time that all processors together worked since `earlier`, in `wall_us` by the clock: what was neither idle nor
    /// stolen. Idle time is exact on a tickless kernel; the columns of working time are sampled at the tick and
    /// are not used.
    #[must_use]
    pub fn busy_since(&self, earlier: &Self, wall_us: u64) -> u64 {
        let not_working = self.idle_us.saturating_sub(earlier.idle_us) + self.stolen_since(earlier);
        (wall_us * self.cpus).saturating_sub(not_working)
    }

    /// Time that was stolen since `earlier`, all processors together.
    #[must_use]
    pub fn stolen_since(&self, earlier: &Self) -> u64 {
        self.steal_us.saturating_sub(earlier.steal_us)
    }
}

fn parse(stat: &str) -> Option<MachineTime> {
    let total = stat.lines().find(|line| line.starts_with("cpu "))?;
    // user nice system idle iowait irq softirq steal …: see proc_stat(5).
    let ticks: Vec<u64> = total.split_whitespace().skip(1).map_while(|word| word.parse().ok()).collect();
    let cpus = stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu ")).count();
    Some(MachineTime {
        idle_us: (ticks.get(3)? + ticks.get(4)?) * US_PER_USER_TICK,
        steal_us: ticks.get(7).copied().unwrap_or(0) * US_PER_USER_TICK,
        cpus: cpus as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_is_what_was_neither_idle_nor_stolen() {
        let stat = |idle: u64, steal: u64| {
            parse(&format!("cpu  10 0 20 {idle} 5 0 0 {steal} 0 0\ncpu0 1\ncpu1 1\nintr 5\n")).unwrap()
        };
        let (before, after) = (stat(100, 3), stat(250, 13));
        assert_eq!(before.cpus, 2);
        // One second of two processors: 1.5 s idle, 0.1 s stolen, 0.4 s busy.
        assert_eq!(after.busy_since(&before, 1_000_000), 400_000);
    }

    #[test]
    fn a_file_of_another_shape_is_not_measured() {
        assert_eq!(parse("nothing here"), None);
        assert_eq!(parse("cpu  1 2\n"), None);
    }
}
