//! Under which names the demo answers. A page of somebody else's site may reach this machine by a name of its own that
//! resolves here (DNS rebinding): so names are refused, but `localhost`, and addresses are taken.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// Whose requests are answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hosts {
    /// Whether other machines may watch.
    pub(super) lan: bool,
}

impl Hosts {
    /// The host without its port, if the demo answers under that name. With `lan` any address will do: a machine does not
    /// know all of those it is reached by, and what rebinds is a name.
    pub(super) fn own<'a>(&self, host_and_port: &'a str) -> Option<&'a str> {
        let (host, port) = host_and_port.rsplit_once(':').unwrap_or((host_and_port, "80"));
        let is_port = port.parse::<u16>().is_ok();
        let is_own = match host.parse::<Ipv4Addr>() {
            Ok(address) => address.is_loopback() || self.lan,
            Err(_) => host.eq_ignore_ascii_case("localhost"),
        };
        (is_own && is_port).then_some(host)
    }

    /// Whether `origin` is that of the page itself, served under `host_and_port`.
    pub(super) fn is_page(&self, origin: &str, host_and_port: &str) -> bool {
        self.own(host_and_port).is_some() && origin.strip_prefix("http://") == Some(host_and_port)
    }

    /// Whether `origin` is that of this demo's page, whose port is `page_port`.
    pub(super) fn is_origin(&self, origin: &str, page_port: u16) -> bool {
        let Some(host_and_port) = origin.strip_prefix("http://") else { return false };
        let port = host_and_port.rsplit_once(':').map_or("80", |(_, port)| port);
        self.own(host_and_port).is_some() && port.parse() == Ok(page_port)
    }
}

/// The address of this machine in its network; `None` without one. Connecting a datagram socket sends nothing: it
/// chooses the interface.
pub(super) fn lan_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address kept for documentation (RFC 5737): any that is not on this machine will do.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Hosts = Hosts { lan: false };
    const LAN: Hosts = Hosts { lan: true };

    #[test]
    fn names_of_others_are_refused_and_addresses_only_taken_in_a_network() {
        for host in ["127.0.0.1:8700", "localhost:8700", "LOCALHOST", "127.0.0.2:1"] {
            assert!(HERE.own(host).is_some() && LAN.own(host).is_some(), "{host}");
        }
        for host in ["evil.example:8700", "127.0.0.1.evil.example", "localhost.evil.example:8700", "", "localhost:x"] {
            assert!(HERE.own(host).is_none() && LAN.own(host).is_none(), "{host}");
        }
        assert!(HERE.own("192.168.1.7:8700").is_none());
        assert_eq!(LAN.own("192.168.1.7:8700"), Some("192.168.1.7"));
    }

    #[test]
    fn an_origin_is_the_pages_own_or_foreign() {
        assert!(HERE.is_page("http://localhost:8700", "localhost:8700"));
        for origin in ["https://localhost:8700", "http://localhost:8701", "http://127.0.0.1:8700", "null", ""] {
            assert!(!HERE.is_page(origin, "localhost:8700"), "{origin}");
        }
        assert!(!HERE.is_page("http://evil.example:8700", "evil.example:8700"));
        assert!(HERE.is_origin("http://127.0.0.1:8700", 8700) && HERE.is_origin("http://localhost", 80));
        for origin in ["http://127.0.0.1:8701", "http://evil.example:8700", "http://10.0.0.2:8700", "null"] {
            assert!(!HERE.is_origin(origin, 8700), "{origin}");
        }
    }
}
