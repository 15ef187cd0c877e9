//! Where a calibration takes place: on which processors, and over which path.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use wirerace_contract::results::Pinning;
use wirerace_contract::spec;

use crate::link::{self, Link};

/// One way over the link, microseconds. What is measured over it is told without it, so any distance would do; but a packet
/// that has to wait costs the link's thread a wake-up by its timer, as in trials, and one without distance does not. Short,
/// because hundreds of exchanges follow one another.
const DELAY_US: u64 = 2_000;

/// Processors and path.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) server_cpu: Option<u32>,
    pub(super) load_cpu: Option<u32>,
    link: Option<Link>,
}

impl Place {
    /// One host.
    pub(super) fn here(pinning: Option<&Pinning>) -> Self {
        Self { server_cpu: pinning.map(|p| p.server_cpu), load_cpu: pinning.map(|p| p.load_cpu), link: None }
    }

    /// Over a link, which is set anew: it has a delay and nothing else.
    pub(super) fn over(link: &Link, pinning: Option<&Pinning>) -> Self {
        link.begin(&spec::Link { one_way_delay_us: DELAY_US, ..link::PLAIN }, 0, 1);
        Self { link: Some(link.clone()), ..Self::here(pinning) }
    }

    /// Where a server listens: a free port.
    pub(super) fn address(&self) -> SocketAddr {
        let host = if self.link.is_some() { spec::Link::SERVER } else { Ipv4Addr::LOCALHOST };
        SocketAddr::from((host, 0))
    }

    /// One way, nanoseconds.
    pub(super) fn delay_ns(&self) -> u64 {
        if self.link.is_some() { DELAY_US * 1_000 } else { 0 }
    }

    /// Takes this thread to where clients are.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn go_to_clients(&self) -> io::Result<()> {
        self.link.as_ref().map_or(Ok(()), link::go_to_clients)
    }
}
