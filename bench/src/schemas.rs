//! JSON Schemas of the result files, generated from the types that write them.

use std::path::Path;

use schemars::{Schema, schema_for};
use wirerace_contract::results::{Manifest, RunFile, Trial};

use crate::claims::recorded::Recorded;
use crate::failure::{Failure, file_failure};
use crate::summary::Summary;

/// File name and schema of each kind of result file.
#[must_use]
pub fn all() -> [(&'static str, Schema); 5] {
    [
        ("manifest.schema.json", schema_for!(Manifest)),
        ("trial.schema.json", schema_for!(Trial)),
        ("run-file.schema.json", schema_for!(RunFile)),
        ("summary.schema.json", schema_for!(Summary)),
        ("claims.schema.json", schema_for!(Recorded)),
    ]
}

/// A schema as it stands in its file.
#[must_use]
pub fn text(schema: &Schema) -> String {
    // A schema is plain JSON; the alternative to failing is the compact form, which cannot fail either.
    serde_json::to_string_pretty(schema).unwrap_or_else(|_| schema.as_value().to_string()) + "\n"
}

/// Writes all schemas to `dir`.
///
/// # Errors
/// When a file cannot be written.
pub fn write_all(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(|error| file_failure("create", dir, &error))?;
    for (name, schema) in all() {
        let path = dir.join(name);
        std::fs::write(&path, text(&schema)).map_err(|error| file_failure("write", &path, &error))?;
    }
    Ok(())
}
