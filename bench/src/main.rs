//! The one binary: reads the command line, does it, says how it ended.

use std::process::ExitCode;

use clap::Parser;
use wirerace::cli::Cli;
use wirerace::failure::Failure;

fn main() -> ExitCode {
    // Help and version are no failures; everything else that clap refuses is bad usage, which clap ends with 2.
    let cli = Cli::parse();
    match wirerace::commands::dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let word = if matches!(failure, Failure::Interrupted(_)) { "stopped" } else { "error" };
            wirerace::output::note(format!("{word}: {failure}"));
            ExitCode::from(failure.exit_code())
        }
    }
}
