//! Secrets that cannot be printed, and the host's keys.

mod tokens;

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

pub use self::tokens::{MemoryTokenStore, TokenStore};

/// A value that never prints and is wiped when dropped.
///
/// ```
/// use audience_sync::secret::Secret;
/// let token = Secret::new(String::from("s3cr3t"));
/// assert_eq!(format!("{token:?}"), "[secret]");
/// assert_eq!(token.expose(), "s3cr3t");
/// ```
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Every use of this word is a place to look at.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl From<&str> for Secret<String> {
    fn from(value: &str) -> Self {
        Self::new(value.to_owned())
    }
}

impl From<String> for Secret<String> {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> ZeroizeOnDrop for Secret<T> {}

/// Reads a secret from a configuration; there is no way to write it back.
impl<'de> serde::Deserialize<'de> for Secret<String> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(feature = "engine")]
pub use keyring::{HostKey, KeyId, Keyring};

#[cfg(feature = "engine")]
mod keyring {
    use std::fs;
    use std::io::{self, Write};
    use std::path::Path;

    use hkdf::Hkdf;
    use sha2::Sha256;

    use super::{Secret, fmt};
    use crate::error::{Error, ErrorKind, Result};

    /// Names a host key without giving it away; stands in the header of everything written with it.
    #[derive(Clone, Copy, PartialEq, Eq, Hash)]
    pub struct KeyId(pub [u8; 16]);

