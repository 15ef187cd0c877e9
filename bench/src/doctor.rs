//! `wirerace doctor`: what this machine can measure, and what limits to expect.

use std::fs;

use crate::commands::DESCRIPTORS_KEPT;
use crate::failure::Failure;
use crate::machine::MachineTime;
use crate::output::line;
use crate::{environment, pinning};

/// One line of the examination.
struct Finding {
    good: bool,
    what: &'static str,
    detail: String,
}

fn finding(good: bool, what: &'static str, detail: impl Into<String>) -> Finding {
    Finding { good, what, detail: detail.into() }
}

/// Examines the machine and prints what it found.
///
/// # Errors
/// When standard output takes no more; what the machine lacks is told, not failed on.
pub fn doctor() -> Result<(), Failure> {
    let environment = environment::environment(pinning::choose());
    line(format!("{} · {} · {} processors", environment.system, environment.processor, environment.cpus))?;
    for Finding { good, what, detail } in examine() {
        line(format!("{} {what}: {detail}", if good { "ok      " } else { "missing " }))?;
    }
    Ok(())
}

fn examine() -> Vec<Finding> {
    vec![
        optimised(),
        processors(),
        processor_time(),
        tcp_info(),
        slice(),
        congestion(),
        descriptors(),
        ports(),
        steal(),
        link(),
    ]
}

fn optimised() -> Finding {
    let good = !cfg!(debug_assertions);
    let detail =
        if good { "built with optimisation" } else { "a debug build: build with --release before you measure CPU" };
    finding(good, "build", detail)
}

fn processors() -> Finding {
    match pinning::choose() {
        Some(pins) => {
            finding(true, "processors", format!("server goes to {}, load to {}", pins.server_cpu, pins.load_cpu))
        }
        None => finding(false, "processors", "no two to pin server and load to: CPU figures will disturb each other"),
    }
}

fn processor_time() -> Finding {
    let good = MachineTime::now().is_some();
    let detail = if good {
        "of the whole machine, from /proc/stat"
    } else {
        "not measured on this system: only the processes' own"
    };
    finding(good, "processor time", detail)
}

fn tcp_info() -> Finding {
    let socket = std::net::TcpListener::bind("127.0.0.1:0");
    match socket.is_ok_and(|socket| wirerace_servers::tcp_info::tcp_info(&socket).is_some()) {
        true => finding(true, "TCP_INFO", "segments and retransmissions are counted"),
        false => finding(false, "TCP_INFO", "not measured on this system: the ledger ends above TCP"),
    }
}

fn slice() -> Finding {
    let asked = std::thread::spawn(wirerace_servers::feed::take_short_slice).join().ok().flatten();
    match asked {
        Some(slice_us) => finding(true, "scheduler slice", format!("the feed's thread gets {slice_us} µs")),
        None => finding(
            false,
            "scheduler slice",
            "the kernel offers none: expect quotes published milliseconds late under load",
        ),
    }
}

fn congestion() -> Finding {
    match fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control") {
        Ok(text) => {
            let good = text.split_whitespace().any(|name| name == "cubic");
            finding(good, "congestion control", format!("available: {}; cubic is asked for", text.trim()))
        }
        Err(_) => finding(false, "congestion control", "cannot be chosen on this system"),
    }
}

fn descriptors() -> Finding {
    let max = environment::raise_descriptors_max();
    let clients = max.saturating_sub(DESCRIPTORS_KEPT);
    finding(clients >= 10_000, "open files", format!("limit {max}: about {clients} clients; raise it with ulimit -n"))
}

fn ports() -> Finding {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_else(|_| "49152 65535".into());
    let ends: Vec<u64> = range.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let ports = ends.last().zip(ends.first()).map_or(0, |(last, first)| last.saturating_sub(*first) + 1);
    finding(
        ports > 0,
        "ports",
        format!("{ports} for each source address; clients spread over 127.0.0.1, 127.0.0.2 and so on"),
    )
}

fn link() -> Finding {
    match crate::link::probe() {
        Ok(()) => {
            finding(true, "emulated link", "namespaces and TUN devices can be had: distance with real IP packets")
        }
        Err(refused) => finding(false, "emulated link", format!("{refused}; cells over a link run delayed instead")),
    }
}

fn steal() -> Finding {
    match MachineTime::now() {
        Some(time) if time.steal_us > 0 => finding(
            true,
            "neighbours",
            format!("{} s were stolen since boot: trials with over 3 % are marked tainted", time.steal_us / 1_000_000),
        ),
        Some(_) => finding(true, "neighbours", "no time was stolen since boot"),
        None => finding(false, "neighbours", "stolen time is not measured on this system"),
    }
}
