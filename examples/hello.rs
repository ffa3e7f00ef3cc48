//! One audience at one destination, kept true. Run it: `cargo run --example hello`.

use audience_sync::audience::Audience;
use audience_sync::destination::Memory;
use audience_sync::identity::Member;
use audience_sync::secret::Keyring;
use audience_sync::state::State;
use audience_sync::sync::{Binding, Engine};

#[tokio::main(flavor = "current_thread")]
async fn main() -> audience_sync::Result<()> {
    let engine = Engine::builder(State::in_memory(), Keyring::generate()?).build()?;
    let audience = Audience::named("CI | Cart Abandon | 0-24h | Excl Purch 7d")?;
    let binding = Binding::new(audience, Memory::new("crm"));

    let monday = [Member::new("u-1").email("Ola@Fjord.no"), Member::new("u-2").phone("+47 22 34 56 78")];
    println!("{}\n", engine.sync(&binding, monday).await?);
    let tuesday = [Member::new("u-2").phone("+47 22 34 56 78")];
    println!("{}", engine.sync(&binding, tuesday).await?);
    Ok(())
}
