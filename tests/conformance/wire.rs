//! What the imitations of the platforms share: a transport that notes hosts, a context with short deadlines, faults.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audience_sync::destination::Context;
use audience_sync::http::{HttpClient, Limits, Request, ReqwestTransport, Response, Transport};
use audience_sync::testkit::{Fault, ManualClock, Reply};
use audience_sync::{Result, async_trait};

/// Longer than an imitation takes for an answer, and short enough to wait for silence.
const DEADLINE: Duration = Duration::from_secs(2);

/// The built-in transport, which notes the hosts it was sent to.
#[derive(Clone, Debug)]
pub(crate) struct Noting {
    inner: ReqwestTransport,
    hosts: Arc<Mutex<BTreeSet<String>>>,
}

impl Noting {
    pub(crate) fn new() -> Self {
        Self { inner: ReqwestTransport::new().unwrap(), hosts: Arc::default() }
    }

    pub(crate) fn hosts(&self) -> BTreeSet<String> {
        self.hosts.lock().unwrap().clone()
    }

    pub(crate) fn context(&self) -> Context {
        let client = HttpClient::new(Arc::new(self.clone())).with_limits(Limits::default().with_timeout(DEADLINE));
        Context::new("conformance", Arc::new(ManualClock::auto())).with_http(client)
    }
}

#[async_trait]
impl Transport for Noting {
    async fn execute(&self, request: Request, limits: &Limits) -> Result<Response> {
        self.hosts.lock().unwrap().extend(request.url.host_str().map(str::to_owned));
        self.inner.execute(request, limits).await
    }
}

/// The faults that look the same wherever they happen; the others are the platform's own.
pub(crate) fn on_the_way(fault: Fault) -> Option<Reply> {
    match fault {
        Fault::ResetBeforeApply | Fault::ResetAfterApply => Some(Reply::reset()),
        Fault::TimeoutAfterApply => Some(Reply::silence()),
        Fault::GarbledAfterApply => Some(html(200)),
        _ => None,
    }
}

/// A page for people, from something before the platform.
pub(crate) fn html(status: u16) -> Reply {
    Reply::status(status).header("content-type", "text/html").body("<html><body>Sorry</body></html>")
}
