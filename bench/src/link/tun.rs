//! One end of the link: a TUN device, an interface of this network namespace whose packets a program reads and writes
//! (`Documentation/networking/tuntap.rst` of Linux).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use socket2::{Domain, Protocol, Socket, Type};

use super::Refused;

/// The device through which TUN interfaces are made.
pub(super) const DEVICE: &str = "/dev/net/tun";
/// What the interface is called, in each namespace.
const NAME: &str = "wirerace";
/// Packets that the kernel keeps for the link's thread, beyond any burst: what finds no room there would be lost without
/// having been asked to be.
const QUEUE_PACKETS: u32 = 20_000;

/// One end of the link.
#[derive(Debug)]
pub(super) struct Tun {
    device: File,
    /// The counts of this namespace's interfaces: the namespace is that of the thread that opened the file.
    counts: File,
}

impl Tun {
    /// Makes the interface in the namespace of this thread, gives it `address` and brings it up, and the loopback too.
    pub(super) fn up(address: Ipv4Addr) -> Result<Self, Refused> {
        let device = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(DEVICE);
        let device = device.map_err(Refused::Device)?;
        settle_the_kernel();
        let mut request = Request::new(NAME);
        request.set(&(libc::IFF_TUN | libc::IFF_NO_PI).to_ne_bytes()[..2]);
        ioctl(device.as_fd(), libc::TUNSETIFF, &mut request).map_err(Refused::Interface)?;
        let arrange = || -> io::Result<File> {
            add_address("lo", Ipv4Addr::LOCALHOST, Ipv4Addr::new(255, 0, 0, 0))?;
            lengthen_queue()?;
            // Both ends in one net of 10.76.0.0 and 10.77.0.0: each finds the other's addresses on its own wire.
            add_address(NAME, address, Ipv4Addr::new(255, 254, 0, 0))?;
            File::open("/proc/thread-self/net/dev")
        };
        Ok(Self { counts: arrange().map_err(Refused::Interface)?, device })
    }

    /// A packet that the namespace sent; 0 bytes if there is none.
    pub(super) fn read(&self, packet: &mut [u8]) -> usize {
        (&self.device).read(packet).unwrap_or(0)
    }

    /// Gives the namespace a packet; whether it took it.
    pub(super) fn write(&self, packet: &[u8]) -> bool {
        (&self.device).write(packet).is_ok_and(|written| written == packet.len())
    }

