//! The folder that a run or a race leaves: who holds it, and how its files come to be.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;
use wirerace_contract::results::{Manifest, Trial};

use crate::failure::{Failure, file_failure};
use crate::report::read::{MANIFEST, TRIALS};
use crate::utc;

/// A run's folder, held while the run is under way: two at once would write over each other.
#[derive(Debug)]
pub struct RunFolder {
    dir: PathBuf,
    /// Held as long as this lives.
    _lock: File,
}

impl RunFolder {
    /// `OUT/STAMP-NAME`, which did not exist before. Nothing is in it yet.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(out: &Path, name: &str) -> Result<Self, Failure> {
        let dir = fresh_folder(out, name)?;
        Self::hold(&dir)
    }

    /// The folder of a run that is there already.
    ///
    /// # Errors
    /// When another program holds it, or it cannot be written to.
    pub fn hold(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(".lock");
        let lock = File::create(&path).map_err(|error| file_failure("write", &path, &error))?;
        match lock.try_lock() {
            // A file system without locks: nothing to hold on to.
            Ok(()) | Err(std::fs::TryLockError::Error(_)) => Ok(Self { dir: dir.to_owned(), _lock: lock }),
            Err(std::fs::TryLockError::WouldBlock) => {
                Err(Failure::Failed(format!("another wirerace works on {}: wait for it, or stop it", dir.display())))
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Writes what is true of the whole run.
    ///
    /// # Errors
    /// When it cannot be written; the manifest that was there is still there.
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<(), Failure> {
        self.replace(MANIFEST, |path| {
            let mut text = serde_json::to_vec_pretty(manifest)?;
            text.push(b'\n');
            std::fs::write(path, text)
        })
    }

    /// Appends trials, each in one write: whole or not at all, as far as the system lets us. The file is there
    /// afterwards even if there were none.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn append(&self, trials: &[Trial]) -> Result<(), Failure> {
        let path = self.dir.join(TRIALS);
        let fail = |error: std::io::Error| file_failure("write", &path, &error);
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(fail)?;
        write_lines(file, trials).map_err(fail)
    }

    /// Puts back the sound lines of a file whose last line was cut off when the run was killed.
    ///
    /// # Errors
    /// When they cannot be written; the file that was there is still there.
    pub fn rewrite(&self, trials: &[Trial]) -> Result<(), Failure> {
        self.replace(TRIALS, |path| write_lines(File::create(path)?, trials))
    }

    /// Written beside and moved into place: a full disk must not cost the file that is there.
    fn replace(&self, name: &str, write: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), Failure> {
        let (path, new) = (self.dir.join(name), self.dir.join(format!("{name}.new")));
        write(&new).and_then(|()| std::fs::rename(&new, &path)).map_err(|error| file_failure("write", &path, &error))
    }
}

fn write_lines(mut file: File, items: &[impl Serialize]) -> std::io::Result<()> {
    for item in items {
        let mut line = serde_json::to_vec(item)?;
        line.push(b'\n');
        file.write_all(&line)?;
    }
    Ok(())
}

/// `OUT/STAMP-NAME`, which did not exist before.
///
/// # Errors
/// When it cannot be made.
pub fn fresh_folder(out: &Path, name: &str) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(out).map_err(|error| file_failure("create", out, &error))?;
    let stamp = utc::stamp();
    for again in 0..100 {
        let suffix = if again == 0 { String::new() } else { format!("-{again}") };
        let dir = out.join(format!("{stamp}-{name}{suffix}"));
        match std::fs::create_dir(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(file_failure("create", &dir, &error)),
        }
    }
    Err(Failure::Failed(format!("{} holds a hundred runs of this second already; try again", out.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, read};

    #[test]
    fn what_is_written_is_what_readers_read() {
        let out = tempfile::tempdir().unwrap();
        let (mut manifest, trials) = fixture::run();
        let folder = RunFolder::create(out.path(), "made").unwrap();
        folder.append(&[]).unwrap();
        folder.write_manifest(&manifest).unwrap();
        assert!(read(folder.path()).unwrap().trials.is_empty());
        let (first, rest) = trials.split_at(1);
        folder.append(first).unwrap();
        folder.append(rest).unwrap();
        manifest.environment.congestion_control = "reno".into();
        folder.write_manifest(&manifest).unwrap();
        let run = read(folder.path()).unwrap();
        assert!(run.manifest == manifest && run.warnings.is_empty());
        assert_eq!(run.trials.len(), trials.len());
        folder.rewrite(first).unwrap();
        assert_eq!(read(folder.path()).unwrap().trials.len(), 1);
        let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [".lock", MANIFEST, TRIALS], "nothing else is left behind");
    }

    #[test]
    fn a_folder_is_held_by_one_only() {
        let out = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(out.path(), "made").unwrap();
        let other = RunFolder::create(out.path(), "made").unwrap();
        assert_ne!(folder.path(), other.path(), "two runs of one second");
        assert!(RunFolder::hold(folder.path()).unwrap_err().to_string().contains("another wirerace works on"));
        let path = folder.path().to_owned();
        drop(folder);
        assert!(RunFolder::hold(&path).is_ok());
    }
}
