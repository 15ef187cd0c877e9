//! The `link` path: emulated distance with real IP packets.
//!
//! Server and clients stand in network namespaces of their own, each with one TUN interface; a thread of this process
//! reads what one end sends and writes it to the other when it is due. Handshakes, acknowledgements, slow start and
//! retransmission are the kernel's own. What the link does with a packet is decided in [`pipe`], without any system
//! call; [`carrier`] counts both directions.
//!
//! The process itself lives in the server's namespace: it reaches the control port over that namespace's loopback
//! interface, and loopback cells of the same run work as ever. Processes of clients are started in the other one.

pub mod carrier;
pub mod cells;
pub mod check;
pub mod loss;
#[cfg(target_os = "linux")]
mod namespaces;
pub mod packet;
pub mod pipe;
mod refused;
pub mod repeats;
pub mod timed;
#[cfg(target_os = "linux")]
mod tun;
#[cfg(target_os = "linux")]
mod worker;

#[cfg(target_os = "linux")]
pub(crate) use namespaces::move_into;
pub use refused::{Refused, probe};

#[cfg(target_os = "linux")]
pub use on_linux::Link;

/// Takes this thread, and whatever it starts from now on, to where clients belong.
///
/// # Errors
/// When the system refuses.
#[cfg(target_os = "linux")]
pub(crate) fn go_to_clients(link: &Link) -> std::io::Result<()> {
    move_into(link.clients_namespace())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn go_to_clients(link: &Link) -> std::io::Result<()> {
    match *link {}
}

/// A link without any properties: what packets pass as fast as they are carried.
pub const PLAIN: wirerace_contract::spec::Link = wirerace_contract::spec::Link {
    one_way_delay_us: 0,
    jitter_us: 0,
    rate_bits_per_s: 0,
    loss_share: 0.0,
    loss_burst_packets: 0.0,
    queue_packets: 0,
};

/// No such thing on this system: it can be named, and never made.
#[cfg(not(target_os = "linux"))]
#[derive(Clone, Debug)]
pub enum Link {}

#[cfg(not(target_os = "linux"))]
#[allow(missing_docs, reason = "twins of what Linux has, none of which can be called")]
impl Link {
    pub fn open() -> Result<Self, Refused> {
        Err(Refused::System)
    }

    pub fn begin(&self, _: &wirerace_contract::spec::Link, _: u16, _: u64) {
        match *self {}
    }

    pub async fn quiet(&self, _: std::time::Duration) -> bool {
        match *self {}
    }

    pub fn report(&self) -> wirerace_contract::results::LinkReport {
        match *self {}
    }

    pub fn cpu_us(&self) -> u64 {
        match *self {}
    }
}

#[cfg(target_os = "linux")]
mod on_linux {
    use std::os::fd::{AsFd, BorrowedFd};
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::Duration;

    use wirerace_contract::clock::monotonic_ns;
    use wirerace_contract::results::LinkReport;
    use wirerace_contract::spec;

    use super::carrier::Carrier;
    use super::refused::Refused;
    use super::worker::{self, Shared};
    use super::{PLAIN, namespaces};

    /// A link on which nothing has happened for this long has nothing to come: kernels answer within a delayed
    /// acknowledgement's 40 ms.
    const QUIET_NS: u64 = 60_000_000;
    /// How often to look whether it is quiet.
    const LOOK: Duration = Duration::from_millis(10);

    /// An open link. It lasts as long as the process: there is no way out of its namespaces.
    #[derive(Clone, Debug)]
    pub struct Link {
        shared: Arc<Shared>,
        /// What the system had dropped at the server's and the clients' end when the trial began.
        dropped_before: Arc<Mutex<[(u64, u64); 2]>>,
    }

    impl Link {
        /// Takes this process into the server's namespace and starts the link's thread. To be called while the process
        /// has no other thread, and after [`super::probe`] has found that it will work: when it fails half-way the
        /// process may be left without a network.
        ///
        /// # Errors
        /// What is refused, and the remedy.
        pub fn open() -> Result<Self, Refused> {
            let ends = namespaces::enter()?;
            let carrier = Mutex::new(Carrier::new(&PLAIN, 0, 0));
            let shared =
                Arc::new(Shared { carrier, ends, cpu_ns: AtomicU64::new(0), real_time: AtomicBool::new(false) });
            let thread = std::thread::Builder::new().name("link".to_owned());
            let carried = Arc::clone(&shared);
            thread.spawn(move || worker::run(&carried)).map_err(Refused::Thread)?;
            Ok(Self { shared, dropped_before: Arc::default() })
        }

        /// Gives the link the properties of `link` and sets all counts to 0; connections of `server_port` are counted.
        /// What is still on its way is lost: see [`Self::quiet`].
        pub fn begin(&self, link: &spec::Link, server_port: u16, seed: u64) {
            *self.shared.carrier() = Carrier::new(link, server_port, seed);
            *self.dropped_before.lock().unwrap_or_else(PoisonError::into_inner) = self.drops();
        }

        /// Waits until nothing is on its way any more, or `patience` is over; whether it became quiet.
        pub async fn quiet(&self, patience: Duration) -> bool {
            let until_ns = monotonic_ns() + patience.as_nanos() as u64;
            loop {
                let now_ns = monotonic_ns();
                if self.shared.carrier().is_quiet(now_ns, QUIET_NS) {
                    return true;
                }
                if now_ns >= until_ns {
                    return false;
                }
                tokio::time::sleep(LOOK).await;
            }
        }

        /// What was counted since [`Self::begin`]; CPU time is left to whoever knows the window.
        #[must_use]
        pub fn report(&self) -> LinkReport {
            let mut report = self.shared.carrier().report();
            report.real_time = self.shared.real_time.load(Relaxed);
            let before = *self.dropped_before.lock().unwrap_or_else(PoisonError::into_inner);
            let [server_before, clients_before] = before;
            let [server, clients] = self.drops();
            // A counter that could not be read says 0.
            let since = u64::saturating_sub;
            // A direction begins where packets are sent and ends where they are given.
            report.to_client.interface_dropped += since(server.1, server_before.1) + since(clients.0, clients_before.0);
            report.to_server.interface_dropped += since(clients.1, clients_before.1) + since(server.0, server_before.0);
            report
        }

        fn drops(&self) -> [(u64, u64); 2] {
            [self.shared.ends.server.drops(), self.shared.ends.clients.drops()]
        }

        /// CPU time that the link's thread has used, microseconds.
        #[must_use]
        pub fn cpu_us(&self) -> u64 {
            self.shared.cpu_ns.load(Relaxed) / 1_000
        }

        /// Where the clients' processes belong.
        #[must_use]
        pub fn clients_namespace(&self) -> BorrowedFd<'_> {
            self.shared.ends.clients_namespace.as_fd()
        }
    }
}
