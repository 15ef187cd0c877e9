//! What this process has used so far: the same reading for server, load and harness.

use std::mem::MaybeUninit;

use crate::meter::ProcessUsage;

/// CPU time, memory and descriptors of this process since it started. A field that the system does not tell stays 0.
#[must_use]
pub fn process_usage() -> ProcessUsage {
    let usage = own_rusage();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ProcessUsage {
        user_us: microseconds(usage.ru_utime),
        system_us: microseconds(usage.ru_stime),
        resident_bytes: status_bytes(&status, "VmRSS:").unwrap_or(0),
        resident_peak_bytes: status_bytes(&status, "VmHWM:").unwrap_or_else(|| peak_bytes(usage.ru_maxrss)),
        descriptors: descriptors(),
    }
}

/// `getrusage(2)`: the clock of the processor would be finer, but does not tell user space from kernel.
#[allow(unsafe_code)]
fn own_rusage() -> libc::rusage {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for one `rusage`, which the kernel fills. All its fields are numbers, for which
    // zeros are valid too, so that the value is initialised even if the call failed.
    unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    }
}

fn microseconds(time: libc::timeval) -> u64 {
    // CPU times are never negative. The widths of the fields differ between systems.
    #[allow(clippy::unnecessary_cast)]
    let (seconds, part) = (time.tv_sec as u64, time.tv_usec as u64);
    seconds * 1_000_000 + part
}

/// `ru_maxrss` is in KiB on Linux and in bytes on macOS.
fn peak_bytes(maxrss: libc::c_long) -> u64 {
    #[allow(clippy::unnecessary_cast)]
    let unit: u64 = if cfg!(target_os = "macos") { 1 } else { 1024 };
    u64::try_from(maxrss).unwrap_or(0) * unit
}

/// A field of `/proc/self/status`, which is in KiB (proc(5)).
fn status_bytes(status: &str, field: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    value.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Since Linux 6.2 the size of `/proc/self/fd` is the number of open descriptors (proc(5)). On older ones it is 0,
/// and counting ten thousand entries would disturb what is being measured.
fn descriptors() -> u64 {
    std::fs::metadata("/proc/self/fd").map_or(0, |directory| directory.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_cpu_time() {
        let (before, begun) = (process_usage(), std::time::Instant::now());
        let mut sum = 0u64;
        // The kernel splits user from system time by its ticks: work of a few milliseconds may be booked as either.
        while process_usage().user_us < before.user_us + 20_000 {
            sum = std::hint::black_box((0..100_000u64).fold(sum, |a, b| a.wrapping_mul(31) ^ b));
            assert!(begun.elapsed().as_secs() < 60, "work took no time of the processor");
        }
    }

    #[test]
    fn fields_of_the_status_file() {
        let status = "VmHWM:\t    2048 kB\nVmRSS:\t     100 kB\nThreads:\t1\n";
        assert_eq!(status_bytes(status, "VmRSS:"), Some(102_400));
        assert_eq!(status_bytes(status, "VmHWM:"), Some(2_097_152));
        assert_eq!(status_bytes(status, "Threads:"), None);
        assert_eq!(status_bytes("", "VmRSS:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_is_touched_is_resident() {
        const BLOCK: usize = 64 << 20;
        let before = process_usage();
        let block = std::hint::black_box(vec![1u8; BLOCK]);
        let held = process_usage();
        assert!(held.resident_bytes >= before.resident_bytes + BLOCK as u64 * 9 / 10, "{before:?} {held:?}");
        drop(block);
        assert!(process_usage().resident_peak_bytes >= held.resident_bytes * 9 / 10);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn open_files_are_counted_or_not_told() {
        // Other tests open files too: many more than they do.
        let before = process_usage().descriptors;
        let files: Vec<_> = (0..200).filter_map(|_| std::fs::File::open("/dev/null").ok()).collect();
        let held = process_usage().descriptors;
        assert!(held == 0 || held >= before + files.len() as u64 / 2, "{before} {held}");
    }
}
