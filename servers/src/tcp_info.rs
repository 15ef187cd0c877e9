//! `TCP_INFO`: what the kernel counted on one connection.

use std::os::fd::AsFd;

use wirerace_contract::meter::TcpTotals;

/// What the kernel knows of one connection, as far as the meter needs it. Names are the kernel's own
/// (`struct tcp_info` in `include/uapi/linux/tcp.h`), without their prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpInfo {
    /// State of the connection, numbered as in `include/net/tcp_states.h`: 1 is established.
    pub state: u8,
    /// Whether segments carry timestamps (`TCPI_OPT_TIMESTAMPS` in `options`): both ends offered them in the handshake.
    pub timestamps: bool,
    /// Largest payload of a segment to the peer, bytes.
    pub snd_mss: u32,
    /// Payload bytes sent, retransmissions included.
    pub bytes_sent: u64,
    /// Of these, retransmitted.
    pub bytes_retrans: u64,
    /// Bytes written and not yet sent.
    pub notsent_bytes: u32,
    /// Payload bytes received, in order; a FIN counts as one byte.
    pub bytes_received: u64,
    /// Segments sent; the SYN-ACK is missing on the accepting side.
    pub segs_out: u32,
    /// Segments received.
    pub segs_in: u32,
    /// Segments sent that carried payload.
    pub data_segs_out: u32,
    /// Segments received that carried payload.
    pub data_segs_in: u32,
    /// Segments retransmitted.
    pub total_retrans: u32,
}

impl TcpInfo {
    /// These numbers as totals over one connection.
    #[must_use]
    pub fn totals(&self) -> TcpTotals {
        TcpTotals {
            connections: 1,
            connections_without_timestamps: u64::from(!self.timestamps),
            bytes_sent: self.bytes_sent,
            bytes_retrans: self.bytes_retrans,
            notsent_bytes: self.notsent_bytes.into(),
            bytes_received: self.bytes_received,
            segs_out: self.segs_out.into(),
            segs_in: self.segs_in.into(),
            data_segs_out: self.data_segs_out.into(),
            data_segs_in: self.data_segs_in.into(),
            retrans: self.total_retrans.into(),
        }
    }
}

/// Asks the kernel about a TCP socket. `None` where the system has no `TCP_INFO` with these fields (anything but
/// Linux 4.19 or newer), or when `socket` is no TCP socket.
#[must_use]
#[cfg(not(target_os = "linux"))]
pub fn tcp_info(_socket: impl AsFd) -> Option<TcpInfo> {
    None
}

/// Asks the kernel about a TCP socket. `None` where the system has no `TCP_INFO` with these fields (anything but
/// Linux 4.19 or newer), or when `socket` is no TCP socket.
#[must_use]
#[cfg(target_os = "linux")]
pub fn tcp_info(socket: impl AsFd) -> Option<TcpInfo> {
    let raw = linux::ask(socket.as_fd())?;
    // A FIN that waits behind unsent bytes takes a sequence number, and the kernel counts it among them.
    let queued_fin = u32::from(raw.notsent_bytes > 0 && linux::FIN_IS_QUEUED.contains(&raw.state));
    Some(TcpInfo {
        state: raw.state,
        timestamps: raw.options & linux::OPT_TIMESTAMPS != 0,
        snd_mss: raw.snd_mss,
        bytes_sent: raw.bytes_sent,
        bytes_retrans: raw.bytes_retrans,
        notsent_bytes: raw.notsent_bytes - queued_fin,
        bytes_received: raw.bytes_received,
        segs_out: raw.segs_out,
        segs_in: raw.segs_in,
        data_segs_out: raw.data_segs_out,
        data_segs_in: raw.data_segs_in,
        total_retrans: raw.total_retrans,
    })
}

#[cfg(target_os = "linux")]
mod linux {
    use std::mem::{MaybeUninit, size_of};
    use std::os::fd::{AsRawFd, BorrowedFd};

    /// FIN_WAIT1, FIN_WAIT2, LAST_ACK and CLOSING (`include/net/tcp_states.h`).
    pub(super) const FIN_IS_QUEUED: [u8; 4] = [4, 5, 9, 11];

    /// `TCPI_OPT_TIMESTAMPS` (`include/uapi/linux/tcp.h`).
    pub(super) const OPT_TIMESTAMPS: u8 = 1;

