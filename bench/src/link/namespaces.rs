//! Two network namespaces of one's own, without root where the system allows it (user_namespaces(7)).

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::process::{getgid, getuid};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use wirerace_contract::spec::Link;

use super::Refused;
use super::tun::{self, Tun};

/// Both ends of a link, and the way into the clients' namespace.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) server: Tun,
    pub(super) clients: Tun,
    pub(super) clients_namespace: OwnedFd,
}

/// Takes this process into a network namespace of its own, the server's, beside which it makes another, the clients'.
/// There is no way back, and the process must have no second thread yet.
pub(super) fn enter() -> Result<Ends, Refused> {
    // Looked at first, from outside: of all refusals this has the simplest remedy.
    fs::OpenOptions::new().read(true).write(true).open(tun::DEVICE).map_err(Refused::Device)?;
    leave_the_hosts_network().map_err(Refused::Namespace)?;
    let server = Tun::up(Link::SERVER)?;
    let own = this_namespace().map_err(Refused::Namespace)?;
    unshare(UnshareFlags::NEWNET).map_err(Refused::Namespace)?;
    let clients = Tun::up(Link::CLIENTS)?;
    tun::own_whole_net(Link::CLIENTS)?;
    let clients_namespace = this_namespace().map_err(Refused::Namespace)?;
    move_into(own.as_fd()).map_err(Refused::Namespace)?;
    Ok(Ends { server, clients, clients_namespace })
}

/// Who may, leaves as he is; anybody else by becoming the administrator of a user namespace in which he has his own
/// number. The first is tried first: in a user namespace even root has no power over other people's files.
fn leave_the_hosts_network() -> io::Result<()> {
    if unshare(UnshareFlags::NEWNET).is_ok() {
        return Ok(());
    }
    let (user, group) = (getuid().as_raw(), getgid().as_raw());
    unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET)?;
    // Required before one may map one's group without being root outside.
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

#[allow(unsafe_code)]
fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: what must not be done carelessly is to unshare the table of descriptors; that is not asked for.
    unsafe { unshare_unsafe(flags) }.map_err(io::Error::from)
}

fn this_namespace() -> io::Result<OwnedFd> {
    File::open("/proc/thread-self/ns/net").map(OwnedFd::from)
}

/// Takes this thread, and whatever it starts from now on, into a network namespace. One system call and nothing else, so
/// that it may be done between fork and exec.
pub(crate) fn move_into(namespace: BorrowedFd<'_>) -> io::Result<()> {
    move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network)).map_err(io::Error::from)
}
