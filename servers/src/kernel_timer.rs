//! A timer of the kernel that wakes the runtime as a socket does, to the microsecond and without a thread.
#![cfg(target_os = "linux")]

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use wirerace_contract::clock::{NS_PER_S, monotonic_ns};

/// One timerfd, and so one descriptor.
#[derive(Debug)]
pub(crate) struct KernelTimer(AsyncFd<OwnedFd>);

impl KernelTimer {
    /// A timer that is not set. Must be called within a tokio runtime that has IO.
    pub(crate) fn new() -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // SAFETY: this is epoll_ctl(2), which is told the descriptor's number. An `OwnedFd` has the same number for as
        // long as it lives and keeps it open; it lives in the `AsyncFd`, from which nobody here takes it.
        #[allow(unsafe_code)]
        let registered = unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) };
        Ok(Self(registered?))
    }

    /// Sets it to go off in `first_in`, and then each `distance` if there is one. What it was set to before is forgotten.
    pub(crate) fn set(&self, first_in: Duration, distance: Option<Duration>) -> io::Result<()> {
        // An absolute instant may have passed when the kernel hears of it; a relative one of 0 would switch it off, and
        // so would a distance of 0.
        let first_ns = monotonic_ns().saturating_add(nanoseconds(first_in)).max(1);
        let distance_ns = distance.map_or(0, |distance| nanoseconds(distance).max(1));
        let plan = Itimerspec { it_value: timespec(first_ns), it_interval: timespec(distance_ns) };
        timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::ABSTIME, &plan)?;
        Ok(())
    }

    /// Ready when it has gone off since it was last ready, however often; now and then too early after it was set anew.
    pub(crate) fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // An error says that the runtime ends, and with it this task.
            let Ok(mut ready) = ready!(self.0.poll_read_ready(cx)) else { return Poll::Pending };
            // How many ticks have passed since the last: the kernel counts on its grid. Reading takes them all.
            let taken = rustix::io::read(ready.get_inner(), &mut [0; 8]);
            if taken != Err(Errno::INTR) {
                ready.clear_ready();
            }
            if taken.is_ok() {
                return Poll::Ready(());
            }
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn timespec(ns: u64) -> Timespec {
    // Seconds of a u64 of nanoseconds fit an i64, a remainder of a division by 10^9 fits any C long.
    Timespec { tv_sec: (ns / NS_PER_S) as i64, tv_nsec: (ns % NS_PER_S) as _ }
}