    /// The head of `struct tcp_info` up to `tcpi_bytes_retrans`, field by field; groups without a reader are arrays.
    #[repr(C)]
    pub(super) struct RawTcpInfo {
        pub(super) state: u8,
        _ca_state_to_backoff: [u8; 4],
        pub(super) options: u8,
        _wscale_and_limited: [u8; 2],
        _rto_ato: [u32; 2],
        pub(super) snd_mss: u32,
        _rcv_mss_to_fackets: [u32; 6],
        _times: [u32; 4],
        _pmtu_to_rcv_space: [u32; 10],
        pub(super) total_retrans: u32,
        _pacing_rates: [u64; 2],
        _bytes_acked: u64,
        pub(super) bytes_received: u64,
        pub(super) segs_out: u32,
        pub(super) segs_in: u32,
        pub(super) notsent_bytes: u32,
        _min_rtt: u32,
        pub(super) data_segs_in: u32,
        pub(super) data_segs_out: u32,
        _delivery_rate: u64,
        _busy_and_limited: [u64; 3],
        _delivered: [u32; 2],
        pub(super) bytes_sent: u64,
        pub(super) bytes_retrans: u64,
    }

    #[allow(unsafe_code)]
    pub(super) fn ask(socket: BorrowedFd<'_>) -> Option<RawTcpInfo> {
        let mut info = MaybeUninit::<RawTcpInfo>::zeroed();
        let asked_bytes = size_of::<RawTcpInfo>();
        let mut got_bytes = asked_bytes as libc::socklen_t;
        // SAFETY: the pointer is valid for `asked_bytes`, of which the kernel writes at most that many and says how
        // many. All fields are numbers, for which zeros are valid too, so that the value is initialised in any case.
        let (result, info) = unsafe {
            let result = libc::getsockopt(
                socket.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                info.as_mut_ptr().cast(),
                &raw mut got_bytes,
            );
            (result, info.assume_init())
        };
        // An older kernel knows fewer fields and returns fewer bytes: then nothing is measured rather than zeros.
        (result == 0 && got_bytes as usize >= asked_bytes).then_some(info)
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::mem::offset_of;
    use std::net::{TcpListener, TcpStream, UdpSocket};

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn the_layout_is_the_kernels() {
        use linux::RawTcpInfo as Raw;
        // Offsets counted in include/uapi/linux/tcp.h.
        assert_eq!(offset_of!(Raw, options), 5);
        assert_eq!(offset_of!(Raw, snd_mss), 16);
        assert_eq!(offset_of!(Raw, total_retrans), 100);
        assert_eq!(offset_of!(Raw, bytes_received), 128);
        assert_eq!(offset_of!(Raw, notsent_bytes), 144);
        assert_eq!(offset_of!(Raw, data_segs_in), 152);
        assert_eq!(offset_of!(Raw, bytes_sent), 200);
        assert_eq!(size_of::<Raw>(), 216);
    }

    #[test]
    fn counts_what_went_each_way() {
        let (mut client, mut server) = pair();
        client.write_all(&[1; 300]).unwrap();
        server.read_exact(&mut [0; 300]).unwrap();
        server.write_all(&[2; 700]).unwrap();
        client.read_exact(&mut [0; 700]).unwrap();
        let info = tcp_info(&server).unwrap();
        assert_eq!((info.bytes_received, info.bytes_sent - info.bytes_retrans, info.notsent_bytes), (300, 700, 0));
        assert_eq!((info.data_segs_in, info.data_segs_out - info.total_retrans), (1, 1));
        assert!(info.segs_in >= 2 && info.segs_out >= 1 && info.state == 1);
    }

    #[test]
    fn timestamps_are_in_force_where_the_system_offers_them() {
        let (_client, server) = pair();
        // 0 offers none; both ends are on this system.
        let offered = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_timestamps").unwrap().trim() != "0";
        let info = tcp_info(&server).unwrap();
        assert_eq!((info.timestamps, info.totals().connections_without_timestamps), (offered, u64::from(!offered)));
    }

    #[test]
    fn written_is_sent_less_resent_plus_queued_even_with_a_fin_behind_it() {
        let (_client, mut server) = pair();
        server.set_nonblocking(true).unwrap();
        let mut written = 0;
        // Until the peer's window and the own buffer are full, so that a part stays unsent.
        while let Ok(n) = server.write(&[7; 65_536]) {
            written += n as u64;
        }
        let sum = |info: TcpInfo| info.bytes_sent - info.bytes_retrans + u64::from(info.notsent_bytes);
        let before = tcp_info(&server).unwrap();
        assert!(before.notsent_bytes > 0);
        assert_eq!(sum(before), written);
        server.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(sum(tcp_info(&server).unwrap()), written);
    }

    #[test]
    fn what_is_not_tcp_is_not_measured() {
        assert_eq!(tcp_info(UdpSocket::bind("127.0.0.1:0").unwrap()), None);
    }
}
