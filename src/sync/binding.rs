//! One audience at one destination, with its policy.

use std::fmt;
use std::sync::Arc;

use super::guard::Guards;
use crate::audience::Audience;
use crate::destination::Destination;

/// One audience at one destination, with its policy. A cheap clone.
#[derive(Clone, Debug)]
pub struct Binding {
    audience: Arc<Audience>,
    destination: Arc<dyn Destination>,
    guards: Guards,
    known: Option<String>,
}

impl Binding {
    /// Binds an audience to a destination, under the default guards.
    pub fn new(audience: impl Into<Arc<Audience>>, destination: impl Destination) -> Self {
        Self { audience: audience.into(), destination: Arc::new(destination), guards: Guards::default(), known: None }
    }

    /// Sets the guards.
    #[must_use]
    pub fn with_guards(mut self, guards: Guards) -> Self {
        self.guards = guards;
        self
    }

    /// Names the platform's id of the audience, so that it is neither looked up by name nor created.
    #[must_use]
    pub fn with_audience_id(mut self, id: impl Into<String>) -> Self {
        self.known = Some(id.into());
        self
    }

    /// The audience.
    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    /// The destination.
    pub fn destination(&self) -> &Arc<dyn Destination> {
        &self.destination
    }

    /// The guards.
    pub fn guards(&self) -> &Guards {
        &self.guards
    }

    pub(crate) fn known(&self) -> Option<&str> {
        self.known.as_deref()
    }

    /// The binding's name: the audience's key and the destination's id. State is kept under it.
    pub fn name(&self) -> String {
        format!("{}@{}", self.audience.key(), self.destination.info().id)
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}
