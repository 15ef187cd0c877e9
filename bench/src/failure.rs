//! How the program ends when it does not end well: one sentence and an exit code.

use thiserror::Error;

/// A failure with its exit code.
#[derive(Debug, Error)]
pub enum Failure {
    /// The request itself is wrong.
    #[error("{0}")]
    Usage(String),
    /// Something was tried and did not work, or a check did not hold.
    #[error("{0}")]
    Failed(String),
    /// Some trials are void: what they would have shown is missing.
    #[error("{0}")]
    Void(String),
    /// Stopped by the user; what is done is kept.
    #[error("{0}")]
    Interrupted(String),
}

impl Failure {
    /// 1 failed, 2 bad usage, 3 void, 130 interrupted.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Void(_) => 3,
            Self::Interrupted(_) => 130,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}

/// Adds what was attempted on which file to an error of the file system, with the remedy for the common ones.
pub fn file_failure(what: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
    let remedy = match error.kind() {
        std::io::ErrorKind::StorageFull => "; free some space or choose another folder with --out",
        std::io::ErrorKind::PermissionDenied => "; choose a folder you may write to with --out",
        std::io::ErrorKind::NotFound => "; check the path",
        _ => "",
    };
    Failure::Failed(format!("cannot {what} {}: {error}{remedy}", path.display()))
}
