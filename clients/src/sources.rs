//! Which address each client connects from.
//!
//! A source address has about 28,000 ports for one destination. On Linux all of 127.0.0.0/8 is the host itself, without
//! any set-up, so large loads on loopback are spread over several addresses. On an emulated link the clients have as many.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use wirerace_contract::spec::{Arm, Connection, Link, LoadSpec, Path};

/// Most connections that share one source address.
const PER_ADDRESS_MAX: u64 = 20_000;
/// How long a closed connection keeps its pair of ports, seconds (TIME_WAIT on Linux).
const TIME_WAIT_S: f64 = 60.0;
/// For example 127.0.0.1 to 127.0.0.250.
const ADDRESSES_MAX: u64 = 250;

/// The source addresses of a load; empty where the system shall choose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources {
    first: Ipv4Addr,
    addresses: u64,
}

impl Sources {
    pub(crate) fn new(server: SocketAddr, arm: &Arm, load: &LoadSpec) -> Self {
        let on_link = matches!(load.path, Path::Link(_)) && server.ip() == Link::SERVER;
        let first = if on_link { Link::CLIENTS } else { Ipv4Addr::LOCALHOST };
        let spread = on_link || cfg!(target_os = "linux") && server.ip().is_loopback() && server.is_ipv4();
        let needed = connections_at_a_time(arm, load).div_ceil(PER_ADDRESS_MAX).clamp(1, ADDRESSES_MAX);
        Self { first, addresses: if spread { needed } else { 1 } }
    }

    /// The address of client `client`; `None` (one address is enough) saves a system call per connection.
    pub(crate) fn of(self, client: u64) -> Option<IpAddr> {
        // Below 250, and both first addresses end in 1: it fits the last octet.
        let [a, b, c, d] = self.first.octets();
        (self.addresses > 1).then(|| Ipv4Addr::new(a, b, c, d + (client % self.addresses) as u8).into())
    }
}

/// Connections of the load that occupy ports at one time, those in TIME_WAIT included.
fn connections_at_a_time(arm: &Arm, load: &LoadSpec) -> u64 {
    let clients = u64::from(load.clients);
    if arm.connection == Connection::Kept {
        return clients;
    }
    let per_client_per_s = match arm.interval_ms {
        0 => load.feed.rate_per_s + 1.0,
        interval_ms => 1e3 / f64::from(interval_ms),
    };
    clients + (load.clients as f64 * per_client_per_s * TIME_WAIT_S) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::testing::arm;

    fn largest_share(connection: Connection, clients: u32, interval_ms: u32) -> (usize, usize) {
        let arm = Arm { connection, interval_ms, ..arm("polling") };
        let load = LoadSpec { clients, ..LoadSpec::default() };
        let sources = Sources::new("127.0.0.1:80".parse().unwrap(), &arm, &load);
        let mut shares = std::collections::HashMap::<_, usize>::new();
        (0..u64::from(clients)).for_each(|client| *shares.entry(sources.of(client)).or_default() += 1);
        (shares.len(), shares.into_values().max().unwrap())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn no_address_gets_more_than_it_has_ports_for() {
        assert_eq!(largest_share(Connection::Kept, 20_000, 0), (1, 20_000));
        assert_eq!(largest_share(Connection::Kept, 50_000, 0), (3, 16_667));
        // 1,000 clients × 4 a second × 60 s are 240,000 pairs of ports, and 1,000 in use.
        assert_eq!(largest_share(Connection::Closed, 1_000, 250), (13, 77));
        assert_eq!(largest_share(Connection::Closed, 10, 250), (1, 10));
    }

    #[test]
    fn on_a_link_clients_have_addresses_of_their_own() {
        let link = r#"{ "link": { "one_way_delay_us": 1 } }"#;
        let load = LoadSpec { clients: 50_000, path: serde_json::from_str(link).unwrap(), ..LoadSpec::default() };
        let sources = Sources::new(SocketAddr::new(Link::SERVER.into(), 80), &arm("sse"), &load);
        let shown: Vec<_> = (0..4).map(|client| sources.of(client).unwrap().to_string()).collect();
        assert_eq!(shown, ["10.77.0.1", "10.77.0.2", "10.77.0.3", "10.77.0.1"]);
    }

    #[test]
    fn only_loopback_has_addresses_to_spare() {
        let load = LoadSpec { clients: 100_000, ..LoadSpec::default() };
        for server in ["192.0.2.1:80", "[::1]:80"] {
            assert_eq!(Sources::new(server.parse().unwrap(), &arm("sse"), &load).of(77_777), None);
        }
    }
}
