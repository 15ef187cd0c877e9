//! `wirerace demo`: one page on which the same quotes arrive over every transport, live.
//!
//! Read it in this order: `lanes` (a feed and one server per arm), `stage` (what all pages look at), `control` (what a page
//! may say), `page_server` (files and sockets), `recorded` (a run of the page as files of results).

mod browser;
mod control;
mod cross_origin;
mod hosts;
mod knobs;
mod lanes;
mod page_files;
mod page_server;
mod patient_stream;
mod recorded;
mod runs;
mod seats;
mod stage;
mod taken;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures_util::future::poll_immediate;
use wirerace_servers::sockets::ListenError;

use self::cross_origin::CrossOrigin;
use self::hosts::Hosts;
use self::page_server::Site;
use self::runs::Runs;
use self::stage::Stage;
use crate::failure::Failure;
use crate::output::{line, note};
use crate::{commands, environment};

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub struct DemoArguments {
    /// Port of the page; 0 takes a free one.
    #[arg(long, default_value_t = 8700)]
    pub port: u16,
    /// Let other machines of the network watch; only this machine has control.
    #[arg(long)]
    pub lan: bool,
    /// Do not open a browser.
    #[arg(long)]
    pub no_open: bool,
    /// Serve the page's files from this folder instead of from the binary: for work on the page.
    #[arg(long, value_name = "DIR", hide = true)]
    pub page_dir: Option<PathBuf>,
}

/// What the end waits for at most: threads that are still at something.
const ENDING: Duration = Duration::from_millis(200);

/// Serves the page until interrupted.
///
/// # Errors
/// When an address cannot be had.
pub fn demo(arguments: &DemoArguments) -> Result<(), Failure> {
    environment::raise_descriptors_max();
    if let Some(dir) = arguments.page_dir.as_deref().filter(|dir| !dir.is_dir()) {
        return Err(Failure::Usage(format!("--page-dir {}: there is no such folder", dir.display())));
    }
    let runtime = commands::runtime()?;
    let served = runtime.block_on(serve(arguments));
    runtime.shutdown_timeout(ENDING);
    served
}

async fn serve(arguments: &DemoArguments) -> Result<(), Failure> {
    let host = IpAddr::V4(if arguments.lan { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST });
    let listener = page_server::listen(SocketAddr::new(host, arguments.port)).map_err(|error| not_had(&error))?;
    let port = listener.local_addr().map_err(|error| Failure::Failed(error.to_string()))?.port();
    let hosts = Hosts { lan: arguments.lan };
    let stage = Stage::open(host, CrossOrigin { hosts, page_port: port })?;
    let page_dir = arguments.page_dir.clone().map(Arc::new);
    let site = Site { stage, hosts, runs: Runs::default(), page_dir };
    let serving = tokio::spawn(page_server::serve(listener, page_server::routes(site)));
    let mut interrupted = pin!(commands::interrupted());
    // Heard from now on: who reads the address may interrupt at once.
    if poll_immediate(&mut interrupted).await.is_some() {
        return Ok(());
    }
    let address = format!("http://127.0.0.1:{port}/");
    line(format!("demo:  {address}"))?;
    if arguments.lan {
        line(match hosts::lan_address() {
            Some(lan) => format!("watch: http://{lan}:{port}/   from other machines of this network"),
            None => "watch: this machine has no network that others could reach it by".to_owned(),
        })?;
    }
    line("stop with Ctrl-C")?;
    if !arguments.no_open && !browser::open(&address) {
        note("no browser was found to open it: open that address yourself");
    }
    interrupted.await;
    serving.abort();
    Ok(())
}

fn not_had(error: &ListenError) -> Failure {
    Failure::Failed(match error {
        ListenError::AddressInUse(address) => format!(
            "port {} is in use by another program, perhaps another demo: stop that one, or choose another port with --port \
             (--port 0 takes a free one)",
            address.port()
        ),
        other => other.to_string(),
    })
}
