//! What this process has used so far. It lives in the contract, since load and harness read it too.

pub use wirerace_contract::process_usage::process_usage;
