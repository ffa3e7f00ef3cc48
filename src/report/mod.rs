//! Plans, runs, hygiene, lint and checklists for people to read: Markdown, and self-contained HTML.
//!
//! Everything here is a function from a value to text. Nothing acts, reads a clock or touches a network, and a report
//! never shows a person's value, because the values it is made of hold none.
//!
//! - [`markdown`]: for a ticket, a chat message, a pull request, a job's summary.
//! - [`html`] (feature `html`): one page as one file. Style sheet and pictures are inside; there are
//!   no scripts and nothing is loaded from anywhere, so it can be mailed, archived and opened years later.
//! - For a terminal or a log, [`Plan`](crate::sync::Plan) and [`RunReport`](crate::sync::RunReport) print themselves;
//!   for machines they serialize.
//!
//! Names and messages from outside are escaped, and cleaned of control characters and of marks that turn the direction
//! of the text around.
//!
//! # Examples
//!
//! ```
//! # async fn run(engine: &audience_sync::sync::Engine, binding: &audience_sync::sync::Binding) -> audience_sync::Result<()> {
//! use audience_sync::identity::Member;
//! use audience_sync::report;
//!
//! let run = engine.sync(binding, [Member::new("u-1").email("ola@fjord.no")]).await?;
//! println!("{}", report::markdown::run(&run));
//! # Ok(())
//! # }
//! ```

mod figures;
mod history;
#[cfg(feature = "html")]
pub mod html;
pub mod markdown;
#[cfg(test)]
mod sample;
mod words;
