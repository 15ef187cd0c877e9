//! `wirerace verify URL`: asks a server by every rule of the contract, and prints what was found.

use clap::Args;

use crate::cli::TextFormat;
use crate::commands;
use crate::failure::Failure;
use crate::output::{count, line, note};
use crate::server_url::{host_port, reach};
use crate::verify::{self, Options, table};

/// Arguments of `verify`.
#[derive(Args, Debug)]
pub struct VerifyArguments {
    /// The server: http://HOST:PORT.
    pub url: String,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t = TextFormat::Text)]
    pub format: TextFormat,
    /// Leave out the heartbeats, which take 15 seconds of silence.
    #[arg(long)]
    pub quick: bool,
}

/// Verifies, and prints.
///
/// # Errors
/// When the address is none or nothing listens there, or a rule is broken.
pub fn verify(arguments: &VerifyArguments) -> Result<(), Failure> {
    let mut options = Options::default();
    if arguments.quick {
        options.heartbeat_limit = None;
    }
    let verification = commands::runtime()?.block_on(async {
        let asking = async {
            let authority = host_port(&arguments.url).map_err(Failure::Usage)?;
            let address = reach(&arguments.url).await?;
            if !arguments.quick {
                note("about half a minute, most of it for heartbeats: --quick leaves them out");
            }
            Ok(verify::verify_as(&authority, address, options).await?)
        };
        tokio::select! {
            () = commands::interrupted() => Err(Failure::Interrupted("interrupted: nothing was told yet".to_owned())),
            verified = asking => verified,
        }
    })?;
    match arguments.format {
        TextFormat::Text => line(table::text(&verification))?,
        TextFormat::Markdown => line(table::markdown(&verification))?,
        TextFormat::Json => line(serde_json::to_string_pretty(&verification).map_err(anyhow::Error::from)?)?,
    }
    match verification.broken().as_slice() {
        [] => Ok(()),
        broken => Err(Failure::Failed(format!("{} broken: {}", count(broken.len(), "rule"), broken.join(", ")))),
    }
}
