//! What only a folder needs: durable directories, the lock file, and the sweeping of interrupted puts.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// The lock on one binding in a folder. The system frees it on any death of the process.
#[derive(Debug)]
pub(super) struct FileLock(File);

impl Drop for FileLock {
    fn drop(&mut self) {
        // Explicitly, because a child that the host is just starting may still share the handle for a moment.
        let _ = self.0.unlock();
    }
}

/// Creates the folder and makes its name durable.
pub(super) fn create_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<_> =
        folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
    fs::create_dir_all(folder)?;
    for created in missing {
        sync_folder(created.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Takes the lock of the binding whose objects lie in `folder`, and writes the holder's name into it.
pub(super) fn lock(folder: &Path, holder: &str) -> Result<FileLock> {
    let wrong = |error: io::Error| {
        Error::new(
            ErrorKind::State,
            format!("expected a folder that may be written, found: {}; check its owner and mode", error.kind()),
        )
        .with_source(error)
        .doing("take the lock")
    };
    create_folder(folder).map_err(wrong)?;
    let mut options = OpenOptions::new();
    let opened = options.read(true).write(true).create(true).truncate(false).open(folder.join("lock"));
    let mut file = opened.map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(held(&name_in(&mut file))),
        Err(TryLockError::Error(error)) => return Err(wrong(error)),
    }
    let lock = FileLock(file);
    let mut file = &lock.0;
    lock.0.set_len(0).and_then(|()| file.write_all(holder.as_bytes())).map_err(wrong)?;
    Ok(lock)
}

/// The name is a help for people: a lock file that cannot be read, or is not yet written, gives none.
fn name_in(file: &mut File) -> String {
    let mut name = Vec::new();
    let _ = file.take(200).read_to_end(&mut name);
    let name: String = String::from_utf8_lossy(&name).chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() { "another holder".into() } else { name }
}

/// The error for a binding that is open elsewhere.
pub(super) fn held(holder: &str) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("expected nobody at work on the binding, found that {holder} holds it; wait for it, or stop it"),
    )
}

/// Deletes what interrupted puts left (`<name>#<digits>`, as `object_store`'s `LocalFileSystem` names what it stages),
/// and makes the names that are there durable: a put that was cut short may have linked its object and not synced it.
///
/// Only under the lock, and before listing: a put of a dropped writer that is still under way loses its file here, and
/// so cannot appear later.
pub(super) fn tidy(folder: &Path) -> Result<()> {
    tidy_folder(folder).map_err(|error| {
        Error::new(
            ErrorKind::State,
            format!(
                "expected a folder that may be read and written, found: {}; check its owner and mode",
                error.kind()
            ),
        )
        .with_source(error)
        .doing("sweep interrupted writes")
    })
}

fn tidy_folder(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            tidy_folder(&entry.path())?;
        } else if staged(&entry.file_name().to_string_lossy()) {
            match fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    sync_folder(folder)
}

fn staged(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, digits)| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Runs file work off the async threads, or in place where there is no runtime.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::runtime::Handle::try_current() {
        Err(_) => work(),
        Ok(runtime) => runtime.spawn_blocking(work).await.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Unavailable, "the runtime is shutting down").with_source(error))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_staged_files_are_swept() {
        assert!(staged("00000000000000000001#1") && staged("end#12"));
        assert!(!staged("lock") && !staged("a#b") && !staged("a#") && !staged("a#1b"));
    }

    #[test]
    fn a_second_holder_gets_the_name_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        let first = lock(&folder, "process 17 since noon").unwrap();
        let error = lock(&folder, "second").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("process 17 since noon"), "{error}");
        drop(first);
        drop(lock(&folder, "x").unwrap());
        assert_eq!(fs::read_to_string(folder.join("lock")).unwrap(), "x", "the longer name before is gone");
    }
}
