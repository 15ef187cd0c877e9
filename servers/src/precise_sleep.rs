//! Sleeping to absolute instants, and what makes a thread wake up in time for them.

use wirerace_contract::clock::{NS_PER_S, monotonic_ns};

/// Asks the kernel to wake this thread in time: no timer slack, and a scheduler slice of `slice_us` microseconds,
/// which lets a thread that has just woken go before those with longer slices. Returns the slice that was
/// granted, `None` where none was.
pub(crate) fn arrange(slice_us: Option<u64>) -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        // By default timers of ordinary threads may fire up to 50 µs late; 1 ns is the least that can be asked for.
        // Where that is refused quotes are a little later, and publisher lateness shows it.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        slice_us.and_then(linux::request_slice)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = slice_us;
        None
    }
}

/// Sleeps until CLOCK_MONOTONIC shows `instant_ns`, not a nanosecond less.
pub(crate) fn until(instant_ns: u64) {
    while monotonic_ns() < instant_ns {
        sleep(instant_ns);
    }
}

#[cfg(target_os = "linux")]
fn sleep(instant_ns: u64) {
    use rustix::thread::{ClockId, clock_nanosleep_absolute};
    use rustix::time::Timespec;

    // Seconds of a u64 of nanoseconds fit an i64, a remainder of a division by 10^9 fits any C long.
    let request = Timespec { tv_sec: (instant_ns / NS_PER_S) as i64, tv_nsec: (instant_ns % NS_PER_S) as _ };
    let _ = clock_nanosleep_absolute(ClockId::Monotonic, &request); // a signal: the caller looks again
}

#[cfg(not(target_os = "linux"))]
fn sleep(instant_ns: u64) {
    const { assert!(NS_PER_S == 1_000_000_000) };
    std::thread::sleep(std::time::Duration::from_nanos(instant_ns.saturating_sub(monotonic_ns())));
}

#[cfg(target_os = "linux")]
mod linux {
    use std::mem::size_of;

    /// `struct sched_attr` of linux/sched/types.h in its first version, 48 bytes.
    #[repr(C)]
    #[derive(Default)]
    struct SchedAttr {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        /// The slice, nanoseconds, for ordinary threads since Linux 6.12.
        runtime_ns: u64,
        deadline_ns: u64,
        period_ns: u64,
    }

    const SIZE: u32 = size_of::<SchedAttr>() as u32;

    /// Asks for a slice for this thread and returns what the kernel then says, microseconds. Kernels before 6.12 take
    /// the request and ignore it, which only reading back shows.
    pub(super) fn request_slice(slice_us: u64) -> Option<u64> {
        // Everything but the slice stays as it is.
        let asked = SchedAttr { runtime_ns: slice_us * 1000, ..get()? };
        set(&asked)?;
        let granted_us = get()?.runtime_ns / 1000;
        (granted_us > 0).then_some(granted_us)
    }

    #[allow(unsafe_code)]
    fn get() -> Option<SchedAttr> {
        let mut attr = SchedAttr::default();
        // SAFETY: the kernel writes at most `SIZE` bytes to `attr`, which is that large, has C layout and holds
        // integers only, of which every bit pattern is valid; it keeps no pointer. Thread 0 is the calling one.
        let result = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attr, SIZE, 0) };
        (result == 0).then_some(attr)
    }

    #[allow(unsafe_code)]
    fn set(attr: &SchedAttr) -> Option<()> {
        // SAFETY: the kernel reads `attr.size` bytes from `attr`, which `get` set to at most the size of the
        // struct, and keeps no pointer. Thread 0 is the calling one.
        let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const *attr, 0) };
        (result == 0).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_wakes_early() {
        let instant_ns = monotonic_ns() + 3_000_000;
        until(instant_ns);
        assert!(monotonic_ns() >= instant_ns);
        until(0); // in the past: at once
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_slice_is_what_the_kernel_says_not_what_was_asked() {
        // Below the least slice: a kernel that knows slices raises it to 100 µs, others grant none.
        let granted = std::thread::spawn(|| arrange(Some(1))).join().unwrap();
        assert!(granted.is_none_or(|us| us >= 100), "{granted:?}");
        assert_eq!(std::thread::spawn(|| arrange(None)).join().unwrap(), None);
    }
}
