//! Writes down what the program was built from: compiler, commit, and the versions of the libraries that carry traffic.

use std::path::Path;
use std::process::Command;

const CARRIERS: [&str; 7] = ["axum", "hyper", "hyper-util", "reqwest", "tokio", "tokio-tungstenite", "tungstenite"];

fn main() {
    let lock = Path::new("../Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    // Commits and changes of any source: what the manifest says of the build must be true of it.
    for watched in ["../.git/logs/HEAD", "../servers", "../clients", "src", "experiments", "Cargo.toml", "build.rs"] {
        if Path::new(watched).exists() {
            println!("cargo::rerun-if-changed={watched}");
        }
    }
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    println!("cargo::rustc-env=WIRERACE_RUSTC={}", output(&rustc, &["--version"]).unwrap_or_default());
    if let Some(commit) = output("git", &["rev-parse", "--short=12", "HEAD"]) {
        let changed = output("git", &["status", "--porcelain", "-uno"]).is_some_and(|text| !text.is_empty());
        println!("cargo::rustc-env=WIRERACE_COMMIT={commit}{}", if changed { "+" } else { "" });
    }
    println!("cargo::rustc-env=WIRERACE_CRATES={}", versions(lock).join(" "));
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// `name@version` of each carrier, from the lock file.
fn versions(lock: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(lock).unwrap_or_default();
    let mut found = Vec::new();
    let mut name = "";
    for line in text.lines() {
        if let Some(value) = line.strip_prefix("name = ") {
            name = value.trim_matches('"');
        } else if let Some(value) = line.strip_prefix("version = ")
            && CARRIERS.contains(&name)
        {
            found.push(format!("{name}@{}", value.trim_matches('"')));
        }
    }
    found
}