    impl fmt::Debug for KeyId {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "KeyId({})", const_hex::encode(self.0))
        }
    }

    /// One 32-byte key of the host, and the keys derived from it, one per purpose (HKDF-SHA256).
    #[derive(Clone)]
    pub struct HostKey {
        id: KeyId,
        root: Secret<[u8; 32]>,
    }

    impl HostKey {
        fn new(root: [u8; 32]) -> Self {
            let root = Secret::new(root);
            let mut id = [0; 16];
            expand(&root, None, b"audience-sync key id v1", &mut id);
            Self { id: KeyId(id), root }
        }

        /// The key's public name.
        pub fn id(&self) -> KeyId {
            self.id
        }

        /// The secret under which member ids become member keys.
        pub fn member_secret(&self) -> Secret<[u8; 16]> {
            self.derive(None, b"audience-member-key-v1")
        }

        /// The secret under which what a destination receives becomes a fingerprint.
        pub fn fingerprint_secret(&self) -> Secret<[u8; 16]> {
            self.derive(None, b"audience-fingerprint-v1")
        }

        /// The key that encrypts one stored object; `salt` is random per object, so no key serves two objects.
        pub fn at_rest(&self, salt: &[u8; 32], purpose: &[u8]) -> Secret<[u8; 32]> {
            self.derive(Some(salt), purpose)
        }

        fn derive<const N: usize>(&self, salt: Option<&[u8]>, purpose: &[u8]) -> Secret<[u8; N]>
        where
            [u8; N]: zeroize::Zeroize,
        {
            let mut out = [0; N];
            expand(&self.root, salt, purpose, &mut out);
            Secret::new(out)
        }
    }

    impl fmt::Debug for HostKey {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("HostKey").field("id", &self.id).finish_non_exhaustive()
        }
    }

    fn expand(root: &Secret<[u8; 32]>, salt: Option<&[u8]>, purpose: &[u8], out: &mut [u8]) {
        // Fails only above 255 blocks of output; the longest asked for here is one.
        let expanded = Hkdf::<Sha256>::new(salt, root.expose()).expand(purpose, out);
        debug_assert!(expanded.is_ok());
    }

    /// The host's keys: the current one writes, all of them read.
    ///
    /// Losing the key means a full resync: without it neither member keys nor stored handles can be read.
    #[derive(Clone, Debug)]
    pub struct Keyring {
        current: HostKey,
        previous: Vec<HostKey>,
    }

    impl Keyring {
        /// From 32 bytes that the host keeps in its own secret store. They must be random, not a pass phrase.
        pub fn from_bytes(key: [u8; 32]) -> Self {
            Self { current: HostKey::new(key), previous: Vec::new() }
        }

        /// A fresh random key that lives only in this process: for tests and for state that need not survive.
        ///
        /// # Errors
        /// [`ErrorKind::Unavailable`] when the operating system gives no randomness.
        pub fn generate() -> Result<Self> {
            Ok(Self::from_bytes(random_key()?))
        }

        /// Adds a key that was current before: what was written with it can still be read.
        #[must_use]
        pub fn with_previous(mut self, key: [u8; 32]) -> Self {
            self.previous.push(HostKey::new(key));
            self
        }

        /// Opens the key file, or creates it with a fresh key, readable by its owner alone.
        ///
        /// The file is one line of 64 hex digits. Keep it apart from the state it protects, and back it up.
        ///
        /// # Errors
        /// [`ErrorKind::Config`] when the file cannot be read or created, does not hold a key, or (on Unix) may be
        /// read by others.
        pub fn open_or_create(path: impl AsRef<Path>) -> Result<Self> {
            let path = path.as_ref();
            let opened = match read_key(path) {
                Err(Opening::Missing) => create_key(path).and_then(|()| match read_key(path) {
                    Err(Opening::Missing) => Err(io_error(io::ErrorKind::NotFound.into())),
                    Err(Opening::Failed(error)) => Err(error),
                    Ok(key) => Ok(key),
                }),
                Err(Opening::Failed(error)) => Err(error),
                Ok(key) => Ok(key),
            };
            opened.map(Self::from_bytes).map_err(|error| error.doing(format!("open key file {}", path.display())))
        }

        /// The key that new state is written with.
        pub fn current(&self) -> &HostKey {
            &self.current
        }

        /// The key of that name, current or previous.
        pub fn get(&self, id: KeyId) -> Option<&HostKey> {
            std::iter::once(&self.current).chain(&self.previous).find(|key| key.id == id)
        }
    }

    fn random_key() -> Result<[u8; 32]> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "the operating system gave no randomness").with_source(error)
        })?;
        Ok(key)
    }

    enum Opening {
        Missing,
        Failed(Error),
    }

    fn read_key(path: &Path) -> Result<[u8; 32], Opening> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Opening::Missing),
            Err(error) => return Err(Opening::Failed(io_error(error))),
            Ok(text) => Secret::new(text),
        };
        owner_only(path).map_err(Opening::Failed)?;
        let mut key = [0; 32];
        const_hex::decode_to_slice(text.expose().trim(), &mut key).map_err(|_| {
            Opening::Failed(Error::new(
                ErrorKind::Config,
                format!(
                    "expected one line of 64 hex digits, found {} bytes of something else; restore the key file from \
                     its backup",
                    text.expose().len()
                ),
            ))
        })?;
        Ok(key)
    }

    /// Written beside, then linked into place: a second process never sees half a key, and never replaces one.
    fn create_key(path: &Path) -> Result<()> {
        let line = Secret::new(format!("{}\n", const_hex::encode(random_key()?)));
        let beside = path.with_extension(format!("new-{}", std::process::id()));
        let written = write_owner_only(&beside, line.expose()).and_then(|()| match fs::hard_link(&beside, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        });
        let swept = fs::remove_file(&beside);
        written.and(swept).map_err(io_error)
    }

    fn write_owner_only(path: &Path, text: &str) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    #[cfg(unix)]
    fn owner_only(path: &Path) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map_err(io_error)?.permissions().mode() & 0o777;
        if mode & 0o077 == 0 {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Config,
            format!("expected a file that only its owner may read (0600), found {mode:04o}; run chmod 600 on it"),
        ))
    }

    #[cfg(not(unix))]
    fn owner_only(_path: &Path) -> Result<()> {
        Ok(())
    }

    fn io_error(error: io::Error) -> Error {
        Error::new(ErrorKind::Config, format!("expected a readable key file, found: {}", error.kind()))
            .with_source(error)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_key_file_is_created_once_and_read_again() {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("host.key");
            let first = Keyring::open_or_create(&path).unwrap();
            let second = Keyring::open_or_create(&path).unwrap();
            assert_eq!(first.current().id(), second.current().id());
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
                fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
                let error = Keyring::open_or_create(&path).unwrap_err();
                assert!(error.to_string().contains("found 0644"), "{error}");
            }
        }

        #[test]
        fn a_file_that_is_no_key_is_refused_and_left_alone() {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("host.key");
            write_owner_only(&path, "hunter2").unwrap();
            let error = Keyring::open_or_create(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(!error.to_string().contains("hunter2"));
            assert_eq!(fs::read_to_string(&path).unwrap(), "hunter2");
        }

        #[test]
        fn purposes_and_salts_give_different_keys_and_nothing_prints() {
            let keyring = Keyring::from_bytes([7; 32]).with_previous([8; 32]);
            let key = keyring.current();
            assert_ne!(key.member_secret().expose(), key.fingerprint_secret().expose());
            assert_ne!(key.at_rest(&[0; 32], b"a").expose(), key.at_rest(&[1; 32], b"a").expose());
            assert_ne!(key.at_rest(&[0; 32], b"a").expose(), key.at_rest(&[0; 32], b"b").expose());
            assert!(keyring.get(HostKey::new([8; 32]).id()).is_some());
            assert!(keyring.get(HostKey::new([9; 32]).id()).is_none());
            assert!(!format!("{keyring:?}").contains("7, 7"));
        }
    }
}
