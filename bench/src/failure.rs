//! How the program ends when it does not end well: one sentence and an exit code.

use thiserror::Error;

use crate::report::{ReadError, ReportError};

/// A failure with its exit code.
#[derive(Debug, Error)]
pub enum Failure {
    /// The request itself is wrong.
    #[error("{0}")]
    Usage(String),
    /// Something was tried and did not work, or a check did not hold.
    #[error("{0}")]
    Failed(String),
    /// Some trials are void, or none can be used: what they would have shown is missing.
    #[error("{0}")]
    Void(String),
    /// Stopped by the user; what is done is kept.
    #[error("{0}")]
    Interrupted(String),
}

impl Failure {
    /// 1 failed, 2 bad usage, 3 void trials or none that can be used, 130 interrupted.
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

/// What is no run was named by mistake; a run that cannot be read is damaged.
impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NoRun { .. } => Self::Usage(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Read(error) => error.into(),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Adds what was attempted on which file to an error of the file system, with the remedy for the common ones.
pub fn file_failure(what: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
    let remedy = match error.kind() {
        std::io::ErrorKind::StorageFull => "; free some space or choose another folder with --out",
        std::io::ErrorKind::PermissionDenied => "; choose a folder you may write to with --out",
        std::io::ErrorKind::NotFound => "; check the path",
        // With which the system answers who asks for a folder.
        std::io::ErrorKind::NotADirectory | std::io::ErrorKind::AlreadyExists => {
            "; a file stands where a folder must be: name another folder (--out for results), or move the file away"
        }
        _ => "",
    };
    Failure::Failed(format!("cannot {what} {}: {error}{remedy}", path.display()))
}
