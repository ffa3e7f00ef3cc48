//! The SQLite warehouse on a file, looked at through a second connection.

use std::collections::BTreeSet;
use std::sync::Arc;

use audience_sync::async_trait;
use audience_sync::connectors::warehouse::sqlite::Sqlite;
use audience_sync::destination::{Attributes, AudienceRef, Context, Destination, Row};
use audience_sync::identity::AttributeValue;
use audience_sync::testkit::conformance::Harness;
use audience_sync::testkit::{Fault, FaultDestination, ManualClock};
use tempfile::TempDir;

pub(crate) struct SqliteHarness {
    destination: FaultDestination,
    outside: Sqlite,
    _folder: TempDir,
}

impl SqliteHarness {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("warehouse.db");
        let destination = FaultDestination::new(Arc::new(Sqlite::open(&path).unwrap()));
        Self { destination, outside: Sqlite::open(&path).unwrap(), _folder: folder }
    }
}

#[async_trait]
impl Harness for SqliteHarness {
    fn destination(&self) -> Arc<dyn Destination> {
        Arc::new(self.destination.clone())
    }

    fn context(&self) -> Context {
        Context::new("conformance", Arc::new(ManualClock::auto()))
    }

    async fn members(&self, audience: &AudienceRef) -> Option<Vec<String>> {
        let (cx, mut found, mut after) = (self.context(), Vec::new(), None);
        loop {
            let page = self.outside.members(&cx, audience, after).await.unwrap();
            found.extend(page.members.iter().map(|member| member.as_str().to_owned()));
            after = page.next;
            if after.is_none() {
                return Some(found);
            }
        }
    }

    /// A file has no throttle, credential or outage; what happens to it otherwise is tested in the connector itself.
    fn fault(&self, fault: Fault) -> bool {
        let lost = matches!(fault, Fault::ResetBeforeApply) || fault.applies();
        if lost {
            self.destination.fail_always(fault);
        }
        lost
    }

    fn heal(&self) {
        self.destination.heal();
    }

    fn spoil(&self, row: Row) -> Option<Row> {
        let broken = AttributeValue::Text("a\0b".into());
        Some(Row { attributes: Attributes::new([("tier".into(), broken)]), ..row })
    }

    fn hosts(&self) -> Option<BTreeSet<String>> {
        Some(BTreeSet::new())
    }
}
