//! The comparison of the transports, as `cargo bench` runs it: not criterion's, since its unit is a trial of two
//! processes and several seconds, not a function. The program itself does it, which spares compiling all of it twice.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // Cargo runs benches in their package's folder; results belong to the top.
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("results");
    let program = env!("CARGO_BIN_EXE_wirerace");
    // In the place of this process, so that Ctrl-C and exit codes are the program's. It comes back only if it cannot.
    let error = Command::new(program).arg("comparisons").arg(results).arg("--").args(std::env::args().skip(1)).exec();
    eprintln!("error: cannot start {program}: {error}");
    ExitCode::FAILURE
}
