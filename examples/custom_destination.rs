//! A destination of one's own, kept true by the engine. Run it: `cargo run --example custom_destination`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use audience_sync::destination::*;
use audience_sync::identity::{Encoding, IdentifierKind, KeyedBy, Member, PreImage, Profile, Rule};
use audience_sync::sync::{Binding, Engine};
use audience_sync::{Result, async_trait, audience::Audience, secret::Keyring, state::State};

/// Keyed by our member id; takes one e-mail each, in clear.
static PROFILE: Profile = Profile {
    id: "crm",
    version: 1,
    keyed_by: KeyedBy::MemberId,
    rules: &[Rule {
        kind: IdentifierKind::Email,
        pre_image: PreImage::EmailPlain,
        encoding: Encoding::Clear,
        limit: 1,
        matches_alone: true,
    }],
};

/// A CRM: the e-mail of every contact, by audience and member id. A real one holds a client and calls it in `send`.
#[derive(Clone, Default)]
struct Crm(Arc<Mutex<BTreeMap<(String, String), Option<String>>>>);

#[async_trait]
impl Destination for Crm {
    fn info(&self) -> Info {
        Info::new("crm", "Our CRM", Family::Analytics)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(&PROFILE).with(|c| c.update = true).with(|c| c.limits = Limits::rows(500))
    }

    /// Batches, waits and second tries are the engine's; ours is that a row done twice is as good as done once.
    async fn send(&self, _cx: &Context, batch: &Batch) -> Result<Outcome> {
        let mut contacts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for row in batch.rows() {
            let contact = (batch.audience().key.clone(), row.member_id.as_str().to_owned());
            match batch.action() {
                Action::Remove => contacts.remove(&contact),
                _ => contacts.insert(contact, row.identifiers.first().map(|email| email.value.to_wire_string())),
            };
        }
        Ok(Outcome::accepted())
    }
}

/// By hand, because `Debug` shows nobody.
impl std::fmt::Debug for Crm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Crm")
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let crm = Crm::default();
    let engine = Engine::builder(State::in_memory(), Keyring::generate()?).build()?;
    let binding = Binding::new(Audience::named("CI | Cart Abandon | 0-24h | Excl Purch 7d")?, crm.clone());
    println!("{}\n", engine.sync(&binding, [Member::new("u-1").email("Ola@Fjord.no"), Member::new("u-2")]).await?);
    println!("{}\n", engine.sync(&binding, [Member::new("u-1").email("ola.nordmann@fjord.no")]).await?);
    println!("{:?}", crm.0.lock().unwrap_or_else(PoisonError::into_inner));
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
            Some(contacts.keys().filter(|(key, _)| *key == audience.key).map(|(_, member)| member.clone()).collect())
        }
    }

    #[tokio::test]
    async fn it_is_a_destination_like_the_built_in_ones() {
        let report = conformance::run(&Crm::default()).await;
        report.assert_passed();
        assert!(report.passed().contains(&"secrecy.debug_hides_values"), "{report}");
    }
}
