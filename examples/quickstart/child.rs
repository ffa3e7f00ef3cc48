//! The child process of the platforms, as the run sees it: found, started, asked, stopped.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use audience_sync::clock::{Clock, TokioClock};
use audience_sync::http::{BaseUrl, HttpClient, Limits, ReqwestTransport, UrlGuard, classify_status, json};
use audience_sync::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;

use crate::platforms::{EventCounts, MetaMembers, MixpanelMembers, url_file};

/// What a reply may hold: twenty thousand members with their digests are some megabytes.
const LIMITS: usize = 64 << 20;

pub(crate) struct Child {
    http: HttpClient,
    base: BaseUrl,
}

impl Child {
    /// The child of an earlier run of this folder, if it lives.
    pub(crate) async fn find(dir: &Path) -> Option<Self> {
        let url = std::fs::read_to_string(url_file(dir)).ok()?;
        let base = BaseUrl::parse_with(&url, &UrlGuard::new().allow_loopback_http()).ok()?;
        let http = HttpClient::new(Arc::new(ReqwestTransport::new().ok()?));
        let child = Self { http: http.with_limits(Limits::default().with_max_reply_bytes(LIMITS)), base };
        let serves: String = child.ask(&["alive"], &[]).await.ok()?;
        (serves == dir.display().to_string()).then_some(child)
    }

    /// Starts this program once more, in a process group of its own: Ctrl-C stops the run, not the platforms.
    pub(crate) async fn start(dir: &Path) -> Result<Self> {
        let cannot = |what: &str| Error::new(ErrorKind::Config, format!("start the platforms: expected {what}"));
        let program = std::env::current_exe().map_err(|error| cannot("this program's path").with_source(error))?;
        let mut command = Command::new(program);
        command.arg("serve").arg(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn().map_err(|error| cannot("a child process").with_source(error))?;
        for _ in 0..200 {
            if let Some(child) = Self::find(dir).await {
                return Ok(child);
            }
            TokioClock.sleep(Duration::from_millis(50)).await;
        }
        Err(cannot("an answer within ten seconds, found none"))
    }

    /// `http://127.0.0.1:<port>`
    pub(crate) fn url(&self) -> String {
        self.base.as_url().to_string()
    }

    pub(crate) async fn in_meta(&self, name: &str) -> Result<MetaMembers> {
        Ok(self.ask::<Option<_>>(&["held", "meta"], &[("name", name)]).await?.unwrap_or_default())
    }

    pub(crate) async fn in_mixpanel(&self, key: &str) -> Result<MixpanelMembers> {
        self.ask(&["held", "mixpanel", key], &[]).await
    }

    pub(crate) async fn events(&self) -> Result<EventCounts> {
        self.ask(&["held", "events"], &[]).await
    }

    pub(crate) async fn stop(&self) -> Result<()> {
        let response = self.http.post(self.base.join(&["stop"], &[])?).send().await?;
        classify_status(&response, TokioClock.now())
    }

    async fn ask<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T> {
        let response = self.http.get(self.base.join(path, query)?).send().await?;
        classify_status(&response, TokioClock.now())?;
        json(&response)
    }
}
