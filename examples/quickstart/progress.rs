//! What is done, week by week: one line of JSON each, written when the week is synced and checked.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use audience_sync::sync::RunReport;
use audience_sync::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::check::Compared;

#[derive(Serialize, Deserialize)]
pub(crate) struct Week {
    pub(crate) number: u32,
    pub(crate) runs: Vec<RunReport>,
    pub(crate) compared: Vec<Compared>,
}

pub(crate) struct Progress {
    file: File,
    pub(crate) weeks: Vec<Week>,
}

/// What a run leaves in its folder besides the key, which the next one may use too.
const LEFT: [&str; 6] = ["weeks.jsonl", "state", "shop.sqlite", "shop.sqlite-wal", "shop.sqlite-shm", "report.html"];

impl Progress {
    /// What an earlier run has done here. A line that a kill has cut short is a week that is not done.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(LEFT[0]);
        let cannot = |error| failed("read and write", &path, error);
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(cannot)?;
        let text = std::fs::read_to_string(&path).map_err(cannot)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64).and_then(|()| file.flush()).map_err(cannot)?;
        let weeks = text.get(..whole).unwrap_or_default().lines().map(serde_json::from_str).collect::<Result<_, _>>();
        let weeks = weeks.map_err(|error| {
            Error::new(ErrorKind::State, format!("expected weeks in {}; start with --fresh", path.display()))
                .with_source(error)
        })?;
        Ok(Self { file, weeks })
    }

    pub(crate) fn note(&mut self, week: Week) -> Result<()> {
        let path = Path::new(LEFT[0]);
        let mut line = serde_json::to_vec(&week).map_err(|error| failed("write", path, error.into()))?;
        line.push(b'\n');
        self.file
            .write_all(&line)
            .and_then(|()| self.file.sync_data())
            .map_err(|error| failed("write", path, error))?;
        self.weeks.push(week);
        Ok(())
    }
}

/// Removes what an earlier run has left, and nothing else.
pub(crate) fn wipe(dir: &Path) -> Result<()> {
    for left in LEFT.map(|name| dir.join(name)) {
        let removed = if left.is_dir() { std::fs::remove_dir_all(&left) } else { std::fs::remove_file(&left) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed("remove", &left, error)),
            _ => {}
        }
    }
    Ok(())
}

/// Only one run at a time; the lock goes with its process.
pub(crate) fn lock(dir: &Path) -> Result<File> {
    let path: PathBuf = dir.join("quickstart.lock");
    let file = File::create(&path).map_err(|error| failed("create", &path, error))?;
    file.try_lock().map_err(|_| {
        Error::new(ErrorKind::Conflict, format!("expected {} for this run alone, found another run", dir.display()))
    })?;
    Ok(file)
}

pub(crate) fn failed(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Config, format!("expected to {what} {}", path.display())).with_source(error)
}
