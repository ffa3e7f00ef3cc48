//! The room that the SQL databases share. A connector brings a [`SqlSession`]; a [`Dialect`] says how its database wants
//! SQL written; everything else is done here, once: the statements, batches, the ledger, the tables, the views.

mod destination;
mod dialect;
mod events;
mod ledger;
mod membership;
mod names;
mod reads;
mod runs;
mod schema;
mod session;
mod split;
mod statements;
mod task;
mod value;
mod views;

pub(crate) use destination::{capabilities, destination};
#[cfg(feature = "postgres")]
pub(crate) use dialect::POSTGRES;
#[cfg(feature = "sqlite")]
pub(crate) use dialect::SQLITE;
pub(crate) use dialect::Sql;
pub(crate) use events::ReadyEvents;
pub(crate) use membership::ReadyBatch;
#[cfg(feature = "postgres")]
pub(crate) use names::check_schema;
pub(crate) use names::{Names, check_prefix, check_workspace, checked_id};
#[cfg(feature = "postgres")]
pub(crate) use schema::ddl;
pub(crate) use schema::ensure;
pub(crate) use session::{Fault, SqlSession, Work};
pub(crate) use statements::Statements;
pub(crate) use task::{Answer, Task, Terms, perform};
pub(crate) use value::{Cell, StageRows, Value, Values};
