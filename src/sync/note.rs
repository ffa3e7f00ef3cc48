//! What a run remembers beside its rows: written to the journal, folded into the manifest.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::destination::AudienceRef;
use crate::error::{Error, ErrorKind, Result};
use crate::state::Manifest;

/// What is true of the binding once the run has begun.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RunNote {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) row_version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) audience: Option<AudienceRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mapping_version: Option<u64>,
    /// The holdout in force; the outer level says whether the note speaks of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) holdout: Option<String>,
    /// A job that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) job_ended: Option<String>,
}

impl RunNote {
    pub(crate) fn to_value(&self) -> Result<Value> {
        serde_json::to_value(self)
            .map_err(|error| Error::new(ErrorKind::Bug, "write a note of the run").with_source(error))
    }

    /// Takes in a note of the journal; later ones win.
    pub(crate) fn read(&mut self, value: &Value, ended: &mut Vec<String>) -> Result<()> {
        let note: Self = serde_json::from_value(value.clone()).map_err(|error| {
            Error::new(ErrorKind::State, "read the journal: expected a note of this version").with_source(error)
        })?;
        self.row_version = note.row_version.or(self.row_version);
        self.audience = note.audience.or(self.audience.take());
        self.mapping_version = note.mapping_version.or(self.mapping_version);
        self.holdout = note.holdout.or(self.holdout.take());
        ended.extend(note.job_ended);
        Ok(())
    }

    pub(crate) fn apply(&self, manifest: &mut Manifest) {
        if let Some(version) = self.row_version {
            manifest.row_version = manifest.row_version.max(version);
        }
        if let Some(audience) = &self.audience {
            manifest.audience = serde_json::to_value(audience).ok();
        }
        if let Some(version) = self.mapping_version {
            manifest.mapping_version = version;
        }
        if let Some(holdout) = &self.holdout {
            manifest.holdout = Some(holdout.clone());
        }
    }
}
