//! The sealed objects of one binding: JSON and parts, under their names.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::model::{Entry, FORMAT, Manifest};
use super::objects::{Created, Objects};
use super::seal::{Sealer, damaged};
use crate::error::{Doing, Error, ErrorKind, Result};

pub(super) fn manifest_name(generation: u64) -> String {
    format!("manifest/{generation:020}")
}

pub(super) fn layer_name(id: &str) -> String {
    format!("snapshot/{id}")
}

pub(super) fn entry_name(epoch: u64, number: u64) -> String {
    format!("journal/{epoch:020}/{number:020}")
}

pub(super) fn journal_prefix(epoch: u64) -> String {
    format!("journal/{epoch:020}")
}

pub(super) fn plan_prefix(id: &str) -> String {
    format!("plan/{id}")
}

/// A manifest as it is stored, with the name of who wrote it.
#[derive(Serialize, Deserialize)]
struct Stored<M> {
    holder: String,
    manifest: M,
}

/// Only what every form of the manifest has.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

#[derive(Clone)]
pub(super) struct Vault {
    pub(super) objects: Objects,
    sealer: Sealer,
}

impl Vault {
    pub(super) fn new(objects: Objects, sealer: Sealer) -> Self {
        Self { objects, sealer }
    }

    pub(super) async fn create(&self, name: &str, plain: &[u8]) -> Result<Created> {
        let sealed = self.sealer.seal(name, plain).doing(|| format!("write {name}"))?;
        self.objects.create(name, sealed.into()).await
    }

    pub(super) async fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match self.objects.read(name).await? {
            Some(sealed) => self.sealer.open(name, &sealed).map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn create_json<T: Serialize + Sync>(&self, name: &str, value: &T) -> Result<Created> {
        let plain = serde_json::to_vec(value).map_err(|error| {
            Error::new(ErrorKind::Bug, "expected a value that JSON can hold")
                .with_source(error)
                .doing(format!("write {name}"))
        })?;
        self.create(name, &plain).await
    }

    pub(super) async fn create_manifest(&self, manifest: &Manifest, holder: &str) -> Result<Created> {
        let stored = Stored { holder: holder.to_owned(), manifest };
        self.create_json(&manifest_name(manifest.generation), &stored).await
    }

    pub(super) async fn read_manifest(&self, generation: u64) -> Result<Manifest> {
        let name = manifest_name(generation);
        let plain = self.read(&name).await?.ok_or_else(|| damaged(&name, "nothing"))?;
        let form: Stored<Form> = parse(&name, &plain)?;
        if form.manifest.format > FORMAT {
            return Err(Error::new(
                ErrorKind::State,
                format!(
                    "expected form {FORMAT} or lower, found {}; use the version that wrote it",
                    form.manifest.format
                ),
            )
            .doing(format!("read {name}")));
        }
        let stored: Stored<Manifest> = parse(&name, &plain)?;
        if stored.manifest.generation != generation {
            return Err(damaged(&name, &format!("generation {}", stored.manifest.generation)));
        }
        Ok(stored.manifest)
    }

    pub(super) fn entry(&self, name: &str, sealed: &Bytes) -> Result<Entry> {
        parse(name, &self.sealer.open(name, sealed)?)
    }

    pub(super) async fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.read(name).await?.map(|plain| parse(name, &plain)).transpose()
    }

    /// The highest manifest number there is; `None` when there is no manifest.
    pub(super) async fn newest(&self) -> Result<Option<u64>> {
        let listed = self.objects.list("manifest").await?;
        Ok(listed.iter().filter_map(|(name, _)| name.strip_prefix("manifest/")?.parse().ok()).max())
    }

    /// Fails when somebody has committed a manifest above `generation`.
    pub(super) async fn still_newest(&self, generation: u64) -> Result<()> {
        match self.newest().await? {
            Some(newer) if newer > generation => Err(self.superseded(newer).await),
            _ => Ok(()),
        }
    }

    /// The error for a binding whose manifest `newer` somebody else wrote.
    pub(super) async fn superseded(&self, newer: u64) -> Error {
        let found: Result<Option<Stored<Form>>> = self.read_json(&manifest_name(newer)).await;
        taken_over(found.ok().flatten().as_ref().map(|stored| stored.holder.as_str()))
    }

    /// The error for an object that `generation` needs and that is not there.
    pub(super) async fn missing(&self, name: &str, generation: u64) -> Error {
        match self.still_newest(generation).await {
            Err(error) if error.kind() == ErrorKind::Conflict => error,
            _ => damaged(name, "nothing"),
        }
    }
}

fn parse<T: DeserializeOwned>(name: &str, plain: &[u8]) -> Result<T> {
    // The JSON error is not kept: it may quote what it found.
    serde_json::from_slice(plain).map_err(|error| {
        damaged(name, &format!("JSON of another shape at line {} column {}", error.line(), error.column()))
    })
}

/// The error for a binding that another holder has taken over.
pub(super) fn taken_over(holder: Option<&str>) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!(
            "expected to hold the binding, found that {} took it over; stop one of the two, then open it again",
            holder.unwrap_or("another holder")
        ),
    )
}
