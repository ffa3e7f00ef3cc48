//! The PostgreSQL warehouse on a real server, looked at through a second connection.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use audience_sync::async_trait;
use audience_sync::connectors::warehouse::postgres::{Postgres, PostgresConfig, Tls};
use audience_sync::destination::{Attributes, AudienceRef, Context, Destination, Row};
use audience_sync::identity::AttributeValue;
use audience_sync::testkit::conformance::Harness;
use audience_sync::testkit::{Fault, FaultDestination, ManualClock};

use crate::servers::postgres::PostgresServer;

pub(crate) struct PostgresHarness {
    destination: FaultDestination,
    outside: Postgres,
}

impl PostgresHarness {
    pub(crate) fn new(server: &PostgresServer) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let config = PostgresConfig::new("127.0.0.1", "postgres", "postgres")
            .with_port(server.port())
            .with_tls(Tls::Disable)
            .with_schema(format!("conformance_{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let open = || Postgres::new(config.clone()).unwrap();
        Self { destination: FaultDestination::new(Arc::new(open())), outside: open() }
    }
}

#[async_trait]
impl Harness for PostgresHarness {
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

    /// What the server's own refusals become is tested in the connector itself.
    fn fault(&self, fault: Fault) -> bool {
        self.destination.fail_always(fault);
        true
    }

    fn heal(&self) {
        self.destination.heal();
    }

    fn spoil(&self, row: Row) -> Option<Row> {
        let broken = AttributeValue::Text("a\0b".into());
        Some(Row { attributes: Attributes::new([("tier".into(), broken)]), ..row })
    }

    fn hosts(&self) -> Option<BTreeSet<String>> {
        Some(["127.0.0.1".to_owned()].into())
    }
}
