//! Processors of the two processes of a trial.

#[cfg(target_os = "linux")]
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use wirerace_contract::results::Pinning;

/// Processors that this process may use, in rising order; empty where the system does not tell.
#[must_use]
pub fn allowed_cpus() -> Vec<u32> {
    #[cfg(target_os = "linux")]
    if let Ok(set) = sched_getaffinity(None) {
        return (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).filter_map(|cpu| u32::try_from(cpu).ok()).collect();
    }
    Vec::new()
}

/// Where server and load go: two processors if there are two, else nowhere. The load gets the first, since other
/// work of a machine tends to sit there and the server is what is measured.
#[must_use]
pub fn choose() -> Option<Pinning> {
    match allowed_cpus().as_slice() {
        [load_cpu, server_cpu, ..] => Some(Pinning { server_cpu: *server_cpu, load_cpu: *load_cpu }),
        _ => None,
    }
}

/// Keeps this thread off the processors of server and load, if there are others.
pub fn keep_off_chosen() {
    #[cfg(target_os = "linux")]
    {
        let mut set = CpuSet::new();
        // The first two are those that `choose` gives out.
        allowed_cpus().into_iter().skip(2).for_each(|cpu| set.set(cpu as usize));
        if set.count() > 0 {
            // Refused, it runs where it ran before: no figure depends on it but the link's error, which is told.
            let _ = sched_setaffinity(None, &set);
        }
    }
}

/// Pins this thread, and every thread it starts from now on.
///
/// # Errors
/// When the system refuses: one sentence.
#[cfg(target_os = "linux")]
pub fn pin_to(cpu: u32) -> Result<(), String> {
    let mut set = CpuSet::new();
    if cpu as usize >= CpuSet::MAX_CPU {
        return Err(format!("there is no processor {cpu}; allowed are {:?}", allowed_cpus()));
    }
    set.set(cpu as usize);
    sched_setaffinity(None, &set)
        .map_err(|error| format!("cannot pin to processor {cpu} ({error}); allowed are {:?}", allowed_cpus()))
}

/// Pins this thread, and every thread it starts from now on: not offered on this system.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn pin_to(cpu: u32) -> Result<(), String> {
    Err(format!("cannot pin to processor {cpu}: this system offers no pinning"))
}
