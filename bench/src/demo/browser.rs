//! Opening the page in the user's browser, where there is one.

use std::process::{Command, Stdio};

/// Asks the desktop to open `address`; false where there is no desktop or nothing that opens pages.
pub(super) fn open(address: &str) -> bool {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let has_screen = cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if !has_screen {
        return false;
    }
    let mut command = Command::new(opener);
    command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.spawn() {
        Ok(mut child) => {
            // Some openers stay as long as the browser does: somebody has to take note of their end.
            std::thread::spawn(move || child.wait());
            true
        }
        Err(_) => false,
    }
}
