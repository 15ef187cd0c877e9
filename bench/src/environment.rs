//! The machine and its settings, for the manifest. No host name, no user name, no path.

use std::fs;

use wirerace_contract::results::{Environment, Pinning};

/// `TCP_MAXSEG` on loopback: 1460 less 12 bytes of timestamps makes segments of 1448 bytes, as on Ethernet.
pub const MAX_SEGMENT_BYTES: u32 = 1460;

/// What is true before a server has been started; the trial adds what only a server can tell.
#[must_use]
pub fn environment(pinning: Option<Pinning>) -> Environment {
    Environment {
        system: system(),
        processor: field_of("/proc/cpuinfo", "model name").unwrap_or_else(|| "not known on this system".into()),
        cpus: std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        memory_bytes: memory_bytes(),
        hypervisor: hypervisor(),
        pinning,
        feed_slice_us: None,
        congestion_control: String::new(),
        max_segment_bytes: MAX_SEGMENT_BYTES,
        descriptors_max: descriptors_max(),
        toolchain: env!("WIRERACE_RUSTC").to_owned(),
        optimised: !cfg!(debug_assertions),
        crates: env!("WIRERACE_CRATES").split(' ').filter(|s| !s.is_empty()).map(str::to_owned).collect(),
    }
}

/// The commit this was built from, with `+` when the tree was changed.
#[must_use]
pub fn commit() -> Option<String> {
    option_env!("WIRERACE_COMMIT").map(str::to_owned)
}

/// Operating system and kernel release; the node name is left out.
fn system() -> String {
    let name = rustix::system::uname();
    format!(
        "{} {} {}",
        name.sysname().to_string_lossy(),
        name.release().to_string_lossy(),
        name.machine().to_string_lossy()
    )
}

fn field_of(file: &str, field: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory_bytes() -> u64 {
    let kib = field_of("/proc/meminfo", "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// The vendor of the virtual machine monitor, as the firmware tables or the processor's flags show it.
fn hypervisor() -> Option<String> {
    if let Ok(kind) = fs::read_to_string("/sys/hypervisor/type") {
        return Some(kind.trim().to_owned());
    }
    field_of("/proc/cpuinfo", "flags")?.split(' ').any(|flag| flag == "hypervisor").then(|| "kind not told".into())
}

/// Limit of open files of this process.
#[must_use]
pub fn descriptors_max() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Raises the limit of open files as far as this user may; returns the limit in force.
pub fn raise_descriptors_max() -> u64 {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // A refusal leaves the old limit, which is what is returned then.
        let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, limit);
    }
    descriptors_max()
}
