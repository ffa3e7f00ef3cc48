//! Audience activation for Rust hosts: carries who is in an audience to ad platforms, warehouses and analytics tools,
//! and keeps it true as people enter and leave.
//!
//! A host application knows who should be targeted, suppressed or measured. This crate makes what a platform holds
//! equal to that, run after run, and says what became of every row. It is a library: no service, no scheduler, no
//! global state. The host calls it.
//!
//! ```
//! # #[cfg(feature = "engine")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> audience_sync::Result<()> {
//! use audience_sync::audience::Audience;
//! use audience_sync::destination::Memory;
//! use audience_sync::identity::Member;
//! use audience_sync::secret::Keyring;
//! use audience_sync::state::State;
//! use audience_sync::sync::{Binding, Engine};
//!
//! let engine = Engine::builder(State::in_memory(), Keyring::generate()?).build()?;
//! let audience = Audience::named("CI | Cart Abandon | 0-24h | Excl Purch 7d")?;
//! let binding = Binding::new(audience, Memory::new("crm"));
//!
//! let report = engine.sync(&binding, [Member::new("u-1").email("Ola@Fjord.no")]).await?;
//! println!("{report}");
//! assert_eq!(report.add.accepted, 1);
//! # Ok(()) }
//! # #[cfg(not(feature = "engine"))]
//! # fn main() {}
//! ```
//!
//! # Three ways in, each usable alone
//!
//! 1. **Functions**, pure, without a runtime or a network: [`identity`] (normalize, hash), [`diff`] (who entered, left,
//!    changed), [`naming`] (parse, render, diagnose), [`measure`] (holdouts).
//! 2. **Destinations**: the [`Destination`](destination::Destination) trait and the built-in [`connectors`], driven by
//!    the host's own loop.
//! 3. **The engine** (`sync`, feature `engine`): the whole job, with durable state, guards, retries, crash recovery and
//!    reports.
//!
//! # What it promises
//!
//! * The ledger balances: for every run and action, planned = accepted + rejected + skipped + pending, with a reason
//!   for every row that was not accepted.
//! * No silent success: a run is a success only when nothing is pending and nothing unexplained.
//! * No wrong delete: only members that were added are removed, never on an empty or broken source, never beyond the
//!   guards, never an identifier that a staying member shares.
//! * After any crash the next run goes on, and ends with the members that are wanted then.
//! * Nothing personal in errors, logs, events or reports; state holds it only encrypted.
//!
//! # What it does not do
//!
//! It builds no audiences, resolves no identities, enriches no data, schedules nothing, and keeps no secrets for the
//! host beyond the key file that a host may ask for. It does not attach audiences to campaigns.
//!
//! # Features
//!
//! | Feature | Brings |
//! |---|---|
//! | `phone` (default) | phone numbers to E.164, by Google's own rules |
//! | `engine` (default) | the engine, state on an object store, tokio |
//! | `http` | the kit for HTTP destinations; the host brings the transport |
//! | `reqwest` | the built-in transport |
//! | `oauth1`, `service-account` | requests signed with OAuth 1.0a; service accounts and key pairs (RSA) |
//! | `meta`, `mixpanel`, `sqlite` | one connector each; `all-connectors` for all |
//! | `html` | reports as self-contained HTML |
//! | `toml` | naming templates and vocabularies from TOML |
//! | `miette` | findings about names as `miette` diagnostics |
//! | `tracing` | an observer that writes to `tracing` |
//! | `testkit` | conformance suite, scripted server, manual clock, fault store, leak scanner |
//!
//! Features only add; they never change behaviour.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod audience;
pub mod clock;
pub mod connectors;
pub mod destination;
pub mod diff;
pub mod error;
mod figures;
#[cfg(feature = "http")]
pub mod http;
pub mod identity;
pub mod measure;
pub mod naming;
pub mod observe;
pub mod pace;
#[cfg(feature = "engine")]
pub mod readiness;
#[cfg(feature = "engine")]
pub mod report;
pub mod secret;
#[cfg(feature = "source")]
pub mod source;
#[cfg(feature = "engine")]
pub mod state;
#[cfg(feature = "engine")]
pub mod sync;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod time;

pub use async_trait::async_trait;
pub use error::{Error, ErrorKind, Result, Retry};
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
