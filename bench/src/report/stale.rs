//! Pictures of an earlier report on the same run that this one does not draw: left where they are, they would be taken for
//! part of it.

use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use crate::charts::{KINDS, RUN_KINDS};

/// Removes from `folder` every picture with a name that reports give and that is not among `written`. What has another name
/// is somebody's own and stays.
///
/// # Errors
/// The file, and what the system says of it.
pub(super) fn remove(folder: &Path, written: &[PathBuf]) -> Result<(), (PathBuf, Error)> {
    let unread = |reason: Error| (folder.to_owned(), reason);
    for entry in std::fs::read_dir(folder).map_err(unread)? {
        let file = entry.map_err(unread)?.path();
        if !is_ours(&file) || written.contains(&file) {
            continue;
        }
        match std::fs::remove_file(&file) {
            Err(reason) if reason.kind() != ErrorKind::NotFound => return Err((file, reason)),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a report could have given `file` its name: a kind, perhaps the number of a cell, and one of two extensions.
fn is_ours(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str());
    let Some((stem, "svg" | "png")) = file.file_stem().and_then(|stem| stem.to_str()).zip(extension) else {
        return false;
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let of_cell = |name: &str| stem.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')).is_some_and(is_number);
    KINDS.iter().any(|kind| stem == kind.name || of_cell(kind.name)) || RUN_KINDS.iter().any(|kind| stem == kind.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_that_reports_name_and_this_one_did_not_write_go() {
        let dir = tempfile::tempdir().unwrap();
        let (kind, run_kind) = (KINDS[0].name, RUN_KINDS[0].name);
        let file = |name: &str| dir.path().join(name);
        let written = [file(&format!("{kind}-1.svg"))];
        let own =
            ["notes.svg".to_owned(), format!("{kind}-mine.svg"), format!("{kind}.pdf"), format!("{run_kind}-2.svg")];
        let old = [format!("{kind}.svg"), format!("{kind}-12.png"), format!("{run_kind}.svg")];
        for path in own.iter().chain(&old).map(|name| file(name)).chain(written.clone()) {
            std::fs::write(path, "x").unwrap();
        }
        remove(dir.path(), &written).unwrap();
        assert!(own.iter().all(|name| file(name).is_file()) && written[0].is_file());
        assert!(old.iter().all(|name| !file(name).exists()), "{old:?}");
    }
}
