//! Why there is no emulated link on this system, and what to do about it.

use std::io;
use std::process::{Command, Stdio};

use thiserror::Error;

use crate::child;

/// What the system refuses. Each says so in one sentence, with the remedy.
#[derive(Debug, Error)]
pub enum Refused {
    /// No TUN device.
    #[error(
        "/dev/net/tun cannot be opened ({0}): let this user read and write it (most systems do: mode 0666), give the \
         container --device /dev/net/tun, or run as root"
    )]
    Device(#[source] io::Error),
    /// No namespaces.
    #[error(
        "new network namespaces are not allowed ({0}): allow user namespaces (user.max_user_namespaces, \
         kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns), or run as root"
    )]
    Namespace(#[source] io::Error),
    /// The namespace is there, but not the interface.
    #[error("a TUN interface cannot be set up ({0}): is the kernel's tun module there? try `modprobe tun` as root")]
    Interface(#[source] io::Error),
    /// No thread.
    #[error("the link's thread cannot be started ({0}): end other programs, or raise the limit of processes")]
    Thread(#[source] io::Error),
    /// What the try in another process said.
    #[error("{0}")]
    Tried(String),
    /// Not Linux.
    #[error("this system has no network namespaces: the emulated link needs Linux")]
    System,
}

/// Tries whether a link can be opened here, in another process, since there is no way back from trying.
///
/// # Errors
/// What is refused, and the remedy.
pub fn probe() -> Result<(), Refused> {
    if !cfg!(target_os = "linux") {
        return Err(Refused::System);
    }
    let program = child::program().map_err(|error| Refused::Tried(format!("{error:#}")))?;
    let tried = Command::new(program).args(["link", "--probe"]).stdin(Stdio::null()).output();
    let tried = tried.map_err(|error| Refused::Tried(format!("the try could not be started: {error}")))?;
    if tried.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&tried.stderr);
    let said = said.trim();
    let said = said.strip_prefix("error: ").unwrap_or(said);
    Err(Refused::Tried(if said.is_empty() { format!("the try ended with {}", tried.status) } else { said.to_owned() }))
}
