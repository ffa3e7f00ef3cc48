//! Name look-ups under the guard: what a connection goes to is what was judged, so that a name cannot change in between.

use std::error::Error as StdError;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::{fmt, io};

use reqwest::dns::{Name, Resolve, Resolving};

use super::UrlGuard;
use crate::error::Error;

/// Looks a name up: the operating system's way, or a test's.
pub(super) type LookUp = fn(&str) -> io::Result<Vec<SocketAddr>>;

/// The operating system's look-up. Blocks.
pub(super) fn system(name: &str) -> io::Result<Vec<SocketAddr>> {
    // The port is set by whoever connects.
    (name, 0).to_socket_addrs().map(Iterator::collect)
}

/// Gives the addresses of a name that a guard lets pass, and fails when there are only others.
#[derive(Debug)]
pub(super) struct Guarded {
    guard: Arc<UrlGuard>,
    look_up: LookUp,
}

impl Guarded {
    pub(super) fn new(guard: UrlGuard, look_up: LookUp) -> Self {
        Self { guard: Arc::new(guard), look_up }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, look_up) = (Arc::clone(&self.guard), self.look_up);
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || {
                let found = look_up(name.as_str())?;
                Ok::<_, io::Error>(judge(&guard, name.as_str(), found))
            });
            let passed = found.await??.map_err(Refused)?;
            Ok(Box::new(passed.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

/// The addresses that pass; the first fault when none does.
fn judge(guard: &UrlGuard, name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Error> {
    let (mut passed, mut fault) = (Vec::new(), None);
    for address in found {
        match guard.check_address(name, address.ip()) {
            Ok(()) => passed.push(address),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    match fault {
        Some(error) if passed.is_empty() => Err(error),
        _ => Ok(passed),
    }
}

/// The guard's word, on its way through the client's own errors.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Error);

impl Refused {
    /// The guard's word, if it is among the causes of an error.
    pub(super) fn among(error: &(dyn StdError + 'static)) -> Option<String> {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(Self(error)) = cause.downcast_ref() {
                return Some(error.message().to_owned());
            }
            next = cause.source();
        }
        None
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_addresses_the_public_ones_are_left() {
        let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let (public, private) = (address("93.184.215.14"), address("10.0.0.1"));
        let judged = |found| judge(&UrlGuard::new(), "example.com", found);
        assert_eq!(judged(vec![private, public]).unwrap(), [public]);
        assert_eq!(judged(vec![public]).unwrap(), [public]);
        assert!(judged(vec![private]).is_err());
        assert!(judged(Vec::new()).unwrap().is_empty());
    }
}
