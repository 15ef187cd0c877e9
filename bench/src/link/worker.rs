//! The thread that carries packets from one end to the other when they are due.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{ClockId, clock_gettime};
use wirerace_contract::clock::{NS_PER_S, monotonic_ns};
use wirerace_contract::spec::LINK_MTU_BYTES;
use wirerace_servers::feed::take_short_slice;

use super::carrier::{Carrier, Direction};
use super::namespaces::Ends;
use super::tun::Tun;
use crate::pinning;

/// Packets of one direction that are read, and that are written, before the other gets its turn.
const TURN_PACKETS: usize = 16;

/// What the thread shares with whoever sets the link and reads its counts.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) carrier: Mutex<Carrier>,
    pub(super) ends: Ends,
    /// CPU time of the thread, as of its last turn, nanoseconds.
    pub(super) cpu_ns: AtomicU64,
    /// Whether the thread goes before all ordinary ones.
    pub(super) real_time: AtomicBool,
}

impl Shared {
    /// Counts and queues are whole between any two packets.
    pub(super) fn carrier(&self) -> MutexGuard<'_, Carrier> {
        self.carrier.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where packets of a direction come from, and where they go.
    fn way(&self, direction: Direction) -> (&Tun, &Tun) {
        match direction {
            Direction::ToServer => (&self.ends.clients, &self.ends.server),
            Direction::ToClient => (&self.ends.server, &self.ends.clients),
        }
    }
}

/// Carries packets for as long as the process lives. Called on a thread of its own.
pub(super) fn run(shared: &Shared) {
    pinning::keep_off_chosen();
    // Where neither is granted, the link's error shows it.
    let _ = take_short_slice();
    shared.real_time.store(go_before_all_others(), Relaxed);
    let mut packet = [0; LINK_MTU_BYTES as usize];
    loop {
        let next_due_ns = shared.carrier().next_due_ns();
        sleep_until(shared, next_due_ns);
        // Told after every turn: a link that never comes to rest must not look idle.
        while carry_some(shared, &mut packet) {
            let used = clock_gettime(ClockId::ThreadCPUTime);
            shared.cpu_ns.store(used.tv_sec as u64 * NS_PER_S + used.tv_nsec as u64, Relaxed);
        }
    }
}

/// Asks for the least real-time priority: like a network card, the link does not wait for those that it serves. Granted
/// to root; for all others the short slice has to do. Who times the link asks for the same.
#[allow(unsafe_code)]
pub(super) fn go_before_all_others() -> bool {
    let priority = libc::sched_param { sched_priority: 1 };
    // SAFETY: the kernel reads the parameter and keeps no pointer. Thread 0 is the calling one.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority) == 0 }
}

/// One turn for each direction; whether there was anything to do.
fn carry_some(shared: &Shared, packet: &mut [u8]) -> bool {
    let mut carrier = shared.carrier();
    let mut busy = false;
    for direction in Direction::BOTH {
        let (from, to) = shared.way(direction);
        for _ in 0..TURN_PACKETS {
            let bytes = from.read(packet);
            if bytes == 0 {
                break;
            }
            carrier.take(direction, &packet[..bytes], monotonic_ns());
            busy = true;
        }
        for _ in 0..TURN_PACKETS {
            let Some(out) = carrier.next_due(direction, monotonic_ns()) else { break };
            // The instant before the write: within it the receiver's kernel has the packet already.
            let begun_ns = monotonic_ns();
            let written = to.write(&out.packet);
            carrier.gave(direction, &out, written, begun_ns);
            busy = true;
        }
    }
    busy
}

/// Sleeps until a packet comes in or one is due. The thread's timers have no slack.
fn sleep_until(shared: &Shared, due_ns: Option<u64>) {
    let timeout = due_ns.map(|due_ns| {
        let left_ns = due_ns.saturating_sub(monotonic_ns());
        Timespec { tv_sec: (left_ns / NS_PER_S) as i64, tv_nsec: (left_ns % NS_PER_S) as _ }
    });
    let mut ends = [&shared.ends.server, &shared.ends.clients].map(|end| PollFd::new(end, PollFlags::IN));
    // Interrupted by a signal: the caller looks again, as after any other wake-up.
    let _ = poll(&mut ends, timeout.as_ref());
}
