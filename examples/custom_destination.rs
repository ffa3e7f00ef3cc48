//! A destination of one's own, kept true by the engine. Run it: `cargo run --example custom_destination`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use audience_sync::destination::*;
use audience_sync::identity::{Member, profiles};
use audience_sync::sync::{Binding, Engine};
use audience_sync::{Result, async_trait, audience::Audience, secret::Keyring, state::State};

/// Who is in which audience. A real one holds a client, and calls it in `send`.
#[derive(Clone, Debug, Default)]
struct Crm(Arc<Mutex<BTreeSet<(String, MemberId)>>>);

#[async_trait]
impl Destination for Crm {
    fn info(&self) -> Info {
        Info::new("crm", "Our CRM", Family::Analytics)
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities::new(&profiles::WAREHOUSE)
    }
    async fn send(&self, _cx: &Context, batch: &Batch) -> Result<Outcome> {
        let mut contacts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for row in batch.rows() {
            let contact = (batch.audience().key.clone(), row.member_id.clone());
            if batch.action() == Action::Remove {
                contacts.remove(&contact)
            } else {
                contacts.insert(contact)
            };
        }
        Ok(Outcome::accepted())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let engine = Engine::builder(State::in_memory(), Keyring::generate()?).build()?;
    let binding = Binding::new(Audience::named("CI | Cart Abandon | 0-24h | Excl Purch 7d")?, Crm::default());
    println!("{}", engine.sync(&binding, [Member::new("u-1"), Member::new("u-2")]).await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use audience_sync::testkit::ManualClock;
    use audience_sync::testkit::conformance::{self, Harness};

    use super::*;

    #[async_trait]
    impl Harness for Crm {
        fn destination(&self) -> Arc<dyn Destination> {
            Arc::new(self.clone())
        }

        fn context(&self) -> Context {
            Context::new("conformance", Arc::new(ManualClock::auto()))
        }

        async fn members(&self, audience: &AudienceRef) -> Option<Vec<String>> {
            let contacts = self.0.lock().unwrap();
            let held = contacts.iter().filter(|(key, _)| *key == audience.key);
            Some(held.map(|(_, member)| member.as_str().to_owned()).collect())
        }
    }

    #[tokio::test]
    async fn it_is_a_destination_like_the_built_in_ones() {
        let report = conformance::run(&Crm::default()).await;
        report.assert_passed();
        assert!(report.passed().contains(&"secrecy.debug_hides_values"), "{report}");
    }
}