    /// Packets dropped so far at this end by the system: (given to the namespace, sent by it).
    pub(super) fn drops(&self) -> (u64, u64) {
        let (mut file, mut text) = (&self.counts, String::new());
        let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
        if read.is_ok() { drops_in(&text) } else { (0, 0) }
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

/// From `/proc/net/dev`: the fourth number of each half of an interface's line (proc_net_dev(5)).
fn drops_in(text: &str) -> (u64, u64) {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(NAME)?.strip_prefix(':'));
    let numbers: Vec<u64> = line.unwrap_or_default().split_whitespace().map_while(|word| word.parse().ok()).collect();
    (numbers.get(3).copied().unwrap_or(0), numbers.get(11).copied().unwrap_or(0))
}

/// Makes all of `address`/16 addresses of this namespace, as 127.0.0.0/8 is without asking: on the loopback interface
/// a net is the host itself.
pub(super) fn own_whole_net(address: Ipv4Addr) -> Result<(), Refused> {
    let [a, b, _, _] = address.octets();
    let last = Ipv4Addr::new(a, b, 255, 254);
    add_address("lo:1", last, Ipv4Addr::new(255, 255, 0, 0)).map_err(Refused::Interface)
}

/// What the two ends need of the kernel. A refusal changes nothing that is not counted or told.
fn settle_the_kernel() {
    for (setting, value) in [
        // No packets but those of the measurement.
        ("ipv6/conf/all/disable_ipv6", "1"),
        ("ipv6/conf/default/disable_ipv6", "1"),
        // Else a trial's connections would begin with what those of the trial before had learnt of the way.
        ("ipv4/tcp_no_metrics_save", "1"),
        // What the server asks for by name, for the clients' side too.
        ("ipv4/tcp_congestion_control", "cubic"),
    ] {
        let _ = fs::write(format!("/proc/sys/net/{setting}"), value);
    }
}

fn add_address(interface: &str, address: Ipv4Addr, mask: Ipv4Addr) -> io::Result<()> {
    for (ioctl, address) in [(libc::SIOCSIFADDR, address), (libc::SIOCSIFNETMASK, mask)] {
        let mut request = Request::new(interface);
        // A `sockaddr_in`: family, port, address.
        let [a, b, c, d] = address.octets();
        let [family_a, family_b] = (libc::AF_INET as u16).to_ne_bytes();
        request.set(&[family_a, family_b, 0, 0, a, b, c, d]);
        configure(ioctl as _, &mut request)?;
    }
    let mut request = Request::new(interface);
    request.set(&(libc::IFF_UP | libc::IFF_RUNNING).to_ne_bytes()[..2]);
    configure(libc::SIOCSIFFLAGS as _, &mut request)
}

/// Gives the interface its queue by a message of rtnetlink(7): for the older call one has to be root outside too.
fn lengthen_queue() -> io::Result<()> {
    const BYTES: u32 = 40;
    let mut index = Request::new(NAME);
    configure(libc::SIOCGIFINDEX as _, &mut index)?;
    let mut message = Vec::with_capacity(BYTES as usize);
    // `nlmsghdr`: length, type, flags, number, sender.
    message.extend(BYTES.to_ne_bytes());
    message.extend(libc::RTM_NEWLINK.to_ne_bytes());
    message.extend(((libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16).to_ne_bytes());
    message.extend([0; 8]);
    // `ifinfomsg`: family and type, index, flags and which of them to change: none.
    message.extend([0; 4]);
    message.extend(&index.value[..4]);
    message.extend([0; 8]);
    // `rtattr`: length, type, value.
    message.extend(8_u16.to_ne_bytes());
    message.extend(libc::IFLA_TXQLEN.to_ne_bytes());
    message.extend(QUEUE_PACKETS.to_ne_bytes());
    let protocol = Protocol::from(libc::NETLINK_ROUTE);
    let mut socket = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(protocol))?;
    socket.write_all(&message)?;
    let mut answer = [0; 64];
    let read = socket.read(&mut answer)?;
    // An `nlmsghdr` again, then the error: 0 or the negated number.
    match answer[..read].get(16..).and_then(<[u8]>::first_chunk).map(|bytes| i32::from_ne_bytes(*bytes)) {
        Some(0) => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(-error)),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// `struct ifreq` of linux/if.h: 16 bytes of name, then a union of 24 (of 16 where pointers have 32 bits).
#[repr(C, align(8))]
struct Request {
    name: [u8; 16],
    value: [u8; 24],
}

impl Request {
    /// `name` is shorter than 16 bytes.
    fn new(name: &str) -> Self {
        let mut request = Self { name: [0; 16], value: [0; 24] };
        request.name.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
        request
    }

    fn set(&mut self, value: &[u8]) {
        self.value.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
    }
}

fn configure(request: libc::Ioctl, argument: &mut Request) -> io::Result<()> {
    // Any socket of the namespace will do. It need not have an address yet.
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    ioctl(socket.as_fd(), request, argument)
}

#[allow(unsafe_code)]
fn ioctl(fd: BorrowedFd<'_>, request: libc::Ioctl, argument: &mut Request) -> io::Result<()> {
    // SAFETY: every request used here takes a pointer to a `struct ifreq`, which `Request` is at least as large as and
    // laid out like; the kernel reads and writes within it and keeps no pointer. The name ends in a zero.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request, &raw mut *argument) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_stand_in_the_fourth_column_of_each_half() {
        let text = "Inter-|   Receive                                                |  Transmit\n \
                    face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo\n    \
                    lo:       1       2    3    4    5     6          7         8        9      10   11   12    13 0 0 0\n\
                    wirerace:  21      22   23   24   25    26         27        28       29      30   31   32    33 0 0 0\n";
        assert_eq!(drops_in(text), (24, 32));
        assert_eq!(drops_in(""), (0, 0));
    }

    #[test]
    fn the_request_is_laid_out_as_the_kernels() {
        assert_eq!(std::mem::offset_of!(Request, value), std::mem::offset_of!(libc::ifreq, ifr_ifru));
        assert!(size_of::<Request>() >= size_of::<libc::ifreq>());
    }
}
